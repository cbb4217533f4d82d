/* maker.h - writes the journal of a lesson that never was: real VP8 and Opus, clocks as wished. */
#pragma once

#include "engine/base/base.h"

struct maker_conf {
    const char *dir;
    unsigned seconds;
    unsigned points;        /* each sends class and voice */
    unsigned camera_layers; /* 0: no camera */
    bool big;               /* 720p camera, 1080p slides, else small ones */
    bool slides;
    int audio_ppm;        /* the lead's sound clock is so much too fast */
    int video_ppm;        /* the lead's picture clock */
    int wall_ppm;         /* the lead's computer's clock */
    bool reports;         /* sender reports each second */
    unsigned jitter_ms;   /* of arrival, evenly 0 … */
    unsigned lose_one_in; /* packets of the lead's pictures; 0: none */
    uint64_t segment;
};

/* Lesson time of a mark that is in picture and sound alike: a key frame of the camera and a sound
 * packet of a special size are captured at each whole multiple of this. */
#define MAKER_FLASH (4 * USEC_SEC)
#define MAKER_DELAY (30 * USEC_MS) /* least time from capture to arrival */
#define MAKER_BEEP 200u            /* bytes of a sound packet captured with a flash */

/* Events of a usual lesson are in it: mode, floor by turns, marks. False: why is on stderr. */
bool maker_write(const struct maker_conf *c);
