#include "engine/journal/recover.h"

#include "engine/journal/record.h"
#include "engine/journal/segments.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What one segment says. */
struct scan {
    struct record_segment head;
    bool has_head;
    bool records;
    bool closed;
    size_t good_end; /* behind the last good record */
    uint32_t tracks;
    int64_t last_at;
};

static void scan_record(struct scan *s, const struct record *r, size_t end)
{
    s->records = true;
    s->closed = r->type == RECORD_CLOSE;
    s->good_end = end;
    if (r->track > s->tracks)
        s->tracks = r->track;
    if (r->at > s->last_at)
        s->last_at = r->at;
}

static void scan_segment(struct scan *s, const uint8_t *p, size_t len)
{
    *s = (struct scan){0};
    s->has_head = p && record_read_segment(&s->head, p, len);
    size_t off = 0;
    if (s->has_head) {
        off = RECORD_SEGMENT_HEAD;
        s->tracks = s->head.tracks;
        s->last_at = s->head.at;
        s->good_end = off;
    }
    struct record r;
    size_t size = 0;
    uint64_t budget = (uint64_t)len * SEGMENTS_BUDGET;
    while (off < len) {
        if (record_read(&r, p + off, len - off, &size) == RECORD_GOOD) {
            off += size;
            scan_record(s, &r, off);
        } else {
            off = segments_seek(p, len, off + 1, &budget);
        }
    }
}

static enum err scan_file(struct scan *s, int dir_fd, uint32_t index, uint64_t *len)
{
    const uint8_t *p = NULL;
    size_t n = 0;
    const enum err e = segments_map(dir_fd, index, &p, &n);
    if (e != OK)
        return e;
    scan_segment(s, p, n);
    segments_unmap(p, n);
    *len = n;
    return OK;
}

static enum err cut(int dir_fd, uint32_t index, uint64_t len)
{
    char name[SEGMENTS_NAME];
    segments_name(name, index);
    int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return E_IO;
    const bool good = ftruncate(fd, (off_t)len) == 0 && fdatasync(fd) == 0;
    segments_close(&fd);
    return good ? OK : E_IO;
}

/* The segment that a writer was at when it stopped. One that holds nothing of ours, because the
 * machine stopped while it was made, stays as it is and the next number is begun. */
static enum err recover_last(struct recovery *r, int dir_fd, const struct scan *s, uint64_t len)
{
    if (!s->has_head && !s->records) {
        r->index++;
        return OK;
    }
    r->any = true;
    r->len = s->good_end;
    r->cut = len - s->good_end;
    return r->cut > 0 ? cut(dir_fd, r->index, r->len) : OK;
}

static void take(struct recovery *r, const struct scan *s)
{
    r->records |= s->records;
    if (s->tracks > r->tracks)
        r->tracks = s->tracks;
    if (s->last_at > r->last_at)
        r->last_at = s->last_at;
    if (s->has_head && r->wall_zero_us == 0)
        r->wall_zero_us = s->head.wall_zero_us;
}

/* From the last segment backwards, until one's head vouches for those before it. */
static enum err recover_list(struct recovery *r, int dir_fd, const struct segments *list)
{
    for (size_t i = list->n; i-- > 0;) {
        struct scan s;
        uint64_t len = 0;
        enum err e = scan_file(&s, dir_fd, list->index[i], &len);
        if (e != OK)
            return e;
        if (i == list->n - 1) {
            r->index = list->index[i];
            e = recover_last(r, dir_fd, &s, len);
            r->closed = s.closed;
        }
        if (e != OK)
            return e;
        take(r, &s);
        if (s.has_head)
            break;
    }
    return OK;
}

static enum err sum_bytes(struct recovery *r, int dir_fd, const struct segments *list)
{
    for (size_t i = 0; i < list->n; i++) {
        char name[SEGMENTS_NAME];
        struct stat st;
        segments_name(name, list->index[i]);
        if (fstatat(dir_fd, name, &st, 0) != 0)
            return E_IO;
        r->bytes += (uint64_t)st.st_size;
    }
    return OK;
}

enum err recover(struct recovery *r, int dir_fd)
{
    *r = (struct recovery){0};
    struct segments list;
    enum err e = segments_list(&list, dir_fd);
    if (e != OK)
        return e;
    e = recover_list(r, dir_fd, &list);
    if (e == OK)
        e = sum_bytes(r, dir_fd, &list);
    segments_free(&list);
    return e;
}
