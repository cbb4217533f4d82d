/* test_ladder.c - layers keep the picture's shape and are never larger than it. */
#include "client/ladder.h"
#include "tests/unit/test.h"

static void every_shape_has_layers_that_the_encoder_takes(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {{1920, 1080}, {1280, 720}, {768, 576}, {720, 1280},
                                   {640, 480},   {321, 181},  {64, 48}};
    static const enum capture_what whats[] = {CAPTURE_CAMERA, CAPTURE_CLASS, CAPTURE_SLIDES,
                                              CAPTURE_BOARD};
    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(whats); i++) {
        const int *const size = sizes[i / ARRAY_LEN(whats)];
        const enum capture_what what = whats[i % ARRAY_LEN(whats)];
        const size_t n = ladder_layers(what);
        struct vp8enc_conf c;
        struct vp8enc *e;
        ladder_conf(&c, what, size[0], size[1], n);
        assert_int_equal(c.layers, n ? n : 1);
        for (unsigned k = 0; k < c.layers; k++) {
            assert_true(c.size[k].width <= size[0] && c.size[k].height <= size[1]);
            assert_true(c.size[k].width % 2 == 0 && c.size[k].height % 2 == 0);
        }
        assert_int_equal(vp8enc_new(&e, &c), OK);
        vp8enc_free(&e);
    }
}

static void vp9_has_layers_that_its_encoder_takes(void **unused)
{
    (void)unused;
    static const int sizes[][3] = {{1920, 1080, 3}, {1280, 720, 3}, {768, 576, 3}, {720, 1280, 3},
                                   {321, 181, 3},   {64, 48, 2},    {20, 20, 1}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct vp9enc_conf c;
        struct vp9enc *e = NULL;
        ladder_vp9(&c, CAPTURE_CAMERA, sizes[i][0], sizes[i][1]);
        assert_true(c.width <= sizes[i][0] && c.height <= sizes[i][1]);
        assert_int_equal(c.layers, sizes[i][2]);
        assert_int_equal(vp9enc_new(&e, &c), OK);
        vp9enc_free(&e);
    }
    assert_int_equal(ladder_vp9_bps(2, 100000), 100000);
    assert_true(ladder_vp9_bps(2, 1400000) < 1400000);
    assert_int_equal(ladder_vp9_bps(0, 0), 0);
}

static void who_takes_one_layer_gets_the_largest(void **unused)
{
    (void)unused;
    struct vp8enc_conf c;
    ladder_conf(&c, CAPTURE_CAMERA, 1280, 720, 1);
    assert_int_equal(c.layers, 1);
    assert_int_equal(c.size[0].height, 720);
    assert_int_equal(c.fps, 25);
    ladder_conf(&c, CAPTURE_SLIDES, 1920, 1080, 1);
    assert_int_equal(c.size[0].height, 1080);
    assert_int_equal(c.fps, 5);
    assert_int_equal(c.content, VP8ENC_SLIDES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_has_layers_that_the_encoder_takes),
        cmocka_unit_test(vp9_has_layers_that_its_encoder_takes),
        cmocka_unit_test(who_takes_one_layer_gets_the_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
