/* jreader.h - all records of a journal in order, whatever happened to it. */
#pragma once

#include "engine/journal/record.h"

/* Maps the segments into memory as they are now; a lesson that is still running can be read. */
struct jreader;

struct jreader_stat {
    uint64_t records;
    uint64_t bytes;   /* of all segments */
    uint64_t skipped; /* bytes that are no records, in the middle of something */
    uint32_t holes;   /* places where bytes were skipped, and segments that are missing */
    uint64_t torn;    /* bytes of a half-written record at the very end */
};

/* E_IO: errno; ENOENT: no segment there. E_NOMEM. */
MUST_USE enum err jreader_new(struct jreader **r, const char *dir);
void jreader_free(struct jreader **r);

/* The next good record; false: no more. Damaged bytes are passed over up to the next good record.
 * The payload stays until jreader_free. */
MUST_USE bool jreader_next(struct jreader *r, struct record *rec);
/* From the beginning again. */
void jreader_rewind(struct jreader *r);

/* Time of day at lesson clock 0 by the first readable segment head; 0: none. */
int64_t jreader_wall_zero(const struct jreader *r);
struct jreader_stat jreader_stat(const struct jreader *r);
