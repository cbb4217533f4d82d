/* rollover.h - the 48-bit SRTP index of what we send, per SSRC, and that none is used twice
 * (RFC 3711 3.3.1; with GCM a repeated index would give the key away, RFC 7714 8.4). */
#pragma once

#include "engine/base/table.h"

/* How far a late packet may lie behind the newest one: more than a second of 1080p video, so that a
 * packet that was repaired upstream still passes. */
#define ROLLOVER_WINDOW 2048u

struct rollover {
    struct table streams; /* by SSRC */
};

void rollover_init(struct rollover *r, uint64_t seed);
void rollover_fini(struct rollover *r);

/* The index for this packet, marked as used. Allocates for an SSRC that is new. False: used
 * already, too old, or no memory: the packet must not be sent. */
MUST_USE bool rollover_take(struct rollover *r, uint32_t ssrc, uint16_t seq, uint64_t *index);
