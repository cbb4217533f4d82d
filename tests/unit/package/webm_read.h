/* webm_read.h - what stands in a WebM file: a small reader of its own, for tests. */
#pragma once

#include "engine/base/base.h"

#define WEBM_BLOCKS 200000

struct webm_block {
    int64_t ms;
    size_t bytes;
    bool key; /* as a SimpleBlock says, or a group without reference */
    int64_t stays_ms;
};

struct webm_read {
    struct webm_block *block;
    size_t blocks;
    int64_t cue_ms[10000];
    uint64_t cue_at[10000]; /* in the file */
    size_t cues;
    uint64_t cues_from, cues_to; /* the element, in the file */
    uint64_t first_cluster;
    double duration_ms;
    int64_t longest_cluster_ms;
    size_t clusters_without_key; /* that do not begin with a key frame */
    bool cues_hit; /* every cue is at a cluster of its time that begins with a key frame */
};

/* Fails the test if the file is not as it should be. */
void webm_read(struct webm_read *w, const char *path);
void webm_read_free(struct webm_read *w);
