/* test_timecode.c - the burnt-in time survives scaling and noise, and is never invented. */
#include "client/timecode.h"
#include "engine/base/rng.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define NOW 1790000123456

static struct picture grey(int width, int height)
{
    struct picture p = picture_in(malloc(picture_bytes(width, height)), width, height);
    memset(p.plane[0], 90, picture_bytes(width, height));
    return p;
}

/* Box filter down to another size, as a simulcast layer is made. */
static struct picture scaled(const struct picture *p, int width, int height)
{
    const struct picture out = grey(width, height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            int sum = 0;
            int n = 0;
            for (int sy = y * p->height / height; sy < (y + 1) * p->height / height; sy++) {
                for (int sx = x * p->width / width; sx < (x + 1) * p->width / width; sx++, n++)
                    sum += p->plane[0][sy * p->stride[0] + sx];
            }
            out.plane[0][y * out.stride[0] + x] = (uint8_t)(n ? sum / n : 0);
        }
    }
    return out;
}

static void the_time_comes_back_in_every_size(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {{1920, 1080}, {1280, 720}, {768, 576}, {640, 360},
                                   {320, 180},   {321, 181},  {160, 90},  {96, 54}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const struct picture p = grey(sizes[i][0], sizes[i][1]);
        assert_true(timecode_draw(&p, NOW + (int64_t)i));
        const struct i420 v = picture_view(&p);
        int64_t ms = 0;
        assert_true(timecode_read(&v, &ms));
        assert_int_equal(ms, NOW + (int64_t)i);
        free(p.plane[0]);
    }
}

static void the_time_survives_scaling_and_noise(void **unused)
{
    (void)unused;
    struct rng rng;
    assert_int_equal(rng_init(&rng, (const uint8_t[32]){3}), OK);
    const struct picture p = grey(1280, 720);
    assert_true(timecode_draw(&p, NOW));
    static const int sizes[][2] = {{640, 360}, {320, 180}, {160, 90}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const struct picture s = scaled(&p, sizes[i][0], sizes[i][1]);
        for (int k = 0; k < s.width * s.height; k++) {
            const int v = s.plane[0][k] + (int)rng_below(&rng, 80) - 40;
            s.plane[0][k] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
        const struct i420 v = picture_view(&s);
        int64_t ms = 0;
        assert_true(timecode_read(&v, &ms));
        assert_int_equal(ms, NOW);
        free(s.plane[0]);
    }
    free(p.plane[0]);
    rng_fini(&rng);
}

static void pictures_without_a_strip_give_no_time(void **unused)
{
    (void)unused;
    const struct picture p = grey(640, 360);
    const struct i420 v = picture_view(&p);
    int64_t ms;
    for (int grey_level = 0; grey_level < 256; grey_level += 5) {
        memset(p.plane[0], grey_level, 640 * 360);
        assert_false(timecode_read(&v, &ms));
    }
    assert_true(timecode_draw(&p, NOW));
    picture_fill(&p, 640 * 20 / 32, 330, 20, 15, PICTURE_BLACK);
    picture_fill(&p, 640 * 21 / 32, 330, 20, 15, PICTURE_WHITE);
    picture_fill(&p, 640 * 22 / 32, 330, 20, 15, PICTURE_BLACK);
    assert_false(timecode_read(&v, &ms));
    free(p.plane[0]);
}

static void too_small_pictures_and_absurd_times_are_refused(void **unused)
{
    (void)unused;
    const struct picture p = grey(96, 52);
    const struct i420 v = picture_view(&p);
    int64_t ms;
    assert_false(timecode_draw(&p, NOW));
    assert_false(timecode_read(&v, &ms));
    const struct picture q = grey(96, 54);
    assert_false(timecode_draw(&q, -1));
    assert_false(timecode_draw(&q, INT64_C(1) << 48));
    free(p.plane[0]);
    free(q.plane[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_comes_back_in_every_size),
        cmocka_unit_test(the_time_survives_scaling_and_noise),
        cmocka_unit_test(pictures_without_a_strip_give_no_time),
        cmocka_unit_test(too_small_pictures_and_absurd_times_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
