/* webm.c - EBML elements, clusters, cues. Written here rather than by a multiplexer, because DASH
 * needs cues for sound as well and the exact places of head and cues, and because a lesson has
 * most of a million frames: 0.2 µs each instead of 7. */
#include "relay/library/package/webm.h"

#include "engine/base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ID_EBML 0x1A45DFA3u
#define ID_SEGMENT 0x18538067u
#define ID_SEEK_HEAD 0x114D9B74u
#define ID_SEEK 0x4DBBu
#define ID_SEEK_ID 0x53ABu
#define ID_SEEK_POSITION 0x53ACu
#define ID_INFO 0x1549A966u
#define ID_TIMESTAMP_SCALE 0x2AD7B1u
#define ID_DURATION 0x4489u
#define ID_MUXING_APP 0x4D80u
#define ID_WRITING_APP 0x5741u
#define ID_TRACKS 0x1654AE6Bu
#define ID_TRACK_ENTRY 0xAEu
#define ID_TRACK_NUMBER 0xD7u
#define ID_TRACK_UID 0x73C5u
#define ID_TRACK_TYPE 0x83u
#define ID_FLAG_LACING 0x9Cu
#define ID_LANGUAGE 0x22B59Cu
#define ID_CODEC_ID 0x86u
#define ID_CODEC_PRIVATE 0x63A2u
#define ID_SEEK_PRE_ROLL 0x56BBu
#define ID_VIDEO 0xE0u
#define ID_PIXEL_WIDTH 0xB0u
#define ID_PIXEL_HEIGHT 0xBAu
#define ID_AUDIO 0xE1u
#define ID_SAMPLING_FREQUENCY 0xB5u
#define ID_CHANNELS 0x9Fu
#define ID_CLUSTER 0x1F43B675u
#define ID_TIMESTAMP 0xE7u
#define ID_SIMPLE_BLOCK 0xA3u
#define ID_BLOCK_GROUP 0xA0u
#define ID_BLOCK 0xA1u
#define ID_BLOCK_DURATION 0x9Bu
#define ID_REFERENCE_BLOCK 0xFBu
#define ID_CUES 0x1C53BB6Bu
#define ID_CUE_POINT 0xBBu
#define ID_CUE_TIME 0xB3u
#define ID_CUE_TRACK_POSITIONS 0xB7u
#define ID_CUE_TRACK 0xF7u
#define ID_CUE_CLUSTER_POSITION 0xF1u

#define CLUSTER_MS                                                                                 \
    1000 /* from here on the next key frame begins a cluster; every frame of sound is one */
#define CLUSTER_LONGEST_MS                                                                         \
    30000 /* a block's time is 16 bits of milliseconds from its cluster's                          \
           */
#define CLUSTER_BYTES (8u << 20)
#define SOUND_CUE_MS 10000 /* a player fetches sound in pieces of this length */
#define PICTURE_CUE_MS 2000
#define STAYS_MS 250 /* a picture that stays longer says so */
#define FILE_BUFFER (1u << 20)
#define HEAD_MAX 512

/* 20 ms of nothing: CELT, full band, a frame without energy. */
static const uint8_t silence[] = {0xf8, 0xff, 0xfe};
#define SILENCE_US 20000

struct cue {
    uint64_t ms;
    uint64_t cluster; /* in the segment */
};

struct mux {
    int fd;
    uint64_t written; /* bytes that left `out` */
    uint8_t *out;     /* FILE_BUFFER */
    size_t out_len;
    uint8_t *cluster; /* in the making */
    size_t cluster_len;
    size_t cluster_cap;
    int64_t cluster_ms; /* -1: none */
    bool cluster_cued;
    struct cue *cue;
    size_t cues;
    size_t cues_cap;
    uint64_t segment; /* place of the segment's first byte of content */
    bool failed;      /* E_IO; errno in saved */
    bool no_memory;
    int saved;
};

/* ---- EBML */

static void put_id(struct writer *w, uint32_t id)
{
    uint8_t b[4];
    put_be32(b, id);
    const size_t n = id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1;
    write_bytes(w, b + 4 - n, n);
}

/* A size in eight bytes: it can be written before it is known. */
static void put_size8(struct writer *w, uint64_t size)
{
    write_u64(w, size | (uint64_t)1 << 56);
}

static void put_size(struct writer *w, uint64_t size)
{
    if (size < 0x7f) {
        write_u8(w, (uint8_t)(0x80 | size));
    } else if (size < 0x3fff) {
        write_u16(w, (uint16_t)(0x4000 | size));
    } else if (size < 0x0fffffff) {
        write_u32(w, (uint32_t)(0x10000000 | size));
    } else {
        put_size8(w, size);
    }
}

static void put_uint(struct writer *w, uint32_t id, uint64_t v)
{
    uint8_t b[8];
    put_be64(b, v);
    size_t n = 1;
    while (n < 8 && v >> (8 * n))
        n++;
    put_id(w, id);
    put_size(w, n);
    write_bytes(w, b + 8 - n, n);
}

static void put_fixed(struct writer *w, uint32_t id, uint64_t v)
{
    put_id(w, id);
    put_size(w, 8);
    write_u64(w, v);
}

static void put_float(struct writer *w, uint32_t id, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    put_fixed(w, id, bits);
}

static void put_text(struct writer *w, uint32_t id, const char *s)
{
    put_id(w, id);
    put_size(w, strlen(s));
    write_bytes(w, s, strlen(s));
}

/* An element made of others: begin, write them, end. */
static size_t begin(struct writer *w, uint32_t id)
{
    put_id(w, id);
    put_size8(w, 0);
    return w->len;
}

static void end(struct writer *w, size_t from)
{
    if (!w->bad)
        put_be64(w->p + from - 8, (uint64_t)(w->len - from) | (uint64_t)1 << 56);
}

/* ---- the file */

static void fail(struct mux *m)
{
    if (!m->failed)
        m->saved = errno;
    m->failed = true;
}

static void write_out(struct mux *m, const uint8_t *p, size_t len)
{
    while (len > 0 && !m->failed) {
        const ssize_t n = write(m->fd, p, len);
        if (n < 0 && errno != EINTR)
            fail(m);
        if (n <= 0)
            continue;
        p += n;
        len -= (size_t)n;
        m->written += (uint64_t)n;
    }
}

static void flush(struct mux *m)
{
    write_out(m, m->out, m->out_len);
    m->out_len = 0;
}

static void emit(struct mux *m, const void *p, size_t len)
{
    if (m->out_len + len > FILE_BUFFER)
        flush(m);
    if (len > FILE_BUFFER) {
        write_out(m, p, len);
        return;
    }
    memcpy(m->out + m->out_len, p, len);
    m->out_len += len;
}

static uint64_t place(const struct mux *m)
{
    return m->written + m->out_len;
}

/* ---- the head, written twice: at the end its numbers are known */

struct head {
    double duration_ms;
    uint64_t segment_size;
    uint64_t info, tracks, cues; /* places in the segment */
    enum tape_codec codec;
    unsigned channels;
    uint16_t width, height;
};

static void put_ebml(struct writer *w)
{
    put_id(w, ID_EBML);
    const size_t from = w->len + 1;
    put_size(w, 31);
    put_uint(w, 0x4286, 1); /* version */
    put_uint(w, 0x42F7, 1); /* read version */
    put_uint(w, 0x42F2, 4); /* longest id */
    put_uint(w, 0x42F3, 8); /* longest size */
    put_text(w, 0x4282, "webm");
    put_uint(w, 0x4287, 4); /* Matroska version: SimpleBlock is 2, SeekPreRoll 4 */
    put_uint(w, 0x4285, 2);
    assert(w->len - from == 31);
}

static void put_seek(struct writer *w, uint32_t id, uint64_t at)
{
    const size_t seek = begin(w, ID_SEEK);
    put_id(w, ID_SEEK_ID);
    put_size(w, 4);
    write_u32(w, id);
    put_fixed(w, ID_SEEK_POSITION, at);
    end(w, seek);
}

static void put_video(struct writer *w, const struct head *h)
{
    put_uint(w, ID_TRACK_TYPE, 1);
    put_text(w, ID_CODEC_ID, h->codec == TAPE_VP8 ? "V_VP8" : "V_VP9");
    const size_t video = begin(w, ID_VIDEO);
    put_fixed(w, ID_PIXEL_WIDTH, h->width);
    put_fixed(w, ID_PIXEL_HEIGHT, h->height);
    end(w, video);
}

static void put_audio(struct writer *w, const struct head *h)
{
    /* RFC 7845, 5.1, little-endian: version 1, channels, pre-skip 0, 48 kHz, gain 0, mapping 0 */
    const uint8_t opus_head[19] = {
        'O', 'p', 'u',  's',  'H', 'e', 'a', 'd', 1, (uint8_t)h->channels,
        0,   0,   0x80, 0xbb, 0,   0,   0,   0,   0};
    put_uint(w, ID_TRACK_TYPE, 2);
    put_text(w, ID_CODEC_ID, "A_OPUS");
    put_id(w, ID_CODEC_PRIVATE);
    put_size(w, sizeof opus_head);
    write_bytes(w, opus_head, sizeof opus_head);
    put_uint(w, ID_SEEK_PRE_ROLL, 80000000);
    const size_t audio = begin(w, ID_AUDIO);
    put_float(w, ID_SAMPLING_FREQUENCY, 48000.0);
    put_uint(w, ID_CHANNELS, h->channels);
    end(w, audio);
}

static void put_tracks(struct writer *w, const struct head *h)
{
    const size_t tracks = begin(w, ID_TRACKS);
    const size_t entry = begin(w, ID_TRACK_ENTRY);
    put_uint(w, ID_TRACK_NUMBER, 1);
    put_uint(w, ID_TRACK_UID, 1);
    put_uint(w, ID_FLAG_LACING, 0);
    put_text(w, ID_LANGUAGE, "und");
    if (h->codec == TAPE_OPUS)
        put_audio(w, h);
    else
        put_video(w, h);
    end(w, entry);
    end(w, tracks);
}

/* Always of the same length for the same codec. Fills the places of info and tracks. */
static size_t put_head(uint8_t out[HEAD_MAX], struct head *h, uint64_t *segment)
{
    struct writer w = writer_of(out, HEAD_MAX);
    put_ebml(&w);
    put_id(&w, ID_SEGMENT);
    put_size8(&w, h->segment_size);
    *segment = w.len;
    const size_t seek = begin(&w, ID_SEEK_HEAD);
    put_seek(&w, ID_INFO, h->info);
    put_seek(&w, ID_TRACKS, h->tracks);
    put_seek(&w, ID_CUES, h->cues);
    end(&w, seek);
    h->info = w.len - *segment;
    const size_t info = begin(&w, ID_INFO);
    put_uint(&w, ID_TIMESTAMP_SCALE, 1000000);
    put_float(&w, ID_DURATION, h->duration_ms);
    put_text(&w, ID_MUXING_APP, "liangshi");
    put_text(&w, ID_WRITING_APP, "liangshi-package");
    end(&w, info);
    h->tracks = w.len - *segment;
    put_tracks(&w, h);
    assert(!w.bad);
    return w.len;
}

/* ---- clusters and cues */

static void add_cue(struct mux *m, uint64_t ms, uint64_t cluster)
{
    if (m->cues == m->cues_cap) {
        const size_t cap = m->cues_cap ? m->cues_cap * 2 : 256;
        struct cue *const p = realloc(m->cue, cap * sizeof *p);
        if (!p) {
            m->no_memory = true;
            return;
        }
        m->cue = p;
        m->cues_cap = cap;
    }
    m->cue[m->cues++] = (struct cue){ms, cluster};
}

static void end_cluster(struct mux *m)
{
    if (m->cluster_ms < 0)
        return;
    uint8_t head[12 + 10];
    struct writer w = writer_of(head, sizeof head);
    put_id(&w, ID_CLUSTER);
    put_size8(&w, m->cluster_len + 10);
    put_fixed(&w, ID_TIMESTAMP, (uint64_t)m->cluster_ms);
    if (m->cluster_cued)
        add_cue(m, (uint64_t)m->cluster_ms, place(m) - m->segment);
    emit(m, head, w.len);
    emit(m, m->cluster, m->cluster_len);
    m->cluster_ms = -1;
    m->cluster_len = 0;
}

/* Room for len more bytes in the cluster, or NULL. */
static uint8_t *cluster_space(struct mux *m, size_t len)
{
    if (m->cluster_len + len > m->cluster_cap) {
        const size_t cap = (m->cluster_len + len) * 2;
        uint8_t *const p = realloc(m->cluster, cap);
        if (!p) {
            m->no_memory = true;
            return NULL;
        }
        m->cluster = p;
        m->cluster_cap = cap;
    }
    uint8_t *const at = m->cluster + m->cluster_len;
    m->cluster_len += len;
    return at;
}

/* One block to be: bytes follow by the caller. */
struct block {
    int64_t ms;
    bool key;
    size_t bytes;
    int64_t stays_ms; /* 0: until the next, not said */
};

/* A cluster begins with a key frame: Firefox takes each for a segment of its own and drops what it
 * cannot decode by itself. Only a sender that makes no key frame for long breaks the rule. */
static void open_cluster(struct mux *m, const struct block *b, int64_t cue_ms)
{
    const int64_t last = m->cues ? (int64_t)m->cue[m->cues - 1].ms : -cue_ms;
    const int64_t open_cue = m->cluster_ms >= 0 && m->cluster_cued ? m->cluster_ms : last;
    const bool cue = b->key && b->ms - open_cue >= cue_ms;
    const int64_t long_ms = b->key ? CLUSTER_MS : CLUSTER_LONGEST_MS;
    const bool full = m->cluster_ms < 0 || b->ms - m->cluster_ms >= long_ms ||
                      m->cluster_len + b->bytes > CLUSTER_BYTES;
    if (!cue && !full)
        return;
    end_cluster(m);
    m->cluster_ms = b->ms;
    m->cluster_cued = cue;
}

/* Writes the block's head and returns where its bytes go; NULL: no memory. */
static uint8_t *put_block(struct mux *m, const struct block *b, int64_t cue_ms)
{
    open_cluster(m, b, cue_ms);
    uint8_t head[64];
    struct writer w = writer_of(head, sizeof head);
    const bool group = b->stays_ms > 0;
    uint8_t tail[16];
    struct writer t = writer_of(tail, sizeof tail);
    if (group) { /* the block is last in its group: what else there is comes before */
        put_uint(&t, ID_BLOCK_DURATION, (uint64_t)b->stays_ms);
        if (!b->key)
            put_uint(&t, ID_REFERENCE_BLOCK, 0xd8); /* -40 ms: some frame before, not said which */
    }
    uint8_t size[8];
    struct writer s = writer_of(size, sizeof size);
    put_size(&s, b->bytes + 4);
    if (group) {
        put_id(&w, ID_BLOCK_GROUP);
        put_size(&w, t.len + 1 + s.len + 4 + b->bytes);
        write_bytes(&w, tail, t.len);
    }
    put_id(&w, group ? ID_BLOCK : ID_SIMPLE_BLOCK);
    write_bytes(&w, size, s.len);
    write_u8(&w, 0x81); /* track 1 */
    write_u16(&w, (uint16_t)(b->ms - m->cluster_ms));
    write_u8(&w, !group && b->key ? 0x80 : 0);
    uint8_t *const p = cluster_space(m, w.len + b->bytes);
    if (!p)
        return NULL;
    memcpy(p, head, w.len);
    return p + w.len;
}

static void put_cues(struct mux *m)
{
    uint8_t b[64];
    uint64_t size = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            struct writer w = writer_of(b, sizeof b);
            put_id(&w, ID_CUES);
            put_size8(&w, size);
            emit(m, b, w.len);
        }
        for (size_t i = 0; i < m->cues; i++) {
            struct writer w = writer_of(b, sizeof b);
            const size_t point = begin(&w, ID_CUE_POINT);
            put_fixed(&w, ID_CUE_TIME, m->cue[i].ms);
            const size_t where = begin(&w, ID_CUE_TRACK_POSITIONS);
            put_uint(&w, ID_CUE_TRACK, 1);
            put_fixed(&w, ID_CUE_CLUSTER_POSITION, m->cue[i].cluster);
            end(&w, where);
            end(&w, point);
            if (pass == 0)
                size += w.len;
            else
                emit(m, b, w.len);
        }
    }
}

/* ---- frames */

static void put_silence(struct mux *m, int64_t from, int64_t to, struct webm_file *w)
{
    for (; to - from >= SILENCE_US; from += SILENCE_US) {
        const struct block b = {.ms = (from + 500) / 1000, .key = true, .bytes = sizeof silence};
        uint8_t *const p = put_block(m, &b, SOUND_CUE_MS);
        if (!p)
            return;
        memcpy(p, silence, sizeof silence);
        w->end = from + SILENCE_US;
    }
}

static void put_frame(struct mux *m, const struct frames *f, const struct frame *one, int64_t stays)
{
    const bool sound = f->codec == TAPE_OPUS;
    const struct block b = {
        .ms = (one->at + 500) / 1000, .key = one->key, .bytes = one->bytes, .stays_ms = stays};
    uint8_t *p = put_block(m, &b, sound ? SOUND_CUE_MS : PICTURE_CUE_MS);
    if (!p)
        return;
    for (uint32_t i = 0; i < one->packets; i++) {
        size_t len = 0;
        const uint8_t *const piece = frames_piece(f->codec, &one->packet[i], &len);
        memcpy(p, piece, len);
        p += len;
    }
    uint8_t tail[FRAMES_TAIL_MAX];
    const size_t len = frames_tail(f->codec, one, tail);
    memcpy(p, tail, len);
}

static void put_sound(struct mux *m, const struct frames *f, int64_t until, struct webm_file *w)
{
    int64_t done = 0;
    for (size_t i = 0; i < f->n; i++) {
        const struct frame *const one = &f->frame[i];
        put_silence(m, done, one->at, w);
        put_frame(m, f, one, 0);
        done = one->at + one->us;
        w->end = done;
    }
    put_silence(m, done, until, w);
}

static void put_pictures(struct mux *m, const struct frames *f, int64_t until, struct webm_file *w)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct frame *const one = &f->frame[i];
        const int64_t next =
            i + 1 < f->n ? f->frame[i + 1].at : usec_max(until, one->at + WEBM_LAST_US);
        const int64_t ms = (next + 500) / 1000 - (one->at + 500) / 1000;
        uint16_t width = 0;
        uint16_t height = 0;
        put_frame(m, f, one, ms > STAYS_MS || i + 1 == f->n ? ms : 0);
        w->end = next;
        if (one->key && frames_size(f->codec, one->packet, &width, &height) && width > w->width) {
            w->width = width;
            w->height = height;
        }
    }
}

static void write_body(struct mux *m, const struct frames *f, int64_t until, struct webm_file *w)
{
    if (f->codec == TAPE_OPUS)
        put_sound(m, f, until, w);
    else
        put_pictures(m, f, until, w);
    end_cluster(m);
    w->frames = f->n;
    for (size_t i = 0; i < f->n; i++)
        w->payload += f->frame[i].bytes;
    w->start = f->n > 0 ? f->frame[0].at : 0;
}

static void write_file(struct mux *m, const struct frames *f, struct head *h, int64_t until,
                       struct webm_file *w)
{
    uint8_t bytes[HEAD_MAX];
    const size_t len = put_head(bytes, h, &m->segment);
    emit(m, bytes, len);
    write_body(m, f, until, w);
    w->head = (struct webm_range){0, len - 1};
    if (m->cues > 0) {
        const uint64_t cues = place(m);
        put_cues(m);
        w->index = (struct webm_range){cues, place(m) - 1};
        h->cues = cues - m->segment;
    }
    flush(m);
    w->bytes = m->written;
    h->segment_size = m->written - m->segment;
    h->duration_ms = (double)w->end / 1000;
    h->width = w->width;
    h->height = w->height;
    (void)put_head(bytes, h, &m->segment); /* now with all numbers */
    if (!m->failed && pwrite(m->fd, bytes, len, 0) != (ssize_t)len)
        fail(m);
}

enum err webm_write(struct webm_file *w, const char *path, const struct frames *f,
                    unsigned channels, int64_t end_at)
{
    *w = (struct webm_file){0};
    struct mux m = {.cluster_ms = -1};
    struct head h = {.codec = f->codec, .channels = channels ? channels : 1};
    m.out = malloc(FILE_BUFFER);
    m.fd = m.out ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640) : -1;
    if (m.fd >= 0)
        write_file(&m, f, &h, end_at, w);
    else
        fail(&m);
    if (m.fd >= 0 && close(m.fd) != 0)
        fail(&m);
    const bool no_memory = m.no_memory || !m.out;
    free(m.out);
    free(m.cluster);
    free(m.cue);
    errno = m.saved;
    return no_memory ? E_NOMEM : m.failed ? E_IO : OK;
}
