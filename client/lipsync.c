/* lipsync.c - both to the later of the two. */
#include "client/lipsync.h"

struct lipsync lipsync(const struct lipsync_line *voice, usec held,
                       const struct lipsync_line *picture)
{
    const usec apart = picture->least - voice->least;
    if (apart > LIPSYNC_APART || apart < -LIPSYNC_APART)
        return (struct lipsync){0};
    return (struct lipsync){
        .voice = usec_max(picture->need + apart, 0),
        .picture = held == USEC_NEVER ? 0 : usec_max(held - apart, 0),
    };
}
