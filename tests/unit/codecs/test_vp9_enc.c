/* test_vp9_enc.c - VP9 in layers, as a room sends it: whatever layers are left out, what goes out
 * names all that it needs and is decoded; layers go and come back. */
#include "codecs/vp8_payload.h"
#include "codecs/vp9_dec.h"
#include "codecs/vp9_enc.h"
#include "codecs/vp9_payload.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define W 640
#define H 384
#define PICTURES 60u
#define LIMIT 1200

static const struct vp9enc_conf usual = {.width = W,
                                         .height = H,
                                         .layers = 3,
                                         .temporal = 3,
                                         .bps = {90000, 240000, 600000},
                                         .fps = 20,
                                         .first_picture_id = 0x7ff0};

struct scene {
    struct vp9enc *enc;
    struct canvas canvas;
    unsigned t;
    struct vp9enc_out out;
};

static void begin(struct scene *s, const struct vp9enc_conf *c)
{
    *s = (struct scene){0};
    assert_int_equal(vp9enc_new(&s->enc, c), OK);
    canvas_init(&s->canvas, W, H);
}

static void end(struct scene *s)
{
    vp9enc_free(&s->enc);
    canvas_fini(&s->canvas);
}

static void next(struct scene *s)
{
    paint_film(&s->canvas, s->t++);
    assert_int_equal(vp9enc_encode(s->enc, &s->canvas.pic, s->t * USEC_SEC / 20, &s->out), OK);
}

/* A picture with all layers up to one, through packets and back. */
struct way {
    uint8_t buf[200000];
    struct vp8join join;
    uint32_t seq;
    struct vp9dec *dec;
    unsigned shown;
    int width;
    double psnr;
};

static void open_way(struct way *w)
{
    w->seq = 1;
    w->shown = 0;
    w->psnr = 0;
    vp8join_init(&w->join, w->buf, sizeof w->buf);
    assert_int_equal(vp9dec_new(&w->dec, 1), OK);
}

static bool carry_layer(struct way *w, const struct vp9enc_frame *f, bool last, uint32_t ts,
                        struct vp8frame *whole)
{
    struct vp9cut cut;
    uint8_t payload[LIMIT];
    bool done = false;
    bool marker = false;
    size_t n;
    size_t packets = 0;
    assert_true(vp9cut_init(&cut, f->data, f->len, &f->desc, last, LIMIT));
    assert_true(cut.size <= LIMIT);
    while ((n = vp9cut_next(&cut, payload, &marker)) > 0) {
        struct vp9_desc d;
        assert_true(vp9_desc_parse(payload, n, &d));
        assert_int_equal(d.start, packets++ == 0);
        assert_int_equal(d.end, cut.left == 0);
        assert_int_equal(marker, last && cut.left == 0);
        assert_int_equal(d.picture_id, f->desc.picture_id);
        assert_int_equal(d.refs, f->desc.refs);
        const struct vp8part in = {.payload = payload,
                                   .len = n,
                                   .ext_seq = w->seq++,
                                   .ts = ts,
                                   .marker = marker,
                                   .vp9 = true};
        done = vp8join_put(&w->join, &in, whole);
    }
    assert_int_equal(packets, cut.count);
    return done;
}

static void carry(struct way *w, const struct scene *s, unsigned sids)
{
    struct vp8frame whole;
    struct i420 pic;
    bool done = false;
    const unsigned n = s->out.n < sids ? s->out.n : sids;
    for (unsigned i = 0; i < n; i++)
        done = carry_layer(w, &s->out.frame[i], i + 1 == n, s->t * 4500, &whole);
    assert_true(done);
    assert_int_equal(whole.key, s->out.frame[0].key);
    assert_int_equal(vp9dec_put(w->dec, &whole, &pic), VP8DEC_PICTURE);
    w->width = pic.width;
    w->shown++;
    if (pic.width == s->canvas.pic.width)
        w->psnr += pictures_psnr(&s->canvas.pic, &pic);
}

static void close_way(struct way *w)
{
    assert_int_equal(vp9dec_stat(w->dec).refused, 0);
    vp9dec_free(&w->dec);
}

static void every_subset_of_layers_is_decoded(void **unused)
{
    (void)unused;
    static struct way way;
    for (unsigned sids = 1; sids <= 3; sids++) {
        for (unsigned tid = 0; tid < 3; tid++) {
            struct scene s;
            unsigned expected = 0;
            begin(&s, &usual);
            open_way(&way);
            for (unsigned i = 0; i < PICTURES; i++) {
                next(&s);
                if (s.out.n == 0 || s.out.frame[0].desc.tid > tid)
                    continue;
                expected++;
                carry(&way, &s, sids);
                assert_int_equal(way.width, W >> (3 - sids));
            }
            assert_int_equal(way.shown, expected);
            assert_true(expected >= (PICTURES >> (2 - tid)) - 2);
            assert_true(sids < 3 || way.psnr / way.shown > 30);
            close_way(&way);
            end(&s);
        }
    }
}

static void layers_say_what_they_need(void **unused)
{
    (void)unused;
    struct scene s;
    uint8_t tid_of[PICTURES];
    begin(&s, &usual);
    unsigned n = 0;
    for (unsigned i = 0; i < PICTURES; i++) {
        next(&s);
        if (s.out.n == 0)
            continue;
        assert_int_equal(s.out.n, 3);
        tid_of[n] = s.out.frame[0].desc.tid;
        for (unsigned k = 0; k < 3; k++) {
            const struct vp9enc_frame *const f = &s.out.frame[k];
            assert_int_equal(f->desc.sid, k);
            assert_int_equal(f->desc.tid, tid_of[n]);
            assert_int_equal(f->desc.picture_id, (usual.first_picture_id + n) & 0x7fff);
            assert_int_equal(f->desc.inter_layer, f->key && k > 0); /* in key pictures only */
            assert_int_equal(f->desc.ss.layers, f->key && k == 0 ? 3 : 0);
            assert_int_equal(f->last, k == 2);
            assert_int_equal(f->key, n == 0);
            assert_int_equal(f->desc.refs > 0, !f->key);
            for (unsigned r = 0; r < f->desc.refs; r++) {
                assert_in_range(f->desc.ref[r], 1, n);
                assert_true(tid_of[n - f->desc.ref[r]] <= tid_of[n]);
            }
        }
        n++;
    }
    assert_true(n > PICTURES - 6);
    end(&s);
}

static void a_layer_that_is_off_takes_those_above_along(void **unused)
{
    (void)unused;
    static struct way way;
    struct scene s;
    begin(&s, &usual);
    open_way(&way);
    const struct {
        unsigned layer;
        uint32_t bps;
        unsigned comes;
        bool key;
    } steps[] = {{2, 0, 2, false}, {1, 0, 1, false}, {2, 600000, 1, false}, {1, 240000, 3, true}};
    for (unsigned i = 0; i < 8; i++) {
        next(&s);
        if (s.out.n)
            carry(&way, &s, 3);
    }
    for (size_t k = 0; k < 4; k++) {
        bool first = true;
        assert_int_equal(vp9enc_set_rate(s.enc, steps[k].layer, steps[k].bps), OK);
        for (unsigned i = 0; i < 20; i++) {
            next(&s);
            if (s.out.n == 0)
                continue;
            assert_int_equal(s.out.n, steps[k].comes);
            assert_int_equal(s.out.frame[0].key, first && steps[k].key);
            assert_true(s.out.frame[s.out.n - 1].last);
            first = false;
            carry(&way, &s, 3);
        }
        assert_false(first);
    }
    close_way(&way);
    end(&s);
}

static void a_key_picture_comes_when_it_is_wanted(void **unused)
{
    (void)unused;
    struct scene s;
    begin(&s, &usual);
    unsigned keys = 0;
    for (unsigned i = 0; i < 30; i++) {
        if (i % 10 == 5)
            vp9enc_want_key(s.enc);
        next(&s);
        keys += s.out.n && s.out.frame[0].key;
    }
    assert_int_equal(keys, 4);
    end(&s);
}

static void rates_are_kept(void **unused)
{
    (void)unused;
    struct scene s;
    size_t bytes[3] = {0};
    begin(&s, &usual);
    for (unsigned i = 0; i < 200; i++) {
        next(&s);
        for (unsigned k = 0; k < s.out.n && i >= 40; k++)
            bytes[k] += s.out.frame[k].len;
    }
    for (unsigned k = 0; k < 3; k++) {
        const size_t bps = bytes[k] * 8 * 20 / 160;
        assert_true(bps < (size_t)usual.bps[k] * 5 / 4);
    }
    end(&s);
}

static void what_cannot_be_is_refused(void **unused)
{
    (void)unused;
    struct vp9enc *e = NULL;
    struct vp9enc_conf c = usual;
    c.width = 636;
    assert_int_equal(vp9enc_new(&e, &c), E_FORMAT);
    c = usual;
    c.layers = 4;
    assert_int_equal(vp9enc_new(&e, &c), E_FORMAT);
    c = usual;
    c.temporal = 0;
    assert_int_equal(vp9enc_new(&e, &c), E_FORMAT);
    assert_null(e);
    struct scene s;
    begin(&s, &usual);
    next(&s);
    assert_int_equal(vp9enc_encode(s.enc, &s.canvas.pic, 1, &s.out), E_FORMAT);
    assert_int_equal(vp9enc_encode(s.enc, &(struct i420){0}, USEC_SEC, &s.out), E_FORMAT);
    assert_int_equal(vp9enc_set_rate(s.enc, 3, 1), E_FORMAT);
    end(&s);
    struct vp9cut cut;
    const struct vp9_desc d = {.has_pid = true, .has_layers = true, .flexible = true};
    assert_false(vp9cut_init(&cut, "", 0, &d, true, LIMIT));
    assert_false(vp9cut_init(&cut, "x", 1, &d, true, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subset_of_layers_is_decoded),
        cmocka_unit_test(layers_say_what_they_need),
        cmocka_unit_test(a_layer_that_is_off_takes_those_above_along),
        cmocka_unit_test(a_key_picture_comes_when_it_is_wanted),
        cmocka_unit_test(rates_are_kept),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
