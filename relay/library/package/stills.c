/* stills.c - decodes single key frames through GStreamer, compares them, and codes what is new. */
#include "relay/library/package/stills.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT (2 * GST_SECOND) /* for one picture; then it is passed over */
#define FAILURES_MAX 5        /* in a row */
#define LOOKS_MAX 300         /* key frames looked at in a lesson */
#define GRID_X 64
#define GRID_Y 36
#define CELL_DIFF 6 /* of the mean brightness of a cell */
#define CELLS_CHANGED 3
#define POSTER_AFTER (10 * USEC_SEC)

struct pipe {
    GstElement *all;
    GstElement *src;
    GstElement *sink;
};

/* A pipeline from appsrc "in" to appsink "out"; all NULL if it cannot be made. */
static bool pipe_open(struct pipe *p, const char *text)
{
    *p = (struct pipe){.all = gst_parse_launch(text, NULL)};
    if (!p->all)
        return false;
    p->src = gst_bin_get_by_name(GST_BIN(p->all), "in");
    p->sink = gst_bin_get_by_name(GST_BIN(p->all), "out");
    return p->src && p->sink &&
           gst_element_set_state(p->all, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

static void pipe_close(struct pipe *p)
{
    if (p->all)
        (void)gst_element_set_state(p->all, GST_STATE_NULL);
    gst_clear_object(&p->src);
    gst_clear_object(&p->sink);
    gst_clear_object(&p->all);
}

static const char *decoder(enum tape_codec codec)
{
    return codec == TAPE_VP8 ? "vp8dec" : "vp9dec";
}

bool stills_possible(enum tape_codec codec, const char **missing)
{
    const char *const wanted[] = {decoder(codec), "videoconvert", "webpenc", "jpegenc"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        GstElementFactory *const f = gst_element_factory_find(wanted[i]);
        *missing = wanted[i];
        if (!f)
            return false;
        gst_object_unref(f);
    }
    return true;
}

static bool open_decoder(struct pipe *p, enum tape_codec codec)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "appsrc name=in format=time caps=video/x-vp%d ! %s ! videoconvert ! "
                   "video/x-raw,format=I420 ! appsink name=out sync=false max-buffers=2",
                   codec == TAPE_VP8 ? 8 : 9, decoder(codec));
    return pipe_open(p, text);
}

static GstBuffer *buffer_of(const struct frames *f, const struct frame *one)
{
    GstBuffer *const b = gst_buffer_new_allocate(NULL, one->bytes, NULL);
    if (!b)
        return NULL;
    gsize off = 0;
    for (uint32_t i = 0; i < one->packets; i++) {
        size_t len = 0;
        const uint8_t *const piece = frames_piece(f->codec, &one->packet[i], &len);
        off += gst_buffer_fill(b, off, piece, len);
    }
    GST_BUFFER_PTS(b) = (GstClockTime)one->at * 1000;
    return b;
}

/* NULL: it could not be decoded. */
static GstSample *decode(const struct pipe *p, const struct frames *f, const struct frame *one)
{
    GstBuffer *const b = buffer_of(f, one);
    if (!b || gst_app_src_push_buffer(GST_APP_SRC(p->src), b) != GST_FLOW_OK)
        return NULL;
    return gst_app_sink_try_pull_sample(GST_APP_SINK(p->sink), WAIT);
}

static bool write_file(const char *path, GstBuffer *b)
{
    GstMapInfo map;
    if (!gst_buffer_map(b, &map, GST_MAP_READ))
        return false;
    FILE *const f = fopen(path, "wb");
    const bool whole = f && fwrite(map.data, 1, map.size, f) == map.size;
    const bool closed = f && fclose(f) == 0;
    gst_buffer_unmap(b, &map);
    return whole && closed;
}

static bool encode(GstSample *picture, const char *encoder, const char *path)
{
    char text[256];
    struct pipe p;
    (void)snprintf(text, sizeof text,
                   "appsrc name=in format=time ! %s ! appsink name=out sync=false", encoder);
    bool good = pipe_open(&p, text);
    if (good) {
        good = gst_app_src_push_sample(GST_APP_SRC(p.src), picture) == GST_FLOW_OK;
        (void)gst_app_src_end_of_stream(GST_APP_SRC(p.src));
    }
    GstSample *const coded =
        good ? gst_app_sink_try_pull_sample(GST_APP_SINK(p.sink), 5 * WAIT) : NULL;
    good = coded && write_file(path, gst_sample_get_buffer(coded));
    if (coded)
        gst_sample_unref(coded);
    pipe_close(&p);
    return good;
}

/* ---- what is on a picture, roughly */

struct looks {
    uint8_t cell[GRID_Y][GRID_X];
    uint16_t width, height;
};

static uint8_t cell_mean(const GstVideoFrame *v, int x, int y)
{
    const int w = GST_VIDEO_FRAME_WIDTH(v);
    const int h = GST_VIDEO_FRAME_HEIGHT(v);
    const uint8_t *const luma = GST_VIDEO_FRAME_PLANE_DATA(v, 0);
    const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(v, 0);
    unsigned sum = 0;
    unsigned n = 0;
    for (int row = h * y / GRID_Y; row < h * (y + 1) / GRID_Y; row += 2)
        for (int col = w * x / GRID_X; col < w * (x + 1) / GRID_X; col += 2, n++)
            sum += luma[(ptrdiff_t)row * stride + col];
    return (uint8_t)(n ? sum / n : 0);
}

static bool look(struct looks *l, GstSample *s)
{
    GstVideoInfo info;
    GstVideoFrame v;
    if (!gst_video_info_from_caps(&info, gst_sample_get_caps(s)) ||
        !gst_video_frame_map(&v, &info, gst_sample_get_buffer(s), GST_MAP_READ))
        return false;
    l->width = (uint16_t)GST_VIDEO_FRAME_WIDTH(&v);
    l->height = (uint16_t)GST_VIDEO_FRAME_HEIGHT(&v);
    for (int y = 0; y < GRID_Y; y++)
        for (int x = 0; x < GRID_X; x++)
            l->cell[y][x] = cell_mean(&v, x, y);
    gst_video_frame_unmap(&v);
    return true;
}

static bool changed(const struct looks *a, const struct looks *b)
{
    unsigned cells = 0;
    if (a->width != b->width || a->height != b->height)
        return true;
    for (int y = 0; y < GRID_Y; y++)
        for (int x = 0; x < GRID_X; x++)
            cells += abs(a->cell[y][x] - b->cell[y][x]) >= CELL_DIFF;
    return cells >= CELLS_CHANGED;
}

/* ---- */

static enum err keep(struct stills *s, const char *dir, GstSample *picture, const struct looks *l,
                     int64_t at)
{
    if (s->n == s->cap) {
        const size_t cap = s->cap ? s->cap * 2 : 32;
        struct still *const p = realloc(s->still, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        s->still = p;
        s->cap = cap;
    }
    struct still *const one = &s->still[s->n];
    *one = (struct still){.at = at, .width = l->width, .height = l->height};
    (void)snprintf(one->name, sizeof one->name, "slide-%04u.webp", (unsigned)(s->n + 1) % 10000);
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", dir, one->name) >= (int)sizeof path ||
        !encode(picture, "webpenc quality=80 speed=1", path))
        return E_IO;
    s->n++;
    return OK;
}

static enum err walk(struct stills *s, const char *dir, const struct frames *f,
                     const struct pipe *p)
{
    const int64_t span = f->n ? f->frame[f->n - 1].at - f->frame[0].at : 0;
    struct looks last = {0};
    int64_t next = 0;
    unsigned failures = 0;
    enum err e = OK;
    for (size_t i = 0; e == OK && i < f->n && failures < FAILURES_MAX; i++) {
        const struct frame *const one = &f->frame[i];
        if (!one->key || one->at < next)
            continue;
        next = one->at + span / LOOKS_MAX;
        struct looks now = {0};
        GstSample *const picture = decode(p, f, one);
        failures = picture ? 0 : failures + 1;
        if (picture && look(&now, picture) && changed(&last, &now)) {
            e = keep(s, dir, picture, &now, one->at);
            last = now;
        }
        if (picture)
            gst_sample_unref(picture);
    }
    return e;
}

enum err stills_write(struct stills *s, const char *dir, const struct frames *f)
{
    struct pipe p;
    *s = (struct stills){0};
    const enum err e = open_decoder(&p, f->codec) ? walk(s, dir, f, &p) : E_IO;
    pipe_close(&p);
    return e;
}

void stills_fini(struct stills *s)
{
    free(s->still);
    *s = (struct stills){0};
}

bool stills_poster(const char *path, const struct frames *f)
{
    const struct frame *chosen = NULL;
    for (size_t i = 0; i < f->n; i++) {
        if (!f->frame[i].key)
            continue;
        chosen = &f->frame[i];
        if (chosen->at >= f->frame[0].at + POSTER_AFTER)
            break;
    }
    struct pipe p = {0};
    GstSample *const picture = chosen && open_decoder(&p, f->codec) ? decode(&p, f, chosen) : NULL;
    const bool good = picture && encode(picture, "jpegenc quality=85", path);
    if (picture)
        gst_sample_unref(picture);
    pipe_close(&p);
    return good;
}
