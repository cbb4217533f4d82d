/* testcard.c - shapes and a sine. */
#include "client/testcard.h"

#include "client/timecode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BEEP_HZ 1000
#define BEEP_PEAK 9000

struct testcard {
    struct picture back;
    struct picture front;
    size_t bytes;
};

/* Colour bars over a soft ramp, so that there is something of every kind to code. */
static void draw_back(const struct picture *p)
{
    static const struct picture_colour bars[] = {{180, 128, 128}, {162, 44, 142}, {131, 156, 44},
                                                 {112, 72, 58},   {84, 184, 198}, {65, 100, 212}};
    const int n = (int)ARRAY_LEN(bars);
    for (int i = 0; i < n; i++)
        picture_fill(p, p->width * i / n, 0, p->width / n + 1, p->height / 2, bars[i]);
    for (int y = p->height / 2; y < p->height; y++) {
        const int light = 40 + 160 * (y - p->height / 2) / p->height;
        picture_fill(p, 0, y, p->width, 1, (struct picture_colour){(uint8_t)light, 128, 128});
    }
}

enum err testcard_new(struct testcard **out, int width, int height)
{
    struct testcard *const t = calloc(1, sizeof(*t));
    const size_t bytes = picture_bytes(width, height);
    void *const a = malloc(bytes);
    void *const b = malloc(bytes);
    *out = t;
    if (!t || !a || !b) {
        free(t);
        free(a);
        free(b);
        *out = NULL;
        return E_NOMEM;
    }
    t->bytes = bytes;
    t->back = picture_in(a, width, height);
    t->front = picture_in(b, width, height);
    draw_back(&t->back);
    return OK;
}

void testcard_free(struct testcard **pt)
{
    struct testcard *const t = *pt;
    if (!t)
        return;
    free(t->back.plane[0]);
    free(t->front.plane[0]);
    free(t);
    *pt = NULL;
}

static int ms_of_second(int64_t wall_us)
{
    return (int)(wall_us / 1000 % 1000);
}

struct picture testcard_draw(struct testcard *t, int64_t wall_us)
{
    const struct picture *const p = &t->front;
    const int phase = (int)(wall_us / 1000 % 4000);
    const int size = p->height / 6;
    memcpy(p->plane[0], t->back.plane[0], t->bytes);
    const int x = (p->width - size) * (phase < 2000 ? phase : 4000 - phase) / 2000;
    const int y = p->height / 2 + (int)(p->height / 8.0 * sin(phase * 3.14159265 / 500));
    picture_fill(p, x, y, size, size, (struct picture_colour){200, 90, 200});
    const bool flash = ms_of_second(wall_us) < TESTCARD_FLASH_MS;
    picture_fill(p, p->width / 16, p->height / 16, p->width / 4, p->height / 4,
                 flash ? PICTURE_WHITE : PICTURE_BLACK);
    timecode_draw(p, wall_us / 1000);
    return *p;
}

void testcard_beep(int64_t wall_us, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int64_t us = (wall_us + (int64_t)i * 1000000 / 48000) % 1000000;
        const double turn = (double)us * 1e-6 * BEEP_HZ * 2 * 3.14159265358979;
        pcm[i] = (int16_t)(us < TESTCARD_FLASH_MS * 1000 ? lrint(BEEP_PEAK * sin(turn)) : 0);
    }
}
