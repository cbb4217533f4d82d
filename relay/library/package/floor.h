/* floor.h - the voice of the class: one track cut from those of the points. */
#pragma once

#include "relay/library/package/frames.h"
#include "relay/library/package/story.h"

struct floor_voice {
    const char *site;
    const struct frames *frames;
};

/* Of each moment the packets of the point that has the floor; while nobody has it and the
 * microphones are open, of the point that is loudest. The frames' packets stay where they are. */
MUST_USE enum err floor_cut(struct frames *out, const struct story *s,
                            const struct floor_voice *voice, size_t voices);
