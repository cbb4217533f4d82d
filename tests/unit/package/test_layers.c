/* test_layers.c - a recording of VP9 in layers is whole: each picture with all its layers, and what
 * is decoded of it is bit for bit the best layer. */
#include "engine/base/bytes.h"
#include "engine/wire/vp9.h"
#include "relay/library/package/view.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/codecs/svc.h"
#include "tests/unit/journal/folder.h"
#include "tests/unit/test.h"

#include <string.h>

#define PICTURES 40
#define LIMIT 900u
#define FIRST 0x08 /* B: a layer begins */
#define LAST 0x04  /* E: it ends */

static const struct svc_conf conf = {
    640, 384, .sids = 3, .tids = 3, .key_only = true, .flexible = true};

/* One layer of one picture, in as many packets as it takes. */
static void record_layer(struct journal *j, const struct svc_frame *f, bool last, unsigned t,
                         uint32_t *seq)
{
    struct vp9_desc d = {0};
    uint8_t body[LIMIT + 64];
    uint8_t head[12] = {0x80};
    assert_true(vp9_desc_parse(f->payload, f->len, &d));
    for (size_t at = d.len, n = 0; at < f->len; at += n) {
        n = size_min(LIMIT, f->len - at);
        memcpy(body, f->payload, d.len);
        memcpy(body + d.len, f->payload + at, n);
        body[0] &= (uint8_t) ~((at > d.len ? FIRST : 0) | (at + n < f->len ? LAST : 0));
        head[1] = (uint8_t)((last && at + n == f->len ? 0x80 : 0) | 98);
        put_be16(head + 2, (uint16_t)*seq);
        put_be32(head + 4, t * 3600);
        const struct record_rtp p = {.ext_seq = (*seq)++,
                                     .level_db = 255,
                                     .head = head,
                                     .head_len = sizeof head,
                                     .body = body,
                                     .body_len = d.len + n};
        assert_int_equal(journal_rtp(j, t * 40 * USEC_MS, 1, &p), OK);
    }
}

static void record(const char *dir, struct svc *s, uint64_t hash[PICTURES])
{
    static struct svc_picture pic;
    static uint8_t whole[SVC_SIDS * SVC_FRAME_MAX];
    const struct record_track info = {
        .codec = "VP9", .source = "camera", .site = "S0", .pt = 98, .clock_rate = 90000};
    struct svc_view *const v = svc_view_new(-1);
    struct journal *j = folder_open(dir, 0, 0);
    uint32_t number = 0;
    uint32_t seq = 1000;
    assert_int_equal(journal_track(j, 0, &info, &number), OK);
    for (unsigned t = 0; t < PICTURES; t++) {
        size_t len = 0;
        svc_next(s, t == 0 || t == 25, &pic);
        for (unsigned i = 0; i < conf.sids; i++) {
            const struct svc_frame *const f = &pic.layer[i];
            struct vp9_desc d = {0};
            assert_true(f->made && vp9_desc_parse(f->payload, f->len, &d));
            memcpy(whole + len, f->payload + d.len, f->len - d.len);
            len += f->len - d.len;
            record_layer(j, f, i + 1 == conf.sids, t, &seq);
        }
        hash[t] = svc_view_show(v, whole, len);
    }
    assert_int_equal(journal_end(j, PICTURES * 40 * USEC_MS), OK);
    journal_free(&j);
    svc_view_free(v);
}

/* All that is not the index is in one of its layers. */
static void check_index(const struct frame *one)
{
    uint8_t tail[FRAMES_TAIL_MAX];
    const size_t n = frames_tail(TAPE_VP9, one, tail);
    const unsigned width = 1u + (tail[0] >> 3 & 3);
    uint32_t sum = 0;
    assert_int_equal(tail[0] >> 5, 6);
    assert_int_equal(tail[0] & 7, conf.sids - 1);
    assert_int_equal(n, 2 + conf.sids * width);
    assert_int_equal(tail[n - 1], tail[0]);
    for (unsigned i = 0; i < conf.sids; i++)
        for (unsigned k = 0; k < width; k++)
            sum += (uint32_t)tail[1 + i * width + k] << 8 * k;
    assert_int_equal(sum + n, one->bytes);
}

static void the_best_layer_is_whole(void **unused)
{
    (void)unused;
    char dir[FOLDER_PATH];
    uint64_t hash[PICTURES];
    struct tape tape = {0};
    struct frames frames = {0};
    struct view *v = NULL;
    struct picture p = {0};
    uint16_t width = 0;
    uint16_t height = 0;
    struct svc *const s = svc_new(&conf);
    folder_make(dir);
    record(dir, s, hash);
    svc_free(s);
    assert_int_equal(tape_load(&tape, dir), OK);
    assert_int_equal(frames_add(&frames, &tape, &tape.stream[0], INT64_MAX), OK);
    assert_int_equal(frames.n, PICTURES);
    assert_int_equal(frames.broken + frames.dropped + frames.holes, 0);
    assert_int_equal(view_new(&v, TAPE_VP9), OK);
    for (size_t i = 0; i < frames.n; i++) {
        assert_int_equal(frames.frame[i].key, i == 0 || i == 25);
        check_index(&frames.frame[i]);
        assert_true(view_put(v, &frames.frame[i]) && view_shows(v));
        assert_int_equal(view_copy(v, &p), OK);
        assert_int_equal(p.width, conf.width);
        const struct i420 got = i420_in(p.bytes, p.width, p.height);
        assert_true(picture_hash(&got) == hash[i]);
    }
    assert_true(frames_size(TAPE_VP9, frames.frame[0].packet, &width, &height));
    assert_int_equal(width, conf.width);
    assert_int_equal(height, conf.height);
    view_free(&v);
    picture_fini(&p);
    frames_fini(&frames);
    tape_free(&tape);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_layer_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
