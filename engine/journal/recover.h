/* recover.h - what a journal folder holds when a writer comes back to it, and the cut of its tail.
 */
#pragma once

#include "engine/base/base.h"

struct recovery {
    bool any;        /* a segment is there to go on with: `index`, `len` */
    bool records;    /* at least one good record was found */
    bool closed;     /* the last one was a RECORD_CLOSE */
    uint32_t index;  /* of that segment; without one, of the segment to begin */
    uint64_t len;    /* of it, after the cut */
    uint64_t cut;    /* bytes of half-written records that were cut off */
    uint64_t bytes;  /* of all segments, after the cut */
    uint32_t tracks; /* highest number of a stream */
    int64_t last_at; /* highest lesson clock */
    int64_t wall_zero_us;
};

/* Reads the last segment (more if its head is damaged), cuts its torn end off. Damage elsewhere
 * stays for the readers to pass over. E_IO: errno. */
MUST_USE enum err recover(struct recovery *r, int dir_fd);
