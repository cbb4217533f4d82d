/* capture.c - when the next picture or piece of sound is due, whatever it comes from. */
#include "client/capture.h"

#include "client/chunker.h"
#include "client/gstpkt.h"
#include "client/gstsource.h"
#include "client/looper.h"
#include "client/testcard.h"
#include "client/timecode.h"
#include "codecs/slide.h"
#include "engine/io/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE (200 * USEC_MS)
#define AGAIN_AFTER USEC_SEC
#define SLIDE_EVERY_S 10

struct capture {
    struct capture_conf conf;
    struct conf_source source; /* that conf points to */
    struct gstsource *gst;
    struct testcard *card;
    struct gstpkt_picture pic;
    GstSample *still; /* of a file that is one picture */
    struct looper looper;
    struct chunker *chunks;
    usec still_at;       /* 0 until the source is known to be a still picture */
    usec last_at;        /* of the picture given last */
    struct slide slide;  /* the one that stands */
    int64_t slide_since; /* when it came, on the wall clock, us */
    int64_t test_wall;   /* next item of a test source */
    int64_t sound_first; /* number of the first sample */
    bool sound_any;
    GMutex lock;
    GCond woken;
    bool stopped; /* under lock */
    char why[CAPTURE_WHY];
};

unsigned capture_fps(enum capture_what what)
{
    return what == CAPTURE_SLIDES || what == CAPTURE_BOARD ? CAPTURE_FPS_SLIDES : CAPTURE_FPS;
}

static usec frame_time(const struct capture *c)
{
    return USEC_SEC / capture_fps(c->conf.what);
}

static bool is_stopped(struct capture *c)
{
    g_mutex_lock(&c->lock);
    const bool stopped = c->stopped;
    g_mutex_unlock(&c->lock);
    return stopped;
}

/* False: stopped meanwhile. */
static bool wait_until(struct capture *c, usec at)
{
    g_mutex_lock(&c->lock);
    while (!c->stopped && g_cond_wait_until(&c->woken, &c->lock, at))
        ;
    const bool stopped = c->stopped;
    g_mutex_unlock(&c->lock);
    return !stopped;
}

void capture_stop(struct capture *c)
{
    g_mutex_lock(&c->lock);
    c->stopped = true;
    g_cond_broadcast(&c->woken);
    g_mutex_unlock(&c->lock);
}

static enum err open_source(struct capture *c, char why[CAPTURE_WHY])
{
    const bool file = c->conf.source->kind == SOURCE_FILE;
    if (c->conf.source->kind != SOURCE_TEST || c->conf.what == CAPTURE_SLIDES) {
        const enum err e = gstsource_new(&c->gst, &c->conf, why);
        if (e == OK)
            looper_init(&c->looper, c->conf.start, file ? gstsource_length(c->gst) : 0);
        return e;
    }
    if (c->conf.what == CAPTURE_VOICE)
        return OK;
    const bool small = c->conf.what == CAPTURE_CLASS;
    const bool board = c->conf.what == CAPTURE_BOARD;
    return testcard_new(&c->card,
                        small   ? 640
                        : board ? 1920
                                : 1280,
                        small   ? 360
                        : board ? 1080
                                : 720);
}

enum err capture_new(struct capture **out, const struct capture_conf *conf, char why[CAPTURE_WHY])
{
    struct capture *const c = calloc(1, sizeof(*c));
    *out = c;
    snprintf(why, CAPTURE_WHY, "no memory");
    if (!c)
        return E_NOMEM;
    g_mutex_init(&c->lock);
    g_cond_init(&c->woken);
    c->conf = *conf;
    c->source = *conf->source;
    c->conf.source = &c->source;
    c->chunks = conf->what == CAPTURE_VOICE ? calloc(1, sizeof(*c->chunks)) : NULL;
    enum err e = conf->what == CAPTURE_VOICE && !c->chunks ? E_NOMEM : OK;
    if (e == OK)
        e = open_source(c, why);
    if (e != OK)
        capture_free(out);
    return e;
}

void capture_free(struct capture **pc)
{
    struct capture *const c = *pc;
    if (!c)
        return;
    gstpkt_drop_picture(&c->pic);
    if (c->still)
        gst_sample_unref(c->still);
    gstsource_free(&c->gst);
    testcard_free(&c->card);
    slide_fini(&c->slide);
    free(c->chunks);
    g_mutex_clear(&c->lock);
    g_cond_clear(&c->woken);
    free(c);
    *pc = NULL;
}

static struct capture_time moment(usec at)
{
    return (struct capture_time){.at = at, .wall_us = clock_wall_us() - (clock_now() - at)};
}

/* Test pictures are taken at whole multiples of their time on the wall clock, so that the first of
 * a flash is exactly at the full second. A clock that is set is followed. */
static bool test_picture(struct capture *c, struct capture_picture *out)
{
    const int64_t step = frame_time(c);
    const int64_t wall = clock_wall_us();
    if (c->test_wall <= wall - LATE || c->test_wall > wall + 2 * step)
        c->test_wall = wall - wall % step + step;
    if (!wait_until(c, clock_now() + (c->test_wall - wall)))
        return false;
    out->when.wall_us = c->test_wall;
    out->when.at = clock_now() - (clock_wall_us() - c->test_wall);
    out->pic = testcard_draw(c->card, c->test_wall);
    c->test_wall += step;
    return true;
}

/* A device or file that broke is tried again, for ever: a lesson goes on without it. */
static bool recover(struct capture *c, usec after)
{
    while (wait_until(c, clock_now() + after)) {
        if (gstsource_again(c->gst, c->why))
            return true;
        after = AGAIN_AFTER;
    }
    return false;
}

static bool next_round(struct capture *c)
{
    looper_again(&c->looper);
    return recover(c, 0);
}

/* The next sample of the source. NULL: stopped, or (file with one picture) its end. */
static GstSample *next_sample(struct capture *c)
{
    while (!is_stopped(c)) {
        GstSample *s = NULL;
        switch (gstsource_pull(c->gst, &s, c->why)) {
        case GSTSOURCE_SAMPLE:
            return s;
        case GSTSOURCE_END:
            if (c->still && c->looper.items == 1)
                return NULL;
            if (c->conf.source->kind == SOURCE_FILE ? !next_round(c) : !recover(c, AGAIN_AFTER))
                return NULL;
            break;
        case GSTSOURCE_BROKEN:
            if (!recover(c, AGAIN_AFTER))
                return NULL;
            break;
        case GSTSOURCE_NOTHING:
        default:
            break;
        }
    }
    return NULL;
}

static void keep_first(struct capture *c, GstSample *s)
{
    if (c->looper.items != 1 || c->looper.round) {
        g_clear_pointer(&c->still, gst_sample_unref);
        return;
    }
    c->still = gst_sample_ref(s);
}

/* When a sample was taken: a file's by its rounds, a device's by its stamp. */
static usec time_of(struct capture *c, GstSample *s)
{
    if (c->conf.source->kind == SOURCE_FILE)
        return looper_due(&c->looper, usec_max(gstpkt_position(s), 0), gstpkt_duration(s));
    const usec running = gstpkt_running(s);
    const usec now = clock_now();
    const usec at = gstsource_base(c->gst) + running;
    return running < 0 || at > now || at < now - USEC_SEC ? now : at;
}

static void set_slide_text(struct capture *c)
{
    const int64_t s = clock_wall_us() / USEC_SEC;
    char text[256];
    snprintf(text, sizeof(text),
             "Liangshi\n\nSlide %d\n\n1 + %d = %d\n\nA teacher here, a class there.",
             (int)(s / SLIDE_EVERY_S % 100 + 1), (int)(s / SLIDE_EVERY_S % 100),
             (int)(s / SLIDE_EVERY_S % 100 + 1));
    gstsource_set_text(c->gst, text);
}

static GstSample *still_sample(struct capture *c, usec *at)
{
    if (!c->still || is_stopped(c))
        return NULL;
    c->still_at = usec_max(c->last_at + frame_time(c), clock_now() - LATE);
    *at = c->still_at;
    return gst_sample_ref(c->still);
}

/* videorate adds a picture at the end of a file whose sound is longer; the next round's first comes
 * too soon after it. */
static bool is_beyond(const struct capture *c, GstSample *s)
{
    return c->looper.length && gstpkt_position(s) + frame_time(c) / 2 > c->looper.length;
}

static GstSample *picture_sample(struct capture *c, usec *at)
{
    GstSample *s = c->still_at ? NULL : next_sample(c);
    while (s && c->looper.items && is_beyond(c, s)) {
        gst_sample_unref(s);
        s = next_sample(c);
    }
    if (s) {
        *at = time_of(c, s);
        if (c->conf.source->kind == SOURCE_FILE)
            keep_first(c, s);
        return s;
    }
    return still_sample(c, at);
}

/* The time that is drawn into a picture: of a slide that of its coming, as it stands for long and a
 * clock on it would make it another one each time. */
static int64_t time_to_draw(struct capture *c, const struct capture_picture *p)
{
    const struct i420 pic = picture_view(&p->pic);
    if (c->conf.what != CAPTURE_SLIDES)
        return p->when.wall_us;
    if (slide_changed(&c->slide, &pic) == 0)
        return c->slide_since;
    (void)!slide_keep(&c->slide, &pic); /* without memory the next one is new again */
    c->slide_since = p->when.wall_us;
    return c->slide_since;
}

bool capture_picture(struct capture *c, struct capture_picture *out)
{
    if (c->card)
        return test_picture(c, out);
    const bool text = c->conf.source->kind == SOURCE_TEST;
    const bool burn = c->conf.burn || text;
    for (;;) {
        usec at;
        gstpkt_drop_picture(&c->pic);
        GstSample *const s = picture_sample(c, &at);
        if (!s)
            return false;
        if (!gstpkt_take_picture(&c->pic, s, burn))
            continue;
        if (!wait_until(c, at))
            return false;
        if (clock_now() - at > LATE && c->conf.source->kind == SOURCE_FILE && !c->still_at)
            continue; /* we were stopped for a while: catch up */
        if (text)
            set_slide_text(c);
        out->when = moment(at);
        out->pic = c->pic.pic;
        c->last_at = at;
        if (burn)
            timecode_draw(&out->pic, time_to_draw(c, out) / 1000);
        return true;
    }
}

static bool test_sound(struct capture *c, struct capture_sound *out)
{
    const int64_t step = 20 * USEC_MS;
    const int64_t wall = clock_wall_us();
    if (!c->test_wall || c->test_wall < wall - USEC_SEC || c->test_wall > wall + step)
        c->test_wall = wall - wall % step;
    if (!wait_until(c, clock_now() + (c->test_wall + step - wall)))
        return false;
    testcard_beep(c->test_wall, c->chunks->out, CHUNKER_SAMPLES);
    if (!c->sound_any)
        c->sound_first = c->test_wall * 48 / 1000;
    c->sound_any = true;
    out->pcm = c->chunks->out;
    out->ts = (uint32_t)(c->test_wall * 48 / 1000 - c->sound_first);
    out->when.wall_us = c->test_wall;
    out->when.at = clock_now() - (clock_wall_us() - c->test_wall);
    c->test_wall += step;
    return true;
}

static int64_t samples_of(usec t)
{
    return t * 48 / 1000;
}

static bool fill_chunks(struct capture *c)
{
    GstSample *const s = next_sample(c);
    struct gstpkt_sound sound;
    if (!s)
        return false;
    const usec at = time_of(c, s);
    if (gstpkt_take_sound(&sound, s))
        chunker_put(c->chunks, samples_of(at), sound.pcm, sound.samples);
    gstpkt_drop_sound(&sound);
    return true;
}

bool capture_sound(struct capture *c, struct capture_sound *out)
{
    if (!c->gst)
        return test_sound(c, out);
    int64_t number;
    const int16_t *pcm;
    while ((pcm = chunker_get(c->chunks, &number)) == NULL) {
        if (!fill_chunks(c))
            return false;
    }
    const usec at = number * 1000 / 48;
    /* a microphone has heard the whole of it before it can be sent; so a file is told as late */
    if (c->conf.source->kind == SOURCE_FILE && !wait_until(c, at + 20 * USEC_MS))
        return false;
    if (!c->sound_any)
        c->sound_first = number;
    c->sound_any = true;
    out->pcm = pcm;
    out->ts = (uint32_t)(number - c->sound_first);
    out->when = moment(at);
    return true;
}
