/* test_descriptors.c - what payloads of VP8 and VP9 and packets of Opus say of themselves, and all
 * ways to say it wrong. */
#include "engine/base/bytes.h"
#include "engine/wire/opus.h"
#include "engine/wire/video.h"
#include "engine/wire/vp8.h"
#include "tests/unit/test.h"

#include <stdlib.h>

/* In a block of exactly its size, so that a sanitizer sees a read past the end. */
static uint8_t *exact(const uint8_t *p, size_t n)
{
    uint8_t *const block = malloc(n ? n : 1);
    assert_non_null(block);
    if (n)
        memcpy(block, p, n);
    return block;
}

static bool vp8_ok(const uint8_t *p, size_t n, struct vp8_desc *d)
{
    uint8_t *const block = exact(p, n);
    const bool ok = vp8_desc_parse(block, n, d);
    free(block);
    return ok;
}

static bool vp9_ok(const uint8_t *p, size_t n, struct vp9_desc *d)
{
    uint8_t *const block = exact(p, n);
    const bool ok = vp9_desc_parse(block, n, d);
    free(block);
    return ok;
}

static bool toc_ok(const uint8_t *p, size_t n, struct opustoc *t)
{
    uint8_t *const block = exact(p, n);
    const bool ok = opustoc_parse(block, n, t);
    free(block);
    return ok;
}

static void every_vp8_descriptor_reads_back_as_it_was_written(void **unused)
{
    (void)unused;
    for (unsigned bits = 0; bits < 256; bits++) {
        struct vp8_desc d = {.has_pid = bits & 1,
                             .pid_long = (bits & 3) == 3,
                             .has_tl0 = bits & 4,
                             .has_tid = bits & 8,
                             .has_keyidx = bits & 16,
                             .non_ref = bits & 32,
                             .start = bits & 64,
                             .part = bits & 128 ? 5 : 0};
        d.picture_id = !d.has_pid ? 0 : d.pid_long ? 0x7abc : 0x55;
        d.tl0picidx = d.has_tl0 ? 201 : 0;
        d.tid = d.has_tid ? 2 : 0;
        d.sync = d.has_tid;
        d.keyidx = d.has_keyidx ? 19 : 0;
        uint8_t out[VP8_DESC_MAX + 1] = {0};
        const size_t n = vp8_desc_write(&d, out, VP8_DESC_MAX);
        assert_in_range(n, 1, VP8_DESC_MAX);

        struct vp8_desc back;
        assert_true(vp8_ok(out, n + 1, &back));
        assert_int_equal(back.len, n);
        assert_int_equal(back.picture_id, d.picture_id);
        assert_int_equal(back.tl0picidx, d.tl0picidx);
        assert_int_equal(back.tid, d.tid);
        assert_int_equal(back.keyidx, d.keyidx);
        assert_int_equal(back.pid_off, d.pid_off);
        assert_int_equal(back.tl0_off, d.tl0_off);
        assert_int_equal(back.tk_off, d.tk_off);
        uint8_t again[VP8_DESC_MAX];
        assert_int_equal(vp8_desc_write(&back, again, sizeof(again)), n);
        assert_memory_equal(again, out, n);
        for (size_t cut = 0; cut <= n; cut++) /* n itself: nothing follows the descriptor */
            assert_false(vp8_ok(out, cut, &back));
        if (n > 1)
            assert_int_equal(vp8_desc_write(&d, out, n - 1), 0);
    }
}

static void patch(uint8_t *p, size_t n, bool (*read)(const void *, size_t, struct video_desc *),
                  uint16_t picture_id, uint8_t tl0picidx)
{
    struct video_desc d;
    struct pkt_rtp in = {0};
    uint8_t head[VIDEO_PATCH_MAX];
    assert_true(read(p, n, &d));
    video_note(&in, &d);
    const size_t patched = video_patch(&in, p, picture_id, tl0picidx, head);
    assert_true(patched <= d.len);
    memcpy(p, head, patched);
}

static void a_relay_patches_the_numbers_and_nothing_else(void **unused)
{
    (void)unused;
    uint8_t p[] = {0x90, 0xf0, 0x92, 0x34, 7, 0x60 | 9, 0xaa};
    struct vp8_desc d;
    assert_true(vp8_ok(p, sizeof(p), &d));
    assert_int_equal(d.picture_id, 0x1234);
    assert_int_equal(vp8_pid_mask(&d), 0x7fff);
    patch(p, sizeof(p), video_desc_vp8, 0x7fff, 255);
    const uint8_t want[] = {0x90, 0xf0, 0xff, 0xff, 255, 0x60 | 9, 0xaa};
    assert_memory_equal(p, want, sizeof(p));

    uint8_t seven[] = {0x90, 0x80, 0x11, 0xaa};
    assert_true(vp8_ok(seven, sizeof(seven), &d));
    patch(seven, sizeof(seven), video_desc_vp8, 0x1ff, 1);
    const uint8_t want7[] = {0x90, 0x80, 0x7f, 0xaa};
    assert_memory_equal(seven, want7, sizeof(seven));
}

static void a_vp8_frame_head_tells_key_and_size(void **unused)
{
    (void)unused;
    const uint8_t key[] = {0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x00, 0x45, 0xd0, 0x02};
    struct vp8_head h;
    assert_true(vp8_head_parse(key, sizeof(key), &h));
    assert_true(h.key && h.shown);
    assert_int_equal(h.first_part, 16);
    assert_int_equal(h.width, 1280);
    assert_int_equal(h.scale_width, 1);
    assert_int_equal(h.height, 720);
    for (size_t n = 0; n < sizeof(key); n++) {
        uint8_t *const cut = exact(key, n);
        assert_false(vp8_head_parse(cut, n, &h));
        free(cut);
    }
    const uint8_t inter[] = {0x11, 0, 0};
    assert_true(vp8_head_parse(inter, sizeof(inter), &h));
    assert_false(h.key);
    const uint8_t version[] = {0x19, 0, 0};
    assert_false(vp8_head_parse(version, sizeof(version), &h));
    const uint8_t code[] = {0x10, 0x02, 0, 0x9d, 0x01, 0x2b, 0x00, 0x05, 0xd0, 0x02};
    assert_false(vp8_head_parse(code, sizeof(code), &h));
    const uint8_t flat[] = {0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0x00, 0x40};
    assert_false(vp8_head_parse(flat, sizeof(flat), &h));
}

static void vp9_descriptors_are_read_in_both_modes(void **unused)
{
    (void)unused;
    /* not flexible: I P L B E, 15 bits, tid 2 U sid 1 D */
    uint8_t plain[] = {0xec, 0x81, 0x02, 2 << 5 | 0x10 | 1 << 1 | 1, 77, 0xaa};
    struct vp9_desc d;
    assert_true(vp9_ok(plain, sizeof(plain), &d));
    assert_true(d.inter && d.start && d.end && d.switch_up && d.inter_layer && !d.flexible);
    assert_int_equal(d.picture_id, 0x102);
    assert_int_equal(d.tid, 2);
    assert_int_equal(d.sid, 1);
    assert_int_equal(d.tl0picidx, 77);
    assert_int_equal(d.len, 5);
    assert_false(vp9_starts_key(&d));
    patch(plain, sizeof(plain), video_desc_vp9, 0x7f01, 9);
    assert_int_equal(be16(plain + 1), 0xff01);
    assert_int_equal(plain[4], 9);
    for (size_t n = 0; n < sizeof(plain); n++)
        assert_false(vp9_ok(plain, n, &d));

    /* flexible: I P L F, three references */
    const uint8_t flexible[] = {0xf0, 5, 0, 1 << 1 | 1, 2 << 1 | 1, 3 << 1, 0xaa};
    assert_true(vp9_ok(flexible, sizeof(flexible), &d));
    assert_int_equal(d.refs, 3);
    assert_int_equal(d.ref[2], 3);
    assert_false(d.has_tl0);
    for (size_t n = 0; n < sizeof(flexible); n++)
        assert_false(vp9_ok(flexible, n, &d));
    const uint8_t four[] = {0xf0, 5, 0, 3, 5, 7, 2, 0xaa};
    assert_false(vp9_ok(four, sizeof(four), &d));
    const uint8_t no_pid[] = {0x10, 0xaa};
    assert_false(vp9_ok(no_pid, sizeof(no_pid), &d));
}

static void a_vp9_key_picture_brings_the_sizes_of_its_layers(void **unused)
{
    (void)unused;
    const uint8_t p[] = {0x8a, 3,    1 << 5 | 0x18,
                         0x01, 0x40, 0x00,
                         0xb4, /* 320x180 */
                         2,    0x80, 1,
                         0x68, /* 640x360 */
                         2,    0x00, 1 << 5 | 0x04,
                         1, /* two pictures */
                         0xaa};
    struct vp9_desc d;
    assert_true(vp9_ok(p, sizeof(p), &d));
    assert_true(vp9_starts_key(&d));
    assert_int_equal(d.ss.layers, 2);
    assert_int_equal(d.ss.width[0], 320);
    assert_int_equal(d.ss.height[1], 360);
    assert_int_equal(d.ss.pictures, 2);
    assert_int_equal(d.len, sizeof(p) - 1);
    for (size_t n = 0; n < sizeof(p); n++)
        assert_false(vp9_ok(p, n, &d));
}

static void opus_packets_tell_their_duration(void **unused)
{
    (void)unused;
    struct {
        uint8_t p[8];
        size_t n;
        unsigned frames;
        unsigned samples;
        enum opustoc_mode mode;
        bool empty;
    } const good[] = {
        {{0x08, 1, 2}, 3, 1, 960, OPUSTOC_SILK, false},
        {{0x18}, 1, 1, 2880, OPUSTOC_SILK, true},
        {{0x08, 1}, 2, 1, 960, OPUSTOC_SILK, true},
        {{0x78, 1, 2}, 3, 1, 960, OPUSTOC_HYBRID, false},
        {{0x80, 1, 2}, 3, 1, 120, OPUSTOC_CELT, false},
        {{0xfd, 1, 2, 3, 4}, 5, 2, 1920, OPUSTOC_CELT, false},
        {{0xfe, 1, 9, 8, 7}, 5, 2, 1920, OPUSTOC_CELT, false},
        {{0xfb, 0x03, 1, 2, 3}, 5, 3, 2880, OPUSTOC_CELT, true},
        {{0xfb, 0x43, 1, 1, 2, 3, 0}, 7, 3, 2880, OPUSTOC_CELT, true},
        {{0xfb, 0x82, 2, 1, 2, 3}, 6, 2, 1920, OPUSTOC_CELT, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct opustoc t;
        assert_true(toc_ok(good[i].p, good[i].n, &t));
        assert_int_equal(t.frames, good[i].frames);
        assert_int_equal(t.samples, good[i].samples);
        assert_int_equal(t.mode, good[i].mode);
        assert_int_equal(t.empty, good[i].empty);
    }
}

static void malformed_opus_packets_are_refused(void **unused)
{
    (void)unused;
    struct {
        uint8_t p[8];
        size_t n;
    } const bad[] = {
        {{0}, 0},                      /* R1 */
        {{0xfd, 1, 2, 3}, 4},          /* R3: not two equal frames */
        {{0xfe}, 1},                   /* R4: no length */
        {{0xfe, 252}, 2},              /* R4: half a length */
        {{0xfe, 5, 1, 2}, 4},          /* R4: longer than the packet */
        {{0xfb}, 1},                   /* R5: no frame count */
        {{0xfb, 0x00}, 2},             /* R5: no frame */
        {{0x1b, 0x03, 0, 0, 0}, 5},    /* R5: 180 ms */
        {{0x83, 49}, 2},               /* R5: more than 48 frames */
        {{0xfb, 0x02, 1, 2, 3}, 5},    /* R6: not divisible */
        {{0xfb, 0x41, 9, 1}, 4},       /* R6: more padding than packet */
        {{0xfb, 0x41, 255, 255}, 4},   /* R6: padding without an end */
        {{0xfb, 0x83, 1, 9, 1, 1}, 6}, /* R7: lengths beyond the packet */
        {{0xfb, 0x83, 1}, 3},          /* R7: a length is missing */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct opustoc t;
        assert_false(toc_ok(bad[i].p, bad[i].n, &t));
    }
    uint8_t *const big = calloc(1, 1277); /* R2: 1276 bytes in a frame */
    assert_non_null(big);
    struct opustoc t;
    assert_true(opustoc_parse(big, 1276, &t));
    assert_false(opustoc_parse(big, 1277, &t));
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vp8_descriptor_reads_back_as_it_was_written),
        cmocka_unit_test(a_relay_patches_the_numbers_and_nothing_else),
        cmocka_unit_test(a_vp8_frame_head_tells_key_and_size),
        cmocka_unit_test(vp9_descriptors_are_read_in_both_modes),
        cmocka_unit_test(a_vp9_key_picture_brings_the_sizes_of_its_layers),
        cmocka_unit_test(opus_packets_tell_their_duration),
        cmocka_unit_test(malformed_opus_packets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
