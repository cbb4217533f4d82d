#include "engine/journal/record.h"

#include "engine/base/bytes.h"
#include "engine/journal/crc32c.h"

#define SEGMENT_MAGIC 0x4c534a4f55524e4cu /* "LSJOURNL" */
#define SEGMENT_VERSION 1u
#define SEGMENT_CRC_AT (RECORD_SEGMENT_HEAD - 4)

#define HEAD_MARK 0x4c52u /* "LR" */
#define HEAD_CRC_AT (RECORD_HEAD - 4)

static bool clock_sane(int64_t at)
{
    return at >= 0 && at <= RECORD_AT_MAX;
}

void record_write_segment(uint8_t out[RECORD_SEGMENT_HEAD], const struct record_segment *s)
{
    struct writer w = writer_of(out, RECORD_SEGMENT_HEAD);
    write_u64(&w, SEGMENT_MAGIC);
    write_u16(&w, SEGMENT_VERSION);
    write_u16(&w, RECORD_SEGMENT_HEAD);
    write_u32(&w, s->index);
    write_u32(&w, s->tracks);
    write_u32(&w, 0);
    write_u64(&w, (uint64_t)s->at);
    write_u64(&w, (uint64_t)s->wall_zero_us);
    write_u32(&w, 0);
    write_u32(&w, crc32c(0, out, SEGMENT_CRC_AT));
    assert(!w.bad && w.len == RECORD_SEGMENT_HEAD);
}

bool record_read_segment(struct record_segment *s, const uint8_t *p, size_t len)
{
    struct reader r = reader_of(p, len);
    const bool ours = read_u64(&r) == SEGMENT_MAGIC && read_u16(&r) == SEGMENT_VERSION &&
                      read_u16(&r) == RECORD_SEGMENT_HEAD;
    if (!ours)
        return false;
    s->index = read_u32(&r);
    s->tracks = read_u32(&r);
    (void)read_u32(&r);
    s->at = (int64_t)read_u64(&r);
    s->wall_zero_us = (int64_t)read_u64(&r);
    (void)read_u32(&r);
    return read_u32(&r) == crc32c(0, p, size_min(len, SEGMENT_CRC_AT)) && !r.bad &&
           clock_sane(s->at);
}

void record_write_head(uint8_t out[RECORD_HEAD], const struct record *r,
                       const struct record_piece piece[2])
{
    assert(piece[0].len + piece[1].len == r->len && r->len <= RECORD_PAYLOAD_MAX);
    struct writer w = writer_of(out, RECORD_HEAD);
    write_u16(&w, HEAD_MARK);
    write_u8(&w, r->type);
    write_u8(&w, 0);
    write_u32(&w, r->len);
    write_u32(&w, r->track);
    write_u64(&w, (uint64_t)r->at);
    uint32_t crc = crc32c(0, out, HEAD_CRC_AT);
    crc = crc32c(crc, piece[0].p, piece[0].len);
    crc = crc32c(crc, piece[1].p, piece[1].len);
    write_u32(&w, crc);
    assert(!w.bad && w.len == RECORD_HEAD);
}

enum record_found record_read(struct record *r, const uint8_t *p, size_t len, size_t *size)
{
    *size = 0;
    if (len < RECORD_HEAD)
        return len >= 2 && be16(p) != HEAD_MARK ? RECORD_BAD : RECORD_SHORT;
    struct reader in = reader_of(p, len);
    if (read_u16(&in) != HEAD_MARK)
        return RECORD_BAD;
    r->type = read_u8(&in);
    const uint8_t reserved = read_u8(&in);
    r->len = read_u32(&in);
    r->track = read_u32(&in);
    r->at = (int64_t)read_u64(&in);
    const uint32_t crc = read_u32(&in);
    if (r->type == 0 || reserved != 0 || r->len > RECORD_PAYLOAD_MAX || !clock_sane(r->at))
        return RECORD_BAD;
    if (r->len > in.left)
        return RECORD_SHORT;
    r->payload = in.p;
    *size = RECORD_HEAD + r->len;
    const uint32_t is = crc32c(crc32c(0, p, HEAD_CRC_AT), r->payload, r->len);
    return is == crc ? RECORD_GOOD : RECORD_BAD;
}

/* A text with its length before it. */
static void put_text(struct writer *w, const char *s)
{
    const size_t n = strnlen(s, RECORD_TEXT - 1);
    write_u8(w, (uint8_t)n);
    write_bytes(w, s, n);
}

static void get_text(struct reader *r, char out[RECORD_TEXT])
{
    const size_t n = read_u8(r);
    const uint8_t *const p = n < RECORD_TEXT ? read_bytes(r, n) : NULL;
    r->bad |= !p;
    memset(out, 0, RECORD_TEXT);
    if (p && n)
        memcpy(out, p, n);
}

size_t record_put_track(uint8_t out[RECORD_TRACK_MAX], const struct record_track *t)
{
    struct writer w = writer_of(out, RECORD_TRACK_MAX);
    put_text(&w, t->codec);
    put_text(&w, t->source);
    put_text(&w, t->site);
    put_text(&w, t->rid);
    write_u8(&w, t->site_no);
    write_u8(&w, t->layer);
    write_u8(&w, t->pt);
    write_u8(&w, t->channels);
    write_u32(&w, t->clock_rate);
    write_u32(&w, t->ssrc);
    write_u16(&w, t->width);
    write_u16(&w, t->height);
    write_u8(&w, t->abs_capture_id);
    write_u8(&w, t->level_id);
    assert(!w.bad);
    return w.len;
}

bool record_get_track(struct record_track *t, const struct record *r)
{
    struct reader in = reader_of(r->payload, r->len);
    get_text(&in, t->codec);
    get_text(&in, t->source);
    get_text(&in, t->site);
    get_text(&in, t->rid);
    t->site_no = read_u8(&in);
    t->layer = read_u8(&in);
    t->pt = read_u8(&in);
    t->channels = read_u8(&in);
    t->clock_rate = read_u32(&in);
    t->ssrc = read_u32(&in);
    t->width = read_u16(&in);
    t->height = read_u16(&in);
    t->abs_capture_id = read_u8(&in);
    t->level_id = read_u8(&in);
    return r->type == RECORD_TRACK && r->track != 0 && !in.bad;
}

void record_put_rtp(uint8_t out[RECORD_RTP_HEAD], const struct record_rtp *p)
{
    put_be32(out, p->ext_seq);
    out[4] = p->level_db;
    out[5] = p->flags;
    put_be16(out + 6, (uint16_t)p->head_len);
}

bool record_get_rtp(struct record_rtp *p, const struct record *r)
{
    struct reader in = reader_of(r->payload, r->len);
    p->ext_seq = read_u32(&in);
    p->level_db = read_u8(&in);
    p->flags = read_u8(&in);
    p->head_len = read_u16(&in);
    p->head = read_bytes(&in, p->head_len);
    p->body = in.p;
    p->body_len = in.left;
    return r->type == RECORD_RTP && !in.bad && p->head_len >= 12;
}

void record_put_sr(uint8_t out[RECORD_SR_LEN], const struct record_sr *s)
{
    put_be64(out, s->ntp);
    put_be32(out + 8, s->ts);
}

bool record_get_sr(struct record_sr *s, const struct record *r)
{
    struct reader in = reader_of(r->payload, r->len);
    s->ntp = read_u64(&in);
    s->ts = read_u32(&in);
    return r->type == RECORD_SR && !in.bad;
}

void record_put_gap(uint8_t out[RECORD_GAP_LEN], const struct record_gap *g)
{
    out[0] = g->reason;
    put_be32(out + 1, g->lost);
    put_be64(out + 5, (uint64_t)g->from);
}

bool record_get_gap(struct record_gap *g, const struct record *r)
{
    struct reader in = reader_of(r->payload, r->len);
    g->reason = read_u8(&in);
    g->lost = read_u32(&in);
    g->from = (int64_t)read_u64(&in);
    return r->type == RECORD_GAP && !in.bad && g->from >= 0;
}
