/* opus_dec.h - Opus packets to sound; what is missing is recovered or concealed, and counted. */
#pragma once

#include "engine/base/base.h"

#define OPUSDEC_RATE 48000
#define OPUSDEC_SAMPLES_MAX 5760u /* per channel in one packet: 120 ms */

/* Samples per channel, at 48 kHz. */
struct opusdec_stat {
    uint64_t decoded;   /* from the packet itself */
    uint64_t recovered; /* from the copy in the packet after (in-band FEC) */
    uint64_t concealed; /* invented */
};

/* Names begin with opusdec_: opus_ is the library's. */
struct opusdec;

/* One or two channels come out, whatever the packets have. */
MUST_USE enum err opusdec_new(struct opusdec **d, unsigned channels);
void opusdec_free(struct opusdec **d);

/* `pcm` takes interleaved samples and has room for `room` per channel. *samples says how many per
 * channel were written. E_FORMAT: not an Opus packet (conceal instead). E_LIMIT: no room. */
MUST_USE enum err opusdec_packet(struct opusdec *d, const void *packet, size_t len, int16_t *pcm,
                                 size_t room, size_t *samples);

/* `samples` (a multiple of 120, at most OPUSDEC_SAMPLES_MAX) are missing just before `next`: takes
 * them from its FEC copy as far as that reaches and invents the rest. Afterwards `next` itself is
 * decoded as usual. A `next` without such a copy is the same as opusdec_conceal. */
MUST_USE enum err opusdec_recover(struct opusdec *d, const void *next, size_t len, size_t samples,
                                  int16_t *pcm);

/* Invents `samples` (as above) from what was heard before. A DTX pause is bridged in this way too:
 * tell with `pause` that nothing was lost, and nothing is counted. */
MUST_USE enum err opusdec_conceal(struct opusdec *d, size_t samples, bool pause, int16_t *pcm);

struct opusdec_stat opusdec_stat(const struct opusdec *d);
