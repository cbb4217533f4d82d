/* build.h - makes all media files of a resource, several at a time. */
#pragma once

#include "relay/library/package/frames.h"
#include "relay/library/package/stills.h"
#include "relay/library/package/story.h"
#include "relay/library/package/webm.h"

#define BUILD_NAME 128
#define BUILD_SHA256 65

/* One media file: a source of a site in one layer, over all its streams. */
struct build_track {
    char name[BUILD_NAME]; /* of the file */
    char source[RECORD_TEXT];
    char site[RECORD_TEXT]; /* "" for the floor's voice */
    uint8_t site_no;
    uint8_t layer;
    enum tape_codec codec;
    unsigned channels;
    bool floor; /* cut from other voices */
    struct frames frames;
    struct webm_file file;
    char sha256[BUILD_SHA256];
    enum err result;
    int saved_errno;
};

struct build {
    const struct tape *tape;
    const struct story *story;
    const char *dir;
    struct build_track *track; /* the lead first, then by site; sources in order; layers rising */
    size_t tracks, cap;
    struct stills stills;
    bool poster;
    const char *no_stills; /* the GStreamer element that was missing; NULL: none was */
};

/* Writes all into b->dir. On failure `failed` names the file. */
MUST_USE enum err build_run(struct build *b, const struct tape *t, const struct story *s,
                            const char *dir, char failed[BUILD_NAME]);
void build_fini(struct build *b);

/* The track of a source; NULL: none. Any layer: the first, which is the smallest. */
const struct build_track *build_find(const struct build *b, unsigned site_no, const char *source);

/* SHA-256 of a file in hexadecimal digits. */
MUST_USE enum err build_sha256(char out[BUILD_SHA256], const char *path);
