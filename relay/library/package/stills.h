/* stills.h - pictures of the slides, one for each change, and the poster. */
#pragma once

#include "relay/library/package/frames.h"

struct still {
    int64_t at;    /* lesson clock when it appeared */
    char name[32]; /* file */
    uint16_t width, height;
};

struct stills {
    struct still *still;
    size_t n, cap;
};

/* Whether GStreamer here has what it takes; *missing names the first element that it has not. */
MUST_USE bool stills_possible(enum tape_codec codec, const char **missing);

/* Decodes the key frames and keeps those that differ from the one kept before, as WebP in `dir`.
 * A frame that cannot be decoded is passed over. E_IO: no decoder, or writing failed. */
MUST_USE enum err stills_write(struct stills *s, const char *dir, const struct frames *f);
void stills_fini(struct stills *s);

/* One key frame, a little after the beginning, as JPEG. False: there is none. */
MUST_USE bool stills_poster(const char *path, const struct frames *f);
