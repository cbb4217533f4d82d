/* webm.h - one track of whole frames to a WebM file that can be sought and streamed (RFC 9559). */
#pragma once

#include "relay/library/package/frames.h"

struct webm_range {
    uint64_t from;
    uint64_t to; /* last byte, as DASH counts */
};

/* What was written. */
struct webm_file {
    uint64_t bytes;
    struct webm_range head;  /* up to the first cluster: what a player reads first */
    struct webm_range index; /* the cues; from = to = 0: none, the file has no frame */
    int64_t start;           /* lesson clock of the first frame */
    int64_t end;             /* behind the last */
    uint64_t frames;
    uint64_t payload; /* bytes of frames */
    uint16_t width;   /* largest key frame; 0 for sound */
    uint16_t height;
};

/* What a picture that nothing follows is taken to last. */
#define WEBM_LAST_US 40000

/* Writes `path` anew. Sound: pauses are filled with Opus silence from 0 to `end`, so that a player
 * never waits for a gap. Pictures: each stays until the next. Clusters are at most 1 s long and
 * begin at key frames that have a cue. E_IO: errno. */
MUST_USE enum err webm_write(struct webm_file *w, const char *path, const struct frames *f,
                             unsigned channels, int64_t end);
