#include "engine/journal/journal.h"

#include "engine/base/bytes.h"
#include "engine/journal/recover.h"
#include "engine/journal/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Packets leave so much of the buffer to the records that must not be lost: without the record of
 * its track a packet is worth nothing. */
#define BUFFER_RESERVE (JOURNAL_BUFFER / 4)

struct journal {
    uint64_t segment; /* bytes at which the next file is begun */
    usec zero;        /* monotonic instant of lesson clock 0 */
    int64_t floor;    /* no record before this lesson clock */
    int64_t last_at;
    int64_t wall_zero_us;
    uint32_t tracks;
    /* files */
    int dir_fd;
    int fd; /* -1: the segment `index` is yet to be begun */
    uint32_t index;
    uint64_t file_len;
    /* what waits for the disk: buf[start … end) */
    size_t start;
    size_t end;
    bool partial; /* start is in the middle of a record */
    bool unsynced;
    usec write_due;
    usec sync_due;
    uint32_t lost; /* records dropped and not yet told of */
    int64_t lost_from;
    struct journal_stat stat;
    uint8_t buf[JOURNAL_BUFFER];
};

static void note_failure(struct journal *j)
{
    j->stat.errors++;
    j->stat.last_errno = errno;
}

/* ---- files */

static enum err write_all(int fd, const uint8_t *p, size_t len, size_t *done)
{
    *done = 0;
    while (*done < len) {
        const ssize_t n = write(fd, p + *done, len - *done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return E_IO;
        *done += (size_t)n;
    }
    return OK;
}

/* Makes the file of segment j->index with its head. On failure nothing is left behind. */
static enum err begin_segment(struct journal *j)
{
    const struct record_segment head = {
        .index = j->index, .tracks = j->tracks, .at = j->last_at, .wall_zero_us = j->wall_zero_us};
    uint8_t bytes[RECORD_SEGMENT_HEAD];
    char name[SEGMENTS_NAME];
    size_t done = 0;
    record_write_segment(bytes, &head);
    segments_name(name, j->index);
    j->fd = openat(j->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (j->fd < 0)
        return E_IO;
    if (write_all(j->fd, bytes, sizeof bytes, &done) != OK || fsync(j->dir_fd) != 0) {
        const int saved = errno;
        segments_close(&j->fd);
        (void)unlinkat(j->dir_fd, name, 0);
        errno = saved;
        return E_IO;
    }
    j->file_len = sizeof bytes;
    j->stat.bytes += sizeof bytes;
    j->stat.segments++;
    return OK;
}

/* Ends a full segment; a record is never split over two. */
static enum err rotate(struct journal *j)
{
    if (j->fd >= 0 && j->file_len >= j->segment && !j->partial) {
        if (fdatasync(j->fd) != 0)
            return E_IO;
        segments_close(&j->fd);
        j->index++;
    }
    return j->fd < 0 ? begin_segment(j) : OK;
}

static enum err write_group(struct journal *j)
{
    enum err e = rotate(j);
    if (e != OK)
        return e;
    size_t done = 0;
    e = write_all(j->fd, j->buf + j->start, j->end - j->start, &done);
    j->start += done;
    j->file_len += done;
    j->stat.bytes += done;
    j->partial = j->start < j->end && (done > 0 || j->partial);
    if (j->start == j->end)
        j->start = j->end = 0;
    return e;
}

/* ---- appending */

static bool make_room(struct journal *j, size_t size, size_t reserve)
{
    const size_t held = j->end - j->start;
    if (size + reserve > sizeof j->buf - held)
        return false;
    if (size > sizeof j->buf - j->end) {
        memmove(j->buf, j->buf + j->start, held);
        j->start = 0;
        j->end = held;
    }
    return true;
}

/* There is room. */
static void put(struct journal *j, const struct record *r, const struct record_piece piece[2])
{
    uint8_t *p = j->buf + j->end;
    record_write_head(p, r, piece);
    p += RECORD_HEAD;
    if (piece[0].len)
        memcpy(p, piece[0].p, piece[0].len);
    if (piece[1].len)
        memcpy(p + piece[0].len, piece[1].p, piece[1].len);
    j->end += RECORD_HEAD + r->len;
    j->stat.records++;
}

/* The record of what the disk did not take, once half the buffer is free: not one for each packet
 * that just found room. */
static void tell_lost(struct journal *j, int64_t at)
{
    if (j->lost == 0 || !make_room(j, RECORD_HEAD + RECORD_GAP_LEN, JOURNAL_BUFFER / 2))
        return;
    uint8_t bytes[RECORD_GAP_LEN];
    const struct record_gap g = {.reason = RECORD_GAP_DISK, .lost = j->lost, .from = j->lost_from};
    record_put_gap(bytes, &g);
    const struct record_piece piece[2] = {{bytes, sizeof bytes}, {NULL, 0}};
    const struct record r = {.type = RECORD_GAP, .at = at, .len = sizeof bytes};
    put(j, &r, piece);
    j->lost = 0;
}

static enum err drop(struct journal *j, int64_t at)
{
    if (j->lost == 0)
        j->lost_from = at;
    if (j->lost < UINT32_MAX)
        j->lost++;
    j->stat.dropped++;
    return E_LIMIT;
}

static enum err append(struct journal *j, usec at, enum record_type type, uint32_t track,
                       const struct record_piece piece[2])
{
    const size_t len = piece[0].len + piece[1].len;
    assert(len <= RECORD_PAYLOAD_MAX);
    const struct record r = {
        .type = (uint8_t)type, .track = track, .at = journal_clock(j, at), .len = (uint32_t)len};
    tell_lost(j, r.at);
    const bool spare = type == RECORD_RTP || type == RECORD_SR;
    if (!make_room(j, RECORD_HEAD + len, spare ? BUFFER_RESERVE : 0))
        return drop(j, r.at);
    if (j->start == j->end)
        j->write_due = at + JOURNAL_GROUP;
    put(j, &r, piece);
    if (r.at > j->last_at)
        j->last_at = r.at;
    return OK;
}

static enum err append_one(struct journal *j, usec at, enum record_type type, uint32_t track,
                           const struct record_piece one)
{
    const struct record_piece piece[2] = {one, {NULL, 0}};
    return append(j, at, type, track, piece);
}

enum err journal_track(struct journal *j, usec at, const struct record_track *t, uint32_t *number)
{
    uint8_t bytes[RECORD_TRACK_MAX];
    const size_t len = record_put_track(bytes, t);
    const enum err e =
        append_one(j, at, RECORD_TRACK, j->tracks + 1, (struct record_piece){bytes, len});
    if (e == OK)
        *number = ++j->tracks;
    return e;
}

enum err journal_track_end(struct journal *j, usec at, uint32_t track)
{
    return append_one(j, at, RECORD_TRACK_END, track, (struct record_piece){NULL, 0});
}

/* The RTP header in front of a payload: CSRCs and extension, but not the two bytes of RTX. */
static size_t head_len(const struct pkt *p)
{
    size_t len = 12 + (size_t)(p->data[0] & 0x0f) * 4;
    if (p->data[0] & 0x10 && len + 4 <= p->len)
        len += 4 + (size_t)be16(p->data + len + 2) * 4;
    return size_min(len, p->rtp.payload_off);
}

enum err journal_pkt(struct journal *j, usec at, uint32_t track, const struct pkt *p)
{
    uint8_t head[PKT_CAP];
    assert(p->rtp.payload_off >= 12 && p->rtp.payload_off + p->rtp.payload_len <= p->len);
    const size_t len = head_len(p);
    memcpy(head, p->data, len);
    head[0] &= (uint8_t)~0x20u; /* no padding any more */
    head[1] = (uint8_t)((p->rtp.marker ? 0x80 : 0) | p->rtp.pt);
    put_be16(head + 2, p->rtp.seq);
    put_be32(head + 8, p->rtp.ssrc);
    const struct record_rtp r = {
        .ext_seq = p->rtp.ext_seq,
        .level_db = p->rtp.level_db,
        .flags = p->rtp.repaired ? RECORD_RTP_REPAIRED : 0,
        .head = head,
        .head_len = len,
        .body = p->data + p->rtp.payload_off,
        .body_len = p->rtp.payload_len,
    };
    return journal_rtp(j, at, track, &r);
}

enum err journal_rtp(struct journal *j, usec at, uint32_t track, const struct record_rtp *p)
{
    uint8_t head[RECORD_RTP_HEAD + PKT_CAP];
    assert(p->head_len >= 12 && p->head_len <= PKT_CAP);
    record_put_rtp(head, p);
    memcpy(head + RECORD_RTP_HEAD, p->head, p->head_len);
    const struct record_piece piece[2] = {{head, RECORD_RTP_HEAD + p->head_len},
                                          {p->body, p->body_len}};
    return append(j, at, RECORD_RTP, track, piece);
}

enum err journal_sr(struct journal *j, usec at, uint32_t track, const struct record_sr *s)
{
    uint8_t bytes[RECORD_SR_LEN];
    record_put_sr(bytes, s);
    return append_one(j, at, RECORD_SR, track, (struct record_piece){bytes, sizeof bytes});
}

enum err journal_event(struct journal *j, usec at, const char *json, size_t len)
{
    return len > RECORD_PAYLOAD_MAX
               ? E_LIMIT
               : append_one(j, at, RECORD_EVENT, 0, (struct record_piece){json, len});
}

enum err journal_gap(struct journal *j, usec at, const struct record_gap *g)
{
    uint8_t bytes[RECORD_GAP_LEN];
    record_put_gap(bytes, g);
    return append_one(j, at, RECORD_GAP, 0, (struct record_piece){bytes, sizeof bytes});
}

enum err journal_end(struct journal *j, usec at)
{
    return append_one(j, at, RECORD_CLOSE, 0, (struct record_piece){NULL, 0});
}

/* ---- time */

static enum err write_now(struct journal *j, usec now)
{
    const enum err e = write_group(j);
    if (e != OK) {
        note_failure(j);
        j->write_due = now + JOURNAL_RETRY;
    }
    if (!j->unsynced) {
        j->unsynced = true;
        j->sync_due = now + JOURNAL_SYNC;
    }
    if (e != OK)
        return e;
    j->stat.last_errno = 0;
    if (j->lost > 0)
        j->write_due = now + JOURNAL_GROUP;
    tell_lost(j, journal_clock(j, now));
    return OK;
}

static enum err sync_now(struct journal *j, usec now)
{
    if (j->fd >= 0 && fdatasync(j->fd) != 0) {
        note_failure(j);
        j->sync_due = now + JOURNAL_RETRY;
        return E_IO;
    }
    j->unsynced = false;
    return OK;
}

enum err journal_tick(struct journal *j, usec now)
{
    enum err e = OK;
    if (j->start < j->end && now >= j->write_due)
        e = write_now(j, now);
    if (j->unsynced && now >= j->sync_due) {
        const enum err s = sync_now(j, now);
        e = e != OK ? e : s;
    }
    return e;
}

enum err journal_flush(struct journal *j, usec now)
{
    enum err e = OK;
    while (e == OK && j->start < j->end) /* twice if there is a gap to tell of */
        e = write_now(j, now);
    const enum err s = j->unsynced ? sync_now(j, now) : OK;
    return e != OK ? e : s;
}

usec journal_next(const struct journal *j)
{
    const usec w = j->start < j->end ? j->write_due : USEC_NEVER;
    return usec_min(w, j->unsynced ? j->sync_due : USEC_NEVER);
}

/* ---- life */

static enum err open_dir(struct journal *j, const char *dir)
{
    if (mkdir(dir, 0750) != 0 && errno != EEXIST)
        return E_IO;
    const enum err e = segments_dir(&j->dir_fd, dir);
    if (e != OK)
        return e;
    if (flock(j->dir_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? E_STATE : E_IO;
    return OK;
}

static enum err open_last(struct journal *j)
{
    char name[SEGMENTS_NAME];
    segments_name(name, j->index);
    j->fd = openat(j->dir_fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    return j->fd < 0 ? E_IO : OK;
}

/* How long nobody wrote is known by the caller's clocks; they may have been set meanwhile. */
static int64_t resumed_clock(int64_t wanted, int64_t last)
{
    return wanted < last || wanted - last > JOURNAL_AWAY_MAX ? last : wanted;
}

static enum err tell_recovery(struct journal *j, const struct recovery *r, usec now)
{
    const struct record_gap cut = {
        .reason = RECORD_GAP_CUT,
        .lost = r->cut > UINT32_MAX ? UINT32_MAX : (uint32_t)r->cut,
        .from = r->last_at,
    };
    const struct record_gap away = {.reason = RECORD_GAP_RESTART, .from = r->last_at};
    const enum err e = r->cut > 0 ? journal_gap(j, now, &cut) : OK;
    return e != OK ? e : journal_gap(j, now, &away);
}

static enum err resume(struct journal *j, const struct journal_conf *conf, usec now)
{
    struct recovery r;
    const enum err e = recover(&r, j->dir_fd);
    if (e != OK)
        return e;
    j->index = r.index;
    j->file_len = r.len;
    j->tracks = r.tracks;
    j->last_at = r.last_at;
    j->stat.bytes = r.bytes;
    j->stat.cut = r.cut;
    j->stat.resumed = r.any || r.records;
    j->stat.closed = r.closed;
    const int64_t wanted = conf->clock < 0 ? 0 : conf->clock;
    const int64_t clock = j->stat.resumed ? resumed_clock(wanted, r.last_at) : wanted;
    j->zero = now - clock;
    j->floor = j->stat.resumed ? clock : 0; /* nothing stands before the gap of the absence */
    j->wall_zero_us = r.wall_zero_us ? r.wall_zero_us : conf->wall_us - clock;
    if (j->stat.resumed)
        return tell_recovery(j, &r, now);
    return OK;
}

enum err journal_open(struct journal **out, const char *dir, const struct journal_conf *conf,
                      usec now)
{
    *out = NULL;
    struct journal *j = malloc(sizeof *j);
    if (!j)
        return E_NOMEM;
    memset(j, 0, offsetof(struct journal, buf)); /* the pages of buf are touched when used */
    j->dir_fd = j->fd = -1;
    j->segment = conf->segment ? conf->segment : JOURNAL_SEGMENT;
    enum err e = open_dir(j, dir);
    if (e == OK)
        e = resume(j, conf, now);
    if (e == OK && j->file_len > 0)
        e = open_last(j);
    if (e != OK) {
        const int saved = errno;
        segments_close(&j->dir_fd);
        free(j);
        errno = saved;
        return e;
    }
    *out = j;
    return OK;
}

void journal_free(struct journal **jp)
{
    struct journal *const j = *jp;
    if (!j)
        return;
    *jp = NULL;
    if (j->start < j->end)
        (void)write_group(j);
    if (j->fd >= 0)
        (void)fdatasync(j->fd);
    segments_close(&j->fd);
    segments_close(&j->dir_fd);
    free(j);
}

int64_t journal_clock(const struct journal *j, usec at)
{
    const int64_t clock = at - j->zero;
    return clock < j->floor ? j->floor : clock;
}

int64_t journal_wall_zero(const struct journal *j)
{
    return j->wall_zero_us;
}

struct journal_stat journal_stat(const struct journal *j)
{
    struct journal_stat s = j->stat;
    s.buffered = j->end - j->start;
    return s;
}
