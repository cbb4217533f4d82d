/* stills.h - pictures of the slides, one for each change, and the poster. */
#pragma once

#include "relay/library/package/frames.h"

struct still {
    int64_t at;    /* lesson clock when it appeared */
    char name[32]; /* file */
    uint16_t width, height;
};

struct stills {
    struct still *still; /* rising `at` */
    size_t n, cap;
    uint64_t looked_at; /* frames that were decoded for them */
};

/* Whether GStreamer here has what it takes; *missing names the first element that it has not. */
MUST_USE bool stills_possible(const char **missing);

/* Finds the frames at which the slide changes and writes each slide, as sharp as it became, as WebP
 * into `dir`. A frame that cannot be decoded is passed over. E_IO: writing failed. */
MUST_USE enum err stills_write(struct stills *s, const char *dir, const struct frames *f);
void stills_fini(struct stills *s);

/* One key frame, a little after the beginning, as JPEG. False: there is none. */
MUST_USE bool stills_poster(const char *path, const struct frames *f);
