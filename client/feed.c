/* feed.c - capture, code, hand over. */
#include "client/feed.h"

#include "client/ladder.h"
#include "codecs/opus_enc.h"
#include "engine/io/mailbox.h"
#include "engine/io/thread.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BOX 64
#define VOICE_BPS 24000
#define FEC_BPS 4000 /* more with copies: the encoder then stays below its rate by as much */
#define STEP 960u    /* samples that capture gives: 20 ms */
#define STEP_MS 20
#define VOICE_STEPS 3 /* of the longest packet */
#define DTX_FROM 40   /* ms: packets are so long where the way is thin */

struct feed {
    enum capture_what what;
    struct capture *capture;
    struct mailbox *box; /* of struct feed_out * */
    struct thread *thread;
    const struct log *log;
    uint32_t seed;
    atomic_size_t layers;
    atomic_bool want_key;
    atomic_uint loss;
    atomic_uint bps[VP8ENC_LAYERS];
    atomic_uint voice_ms;
    atomic_bool hold;
    /* of the thread alone */
    bool vp9;
    struct vp8enc *video;
    struct vp9enc *layered; /* instead of it */
    struct opusenc *voice;
    int width, height;
    size_t made_for; /* layers that the encoder has */
    unsigned voice_loss;
    unsigned has_bps[VP8ENC_LAYERS]; /* that the encoder was told */
    int16_t pcm[VOICE_STEPS * STEP]; /* of the packet that is under way */
    size_t steps;
    struct capture_sound first; /* of them */
    bool paused;                /* the last was not sent */
};

static void hand_over(struct feed *f, struct feed_out *o)
{
    if (!mailbox_send(f->box, &o)) {
        free(o); /* the network's thread is far behind: counted in the mailbox */
        atomic_store(&f->want_key, true);
    }
    mailbox_wake(f->box);
}

/* Room for so many bytes of pieces. */
static struct feed_out *out_new(size_t bytes)
{
    return calloc(1, sizeof(struct feed_out) + bytes);
}

static void add_piece(struct feed_out *o, struct feed_piece piece, const void *data, size_t len)
{
    const struct feed_piece *const last = o->n ? &o->piece[o->n - 1] : NULL;
    piece.off = last ? last->off + last->len : 0;
    piece.len = len;
    memcpy(o->data + piece.off, data, len);
    o->piece[o->n++] = piece;
}

static struct feed_out *pack(const struct vp8enc_out *e)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < e->n; i++)
        bytes += e->frame[i].len;
    struct feed_out *const o = out_new(bytes);
    for (unsigned i = 0; o && i < e->n; i++) {
        const struct vp8enc_frame *const v = &e->frame[i];
        add_piece(o, (struct feed_piece){.layer = v->layer, .desc = v->desc}, v->data, v->len);
    }
    return o;
}

static struct feed_out *pack_layers(const struct vp9enc_out *e)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < e->n; i++)
        bytes += e->frame[i].len;
    struct feed_out *const o = out_new(bytes);
    for (unsigned i = 0; o && i < e->n; i++) {
        const struct vp9enc_frame *const v = &e->frame[i];
        add_piece(o, (struct feed_piece){.vp9 = true, .last = v->last, .vp9_desc = v->desc},
                  v->data, v->len);
    }
    return o;
}

static enum err make_sizes(struct feed *f, const struct picture *p, size_t layers)
{
    struct vp8enc_conf c;
    ladder_conf(&c, f->what, p->width, p->height, layers);
    c.first_picture_id = (uint16_t)(f->seed & 0x7fff);
    c.first_tl0picidx = (uint8_t)(f->seed >> 16);
    vp8enc_free(&f->video);
    for (unsigned i = 0; i < c.layers; i++)
        f->has_bps[i] = c.size[i].bps;
    return vp8enc_new(&f->video, &c);
}

/* Its numbers go on: who decodes it does not see that it is another encoder. */
static enum err make_layers(struct feed *f, const struct picture *p)
{
    struct vp9enc_conf c;
    ladder_vp9(&c, f->what, p->width, p->height);
    c.first_picture_id = (uint16_t)(f->seed & 0x7fff);
    vp9enc_free(&f->layered);
    for (unsigned i = 0; i < VP9ENC_SIDS; i++)
        f->has_bps[i] = c.bps[i] = i < c.layers ? ladder_vp9_bps(i, atomic_load(&f->bps[i])) : 0;
    return vp9enc_new(&f->layered, &c);
}

static bool fit_encoder(struct feed *f, const struct picture *p, size_t layers)
{
    if ((f->video || f->layered) && f->width == p->width && f->height == p->height &&
        f->made_for == layers)
        return true;
    const enum err e = f->vp9 ? make_layers(f, p) : make_sizes(f, p, layers);
    f->width = p->width;
    f->height = p->height;
    f->made_for = layers;
    if (e != OK)
        log_error(f->log, "no encoder for these pictures", "width=%d height=%d why=%s", p->width,
                  p->height, err_name(e));
    return e == OK;
}

static void follow_rates(struct feed *f, size_t layers)
{
    for (unsigned i = 0; i < layers; i++) {
        const unsigned told = atomic_load(&f->bps[i]);
        const unsigned bps = f->vp9 ? ladder_vp9_bps(i, told) : told;
        if (bps != f->has_bps[i] && (f->vp9 ? vp9enc_set_rate(f->layered, i, bps)
                                            : vp8enc_set_rate(f->video, i, bps)) == OK)
            f->has_bps[i] = bps;
    }
}

static struct feed_out *code_sizes(struct feed *f, const struct i420 *view, usec at, bool key)
{
    struct vp8enc_out e;
    if (key)
        vp8enc_want_key(f->video);
    return vp8enc_encode(f->video, view, at, &e) == OK && e.n ? pack(&e) : NULL;
}

static struct feed_out *code_layers(struct feed *f, const struct i420 *view, usec at, bool key)
{
    struct vp9enc_out e;
    if (key)
        vp9enc_want_key(f->layered);
    if (vp9enc_encode(f->layered, view, at, &e) != OK || e.n == 0)
        return NULL;
    f->seed = (f->seed & ~UINT32_C(0x7fff)) | ((e.frame[0].desc.picture_id + 1u) & 0x7fff);
    return pack_layers(&e);
}

static void code_picture(struct feed *f, const struct capture_picture *p)
{
    const size_t layers = atomic_load(&f->layers);
    if (!layers || atomic_load(&f->hold) || !fit_encoder(f, &p->pic, layers))
        return;
    follow_rates(f, layers);
    const bool key = atomic_exchange(&f->want_key, false);
    const struct i420 view = picture_view(&p->pic);
    struct feed_out *const o =
        f->vp9 ? code_layers(f, &view, p->when.at, key) : code_sizes(f, &view, p->when.at, key);
    if (!o)
        return;
    o->when = p->when;
    hand_over(f, o);
}

static void picture_thread(void *arg)
{
    struct feed *const f = arg;
    struct capture_picture p;
    while (capture_picture(f->capture, &p))
        code_picture(f, &p);
    vp8enc_free(&f->video);
    vp9enc_free(&f->layered);
}

/* RFC 6464: -dBov of the mean power, 127 for silence; the top bit says that someone speaks. */
static uint8_t level_of(const int16_t *pcm, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    const double power = sum / (double)n / (32768.0 * 32768.0);
    const double db = power > 0 ? -10 * log10(power) : 127;
    const uint8_t level = (uint8_t)(db > 127 ? 127 : db < 0 ? 0 : db);
    return (uint8_t)(level | (level < 50 ? 0x80 : 0));
}

static void follow_way(struct feed *f)
{
    const unsigned loss = atomic_load(&f->loss);
    const unsigned told = atomic_load(&f->bps[0]);
    const unsigned bps = told ? told + (loss ? FEC_BPS : 0) : 0;
    if (bps && bps != f->has_bps[0] && opusenc_set_rate(f->voice, bps) == OK)
        f->has_bps[0] = bps;
    if (loss != f->voice_loss && opusenc_set_loss(f->voice, loss) == OK)
        f->voice_loss = loss;
    opusenc_set_dtx(f->voice, atomic_load(&f->voice_ms) >= DTX_FROM);
}

/* Pieces of 20 ms, until they are a packet. A gap in the source begins a new one. */
static bool collect(struct feed *f, const struct capture_sound *s)
{
    const size_t most = size_min(atomic_load(&f->voice_ms) / STEP_MS, VOICE_STEPS);
    if (f->steps && s->ts != f->first.ts + f->steps * STEP)
        f->steps = 0;
    if (!f->steps)
        f->first = *s;
    memcpy(f->pcm + f->steps * STEP, s->pcm, STEP * sizeof f->pcm[0]);
    return ++f->steps >= most;
}

static void code_sound(struct feed *f, const struct capture_sound *s)
{
    if (!collect(f, s))
        return;
    const size_t samples = f->steps * STEP;
    f->steps = 0;
    struct feed_out *const o = calloc(1, sizeof(*o) + OPUSENC_PACKET_MAX);
    if (!o)
        return;
    follow_way(f);
    o->audio = true;
    o->when = f->first.when;
    o->ts = f->first.ts;
    o->level = level_of(f->pcm, samples);
    o->n = 1;
    o->first = f->paused;
    f->paused = opusenc_encode(f->voice, f->pcm, samples, o->data, OPUSENC_PACKET_MAX,
                               &o->piece[0].len) != OK ||
                o->piece[0].len == 0;
    if (f->paused)
        free(o);
    else
        hand_over(f, o);
}

static void sound_thread(void *arg)
{
    struct feed *const f = arg;
    struct capture_sound s;
    while (capture_sound(f->capture, &s)) {
        if (atomic_load(&f->layers))
            code_sound(f, &s);
    }
}

static enum err start(struct feed *f, const struct capture_conf *c, char why[CAPTURE_WHY])
{
    const bool voice = c->what == CAPTURE_VOICE;
    const struct opusenc_conf oc = {.channels = 1, .bps = VOICE_BPS, .fec = true};
    enum err e = capture_new(&f->capture, c, why);
    if (e == OK)
        e = mailbox_new(&f->box, BOX, sizeof(struct feed_out *));
    if (e == OK && voice)
        e = opusenc_new(&f->voice, &oc);
    f->voice_loss = oc.loss;
    f->has_bps[0] = voice ? oc.bps : 0;
    if (e == OK)
        e = thread_start(&f->thread, voice ? "voice" : "picture",
                         voice ? sound_thread : picture_thread, f);
    return e;
}

enum err feed_new(struct feed **out, const struct capture_conf *c, uint32_t seed, bool vp9,
                  const struct log *log, char why[CAPTURE_WHY])
{
    struct feed *const f = calloc(1, sizeof(*f));
    *out = f;
    if (!f)
        return E_NOMEM;
    f->what = c->what;
    f->seed = seed;
    f->vp9 = vp9;
    f->log = log;
    const enum err e = start(f, c, why);
    if (e != OK)
        feed_free(out);
    return e;
}

void feed_free(struct feed **pf)
{
    struct feed *const f = *pf;
    if (!f)
        return;
    if (f->thread) {
        capture_stop(f->capture);
        thread_join(&f->thread);
    }
    for (struct feed_out *o; f->box && (o = feed_take(f)) != NULL;)
        free(o);
    mailbox_free(&f->box);
    opusenc_free(&f->voice);
    capture_free(&f->capture);
    free(f);
    *pf = NULL;
}

int feed_fd(const struct feed *f)
{
    return mailbox_fd(f->box);
}

struct feed_out *feed_take(struct feed *f)
{
    struct feed_out *o;
    return mailbox_recv(f->box, &o) ? o : NULL;
}

void feed_activate(struct feed *f, size_t layers)
{
    atomic_store(&f->want_key, true);
    atomic_store(&f->layers, layers);
}

void feed_want_key(struct feed *f)
{
    atomic_store(&f->want_key, true);
}

void feed_set_rates(struct feed *f, const uint32_t bps[VP8ENC_LAYERS], unsigned voice_ms)
{
    for (size_t i = 0; i < VP8ENC_LAYERS; i++)
        atomic_store(&f->bps[i], bps[i]);
    atomic_store(&f->voice_ms, voice_ms);
}

void feed_hold(struct feed *f, bool hold)
{
    atomic_store(&f->hold, hold);
}

void feed_set_loss(struct feed *f, unsigned percent)
{
    atomic_store(&f->loss, percent > 100 ? 100 : percent);
}
