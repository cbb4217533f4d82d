#include "codecs/stretch.h"

#include <sonic.h>
#include <stdlib.h>

#define RATE 48000
#define PUT_MOST 5760u
#define SLOWEST 0.5F

struct stretch {
    sonicStream sonic;
    double held;  /* went in and has not come out, as far as the speed tells */
    int64_t more; /* came out more than went in, since all was out last */
    struct stretch_stat stat;
};

void stretch_free(struct stretch **s)
{
    if (!*s)
        return;
    if ((*s)->sonic)
        sonicDestroyStream((*s)->sonic);
    free(*s);
    *s = NULL;
}

/* All that went in is out. */
static void settle(struct stretch *s)
{
    if (s->more < 0)
        s->stat.left_out += (uint64_t)-s->more;
    else
        s->stat.repeated += (uint64_t)s->more;
    s->more = 0;
    s->held = 0;
}

static enum err put(struct stretch *s, float speed, int16_t *pcm, size_t n)
{
    const int before = sonicSamplesAvailable(s->sonic);
    sonicSetSpeed(s->sonic, speed);
    if (!sonicWriteShortToStream(s->sonic, pcm, (int)n))
        return E_NOMEM;
    const int made = sonicSamplesAvailable(s->sonic) - before;
    s->more += made - (int64_t)n;
    s->held += (double)n - (double)made * (double)speed;
    if (speed == 1)
        settle(s);
    return OK;
}

size_t stretch_get(struct stretch *s, int16_t *pcm, size_t room)
{
    const int n = sonicReadShortFromStream(s->sonic, pcm, (int)size_min(room, INT16_MAX));
    return n > 0 ? (size_t)n : 0;
}

/* libsonic does not survive every want of memory: it takes what it will ever need now. */
static bool make_room(struct stretch *s)
{
    int16_t silence[2 * PUT_MOST] = {0};
    if (put(s, SLOWEST, silence, ARRAY_LEN(silence)) != OK || put(s, 1, silence, 0) != OK)
        return false;
    while (stretch_get(s, silence, ARRAY_LEN(silence))) {
    }
    s->stat = (struct stretch_stat){0};
    return true;
}

enum err stretch_new(struct stretch **out)
{
    struct stretch *s = calloc(1, sizeof(*s));
    *out = s;
    if (!s)
        return E_NOMEM;
    s->sonic = sonicCreateStream(RATE, 1);
    if (!s->sonic || !make_room(s))
        stretch_free(out);
    return *out ? OK : E_NOMEM;
}

enum err stretch_put(struct stretch *s, float speed, int16_t *pcm, size_t n)
{
    assert(n <= PUT_MOST && speed >= SLOWEST && speed <= 2);
    return put(s, speed, pcm, n);
}

void stretch_release(struct stretch *s)
{
    int16_t none;
    if (s->more || s->held > 0)
        put(s, 1, &none, 0); /* fails only without memory: what is held comes later */
}

size_t stretch_held(const struct stretch *s)
{
    return s->held > 0 ? size_min((size_t)s->held, STRETCH_HELD_MOST) : 0;
}

struct stretch_stat stretch_stat(const struct stretch *s)
{
    return s->stat;
}
