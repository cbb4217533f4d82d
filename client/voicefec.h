/* voicefec.h - how strongly a voice protects itself (Opus, in-band FEC), by what its hearers lack.
 */
#pragma once

#include "engine/base/base.h"

/* All zero at first: not at all. */
struct voicefec {
    uint8_t percent;
    usec needed_at; /* when so much was last needed */
};

/* `lack`: the share of packets that no repair brings them, 0 to 1, lately. Returns the loss that
 * the encoder is to expect, in per cent: more at once, less when ten seconds have not needed it. */
unsigned voicefec_follow(struct voicefec *f, usec now, double lack);
