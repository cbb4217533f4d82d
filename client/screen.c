/* screen.c - a canvas that all tiles are scaled into. */
#include "client/screen.h"

#include <glib.h>
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>

#define GONE_AFTER (5 * USEC_SEC)
#define STILL_GONE_AFTER (60 * USEC_SEC) /* slides may stand */
#define BETWEEN (30 * USEC_MS)

struct screen {
    struct output *out;
    struct picture canvas;
    GMutex lock;
    size_t n;
    char name[SCREEN_TILES][64];
    const char *names[SCREEN_TILES];
    usec last[SCREEN_TILES];
    bool on[SCREEN_TILES];
    usec pushed;
};

enum err screen_new(struct screen **out, struct output *o, const char *const *names, size_t n)
{
    struct screen *const s = calloc(1, sizeof(*s));
    void *const buf = malloc(picture_bytes(OUTPUT_WIDTH, OUTPUT_HEIGHT));
    *out = s;
    if (!s || !buf) {
        free(buf);
        free(s);
        *out = NULL;
        return E_NOMEM;
    }
    s->out = o;
    s->canvas = picture_in(buf, OUTPUT_WIDTH, OUTPUT_HEIGHT);
    s->n = size_min(n, SCREEN_TILES);
    for (size_t i = 0; i < s->n; i++) {
        g_strlcpy(s->name[i], names[i], sizeof(s->name[i]));
        s->names[i] = s->name[i];
    }
    picture_fill(&s->canvas, 0, 0, OUTPUT_WIDTH, OUTPUT_HEIGHT, PICTURE_BLACK);
    g_mutex_init(&s->lock);
    return OK;
}

void screen_free(struct screen **ps)
{
    struct screen *const s = *ps;
    if (!s)
        return;
    g_mutex_clear(&s->lock);
    free(s->canvas.plane[0]);
    free(s);
    *ps = NULL;
}

static int weight(const char *name)
{
    static const char *const order[] = {"slides", "board", "camera", "floor"};
    for (int i = 0; i < (int)ARRAY_LEN(order); i++) {
        if (strcmp(order[i], name) == 0)
            return i;
    }
    return (int)ARRAY_LEN(order);
}

/* How many of those shown come before tile `i`. */
static int rank(const char *const *names, const bool *on, size_t n, size_t i)
{
    int before = 0;
    for (size_t k = 0; k < n; k++) {
        const int d = weight(names[k]) - weight(names[i]);
        before += on[k] && (d < 0 || (d == 0 && k < i));
    }
    return before;
}

static struct screen_box wall(int place, int width, int height)
{
    return (struct screen_box){place % 2 * width / 2, place / 2 % 2 * height / 2, width / 2,
                               height / 2};
}

struct screen_box screen_place(const char *const *names, const bool *on, size_t n, size_t i,
                               int width, int height)
{
    int shown = 0;
    bool lesson = false;
    for (size_t k = 0; k < n; k++) {
        shown += on[k];
        lesson = lesson || (on[k] && weight(names[k]) < 3);
    }
    const int place = rank(names, on, n, i);
    if (!on[i])
        return (struct screen_box){0};
    if (shown == 1)
        return (struct screen_box){0, 0, width, height};
    if (!lesson)
        return wall(place, width, height);
    if (place == 0)
        return (struct screen_box){0, height / 8, width * 3 / 4, height * 3 / 4};
    return (struct screen_box){width * 3 / 4, (place - 1) * height / 3, width / 4, height / 3};
}

/* As large as the box allows without changing the picture's shape. */
static struct screen_box shape(const struct screen_box *b, const struct i420 *p)
{
    int w = b->w;
    int h = (int)((int64_t)b->w * p->height / p->width);
    if (h > b->h) {
        h = b->h;
        w = (int)((int64_t)b->h * p->width / p->height);
    }
    return (struct screen_box){(b->x + (b->w - w) / 2) & ~1, (b->y + (b->h - h) / 2) & ~1, w & ~1,
                               h & ~1};
}

static void draw(const struct picture *c, const struct screen_box *box, const struct i420 *p)
{
    const struct screen_box b = shape(box, p);
    if (b.w < 2 || b.h < 2)
        return;
    I420Scale(p->plane[0], p->stride[0], p->plane[1], p->stride[1], p->plane[2], p->stride[2],
              p->width, p->height, c->plane[0] + (ptrdiff_t)b.y * c->stride[0] + b.x, c->stride[0],
              c->plane[1] + (ptrdiff_t)(b.y / 2) * c->stride[1] + b.x / 2, c->stride[1],
              c->plane[2] + (ptrdiff_t)(b.y / 2) * c->stride[2] + b.x / 2, c->stride[2], b.w, b.h,
              kFilterBilinear);
}

/* Tiles come and go; when they do everything moves, and old places are wiped. */
static void update_tiles(struct screen *s, size_t i, usec now)
{
    bool changed = false;
    s->last[i] = now;
    for (size_t k = 0; k < s->n; k++) {
        const usec limit = weight(s->name[k]) < 2 ? STILL_GONE_AFTER : GONE_AFTER;
        const bool on = s->last[k] && now - s->last[k] < limit;
        changed = changed || on != s->on[k];
        s->on[k] = on;
    }
    if (changed)
        picture_fill(&s->canvas, 0, 0, OUTPUT_WIDTH, OUTPUT_HEIGHT, PICTURE_BLACK);
}

void screen_put(struct screen *s, size_t i, const struct i420 *p, usec now)
{
    if (!output_shows(s->out) || i >= s->n)
        return;
    g_mutex_lock(&s->lock);
    update_tiles(s, i, now);
    const struct screen_box box =
        screen_place(s->names, s->on, s->n, i, OUTPUT_WIDTH, OUTPUT_HEIGHT);
    draw(&s->canvas, &box, p);
    if (now - s->pushed >= BETWEEN) {
        const struct i420 view = picture_view(&s->canvas);
        s->pushed = now;
        output_picture(s->out, &view, now);
    }
    g_mutex_unlock(&s->lock);
}
