/* screen.h - several pictures arranged on one: slides large, people beside them, or a wall. */
#pragma once

#include "client/output.h"
#include "client/picture.h"

#define SCREEN_TILES 8

struct screen;

/* `names`: of the slots, as in the request ("camera", "slides", "wall/1"). */
MUST_USE enum err screen_new(struct screen **out, struct output *o, const char *const *names,
                             size_t n);
void screen_free(struct screen **s);

/* A new picture of tile `i`, from any thread. It is on its way to the sink when this returns. */
void screen_put(struct screen *s, size_t i, const struct i420 *p, usec now);

struct screen_box {
    int x, y, w, h;
};

/* Where tile `i` goes if those with `on` are there. No area: nowhere. */
struct screen_box screen_place(const char *const *names, const bool *on, size_t n, size_t i,
                               int width, int height);
