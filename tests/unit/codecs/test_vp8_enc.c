/* test_vp8_enc.c - three sizes, two temporal layers, rates that change, slides that stand still. */
#include "codecs/vp8_dec.h"
#include "codecs/vp8_enc.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/test.h"

#define W 480
#define H 272
#define FPS 25
#define TICK (USEC_SEC / FPS)

static const struct vp8enc_conf camera = {
    .layers = 3,
    .size = {{120, 68, 80000}, {240, 136, 200000}, {480, 272, 500000}},
    .fps = FPS,
    .temporal = 2,
    .threads = 1,
    .first_picture_id = 0x7ffc, /* wraps at once */
    .first_tl0picidx = 254,
};

static const struct vp8enc_conf slides = {
    .layers = 1,
    .size = {{W, H, 400000}},
    .fps = 5,
    .temporal = 1,
    .content = VP8ENC_SLIDES,
};

struct studio {
    struct canvas canvas;
    struct vp8enc *enc;
    struct vp8enc_out out;
    usec now;
    unsigned t;
};

static void studio_open(struct studio *s, const struct vp8enc_conf *conf)
{
    *s = (struct studio){.now = 1000 * USEC_SEC};
    canvas_init(&s->canvas, W, H);
    assert_int_equal(vp8enc_new(&s->enc, conf), OK);
}

static void studio_close(struct studio *s)
{
    vp8enc_free(&s->enc);
    canvas_fini(&s->canvas);
}

static void film(struct studio *s)
{
    paint_film(&s->canvas, s->t++);
    s->now += TICK;
    assert_int_equal(vp8enc_encode(s->enc, &s->canvas.pic, s->now, &s->out), OK);
}

static struct vp8frame frame_of(const struct vp8enc_frame *f)
{
    return (struct vp8frame){.data = f->data, .len = f->len, .key = f->key, .desc = f->desc};
}

static void three_sizes_come_out_and_look_like_what_went_in(void **unused)
{
    (void)unused;
    struct studio s;
    struct vp8dec *dec[VP8ENC_LAYERS];
    studio_open(&s, &camera);
    for (unsigned i = 0; i < VP8ENC_LAYERS; i++)
        assert_int_equal(vp8dec_new(&dec[i], 1), OK);
    double worst[VP8ENC_LAYERS] = {128, 128, 128};
    for (unsigned t = 0; t < 2 * FPS; t++) {
        film(&s);
        for (unsigned i = 0; i < s.out.n; i++) {
            const struct vp8enc_frame *const f = &s.out.frame[i];
            const struct vp8frame in = frame_of(f);
            struct i420 pic;
            assert_int_equal(vp8dec_put(dec[f->layer], &in, &pic), VP8DEC_PICTURE);
            assert_int_equal(pic.width, camera.size[f->layer].width);
            assert_int_equal(pic.height, camera.size[f->layer].height);
            const double psnr = pictures_psnr(&s.canvas.pic, &pic);
            worst[f->layer] = psnr < worst[f->layer] ? psnr : worst[f->layer];
        }
    }
    for (unsigned i = 0; i < VP8ENC_LAYERS; i++) {
        assert_true(worst[i] > 28);
        assert_true(vp8dec_stat(dec[i]).pictures > FPS);
        vp8dec_free(&dec[i]);
    }
    studio_close(&s);
}

static void key_frames_come_in_all_layers_at_once_and_only_when_asked_for(void **unused)
{
    (void)unused;
    struct studio s;
    studio_open(&s, &camera);
    for (unsigned t = 0; t < 60; t++) {
        const bool asked = t % 23 == 0; /* on even and odd pictures */
        if (asked)
            vp8enc_want_key(s.enc);
        film(&s);
        if (asked)
            assert_int_equal(s.out.n, 3);
        for (unsigned i = 0; i < s.out.n; i++) {
            struct vp8_head h;
            const struct vp8enc_frame *const f = &s.out.frame[i];
            assert_true(vp8_head_parse(f->data, f->len, &h));
            assert_int_equal(h.key, asked);
            assert_int_equal(f->key, asked);
            if (asked)
                assert_int_equal(h.width, camera.size[f->layer].width);
        }
    }
    studio_close(&s);
}

static void picture_ids_and_base_counters_leave_nothing_out(void **unused)
{
    (void)unused;
    struct studio s;
    studio_open(&s, &camera);
    uint16_t pid[VP8ENC_LAYERS] = {0x7ffc, 0x7ffc, 0x7ffc};
    uint8_t tl0[VP8ENC_LAYERS] = {253, 253, 253};
    unsigned upper = 0;
    for (unsigned t = 0; t < 40; t++) {
        film(&s);
        for (unsigned i = 0; i < s.out.n; i++) {
            const struct vp8enc_frame *const f = &s.out.frame[i];
            assert_int_equal(f->desc.picture_id, pid[f->layer]);
            pid[f->layer] = (pid[f->layer] + 1) & 0x7fff;
            tl0[f->layer] = (uint8_t)(tl0[f->layer] + (f->desc.tid == 0));
            assert_int_equal(f->desc.tl0picidx, tl0[f->layer]);
            assert_int_equal(f->desc.tid, t % 2);
            assert_int_equal(f->desc.sync, f->desc.tid == 1);
            upper += f->desc.tid;
        }
    }
    assert_true(upper > 40); /* of 60 */
    studio_close(&s);
}

/* The strongest thing to say of a temporal layer: without it the rest decodes to the same bits. */
static void without_the_upper_temporal_layer_nothing_else_changes(void **unused)
{
    (void)unused;
    struct studio s;
    struct vp8dec *all = NULL;
    struct vp8dec *base = NULL;
    struct vp8dec *some = NULL;
    struct vp8enc_conf conf = camera;
    conf.layers = 1;
    conf.size[0] = camera.size[1];
    studio_open(&s, &conf);
    assert_int_equal(vp8dec_new(&all, 1), OK);
    assert_int_equal(vp8dec_new(&base, 1), OK);
    assert_int_equal(vp8dec_new(&some, 1), OK);
    for (unsigned t = 0; t < 100; t++) {
        film(&s);
        if (s.out.n == 0)
            continue;
        const struct vp8frame f = frame_of(&s.out.frame[0]);
        struct i420 a;
        struct i420 b;
        assert_int_equal(vp8dec_put(all, &f, &a), VP8DEC_PICTURE);
        if (f.desc.tid == 0) {
            assert_int_equal(vp8dec_put(base, &f, &b), VP8DEC_PICTURE);
            assert_true(picture_hash(&a) == picture_hash(&b));
        }
        if (f.desc.tid == 0 || t % 7 < 3) { /* leaves and joins the layer all the time */
            assert_int_equal(vp8dec_put(some, &f, &b), VP8DEC_PICTURE);
            assert_true(picture_hash(&a) == picture_hash(&b));
        }
    }
    assert_true(vp8dec_stat(base).pictures >= 40);
    vp8dec_free(&all);
    vp8dec_free(&base);
    vp8dec_free(&some);
    studio_close(&s);
}

/* Kilobits in the next second of film, of one layer. */
static double second_of(struct studio *s, unsigned layer, unsigned *frames)
{
    size_t bytes = 0;
    *frames = 0;
    for (unsigned t = 0; t < FPS; t++) {
        film(s);
        for (unsigned i = 0; i < s->out.n; i++) {
            if (s->out.frame[i].layer != layer)
                continue;
            bytes += s->out.frame[i].len;
            (*frames)++;
        }
    }
    return (double)bytes * 8 / 1000;
}

static void a_new_rate_is_kept_from_the_next_second_on(void **unused)
{
    (void)unused;
    struct studio s;
    struct vp8enc_conf conf = camera;
    conf.layers = 1;
    conf.size[0] = (struct vp8enc_size){320, 180, 300000};
    studio_open(&s, &conf);
    const uint32_t rates[] = {300000, 100000, 350000, 60000};
    for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
        unsigned frames;
        assert_int_equal(vp8enc_set_rate(s.enc, 0, rates[i]), OK);
        (void)second_of(&s, 0, &frames);
        const double kbps = second_of(&s, 0, &frames);
        assert_true(kbps < rates[i] / 1000.0 * 1.2);
        assert_true(kbps > rates[i] / 1000.0 * 0.5);
        assert_true(frames > FPS / 3);
    }
    unsigned frames;
    assert_int_equal(vp8enc_set_rate(s.enc, 0, 60000), OK);
    assert_int_equal(vp8enc_set_fps(s.enc, 8), OK); /* fewer frames have more bits each */
    (void)second_of(&s, 0, &frames);
    const double kbps = second_of(&s, 0, &frames) + second_of(&s, 0, &frames);
    assert_true(kbps > 2 * 60 * 0.7 && kbps < 2 * 60 * 1.2);
    assert_int_equal(vp8enc_set_rate(s.enc, 1, 100000), E_FORMAT);
    studio_close(&s);
}

static void pictures_beyond_the_frame_rate_are_left_out(void **unused)
{
    (void)unused;
    struct studio s;
    struct vp8enc_conf conf = camera;
    conf.layers = 1;
    conf.size[0] = (struct vp8enc_size){120, 68, 500000};
    studio_open(&s, &conf);
    const unsigned rates[] = {25, 10, 15, 1, 25};
    for (unsigned i = 0; i < ARRAY_LEN(rates); i++) {
        unsigned frames;
        assert_int_equal(vp8enc_set_fps(s.enc, rates[i]), OK);
        (void)second_of(&s, 0, &frames);
        unsigned sum = 0;
        for (unsigned n = 0; n < 2; n++) {
            (void)second_of(&s, 0, &frames);
            sum += frames;
        }
        assert_in_range(sum, rates[i] * 2 - 1, rates[i] * 2 + 1);
    }
    assert_int_equal(vp8enc_set_fps(s.enc, 0), E_FORMAT);
    assert_int_equal(vp8enc_set_fps(s.enc, 61), E_FORMAT);
    studio_close(&s);
}

static void layers_are_switched_off_and_on_while_running(void **unused)
{
    (void)unused;
    struct studio s;
    studio_open(&s, &camera);
    film(&s);
    assert_int_equal(s.out.n, 3);
    assert_int_equal(vp8enc_set_rate(s.enc, 2, 0), OK);
    for (unsigned t = 0; t < 10; t++) {
        film(&s);
        for (unsigned i = 0; i < s.out.n; i++) {
            assert_true(s.out.frame[i].layer < 2);
            assert_false(s.out.frame[i].key);
        }
    }
    assert_int_equal(vp8enc_set_rate(s.enc, 2, 500000), OK);
    film(&s);
    assert_int_equal(s.out.n, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_true(s.out.frame[i].key);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(vp8enc_set_rate(s.enc, i, 0), OK);
    film(&s);
    assert_int_equal(s.out.n, 0);
    studio_close(&s);
}

static void a_layer_changes_its_size_while_running(void **unused)
{
    (void)unused;
    struct studio s;
    studio_open(&s, &camera);
    film(&s);
    assert_int_equal(vp8enc_set_size(s.enc, 2, 400, 226), OK);
    film(&s);
    assert_int_equal(s.out.n, 3);
    struct vp8_head h;
    assert_true(vp8_head_parse(s.out.frame[2].data, s.out.frame[2].len, &h));
    assert_int_equal(h.width, 400);
    assert_int_equal(h.height, 226);
    for (unsigned i = 0; i < 3; i++)
        assert_true(s.out.frame[i].key);
    assert_int_equal(vp8enc_set_size(s.enc, 2, 100, 270), E_FORMAT); /* smaller than layer 1 */
    assert_int_equal(vp8enc_set_size(s.enc, 2, 401, 226), E_FORMAT);
    studio_close(&s);
}

/* Shows slide n for some seconds; gives the frames and bytes it took, and the last PSNR. */
static double show_slide(struct studio *s, struct vp8dec *dec, unsigned n, unsigned seconds,
                         unsigned *frames, size_t *bytes)
{
    double psnr = 0;
    *frames = 0;
    *bytes = 0;
    paint_slide(&s->canvas, n);
    for (unsigned t = 0; t < seconds * 5; t++) {
        s->now += USEC_SEC / 5;
        assert_int_equal(vp8enc_encode(s->enc, &s->canvas.pic, s->now, &s->out), OK);
        if (s->out.n == 0)
            continue;
        const struct vp8frame f = frame_of(&s->out.frame[0]);
        struct i420 pic;
        assert_int_equal(vp8dec_put(dec, &f, &pic), VP8DEC_PICTURE);
        psnr = pictures_psnr(&s->canvas.pic, &pic);
        *bytes += f.len;
        (*frames)++;
    }
    return psnr;
}

static void a_slide_becomes_crisp_and_then_costs_next_to_nothing(void **unused)
{
    (void)unused;
    struct studio s;
    struct vp8dec *dec = NULL;
    unsigned frames;
    size_t bytes;
    studio_open(&s, &slides);
    assert_int_equal(vp8dec_new(&dec, 1), OK);
    for (unsigned n = 0; n < 2; n++) {
        assert_true(show_slide(&s, dec, n, 5, &frames, &bytes) > 38);
        assert_true(frames > 1);
        (void)show_slide(&s, dec, n, 10, &frames, &bytes); /* once more the same */
        assert_in_range(frames, 1, 6);
        assert_true(bytes < 10 * 1000);
    }
    vp8enc_want_key(s.enc);
    (void)show_slide(&s, dec, 1, 1, &frames, &bytes);
    assert_true(bytes > 2000); /* somebody joined: a key frame though nothing changed */
    vp8dec_free(&dec);
    studio_close(&s);
}

/* What a thin line cannot carry in time waits in the picture source, not in the line. */
static void slides_never_fill_more_than_the_line(void **unused)
{
    (void)unused;
    struct studio s;
    struct vp8enc_conf conf = slides;
    conf.size[0].bps = 40000;
    studio_open(&s, &conf);
    usec free_at = s.now;
    unsigned newest = 0;
    for (unsigned t = 0; t < 40 * 5; t++) {
        const unsigned n = t / 8; /* turned faster than they can be sent */
        paint_slide(&s.canvas, n);
        s.now += USEC_SEC / 5;
        assert_int_equal(vp8enc_encode(s.enc, &s.canvas.pic, s.now, &s.out), OK);
        if (s.out.n == 0)
            continue;
        assert_true(free_at - s.now <= 300 * USEC_MS);
        free_at = usec_max(free_at, s.now) + (usec)s.out.frame[0].len * 8 * USEC_SEC / 40000;
        assert_int_equal(s.out.frame[0].key, n != newest || t == 0); /* a new slide, a key frame */
        newest = n;
    }
    assert_true(newest > 15);
    studio_close(&s);
}

static void wrong_settings_and_pictures_are_refused(void **unused)
{
    (void)unused;
    struct vp8enc *e = NULL;
    struct vp8enc_conf c = camera;
    c.layers = 4;
    assert_int_equal(vp8enc_new(&e, &c), E_FORMAT);
    c = camera;
    c.fps = 0;
    assert_int_equal(vp8enc_new(&e, &c), E_FORMAT);
    c = camera;
    c.temporal = 3;
    assert_int_equal(vp8enc_new(&e, &c), E_FORMAT);
    c = camera;
    c.size[1].width = 241;
    assert_int_equal(vp8enc_new(&e, &c), E_FORMAT);
    c = camera;
    c.size[0].width = 242; /* larger than the next */
    assert_int_equal(vp8enc_new(&e, &c), E_FORMAT);
    assert_null(e);

    struct studio s;
    studio_open(&s, &camera);
    film(&s);
    assert_int_equal(vp8enc_encode(s.enc, &s.canvas.pic, s.now, &s.out), E_FORMAT);
    struct i420 pic = s.canvas.pic;
    pic.plane[1] = NULL;
    assert_int_equal(vp8enc_encode(s.enc, &pic, s.now + TICK, &s.out), E_FORMAT);
    pic = s.canvas.pic;
    pic.stride[0] = pic.width - 1;
    assert_int_equal(vp8enc_encode(s.enc, &pic, s.now + TICK, &s.out), E_FORMAT);
    studio_close(&s);
    vp8enc_free(&s.enc); /* NULL by now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_sizes_come_out_and_look_like_what_went_in),
        cmocka_unit_test(key_frames_come_in_all_layers_at_once_and_only_when_asked_for),
        cmocka_unit_test(picture_ids_and_base_counters_leave_nothing_out),
        cmocka_unit_test(without_the_upper_temporal_layer_nothing_else_changes),
        cmocka_unit_test(a_new_rate_is_kept_from_the_next_second_on),
        cmocka_unit_test(pictures_beyond_the_frame_rate_are_left_out),
        cmocka_unit_test(layers_are_switched_off_and_on_while_running),
        cmocka_unit_test(a_layer_changes_its_size_while_running),
        cmocka_unit_test(a_slide_becomes_crisp_and_then_costs_next_to_nothing),
        cmocka_unit_test(slides_never_fill_more_than_the_line),
        cmocka_unit_test(wrong_settings_and_pictures_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
