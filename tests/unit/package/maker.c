/* maker.c - four seconds of each source are coded once and then repeated. */
#include "tests/unit/package/maker.h"

#include "codecs/opus_enc.h"
#include "codecs/vp8_enc.h"
#include "codecs/vp8_payload.h"
#include "engine/base/bytes.h"
#include "engine/journal/journal.h"
#include "engine/wire/rtcp.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOP_S 4u
#define LIMIT 1180u
#define SITES 8u
#define SLIDES 3u         /* shown in turn, */
#define SLIDE_STAYS_S 60u /* each so long */
#define WALL 1700000000000000

/* ---- four seconds of something */

struct clip_frame {
    uint8_t *data;
    size_t len;
    struct vp8_desc desc;
    bool key;
};

struct clip {
    struct clip_frame *frame; /* LOOP_S seconds */
    unsigned n;
};

static void clip_fini(struct clip *c)
{
    for (unsigned i = 0; i < c->n; i++)
        free(c->frame[i].data);
    free(c->frame);
    *c = (struct clip){0};
}

static bool clip_add(struct clip *c, const void *data, size_t len, const struct vp8_desc *desc,
                     bool key)
{
    struct clip_frame *const p = realloc(c->frame, (c->n + 1) * sizeof *p);
    if (!p)
        return false;
    c->frame = p;
    struct clip_frame *const f = &p[c->n];
    *f = (struct clip_frame){.data = malloc(len), .len = len, .key = key};
    if (!f->data)
        return false;
    c->n++;
    memcpy(f->data, data, len);
    if (desc)
        f->desc = *desc;
    return true;
}

static void draw(uint8_t *y, int w, int h, unsigned t, bool slides)
{
    for (int row = 0; row < h; row++)
        for (int col = 0; col < w; col++) {
            const int wave = (col + (int)t * 7) % 64 + (row / 2) % 64;
            const int text = (col / 16 + row / 24) % ((int)t + 2) ? 235 : 30;
            y[(size_t)row * (size_t)w + (size_t)col] = (uint8_t)(slides ? text : 40 + wave);
        }
}

/* `slide`: which one, when the content is slides. */
static bool clip_pictures(struct clip *clip, const struct vp8enc_conf *conf, unsigned slide)
{
    const unsigned layers = conf->layers;
    const struct vp8enc_size top = conf->size[layers - 1];
    const size_t luma = (size_t)top.width * top.height;
    uint8_t *const mem = malloc(luma * 3 / 2);
    struct vp8enc *e = NULL;
    bool good = mem && vp8enc_new(&e, conf) == OK;
    if (mem)
        memset(mem + luma, 128, luma / 2);
    const int w = top.width;
    for (unsigned i = 0; good && i < LOOP_S * conf->fps; i++) {
        const bool slides = conf->content == VP8ENC_SLIDES;
        draw(mem, w, top.height, slides ? slide : i, slides);
        const struct i420 pic = {.plane = {mem, mem + luma, mem + luma + luma / 4},
                                 .stride = {w, w / 2, w / 2},
                                 .width = w,
                                 .height = top.height};
        struct vp8enc_out out;
        good = vp8enc_encode(e, &pic, (usec)i * USEC_SEC / conf->fps, &out) == OK;
        for (unsigned k = 0; good && k < out.n; k++)
            good = clip_add(&clip[out.frame[k].layer], out.frame[k].data, out.frame[k].len,
                            &out.frame[k].desc, out.frame[k].key);
    }
    vp8enc_free(&e);
    free(mem);
    return good;
}

static bool clip_sound(struct clip *c)
{
    struct opusenc *e = NULL;
    const struct opusenc_conf conf = {.channels = 1, .bps = 32000};
    bool good = opusenc_new(&e, &conf) == OK;
    for (unsigned i = 0; good && i < LOOP_S * 50; i++) {
        int16_t pcm[960];
        uint8_t out[OPUSENC_PACKET_MAX];
        size_t len = 0;
        for (unsigned s = 0; s < 960; s++)
            pcm[s] = (int16_t)lrint(8000 * sin((double)(i * 960 + s) * 0.05));
        good = opusenc_encode(e, pcm, 960, out, sizeof out, &len) == OK && len > 0 &&
               len < MAKER_BEEP && clip_add(c, out, len, NULL, true);
    }
    opusenc_free(&e);
    return good;
}

/* ---- a stream that repeats a clip */

struct stream {
    const struct clip *clip;
    struct record_track info;
    uint32_t number;
    uint32_t seq;
    unsigned loop; /* times that a clip was gone through */
    unsigned next; /* frame of it */
    int ppm;       /* of its RTP clock */
    int wall_ppm;
    bool reports;
    uint32_t ts0;
    uint16_t pid;
    uint8_t tl0;
    usec next_report;
};

/* When the next frame is taken. A clip's first one, a key frame, is at a whole LOOP_S. */
static usec due(const struct stream *s)
{
    const usec loop = LOOP_S * USEC_SEC;
    return (usec)s->loop * loop + (usec)s->next * loop / s->clip->n;
}

struct maker {
    const struct maker_conf *conf;
    struct journal *j;
    uint32_t rng;
    struct clip camera[3], small[1], slides[SLIDES], voice[1];
    struct stream stream[SITES * 4];
    unsigned streams;
    usec last_at; /* records are in the order of their arrival */
};

static uint32_t dice(struct maker *m)
{
    return (m->rng = m->rng * 1664525u + 1013904223u) >> 8;
}

/* RTP time of lesson time t, by the stream's own clock. */
static uint32_t rtp_time(const struct stream *s, usec t)
{
    const double own = (double)t * (1.0 + s->ppm * 1e-6);
    return s->ts0 + (uint32_t)(uint64_t)llround(own * s->info.clock_rate / 1e6);
}

static enum err put_packet(struct maker *m, struct stream *s, usec at, const struct record_rtp *p)
{
    const bool lose = m->conf->lose_one_in && s->info.site_no == 0 && s->info.codec[0] == 'V' &&
                      dice(m) % m->conf->lose_one_in == 0;
    return lose ? OK : journal_rtp(m->j, at, s->number, p);
}

static void put_header(uint8_t head[12], const struct stream *s, uint32_t ts, bool marker)
{
    head[0] = 0x80;
    head[1] = (uint8_t)((marker ? 0x80 : 0) | s->info.pt);
    put_be16(head + 2, (uint16_t)s->seq);
    put_be32(head + 4, ts);
    put_be32(head + 8, s->info.ssrc);
}

static enum err send_picture(struct maker *m, struct stream *s, usec t, usec at)
{
    const struct clip_frame *const f = &s->clip->frame[s->next];
    struct vp8_desc d = f->desc;
    struct vp8cut cut;
    d.picture_id = s->pid++;
    if (d.tid == 0)
        s->tl0++;
    d.tl0picidx = s->tl0;
    enum err e = vp8cut_init(&cut, f->data, f->len, &d, LIMIT) ? OK : E_FORMAT;
    uint8_t body[LIMIT];
    uint8_t head[12];
    bool marker = false;
    for (size_t n; e == OK && (n = vp8cut_next(&cut, body, &marker)) > 0; s->seq++) {
        put_header(head, s, rtp_time(s, t), marker);
        const struct record_rtp p = {.ext_seq = s->seq,
                                     .level_db = 255,
                                     .head = head,
                                     .head_len = 12,
                                     .body = body,
                                     .body_len = n};
        e = put_packet(m, s, at, &p);
    }
    return e;
}

static enum err send_sound(struct maker *m, struct stream *s, usec t, usec at)
{
    const struct clip_frame *const f = &s->clip->frame[s->next];
    uint8_t body[MAKER_BEEP] = {0};
    uint8_t head[12];
    size_t len = f->len;
    memcpy(body, f->data, len);
    if (t % MAKER_FLASH == 0) { /* code 3 with padding (RFC 6716, 3.2.5) */
        memset(body, 0, sizeof body);
        body[0] = f->data[0] | 3;
        body[1] = 0x40 | 1;
        body[2] = (uint8_t)(MAKER_BEEP - 3 - (f->len - 1));
        memcpy(body + 3, f->data + 1, f->len - 1);
        len = MAKER_BEEP;
    }
    put_header(head, s, rtp_time(s, t), false);
    const struct record_rtp p = {.ext_seq = s->seq++,
                                 .level_db = (uint8_t)(30 + s->info.site_no),
                                 .head = head,
                                 .head_len = 12,
                                 .body = body,
                                 .body_len = len};
    return put_packet(m, s, at, &p);
}

static enum err send_report(struct maker *m, struct stream *s, usec t, usec at)
{
    s->next_report = t + USEC_SEC;
    const int64_t wall = WALL + 5000000 + t + (int64_t)((double)t * s->wall_ppm * 1e-6);
    const struct record_sr sr = {.ntp = ntp_of_unix_us(wall), .ts = rtp_time(s, t)};
    return journal_sr(m->j, at, s->number, &sr);
}

static void advance(const struct maker *m, struct stream *s)
{
    if (++s->next < s->clip->n)
        return;
    s->next = 0;
    s->loop++;
    if (s->info.source[0] == 's')
        s->clip = &m->slides[s->loop / (SLIDE_STAYS_S / LOOP_S) % SLIDES];
}

static enum err send_next(struct maker *m, struct stream *s)
{
    const usec t = due(s);
    usec at = t + MAKER_DELAY;
    if (m->conf->jitter_ms)
        at += (usec)(dice(m) % (m->conf->jitter_ms * 1000));
    at = usec_max(at, m->last_at);
    m->last_at = at;
    enum err e = s->info.codec[0] == 'V' ? send_picture(m, s, t, at) : send_sound(m, s, t, at);
    advance(m, s);
    if (e == OK && s->reports && t >= s->next_report)
        e = send_report(m, s, t, at);
    return e;
}

static bool add_stream(struct maker *m, const struct clip *clip, const struct record_track *info)
{
    struct stream *const s = &m->stream[m->streams];
    const bool sound = info->source[0] == 'v';
    const bool lead = info->site_no == 0;
    assert(m->streams < ARRAY_LEN(m->stream));
    *s = (struct stream){.clip = clip,
                         .info = *info,
                         .seq = dice(m) % 60000,
                         .ppm = !lead   ? 0
                                : sound ? m->conf->audio_ppm
                                        : m->conf->video_ppm,
                         .wall_ppm = lead ? m->conf->wall_ppm : 0,
                         .reports = m->conf->reports,
                         .ts0 = 0xffff0000u + dice(m) % 60000,
                         .pid = (uint16_t)dice(m),
                         .tl0 = (uint8_t)dice(m)};
    (void)snprintf(s->info.codec, RECORD_TEXT, "%s", sound ? "opus" : "VP8");
    s->info.clock_rate = sound ? 48000 : 90000;
    s->info.pt = sound ? 111 : 96;
    s->info.ssrc = 1000 + m->streams;
    m->streams++;
    return journal_track(m->j, 0, &s->info, &s->number) == OK;
}

static bool open_lead(struct maker *m)
{
    bool good = add_stream(m, m->voice, &(struct record_track){.source = "voice", .site = "S0"});
    for (unsigned i = 0; good && i < m->conf->camera_layers; i++)
        good = add_stream(
            m, &m->camera[i],
            &(struct record_track){.source = "camera", .site = "S0", .layer = (uint8_t)i});
    if (good && m->conf->slides)
        good = add_stream(m, m->slides, &(struct record_track){.source = "slides", .site = "S0"});
    return good;
}

static bool open_points(struct maker *m)
{
    bool good = true;
    for (unsigned i = 1; good && i <= m->conf->points; i++) {
        struct record_track t = {.source = "voice", .site_no = (uint8_t)i};
        (void)snprintf(t.site, sizeof t.site, "%c", 'A' + (int)i - 1);
        good = add_stream(m, m->voice, &t);
        (void)snprintf(t.source, sizeof t.source, "class");
        good = good && add_stream(m, m->small, &t);
    }
    return good;
}

static bool code_clips(struct maker *m)
{
    const bool big = m->conf->big;
    const unsigned layers = m->conf->camera_layers;
    struct vp8enc_conf camera = {.layers = layers ? layers : 1, .fps = 25, .temporal = 2};
    for (unsigned i = 0; i < camera.layers; i++)
        camera.size[i] = (struct vp8enc_size){.width = (uint16_t)((big ? 320 : 64) << i),
                                              .height = (uint16_t)((big ? 180 : 36) << i),
                                              .bps = 150000u << (i + (i > 1))};
    const struct vp8enc_conf slides = {
        .layers = 1,
        .fps = 5,
        .temporal = 1,
        .content = VP8ENC_SLIDES,
        .size = {{.width = big ? 1920 : 320, .height = big ? 1080 : 180, .bps = 300000}}};
    const struct vp8enc_conf small = {
        .layers = 1,
        .fps = 25,
        .temporal = 2,
        .size = {{.width = big ? 640 : 64, .height = big ? 360 : 36, .bps = 400000}}};
    bool good = clip_sound(m->voice) && (!layers || clip_pictures(m->camera, &camera, 0)) &&
                (!m->conf->points || clip_pictures(m->small, &small, 0));
    for (unsigned i = 0; good && m->conf->slides && i < SLIDES; i++)
        good = clip_pictures(&m->slides[i], &slides, i);
    return good;
}

/* The stream whose next frame is due first. */
static struct stream *first_due(struct maker *m)
{
    struct stream *best = &m->stream[0];
    for (unsigned i = 1; i < m->streams; i++) {
        struct stream *const s = &m->stream[i];
        if (due(s) < due(best))
            best = s;
    }
    return best;
}

static enum err event(struct maker *m, usec at, const char *json)
{
    return journal_event(m->j, at, json, strlen(json));
}

/* Once a minute the next point gets the floor for half a minute. */
static enum err tell(struct maker *m, usec t)
{
    char json[256];
    const unsigned second = (unsigned)(t / USEC_SEC);
    enum err e = OK;
    if (m->conf->points && second % 60 == 20) {
        (void)snprintf(json, sizeof json,
                       "{\"event\":\"floor\",\"floor\":\"%c\",\"previous\":null}",
                       (char)('A' + second / 60 % m->conf->points));
        e = event(m, m->last_at, json);
    } else if (m->conf->points && second % 60 == 50) {
        e = event(m, m->last_at, "{\"event\":\"floor\",\"floor\":null}");
    }
    if (e == OK && second % 300 == 10) {
        (void)snprintf(json, sizeof json,
                       "{\"event\":\"mark\",\"mark\":{\"id\":%u,\"clock_ms\":%u,\"kind\":"
                       "\"chapter\",\"text\":\"\xe7\xac\xac %u <b>\",\"private\":false}}",
                       second, second * 1000, second / 300 + 1);
        e = event(m, m->last_at, json);
    }
    return e;
}

static enum err play(struct maker *m)
{
    const usec until = (usec)m->conf->seconds * USEC_SEC;
    usec told = 0;
    enum err e =
        event(m, 0,
              "{\"event\":\"lesson\",\"lesson\":{\"id\":\"L7\",\"title\":\"A lesson\",\"mode\":"
              "\"lecture\",\"floor\":null}}");
    while (e == OK) {
        struct stream *const s = first_due(m);
        const usec t = due(s);
        if (t >= until)
            break;
        for (; e == OK && told <= t; told += USEC_SEC)
            e = tell(m, told);
        if (e == OK)
            e = send_next(m, s);
        if (e == OK && m->last_at >= journal_next(m->j))
            e = journal_tick(m->j, m->last_at);
    }
    return e == OK ? journal_end(m->j, until) : e;
}

bool maker_write(const struct maker_conf *c)
{
    struct maker m = {.conf = c, .rng = 1};
    const struct journal_conf conf = {.segment = c->segment, .wall_us = WALL};
    bool good = code_clips(&m);
    good = good && journal_open(&m.j, c->dir, &conf, 0) == OK;
    good = good && open_lead(&m) && open_points(&m) && play(&m) == OK;
    journal_free(&m.j);
    for (unsigned i = 0; i < 3; i++)
        clip_fini(&m.camera[i]);
    for (unsigned i = 0; i < SLIDES; i++)
        clip_fini(&m.slides[i]);
    clip_fini(m.small);
    clip_fini(m.voice);
    if (!good)
        (void)fprintf(stderr, "the journal in %s could not be made\n", c->dir);
    return good;
}
