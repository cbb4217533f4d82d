#include "engine/journal/jreader.h"

#include "engine/journal/segments.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

struct segment {
    const uint8_t *p; /* NULL: empty file */
    size_t len;
    uint32_t index;
};

struct jreader {
    struct segment *segment;
    size_t segments;
    size_t at;  /* segment that is being read */
    size_t off; /* in it */
    bool in_hole;
    uint64_t budget; /* of segments_seek */
    int64_t wall_zero_us;
    struct jreader_stat stat;
};

static enum err map_one(struct jreader *r, int dir_fd, uint32_t index)
{
    struct segment *const s = &r->segment[r->segments];
    s->index = index;
    const enum err e = segments_map(dir_fd, index, &s->p, &s->len);
    if (e == OK)
        r->segments++;
    return e;
}

static void read_wall(struct jreader *r)
{
    struct record_segment head;
    for (size_t i = 0; i < r->segments && r->wall_zero_us == 0; i++)
        if (record_read_segment(&head, r->segment[i].p, r->segment[i].len))
            r->wall_zero_us = head.wall_zero_us;
}

static enum err map_all(struct jreader *r, int dir_fd)
{
    struct segments list;
    enum err e = segments_list(&list, dir_fd);
    if (e != OK)
        return e;
    if (list.n == 0) {
        errno = ENOENT;
        e = E_IO;
    }
    r->segment = calloc(list.n + 1, sizeof *r->segment);
    if (!r->segment)
        e = E_NOMEM;
    for (size_t i = 0; e == OK && i < list.n; i++)
        e = map_one(r, dir_fd, list.index[i]);
    segments_free(&list);
    return e;
}

enum err jreader_new(struct jreader **out, const char *dir)
{
    *out = NULL;
    struct jreader *r = calloc(1, sizeof *r);
    if (!r)
        return E_NOMEM;
    int dir_fd = -1;
    enum err e = segments_dir(&dir_fd, dir);
    if (e == OK)
        e = map_all(r, dir_fd);
    const int saved = errno;
    segments_close(&dir_fd);
    if (e != OK) {
        jreader_free(&r);
        errno = saved;
        return e;
    }
    read_wall(r);
    jreader_rewind(r);
    *out = r;
    return OK;
}

void jreader_free(struct jreader **rp)
{
    struct jreader *const r = *rp;
    if (!r)
        return;
    *rp = NULL;
    for (size_t i = 0; i < r->segments; i++)
        segments_unmap(r->segment[i].p, r->segment[i].len);
    free(r->segment);
    free(r);
}

void jreader_rewind(struct jreader *r)
{
    r->at = 0;
    r->off = 0;
    r->in_hole = false;
    r->stat = (struct jreader_stat){0};
    for (size_t i = 0; i < r->segments; i++)
        r->stat.bytes += r->segment[i].len;
    r->budget = r->stat.bytes * SEGMENTS_BUDGET;
}

static void skip(struct jreader *r, size_t n)
{
    if (n > 0 && !r->in_hole) {
        r->stat.holes++;
        r->in_hole = true;
    }
    r->stat.skipped += n;
    r->off += n;
}

/* The segment's head, and whether its neighbour is missing. */
static void enter_segment(struct jreader *r)
{
    const struct segment *const s = &r->segment[r->at];
    struct record_segment head;
    const uint32_t expected = r->at == 0 ? 0 : r->segment[r->at - 1].index + 1;
    r->in_hole = false;
    if (s->index != expected)
        r->stat.holes++;
    if (record_read_segment(&head, s->p, s->len))
        r->off = RECORD_SEGMENT_HEAD;
}

/* What is left of a segment and is no record: torn if it is the very end, else damage. */
static void leave_segment(struct jreader *r)
{
    const size_t left = r->segment[r->at].len - r->off;
    if (r->at + 1 == r->segments && !r->in_hole)
        r->stat.torn += left;
    else
        skip(r, left);
    r->at++;
    r->off = 0;
}

/* From one place in a segment: a record, or a step onwards. */
static bool step(struct jreader *r, struct record *rec)
{
    const struct segment *const s = &r->segment[r->at];
    size_t size = 0;
    if (record_read(rec, s->p + r->off, s->len - r->off, &size) == RECORD_GOOD) {
        r->off += size;
        r->in_hole = false;
        r->stat.records++;
        return true;
    }
    const size_t next = segments_seek(s->p, s->len, r->off + 1, &r->budget);
    if (next == s->len)
        leave_segment(r);
    else
        skip(r, next - r->off);
    return false;
}

bool jreader_next(struct jreader *r, struct record *rec)
{
    while (r->at < r->segments) {
        if (r->off == 0 && r->segment[r->at].p)
            enter_segment(r);
        if (r->off == r->segment[r->at].len)
            leave_segment(r);
        else if (step(r, rec))
            return true;
    }
    return false;
}

int64_t jreader_wall_zero(const struct jreader *r)
{
    return r->wall_zero_us;
}

struct jreader_stat jreader_stat(const struct jreader *r)
{
    return r->stat;
}
