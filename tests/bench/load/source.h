/* source.h - who gives a lesson: a camera of 720p25 at 1.5 Mbit/s and a voice, as a browser would
 * send them, and repairs and key frames for those who ask. Sans IO. */
#pragma once

#include "engine/base/heap.h"
#include "engine/media/hist.h"
#include "engine/peer/nego.h"
#include "engine/peer/peer.h"
#include "tests/bench/load/port.h"

/* One line. */
struct source_line {
    bool on;      /* it flows; else it is only negotiated */
    uint32_t tag; /* in every payload: lesson and kind */
    uint32_t count;
    uint16_t seq, rtx_seq, picture_id;
    uint8_t tl0;
    uint32_t ts;
    uint32_t packets, octets; /* sent in all, repairs too */
    usec next;                /* frame */
    struct hist hist;
};

struct source {
    struct port port;
    struct addr addr; /* of its own */
    struct heap_node node;
    struct nego nego;
    struct peer *peer;
    struct pkt_pool *pool; /* of what may be asked for again */
    struct source_line voice, video;
    bool key_wanted;
    usec key_at;    /* of the newest key frame */
    usec key_every; /* unasked; USEC_NEVER: none */
    usec report_at;
    uint64_t plis; /* PLI and FIR */
    uint64_t plis_second, plis_second_max;
    usec second_at;
    uint64_t rtx_sent;
    char session[256];
};

MUST_USE enum err source_init(struct source *s, unsigned lesson, bool voice, bool video,
                              usec key_every);
void source_fini(struct source *s);

/* What it wants to send: a voice and a picture (nego_offer's input). */
void source_wants(struct nego *n);

/* n: as agreed. */
MUST_USE enum err source_start(struct source *s, const struct nego *n, const struct dtls_cert *cert,
                               struct rng *rng, usec now);
void source_input(struct source *s, const struct port_in *in, struct pkt_pool *pool,
                  struct outq *out);
/* `wall`: microseconds since 1970, for sender reports. */
void source_tick(struct source *s, usec now, int64_t wall, struct outq *out);
usec source_next(const struct source *s);
bool source_open(const struct source *s, usec now);
