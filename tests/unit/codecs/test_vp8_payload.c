/* test_vp8_payload.c - frames cut into equal packets and joined again, with packets missing. */
#include "codecs/vp8_payload.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT 1160 /* payload of a 1200 byte datagram with RTP header, extensions and tag */

static const struct vp8_desc full = {.has_pid = true,
                                     .pid_long = true,
                                     .picture_id = 0x1234,
                                     .has_tl0 = true,
                                     .tl0picidx = 7,
                                     .has_tid = true};

static uint8_t frame[100000];

static void paint(void)
{
    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)(i * 7 + i / 256);
    frame[0] = 0x10; /* a key frame */
}

static void packets_of_a_frame_are_of_equal_size(void **unused)
{
    (void)unused;
    paint();
    for (size_t len = 1; len < 20000; len += 1 + len / 97) {
        struct vp8cut c;
        assert_true(vp8cut_init(&c, frame, len, &full, LIMIT));
        assert_in_range(c.size, 1, LIMIT);
        assert_int_equal(c.count, (len + LIMIT - 7) / (LIMIT - 6)); /* the fewest possible */
        size_t seen = 0;
        size_t n;
        uint8_t out[LIMIT];
        bool marker = false;
        while ((n = vp8cut_next(&c, out, &marker))) {
            seen++;
            if (seen < c.count)
                assert_int_equal(n, c.size);
            else
                assert_in_range(n, c.size - (c.count - 1), c.size);
            assert_int_equal(marker, seen == c.count);
        }
        assert_int_equal(seen, c.count);
    }
}

static void a_frame_that_cannot_be_cut_is_refused(void **unused)
{
    (void)unused;
    struct vp8cut c;
    assert_false(vp8cut_init(&c, frame, 0, &full, LIMIT));
    assert_false(vp8cut_init(&c, frame, 10, &full, 6));
    assert_true(vp8cut_init(&c, frame, 10, &full, 7));
    assert_int_equal(c.count, 10);
}

struct sent {
    uint8_t bytes[LIMIT];
    struct vp8part part;
};

static struct sent packets[200];
static uint8_t buffer[sizeof(frame)];

/* Three frames of 3000 bytes, three packets each. */
static size_t send_three(uint32_t seq)
{
    size_t n = 0;
    paint();
    for (unsigned f = 0; f < 3; f++) {
        struct vp8_desc d = full;
        d.picture_id = (uint16_t)(d.picture_id + f);
        struct vp8cut c;
        assert_true(vp8cut_init(&c, frame, 3000, &d, LIMIT));
        for (;; n++) {
            struct sent *const s = &packets[n];
            s->part =
                (struct vp8part){.payload = s->bytes, .ext_seq = seq + (uint32_t)n, .ts = 90 * f};
            s->part.len = vp8cut_next(&c, s->bytes, &s->part.marker);
            if (s->part.len == 0)
                break;
        }
    }
    return n;
}

static void frames_are_joined_as_they_were_cut(void **unused)
{
    (void)unused;
    const size_t n = send_three(UINT32_MAX - 4); /* over the wrap */
    struct vp8join j;
    struct vp8frame f;
    vp8join_init(&j, buffer, sizeof(buffer));
    size_t frames = 0;
    for (size_t i = 0; i < n; i++) {
        const bool whole = vp8join_put(&j, &packets[i].part, &f);
        assert_int_equal(whole, packets[i].part.marker);
        assert_false(vp8join_put(&j, &packets[i].part, &f)); /* the same once more */
        if (!whole)
            continue;
        assert_int_equal(f.len, 3000);
        assert_memory_equal(f.data, frame, 3000);
        assert_int_equal(f.desc.picture_id, 0x1234 + frames);
        assert_int_equal(f.ts, 90 * frames);
        assert_true(f.key);
        assert_false(f.gap);
        frames++;
    }
    assert_int_equal(frames, 3);
    assert_int_equal(j.repeated, n);
    assert_int_equal(j.broken, 0);
}

static void any_packet_missing_costs_its_frame_and_no_other(void **unused)
{
    (void)unused;
    const size_t n = send_three(100);
    assert_int_equal(n, 9);
    for (size_t lost = 0; lost < n; lost++) {
        struct vp8join j;
        struct vp8frame f;
        vp8join_init(&j, buffer, sizeof(buffer));
        size_t frames = 0;
        for (size_t i = 0; i < n; i++) {
            if (i == lost || !vp8join_put(&j, &packets[i].part, &f))
                continue;
            assert_int_not_equal(f.ts / 90, lost / 3);
            assert_memory_equal(f.data, frame, 3000);
            assert_int_equal(f.gap, f.ts / 90 == lost / 3 + 1);
            frames++;
        }
        assert_int_equal(frames, 2);
    }
}

static void malformed_and_oversized_frames_are_given_up(void **unused)
{
    (void)unused;
    const size_t n = send_three(100);
    struct vp8join j;
    struct vp8frame f;
    vp8join_init(&j, buffer, 2999);
    for (size_t i = 0; i < n; i++)
        assert_false(vp8join_put(&j, &packets[i].part, &f));
    assert_int_equal(j.broken, 3);

    vp8join_init(&j, buffer, sizeof(buffer));
    packets[1].part.len = 3;        /* a descriptor cut short in the first frame */
    packets[5].part.marker = false; /* the sender forgets the marker of the second */
    size_t frames = 0;
    for (size_t i = 0; i < n; i++) {
        if (!vp8join_put(&j, &packets[i].part, &f))
            continue;
        assert_int_equal(f.ts, 180);
        assert_true(f.gap);
        frames++;
    }
    assert_int_equal(frames, 1);
    assert_int_equal(j.broken, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_a_frame_are_of_equal_size),
        cmocka_unit_test(a_frame_that_cannot_be_cut_is_refused),
        cmocka_unit_test(frames_are_joined_as_they_were_cut),
        cmocka_unit_test(any_packet_missing_costs_its_frame_and_no_other),
        cmocka_unit_test(malformed_and_oversized_frames_are_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
