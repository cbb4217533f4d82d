/* segments.h - the files of a journal folder: names, order, mapping, and finding the next record.
 */
#pragma once

#include "engine/base/base.h"

#define SEGMENTS_NAME 32
#define SEGMENTS_INDEX_MAX 999999u

struct segments {
    uint32_t *index; /* rising */
    size_t n;
};

/* "000012.journal" */
void segments_name(char out[SEGMENTS_NAME], uint32_t index);

/* A descriptor of the folder; E_IO: errno. */
MUST_USE enum err segments_dir(int *fd, const char *dir);
/* Closes and sets -1; -1 is fine. */
void segments_close(int *fd);

/* The segments that are there. Other files are not looked at. */
MUST_USE enum err segments_list(struct segments *s, int dir_fd);
void segments_free(struct segments *s);

/* A whole file, read only; *p is NULL for an empty one. */
MUST_USE enum err segments_map(int dir_fd, uint32_t index, const uint8_t **p, size_t *len);
void segments_unmap(const uint8_t *p, size_t len);

/* Offset of the first good record at or behind `from`; len: none. What looks like a long record is
 * looked at as a whole, which `budget` limits to so many bytes in all: start with SEGMENTS_BUDGET
 * for each byte there is; when it is used up there is no further record. */
#define SEGMENTS_BUDGET 16u
size_t segments_seek(const uint8_t *p, size_t len, size_t from, uint64_t *budget);
