/* bundle.h - packets of a voice put together for a viewer behind a thin way: an Opus packet of
 * 60 ms has one header where three of 20 ms have three, 19 kbit/s of them (RFC 6716 3.2.5). */
#pragma once

#include "engine/base/base.h"

struct pkt;
struct stream;
struct sub;

#define BUNDLE_MOST 3

/* Embedded in a subscription. What waits is in the stream's history. */
struct bundle {
    uint8_t most; /* packets that are put together; 0, 1: none */
    uint8_t n;    /* that wait */
    uint32_t last;
    usec until;
};

/* The next packet of a voice, in order. False: it is to go as it is. */
bool bundle_input(struct sub *s, struct stream *from, struct pkt *p, usec now);
/* Nobody spoke on: what waits goes. */
void bundle_tick(struct sub *s, usec now);
usec bundle_next(const struct sub *s);

/* The packets that leave as one with `last`, of which there are `n` with it: their bytes but for
 * those of the last after its first. Returns how many bytes; 0: they are not kept any more. */
size_t bundle_write(const struct sub *s, const struct pkt *last, unsigned n, uint8_t *out,
                    size_t cap);
/* The first of them; NULL: not kept any more. */
const struct pkt *bundle_first(const struct sub *s, const struct pkt *last, unsigned n);
