/* test_vp8_dec.c - whatever is lost on the way, each picture shown is right to the last bit. */
#include "codecs/vp8_dec.h"
#include "codecs/vp8_enc.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define W 320
#define H 180
#define FRAMES 120
#define TICK (USEC_SEC / 25)
#define FRAME_MAX 60000

/* A film encoded once, and the hash of each picture as a decoder shows it that lost nothing. */
struct shot {
    struct vp8enc_frame frame; /* until the next one */
    uint64_t hash;
};

static struct vp8enc *enc;
static struct canvas canvas;
static struct vp8dec *witness;
static usec now;
static unsigned t;

static void open_camera(unsigned temporal)
{
    const struct vp8enc_conf conf = {.layers = 1,
                                     .size = {{W, H, 250000}},
                                     .fps = 25,
                                     .temporal = temporal,
                                     .first_picture_id = 0x7ff0,
                                     .first_tl0picidx = 250};
    assert_int_equal(vp8enc_new(&enc, &conf), OK);
    assert_int_equal(vp8dec_new(&witness, 1), OK);
    canvas_init(&canvas, W, H);
}

static void close_camera(void)
{
    vp8enc_free(&enc);
    vp8dec_free(&witness);
    canvas_fini(&canvas);
}

static struct vp8frame frame_of(const struct vp8enc_frame *f)
{
    return (struct vp8frame){.data = f->data, .len = f->len, .key = f->key, .desc = f->desc};
}

/* The next frame of the film; pictures that the encoder leaves out are passed over. */
static struct shot shoot(void)
{
    struct vp8enc_out out = {0};
    while (out.n == 0) {
        paint_film(&canvas, t++);
        now += TICK;
        assert_int_equal(vp8enc_encode(enc, &canvas.pic, now, &out), OK);
    }
    struct i420 pic;
    const struct vp8frame f = frame_of(&out.frame[0]);
    assert_int_equal(vp8dec_put(witness, &f, &pic), VP8DEC_PICTURE);
    return (struct shot){.frame = out.frame[0], .hash = picture_hash(&pic)};
}

static enum vp8dec_result show(struct vp8dec *d, const struct shot *s)
{
    struct i420 pic;
    const struct vp8frame f = frame_of(&s->frame);
    const enum vp8dec_result r = vp8dec_put(d, &f, &pic);
    if (r == VP8DEC_PICTURE)
        assert_true(picture_hash(&pic) == s->hash);
    return r;
}

static void nothing_is_shown_before_a_key_frame(void **unused)
{
    (void)unused;
    open_camera(2);
    struct vp8dec *d = NULL;
    assert_int_equal(vp8dec_new(&d, 1), OK);
    struct shot s = shoot(); /* the key frame passes unseen */
    for (int i = 0; i < 5; i++) {
        s = shoot();
        assert_int_equal(show(d, &s), VP8DEC_WANT_KEY);
        assert_true(vp8dec_wants_key(d));
    }
    vp8enc_want_key(enc);
    s = shoot();
    assert_int_equal(show(d, &s), VP8DEC_PICTURE);
    assert_false(vp8dec_wants_key(d));
    assert_int_equal(vp8dec_stat(d).waited, 5);
    vp8dec_free(&d);
    close_camera();
}

static void a_lost_base_frame_asks_for_a_key_frame(void **unused)
{
    (void)unused;
    open_camera(2);
    struct vp8dec *d = NULL;
    assert_int_equal(vp8dec_new(&d, 1), OK);
    unsigned lost = 0;
    for (unsigned i = 0; i < 60; i++) {
        const struct shot s = shoot();
        if (i > 20 && lost == 0 && s.frame.desc.tid == 0) {
            lost = i;
            continue;
        }
        const enum vp8dec_result r = show(d, &s);
        assert_int_equal(r, lost && !s.frame.key && i < 40 ? VP8DEC_WANT_KEY : VP8DEC_PICTURE);
        if (i == 38)
            vp8enc_want_key(enc);
        if (s.frame.key)
            assert_false(vp8dec_wants_key(d));
        if (i == 39)
            assert_true(s.frame.key);
    }
    assert_true(lost > 0);
    vp8dec_free(&d);
    close_camera();
}

static void a_lost_upper_frame_costs_nothing_else(void **unused)
{
    (void)unused;
    open_camera(2);
    struct vp8dec *d = NULL;
    assert_int_equal(vp8dec_new(&d, 1), OK);
    unsigned lost = 0;
    for (unsigned i = 0; i < 60; i++) {
        const struct shot s = shoot();
        if (s.frame.desc.tid == 1 && i % 5 == 0)
            lost++;
        else
            assert_int_equal(show(d, &s), VP8DEC_PICTURE);
    }
    assert_true(lost > 3);
    vp8dec_free(&d);
    close_camera();
}

/* An upper layer that refers to itself, as browsers send it: after a hole it is usable again only
 * from a frame that says sync. Our own frames are dressed up as such. */
static void an_upper_layer_with_a_hole_waits_for_its_sync_frame(void **unused)
{
    (void)unused;
    open_camera(2);
    struct vp8dec *d = NULL;
    assert_int_equal(vp8dec_new(&d, 1), OK);
    unsigned upper = 0;
    for (unsigned i = 0; i < 80 && upper < 20; i++) {
        struct shot s = shoot();
        if (s.frame.desc.tid == 0) {
            assert_int_equal(show(d, &s), VP8DEC_PICTURE);
            continue;
        }
        upper++;
        s.frame.desc.sync = upper == 12;
        if (upper == 5)
            continue; /* lost */
        assert_int_equal(show(d, &s), upper > 5 && upper < 12 ? VP8DEC_NOTHING : VP8DEC_PICTURE);
    }
    assert_int_equal(upper, 20);
    assert_int_equal(vp8dec_stat(d).left_out, 6);
    vp8dec_free(&d);
    close_camera();
}

static void without_layer_numbers_any_hole_asks_for_a_key_frame(void **unused)
{
    (void)unused;
    for (int pid = 0; pid <= 1; pid++) {
        open_camera(1);
        struct vp8dec *d = NULL;
        assert_int_equal(vp8dec_new(&d, 1), OK);
        for (unsigned i = 0; i < 10; i++) {
            const struct shot s = shoot();
            struct vp8frame f = frame_of(&s.frame);
            struct i420 pic;
            f.desc = (struct vp8_desc){
                .start = true, .has_pid = pid, .picture_id = s.frame.desc.picture_id & 0x7f};
            f.gap = i == 6;
            if (i == 5)
                continue;
            assert_int_equal(vp8dec_put(d, &f, &pic), i < 5 ? VP8DEC_PICTURE : VP8DEC_WANT_KEY);
        }
        vp8dec_free(&d);
        close_camera();
    }
}

/* A hole of exactly 256 base frames brings TL0PICIDX round to where it would have been. */
static void a_long_hole_is_not_taken_for_none(void **unused)
{
    (void)unused;
    open_camera(1);
    struct vp8dec *d = NULL;
    assert_int_equal(vp8dec_new(&d, 1), OK);
    struct shot s = shoot();
    assert_int_equal(show(d, &s), VP8DEC_PICTURE);
    s = shoot();
    s.frame.desc.picture_id = (s.frame.desc.picture_id + 256) & 0x7fff;
    assert_int_equal(show(d, &s), VP8DEC_WANT_KEY);
    vp8dec_free(&d);
    close_camera();
}

struct receiver {
    struct vp8join join;
    struct vp8dec *dec;
    uint8_t buf[FRAME_MAX];
    uint32_t seq;
    unsigned shown;
    unsigned want_key;
};

/* Sends one frame over a lossy line; what comes to be shown must be right to the last bit. */
static void transmit(struct receiver *r, const struct shot *s, uint32_t *seed)
{
    struct vp8cut cut;
    uint8_t out[400];
    bool marker = false;
    size_t n;
    assert_true(vp8cut_init(&cut, s->frame.data, s->frame.len, &s->frame.desc, sizeof(out)));
    while ((n = vp8cut_next(&cut, out, &marker))) {
        const struct vp8part part = {
            .payload = out, .len = n, .ext_seq = r->seq++, .ts = (uint32_t)now, .marker = marker};
        struct vp8frame f;
        struct i420 pic;
        *seed = *seed * 1664525 + 1013904223;
        if (*seed >> 16 < 65536 * 4 / 100 || !vp8join_put(&r->join, &part, &f))
            continue;
        assert_int_equal(f.len, s->frame.len);
        const enum vp8dec_result result = vp8dec_put(r->dec, &f, &pic);
        r->want_key += result == VP8DEC_WANT_KEY;
        if (result == VP8DEC_PICTURE) {
            assert_true(picture_hash(&pic) == s->hash);
            r->shown++;
        }
    }
}

static void under_loss_every_picture_shown_is_whole(void **unused)
{
    (void)unused;
    struct receiver *const r = calloc(1, sizeof(*r));
    assert_non_null(r);
    for (unsigned temporal = 1; temporal <= 2; temporal++) {
        open_camera(temporal);
        uint32_t seed = temporal;
        r->shown = r->want_key = 0;
        vp8join_init(&r->join, r->buf, sizeof(r->buf));
        assert_int_equal(vp8dec_new(&r->dec, 1), OK);
        for (unsigned i = 0; i < FRAMES; i++) {
            if (i % 4 == 0 && vp8dec_wants_key(r->dec)) /* a round trip later */
                vp8enc_want_key(enc);
            const struct shot s = shoot();
            transmit(r, &s, &seed);
        }
        assert_true(r->shown > FRAMES / 4);
        assert_true(r->join.broken > 5);
        assert_true(r->want_key > 5);
        vp8dec_free(&r->dec);
        close_camera();
    }
    free(r);
}

static void rubbish_is_refused(void **unused)
{
    (void)unused;
    open_camera(1);
    struct vp8dec *d = NULL;
    struct i420 pic;
    assert_int_equal(vp8dec_new(&d, 1), OK);
    const uint8_t huge[] = {0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0};
    const uint8_t flat[] = {0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0, 0, 1, 0, 0, 0};
    const uint8_t stub[] = {0x10};
    struct vp8frame f = {.data = huge, .len = sizeof(huge), .key = true};
    assert_int_equal(vp8dec_put(d, &f, &pic), VP8DEC_WANT_KEY);
    f.data = flat;
    assert_int_equal(vp8dec_put(d, &f, &pic), VP8DEC_WANT_KEY);
    f = (struct vp8frame){.data = stub, .len = 1, .key = true};
    assert_int_equal(vp8dec_put(d, &f, &pic), VP8DEC_WANT_KEY);
    assert_int_equal(vp8dec_stat(d).refused, 3);

    struct shot s = shoot(); /* and it recovers */
    assert_int_equal(show(d, &s), VP8DEC_PICTURE);
    uint32_t seed = 9;
    for (unsigned i = 0; i < 50; i++) { /* bits flip: any result will do, but no crash */
        uint8_t bytes[FRAME_MAX];
        vp8enc_want_key(enc);
        s = shoot();
        assert_true(s.frame.len <= sizeof(bytes));
        memcpy(bytes, s.frame.data, s.frame.len);
        for (unsigned k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            bytes[(seed >> 8) % s.frame.len] ^= (uint8_t)(1u << (seed & 7u));
        }
        f = frame_of(&s.frame);
        f.data = bytes;
        (void)vp8dec_put(d, &f, &pic);
    }
    vp8dec_free(&d);
    vp8dec_free(&d); /* NULL by now */
    close_camera();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_shown_before_a_key_frame),
        cmocka_unit_test(a_lost_base_frame_asks_for_a_key_frame),
        cmocka_unit_test(a_lost_upper_frame_costs_nothing_else),
        cmocka_unit_test(an_upper_layer_with_a_hole_waits_for_its_sync_frame),
        cmocka_unit_test(without_layer_numbers_any_hole_asks_for_a_key_frame),
        cmocka_unit_test(a_long_hole_is_not_taken_for_none),
        cmocka_unit_test(under_loss_every_picture_shown_is_whole),
        cmocka_unit_test(rubbish_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
