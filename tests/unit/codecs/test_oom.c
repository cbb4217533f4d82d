/* test_oom.c - codecs with the n-th allocation failing, and none at all from picture to picture. */
#include "codecs/opus_dec.h"
#include "codecs/opus_enc.h"
#include "codecs/stretch.h"
#include "codecs/vp8_enc.h"
#include "codecs/vp9_dec.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/oom.h"
#include "tests/unit/test.h"

#include <string.h>

#define TICK (USEC_SEC / 5)

static struct canvas canvas[2]; /* of two sizes; painted before memory ends */

static int paint(void **unused)
{
    (void)unused;
    canvas_init(&canvas[0], 64, 48);
    canvas_init(&canvas[1], 96, 64);
    paint_slide(&canvas[0], 0);
    paint_film(&canvas[1], 3);
    return 0;
}

static int wash(void **unused)
{
    (void)unused;
    canvas_fini(&canvas[0]);
    canvas_fini(&canvas[1]);
    return 0;
}

static enum err show(struct vp8enc *enc, struct vp8dec *dec, unsigned n, usec at)
{
    struct vp8enc_out out = {0};
    const enum err rc = vp8enc_encode(enc, &canvas[n].pic, at, &out);
    for (unsigned i = 0; i < out.n; i++) {
        const struct vp8enc_frame *const e = &out.frame[i];
        const struct vp8frame f = {.data = e->data, .len = e->len, .key = e->key, .desc = e->desc};
        struct i420 pic;
        if (e->layer == 0)
            (void)vp8dec_put(dec, &f, &pic);
    }
    return rc;
}

static enum err slides_of_two_sizes(void *unused)
{
    (void)unused;
    const struct vp8enc_conf conf = {.layers = 2,
                                     .size = {{32, 24, 100000}, {64, 48, 200000}},
                                     .fps = 5,
                                     .temporal = 1,
                                     .content = VP8ENC_SLIDES};
    struct vp8enc *enc = NULL;
    struct vp8dec *dec = NULL;
    enum err rc = vp8enc_new(&enc, &conf);
    if (rc == OK)
        rc = vp8dec_new(&dec, 1);
    if (rc == OK)
        rc = show(enc, dec, 0, 1 * TICK);
    if (rc == OK)
        rc = show(enc, dec, 1, 9 * TICK);
    if (rc == OK) {
        rc = vp8enc_set_size(enc, 1, 48, 32);
        const enum err after = show(enc, dec, 0, 20 * TICK); /* with or without that layer */
        rc = rc == OK ? after : rc;
    }
    vp8enc_free(&enc);
    vp8dec_free(&dec);
    return rc;
}

static enum err voice(void *unused)
{
    (void)unused;
    const struct opusenc_conf conf = {.channels = 1, .bps = 32000};
    struct opusenc *enc = NULL;
    struct opusdec *dec = NULL;
    enum err rc = opusenc_new(&enc, &conf);
    if (rc == OK)
        rc = opusdec_new(&dec, 1);
    opusenc_free(&enc);
    opusdec_free(&dec);
    return rc;
}

static void video_without_memory_says_so(void **unused)
{
    (void)unused;
    assert_true(oom_walk(slides_of_two_sizes, NULL) >= 6);
}

static enum err faster(void *unused)
{
    (void)unused;
    int16_t pcm[5760] = {0};
    struct stretch *s = NULL;
    enum err rc = stretch_new(&s);
    assert_true((rc == OK) == (s != NULL));
    for (unsigned i = 0; i < 3 && rc == OK; i++)
        rc = stretch_put(s, 1.15F, pcm, 5760);
    stretch_free(&s);
    return rc;
}

static void speed_without_memory_says_so(void **unused)
{
    (void)unused;
    assert_true(oom_walk(faster, NULL) >= 1);
}

static void sound_without_memory_says_so(void **unused)
{
    (void)unused;
    assert_true(oom_walk_all(voice, NULL) >= 4);
}

static enum err vp9(void *unused)
{
    (void)unused;
    struct vp9dec *dec = NULL;
    const enum err e = vp9dec_new(&dec, 1);
    assert_true((e == OK) == (dec != NULL));
    vp9dec_free(&dec);
    return e;
}

static void vp9_without_memory_says_so(void **unused)
{
    (void)unused;
    assert_true(oom_walk_all(vp9, NULL) >= 2);
}

static void from_picture_to_picture_nothing_is_allocated(void **unused)
{
    (void)unused;
    const struct vp8enc_conf conf = {
        .layers = 2, .size = {{32, 24, 100000}, {64, 48, 200000}}, .fps = 25, .temporal = 2};
    struct vp8enc *enc = NULL;
    struct vp8dec *dec = NULL;
    assert_int_equal(vp8enc_new(&enc, &conf), OK);
    assert_int_equal(vp8dec_new(&dec, 1), OK);
    assert_int_equal(show(enc, dec, 1, TICK), OK);
    const size_t before = oom_allocations();
    for (usec t = 2; t < 20; t++) {
        assert_int_equal(vp8enc_set_rate(enc, 0, (uint32_t)(50000 + t * 1000)), OK);
        assert_int_equal(vp8enc_set_fps(enc, 20), OK);
        if (t % 7 == 0)
            vp8enc_want_key(enc);
        assert_int_equal(show(enc, dec, 1, t * TICK), OK);
    }
    assert_int_equal(oom_allocations(), before);
    vp8enc_free(&enc);
    vp8dec_free(&dec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(video_without_memory_says_so),
        cmocka_unit_test(sound_without_memory_says_so),
        cmocka_unit_test(speed_without_memory_says_so),
        cmocka_unit_test(vp9_without_memory_says_so),
        cmocka_unit_test(from_picture_to_picture_nothing_is_allocated),
    };
    return cmocka_run_group_tests(tests, paint, wash);
}
