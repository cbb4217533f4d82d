/* rollover.h - the 48-bit SRTP index of packets, per SSRC, and that none is used twice: not by us
 * (with GCM a repeated index would give the key away, RFC 7714 8.4), and not by who replays what
 * the other side sent (RFC 3711 3.3.1 and 3.3.2). */
#pragma once

#include "engine/base/table.h"

/* How far a late packet may lie behind the newest one: more than a second of 1080p video, so that a
 * packet that was repaired upstream still passes. */
#define ROLLOVER_WINDOW 2048u

struct rollover {
    struct table streams; /* by SSRC */
    uint32_t last_ssrc;   /* packets come in runs of one stream */
    void *last;           /* its entry; NULL = none yet */
};

void rollover_init(struct rollover *r, uint64_t seed);
void rollover_fini(struct rollover *r);

/* The index that this packet must have. False: it was used already, or is too old. */
MUST_USE bool rollover_guess(struct rollover *r, uint32_t ssrc, uint16_t seq, uint64_t *index);
/* What was guessed is true: from now on it is used. Allocates for an SSRC that is new. False: no
 * memory. */
MUST_USE bool rollover_note(struct rollover *r, uint32_t ssrc, uint64_t index);

/* Both, for a packet of ours. False: it must not be sent. */
MUST_USE bool rollover_take(struct rollover *r, uint32_t ssrc, uint16_t seq, uint64_t *index);
