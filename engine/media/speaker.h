/* speaker.h - who speaks, by the audio levels that senders write into their packets (RFC 6464). */
#pragma once

#include "engine/base/base.h"

/* One per voice. */
struct speaker {
    double level; /* smoothed, 0 silence … 127 loudest */
    usec at;
    bool speaking;
    usec since; /* of the present state */
};

void speaker_init(struct speaker *s);
/* `db` as on the wire: 0 loudest … 127 silence. */
void speaker_input(struct speaker *s, usec now, uint8_t db);
/* Level of a voice that may have gone silent without a packet (DTX). */
double speaker_level(const struct speaker *s, usec now);

/* The loudest of n voices, with hysteresis in favour of `current` (its index or -1): another takes
 * over only if it is clearly louder for some time. -1: nobody speaks and there is no current. NULL
 * entries are passed over. */
int speaker_loudest(struct speaker *const *s, size_t n, int current, usec now);
