/* stills.c - walks the slides by groups of pictures, and decodes where something may have changed.
 *
 * A group is a key frame and what follows up to the next. Most groups repeat or sharpen one slide:
 * what follows the key frame is small. Of these the key frame alone is decoded. When a key frame
 * shows another slide than the one before it, the group between them is decoded after all: the
 * change may be there, and it ends with the slide before at its sharpest. Other groups, and long
 * ones, are decoded up to their last frame that is more than a repeat. So no change that lasts is
 * missed, however few bytes it took; what a small change brings and another takes away between two
 * key frames is. */
#include "relay/library/package/stills.h"

#include "relay/library/package/shot.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#define POSTER_AFTER (10 * USEC_SEC)
#define SHOTS_WAIT 8 /* pictures that wait for being coded: some 3 MB each */

#define STAYS USEC_SEC              /* what is gone sooner is a step of a movement, not a slide */
#define SETTLES (2 * USEC_SEC)      /* so long sharpening may alter a slide's looks step by step */
#define MOVING (3 * USEC_SEC)       /* in a long movement a still is kept after so long, */
#define MOVING_MAX (24 * USEC_SEC)  /* the next after twice the time, at most this */
#define REPEAT_BYTES 40u            /* a repeat of the smallest picture is at most so long; */
#define REPEAT_PIXELS 2048u         /* for so many pixels a byte more */
#define SHORT_GROUP (10 * USEC_SEC) /* what follows the key frame of such a group */
#define CHANGE_PART 4u              /* holds no new slide if all is less than this part of it */
#define LOOKS_FREE 1000             /* frames that may be decoded besides key frames, */
#define LOOKS_A_SECOND 2            /* and more for each second of the lesson */

struct walk {
    struct stills *out;
    const char *dir;
    const struct frames *f;
    struct view *view;
    GThreadPool *pool; /* codes what is kept; without threads this one does */
    gint failed;       /* a picture could not be coded, or not be written */
    enum err result;
    bool lost;     /* the decoder lacks a frame: only a key frame helps */
    size_t spare;  /* frames decoded besides key frames */
    uint64_t cost; /* bytes since the key frame, what the picture in view was made of */
    /* the slide in view; looks.width = 0: none yet */
    struct looks looks;
    int64_t at;
    struct picture best;
    uint64_t best_cost;
    /* a movement: slides that did not stay */
    bool moving;
    int64_t moving_from;
    int64_t moving_wait;
    int64_t kept_at; /* the end of the slide last kept, or the movement's beginning */
};

static enum err add(struct stills *s, const struct still *one)
{
    if (s->n == s->cap) {
        const size_t cap = s->cap ? s->cap * 2 : 32;
        struct still *const p = realloc(s->still, cap * sizeof *p);
        if (!p)
            return E_NOMEM;
        s->still = p;
        s->cap = cap;
    }
    s->still[s->n++] = *one;
    return OK;
}

/* A picture on its way to its file. */
struct shot {
    struct picture picture;
    char path[4096];
};

static void shot_free(struct shot *s)
{
    picture_fini(&s->picture);
    free(s);
}

/* In a thread of the pool, while the walk goes on. */
static void code(gpointer job, gpointer user)
{
    struct walk *const w = user;
    struct shot *const s = job;
    if (!shot_webp(&s->picture, s->path))
        g_atomic_int_set(&w->failed, 1);
    shot_free(s);
}

/* The picture is the pool's from now on; with many there already this thread codes it. */
static enum err keep(struct walk *w, int64_t at)
{
    struct still one = {.at = at, .width = w->best.width, .height = w->best.height};
    struct shot *const s = calloc(1, sizeof *s);
    if (!s)
        return E_NOMEM;
    (void)snprintf(one.name, sizeof one.name, "slide-%04u.webp", (unsigned)(w->out->n + 1));
    if (snprintf(s->path, sizeof s->path, "%s/%s", w->dir, one.name) >= (int)sizeof s->path) {
        shot_free(s);
        return E_IO;
    }
    s->picture = w->best;
    w->best = (struct picture){0};
    if (g_thread_pool_get_num_threads(w->pool) == 0 ||
        g_thread_pool_unprocessed(w->pool) >= SHOTS_WAIT)
        code(s, w);
    else
        (void)g_thread_pool_push(w->pool, s, NULL); /* its thread is there already */
    return add(w->out, &one);
}

/* The slide in view is gone, or (`last`) the lesson is over. */
static void finish(struct walk *w, int64_t now, bool last)
{
    if (w->looks.width == 0)
        return;
    const bool stayed = now - w->at >= STAYS || last;
    int64_t at = w->at;
    if (stayed) {
        /* a fade, or the first coarse pictures: the slide before is gone since its beginning */
        if (w->moving && w->at - w->moving_from <= SETTLES)
            at = w->moving_from;
    } else if (!w->moving) {
        w->moving = true;
        w->moving_from = w->kept_at = w->at;
        w->moving_wait = MOVING;
    }
    if (!stayed && now - w->kept_at < w->moving_wait)
        return;
    w->result = keep(w, at);
    w->moving_wait = usec_min(2 * w->moving_wait, MOVING_MAX);
    w->kept_at = now;
    w->moving &= !stayed;
}

/* Of two pictures of one slide the one that took more bytes is the sharper. */
static void take(struct walk *w)
{
    w->best_cost = w->cost;
    w->result = view_copy(w->view, &w->best);
}

static void see(struct walk *w, int64_t at)
{
    struct looks now;
    view_looks(w->view, &now);
    if (looks_differ(&w->looks, &now)) {
        finish(w, at, false);
        w->looks = now;
        w->at = at;
        if (w->result == OK)
            take(w);
        return;
    }
    if (at - w->at < SETTLES)
        w->looks = now;
    if (w->cost >= w->best_cost)
        take(w);
}

/* Decodes frames [from, to). What is seen counts from frame `seen` on. */
static void decode(struct walk *w, size_t from, size_t to, size_t seen)
{
    for (size_t i = from; i < to && w->result == OK; i++) {
        const struct frame *const one = &w->f->frame[i];
        if (w->lost && !one->key)
            continue;
        w->cost = one->key ? one->bytes : w->cost + one->bytes;
        w->spare += !one->key;
        w->out->looked_at++;
        w->lost = !view_put(w->view, one);
        if (i >= seen && view_shows(w->view))
            see(w, one->at);
    }
}

static size_t next_key(const struct frames *f, size_t i)
{
    while (i < f->n && !f->frame[i].key)
        i++;
    return i;
}

static bool is_repeat(const struct walk *w, const struct frame *one)
{
    return one->bytes <= REPEAT_BYTES + (uint32_t)w->looks.width * w->looks.height / REPEAT_PIXELS;
}

/* A film among the slides must not cost more than its lesson is long. */
static bool affords(const struct walk *w, size_t frames, int64_t at)
{
    const int64_t seconds = (at - w->f->frame[0].at) / USEC_SEC;
    return w->spare + frames <= LOOKS_FREE + LOOKS_A_SECOND * (size_t)seconds;
}

/* Frames [from, end), looked at up to `seen`. */
struct group {
    size_t from;
    size_t seen;
    size_t end;
};

/* The key frame that follows a group; the rest of the group first if the change may be there. */
static void see_key(struct walk *w, const struct group *before, size_t key)
{
    struct looks now;
    const int64_t at = w->f->frame[key].at;
    decode(w, key, key + 1, SIZE_MAX);
    if (!view_shows(w->view))
        return;
    view_looks(w->view, &now);
    if (before->seen < before->end && looks_differ(&w->looks, &now) &&
        affords(w, before->end - before->from, at)) {
        decode(w, before->from, before->end, before->seen);
        decode(w, key, key + 1, SIZE_MAX);
    }
    if (w->result == OK && view_shows(w->view))
        see(w, at);
}

/* Where in a group there is nothing left to see: behind its key frame if all that follows is too
 * small for another slide to come and go, else behind the last frame that is no repeat. */
static size_t stop_in(const struct walk *w, const struct group *g)
{
    const struct frame *const key = &w->f->frame[g->from];
    size_t stop = g->end;
    if (g->end == w->f->n) /* no key frame follows that could tell of a change */
        return stop;
    uint32_t longest = 0;
    for (size_t i = g->seen; i < g->end; i++)
        longest = key[i - g->from].bytes > longest ? key[i - g->from].bytes : longest;
    if (w->f->frame[g->end].at - key->at <= SHORT_GROUP && longest <= key->bytes / CHANGE_PART)
        return g->seen;
    while (stop > g->seen && is_repeat(w, &w->f->frame[stop - 1]))
        stop--;
    return stop;
}

static void walk(struct walk *w)
{
    const struct frames *const f = w->f;
    struct group g = {0};
    for (size_t key = next_key(f, 0); key < f->n && w->result == OK; key = g.end) {
        see_key(w, &g, key);
        g = (struct group){.from = key, .seen = key + 1, .end = next_key(f, key + 1)};
        const size_t stop = stop_in(w, &g);
        if (stop == g.seen || !affords(w, stop - g.seen, f->frame[stop - 1].at))
            continue;
        decode(w, g.seen, stop, g.seen);
        g.seen = stop;
    }
    if (w->result == OK && f->n > 0)
        finish(w, f->frame[f->n - 1].at, true);
}

bool stills_possible(const char **missing)
{
    return shot_possible(missing);
}

enum err stills_write(struct stills *s, const char *dir, const struct frames *f)
{
    *s = (struct stills){0};
    struct walk w = {.out = s, .dir = dir, .f = f};
    w.pool = g_thread_pool_new(code, &w, 1, TRUE, NULL);
    w.result = view_new(&w.view, f->codec);
    walk(&w);
    g_thread_pool_free(w.pool, FALSE, TRUE); /* after all that was pushed */
    view_free(&w.view);
    picture_fini(&w.best);
    return w.result == OK && g_atomic_int_get(&w.failed) ? E_IO : w.result;
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
    struct view *v = NULL;
    struct picture p = {0};
    const bool good = chosen && view_new(&v, f->codec) == OK && view_put(v, chosen) &&
                      view_shows(v) && view_copy(v, &p) == OK && shot_jpeg(&p, path);
    view_free(&v);
    picture_fini(&p);
    return good;
}
