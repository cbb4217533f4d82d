/* test_remap.c - what one viewer sees goes on without a break. */
#include "engine/media/remap.h"
#include "tests/unit/test.h"

#define FRAME (40 * USEC_MS)
#define TICKS 3600u

#define SIZE 1024u

static struct remap m;
static struct remap_out out;
static struct remap_place at;

static void begin_with(uint32_t size)
{
    remap_fini(&m);
    assert_int_equal(remap_init(&m, size, 90000, 1000, 500000), OK);
}

static void begin(void)
{
    begin_with(SIZE);
}

/* Something went out under this number: `at` says what. */
static bool sent(uint16_t out_seq)
{
    return remap_find(&m, out_seq, &at) && at.sent;
}

/* One packet of picture `pic` of temporal layer `tid`. */
static struct video_desc desc(uint32_t pic, uint8_t tid)
{
    return (struct video_desc){.has_pid = true,
                               .pid_long = true,
                               .picture_id = pic & 0x7fff,
                               .has_tl0 = true,
                               .tl0picidx = (uint8_t)(pic / 2),
                               .gapless = tid > 0,
                               .tid = tid};
}

static struct pkt_rtp rtp(uint32_t ext_seq, uint32_t ts)
{
    return (struct pkt_rtp){.ext_seq = ext_seq, .seq = (uint16_t)ext_seq, .ts = ts};
}

static bool next(usec now, uint32_t ext_seq, uint32_t pic, uint16_t source)
{
    const struct pkt_rtp in = rtp(ext_seq, pic * TICKS);
    const struct video_desc d = desc(pic, pic % 2);
    return remap_next(&m, now, &in, source, &d, &out);
}

static void leave_out(uint32_t ext_seq, uint32_t pic, uint16_t source)
{
    const struct pkt_rtp in = rtp(ext_seq, pic * TICKS);
    const struct video_desc d = desc(pic, pic % 2);
    remap_skip(&m, &in, source, &d);
}

static void the_first_packet_gets_the_first_numbers(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_int_equal(out.seq, 1000);
    assert_int_equal(out.ts, 500000);
    assert_int_equal(out.picture_id, 8);
    assert_int_equal(out.tl0picidx, 4);
    assert_true(next(FRAME, 70001, 9, 1));
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.ts, 500000 + TICKS);
    assert_int_equal(out.picture_id, 9);
}

static void a_loss_stays_a_hole_and_its_packet_fits_in(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(0, 70003, 9, 1));
    assert_int_equal(out.seq, 1003);
    assert_true(next(0, 70001, 8, 1));
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.ts, 500000);
    assert_true(next(0, 70004, 9, 1)); /* the late one did not turn anything back */
    assert_int_equal(out.seq, 1004);
}

static void what_never_came_is_known_from_what_was_lost_later(void **unused)
{
    (void)unused;
    uint32_t n = 5;
    begin_with(128);
    assert_int_equal(remap_holes(&m, 1000, &n), 0);
    assert_int_equal(n, 0); /* nothing went out yet */
    for (uint32_t i = 0; i < 300; i++)
        if (i % 10)
            assert_true(next(0, 70000 + i, i, 1)); /* 70001 goes out as 1000 */
    n = 100;
    assert_int_equal(remap_holes(&m, 1298, &n), 10);
    assert_int_equal(n, 100);
    n = 10;
    assert_int_equal(remap_holes(&m, 1280, &n), 1);
    n = UINT32_MAX; /* more than there were: what is remembered */
    assert_int_equal(remap_holes(&m, 1298, &n), 12);
    assert_int_equal(n, 128);
    n = 100;
    assert_int_equal(remap_holes(&m, 1298 - 100, &n), 2);
    assert_int_equal(n, 28);
    n = 100;
    assert_int_equal(remap_holes(&m, 1299, &n), 0); /* it says it got what was never sent */
    assert_int_equal(n, 0);
    assert_true(next(0, 70290, 290, 1)); /* late */
    n = 100;
    assert_int_equal(remap_holes(&m, 1298, &n), 9);
}

static void a_layer_that_is_left_out_leaves_no_trace(void **unused)
{
    (void)unused;
    begin();
    uint16_t seq = 1000;
    uint16_t pic = 100;
    for (uint32_t i = 0; i < 1000; i++) { /* two packets in each picture, every other one dropped */
        const uint32_t picture = 100 + i;
        if (picture % 2) {
            leave_out(70000 + 2 * i, picture, 1);
            leave_out(70001 + 2 * i, picture, 1);
            continue;
        }
        assert_true(next(0, 70000 + 2 * i, picture, 1));
        assert_int_equal(out.seq, seq++);
        assert_int_equal(out.picture_id, pic);
        assert_true(next(0, 70001 + 2 * i, picture, 1));
        assert_int_equal(out.seq, seq++);
        assert_int_equal(out.picture_id, pic++);
        assert_int_equal(out.tl0picidx, (uint8_t)(picture / 2));
        assert_int_equal(out.ts, 500000 + i * TICKS); /* time is as it is */
    }
}

static void late_packets_keep_the_offset_of_their_time(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1)); /* 1000 */
    /* 70001 of picture 8 is lost */
    leave_out(70002, 9, 1);
    assert_true(next(0, 70003, 10, 1)); /* 1002 */
    assert_int_equal(out.seq, 1002);
    assert_int_equal(out.picture_id, 9);
    /* 70004 of picture 10 is lost */
    leave_out(70005, 11, 1);
    assert_true(next(0, 70006, 12, 1));
    assert_int_equal(out.seq, 1004);
    assert_int_equal(out.picture_id, 10);

    assert_true(next(0, 70001, 8, 1));
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.picture_id, 8);
    assert_true(next(0, 70004, 10, 1));
    assert_int_equal(out.seq, 1003);
    assert_int_equal(out.picture_id, 9);
}

static void a_drop_is_final(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    leave_out(70001, 9, 1);
    leave_out(70002, 9, 1);
    assert_true(next(0, 70003, 10, 1));
    assert_int_equal(out.seq, 1001);
    assert_false(next(0, 70001, 9, 1)); /* its number has gone to another */
    assert_false(next(0, 70002, 9, 1));
    assert_true(next(0, 70004, 11, 1));
    assert_int_equal(out.seq, 1002);
}

static void a_late_packet_may_be_the_newest_that_goes_out(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    leave_out(70002, 9, 1); /* 70001 of picture 8 is late */
    assert_true(next(0, 70001, 8, 1));
    assert_int_equal(out.seq, 1001);
    assert_true(sent(1001));
    assert_true(next(FRAME, 99000, 20, 2));
    assert_int_equal(out.seq, 1002);
}

static void a_drop_that_comes_late_closes_nothing(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(0, 70002, 10, 1));
    assert_int_equal(out.seq, 1002);
    leave_out(70001, 9, 1);
    assert_true(next(0, 70003, 12, 1));
    assert_int_equal(out.seq, 1003);
    assert_int_equal(out.picture_id, 12);
}

static void the_rest_of_a_picture_does_not_close_what_the_viewer_has(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(0, 70001, 9, 1));
    leave_out(70002, 9, 1);
    assert_true(next(0, 70003, 10, 1));
    assert_int_equal(out.seq, 1002);
    assert_int_equal(out.picture_id, 10);
}

static void a_missing_base_picture_stays_visible(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    leave_out(70001, 10, 1); /* layer 0: others depend on it */
    assert_true(next(0, 70002, 12, 1));
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.picture_id, 12);
    assert_int_equal(out.tl0picidx, 6);
}

static void padding_is_closed_without_a_picture(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    const struct pkt_rtp pad = rtp(70001, 8 * TICKS);
    remap_skip(&m, &pad, 1, NULL);
    assert_true(next(0, 70002, 9, 1));
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.picture_id, 9);
}

static void another_source_goes_on_where_this_one_was(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(FRAME, 70001, 9, 1));
    assert_true(next(3 * FRAME, 99000, 20000, 2)); /* two frames later */
    assert_int_equal(out.seq, 1002);
    assert_int_equal(out.ts, 500000 + 3 * TICKS);
    assert_int_equal(out.picture_id, 10);
    assert_int_equal(out.tl0picidx, 5);
    assert_true(next(4 * FRAME, 99001, 20001, 2));
    assert_int_equal(out.seq, 1003);
    assert_int_equal(out.ts, 500000 + 4 * TICKS);
    assert_int_equal(out.picture_id, 11);

    assert_true(next(5 * FRAME, 70100, 80, 1)); /* and back */
    assert_int_equal(out.seq, 1004);
    assert_int_equal(out.ts, 500000 + 5 * TICKS);
    assert_int_equal(out.picture_id, 12);
}

static void what_is_older_than_the_switch_is_not_sent(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(0, 70002, 9, 1));
    assert_true(next(FRAME, 99000, 20, 2));
    assert_false(next(FRAME, 98999, 19, 2)); /* before its key frame */
    assert_false(next(FRAME, 70001, 8, 1));  /* of the former source */
    assert_true(next(FRAME, 99001, 20, 2));
    assert_int_equal(out.seq, 1004);
}

static void time_never_stands_still_nor_runs_backwards_at_a_switch(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(USEC_SEC, 70000, 8, 1));
    assert_true(next(USEC_SEC, 99000, 20, 2));
    assert_int_equal(out.ts, 500001);
    assert_true(next(0, 70001, 9, 1)); /* a clock that went back */
    assert_int_equal(out.ts, 500002);
    assert_true(next(1000000 * USEC_SEC, 99001, 22, 2)); /* 12 days of silence */
    assert_int_equal(out.ts, 500002 + 0x3fffffff);
}

static void a_hole_too_large_is_a_new_start(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(FRAME, 70000 + REMAP_JUMP, 9, 1));
    assert_int_equal(out.seq, (uint16_t)(1000 + REMAP_JUMP)); /* a loss still */
    assert_true(next(2 * FRAME, 70000 + 3 * REMAP_JUMP, 5000, 1));
    assert_int_equal(out.seq, (uint16_t)(1001 + REMAP_JUMP));
    assert_int_equal(out.ts, 500000 + 2 * TICKS);
    assert_int_equal(out.picture_id, 11); /* 10 is missing: no key frame came */
    const struct pkt_rtp key = {.ext_seq = 70000 + 5 * REMAP_JUMP, .ts = 77, .key = true};
    const struct video_desc d = desc(6000, 0);
    assert_true(remap_next(&m, 3 * FRAME, &key, 1, &d, &out));
    assert_int_equal(out.picture_id, 12);
}

static void numbers_that_never_left_are_given_anew(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    assert_true(next(FRAME, 70001, 9, 1));
    const struct remap_out left = out;
    for (uint32_t i = 2; i < 12; i++)
        assert_true(next(i * FRAME, 70000 + i, 8 + i, 1));
    remap_rewind(&m, &left);
    assert_false(sent(1002));
    assert_true(sent(1001));

    assert_true(next(20 * FRAME, 70020, 28, 1)); /* the same source goes on with a key frame */
    assert_int_equal(out.seq, 1002);
    assert_int_equal(out.ts, 500000 + 20 * TICKS);
    assert_int_equal(out.picture_id, 10);
    assert_true(sent(1002));
    assert_int_equal(at.ext_seq, 70020);
    assert_false(next(20 * FRAME, 70011, 19, 1)); /* what was cut has no number any more */
    assert_true(next(21 * FRAME, 70021, 29, 1));
    assert_int_equal(out.seq, 1003);

    remap_rewind(&m, &out); /* all has left: only the start is new */
    assert_true(next(50 * FRAME, 9, 3, 2));
    assert_int_equal(out.seq, 1004);
    assert_int_equal(out.picture_id, 12);
    assert_true(sent(1003));
    assert_int_equal(at.ext_seq, 70021);
}

static void a_nack_finds_what_went_out_under_the_number(void **unused)
{
    (void)unused;
    begin();
    assert_false(sent(1000));
    assert_true(next(0, 70000, 8, 1));
    leave_out(70001, 9, 1);
    assert_true(next(0, 70003, 10, 1)); /* 70002 is lost: 1001 */
    assert_true(next(FRAME, 99000, 20, 2));
    assert_true(sent(1000));
    assert_int_equal(at.ext_seq, 70000);
    assert_int_equal(at.source, 1);
    assert_false(sent(1001));
    assert_true(sent(1002));
    assert_int_equal(at.ext_seq, 70003);
    const struct pkt_rtp in = rtp(70003, 10 * TICKS);
    const struct video_desc d = desc(10, 0);
    remap_again(&m, 0, &at, &in, &d, &out);
    assert_int_equal(out.seq, 1002);
    assert_int_equal(out.picture_id, 9);
    assert_int_equal(out.ts, 500000 + 2 * TICKS);
    assert_true(sent(1003));
    assert_int_equal(at.source, 2);
    assert_int_equal(at.ext_seq, 99000);
    assert_false(sent(1004));
    assert_false(sent(999));
}

static void a_nack_for_a_number_of_the_round_before_finds_nothing(void **unused)
{
    (void)unused;
    begin();
    for (uint32_t i = 0; i < 65536 + 100; i++)
        if (i % 65536 != 50)
            assert_true(next(0, 70000 + i, 8 + i, 1));
    assert_false(sent(1050));
    assert_true(sent(1051));
    assert_false(sent((uint16_t)(1051 - SIZE)));
}

static void a_hole_is_filled_as_if_it_had_never_been(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    leave_out(70001, 9, 1);
    assert_true(next(0, 70003, 10, 1)); /* 70002 is late: 1001 */
    assert_true(next(FRAME, 99000, 20, 2));
    assert_true(remap_find(&m, 1001, &at));
    assert_false(at.sent);
    assert_int_equal(at.source, 1);
    assert_int_equal(at.ext_seq, 70002);
    const struct pkt_rtp in = rtp(70002, 10 * TICKS);
    const struct video_desc d = desc(10, 0);
    remap_again(&m, 0, &at, &in, &d, &out);
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.ts, 500000 + 2 * TICKS);
    assert_int_equal(out.picture_id, 9);
    assert_int_equal(out.tl0picidx, 5);
    assert_true(sent(1001));
    assert_true(next(2 * FRAME, 99001, 20, 2)); /* and nothing else was touched */
    assert_int_equal(out.seq, 1004);
}

static void every_source_of_the_last_while_can_be_asked_for(void **unused)
{
    (void)unused;
    begin();
    for (uint16_t i = 0; i < 40; i++)
        assert_true(next(i * FRAME, 70000 + 1000u * i, 8, i));
    for (uint16_t i = 0; i < 40; i++) {
        assert_true(sent((uint16_t)(1000 + i)));
        assert_int_equal(at.source, i);
        assert_int_equal(at.ext_seq, 70000 + 1000u * i);
    }
}

static void offsets_that_change_too_often_are_forgotten_but_not_mistaken(void **unused)
{
    (void)unused;
    begin_with(64);
    for (uint16_t i = 0; i < 40; i++)
        assert_true(next(i * FRAME, 70000 + 1000u * i, 8, i));
    for (uint16_t i = 0; i < 40; i++) {
        const bool known = sent((uint16_t)(1000 + i));
        assert_int_equal(known, 40 - i <= 64 / REMAP_CUT_EVERY + 1);
        assert_true(!known || at.source == i);
    }
}

static void a_repair_is_remembered_until_its_number_is_used_again(void **unused)
{
    (void)unused;
    begin_with(64);
    const struct pkt_rtp in = rtp(70000, 8 * TICKS);
    const struct video_desc d = desc(8, 0);
    assert_true(next(0, 70000, 8, 1));
    assert_false(remap_repaired(&m, 0, 1000, USEC_SEC));
    assert_true(sent(1000));
    remap_again(&m, 70 * USEC_SEC, &at, &in, &d, &out);
    assert_true(remap_repaired(&m, 70 * USEC_SEC + 19 * USEC_MS, 1000, 20 * USEC_MS));
    assert_false(remap_repaired(&m, 70 * USEC_SEC + 20 * USEC_MS, 1000, 20 * USEC_MS));
    assert_false(remap_repaired(&m, 70 * USEC_SEC, 1001, USEC_SEC));
    assert_false(remap_repaired(&m, 70 * USEC_SEC, 999, USEC_SEC));
    for (uint32_t i = 1; i <= 64; i++)
        assert_true(next(70 * USEC_SEC, 70000 + i, 8 + i, 1));
    assert_false(remap_repaired(&m, 70 * USEC_SEC, 1064, USEC_SEC)); /* in the place of 1000 */
    assert_false(remap_repaired(&m, 70 * USEC_SEC, 1000, USEC_SEC));
}

static void a_packet_that_is_far_too_late_is_not_sent(void **unused)
{
    (void)unused;
    begin();
    assert_true(next(0, 70000, 8, 1));
    for (uint32_t i = 2; i < SIZE + 2; i++)
        assert_true(next(0, 70000 + i, 8 + i, 1));
    assert_false(next(0, 70001, 8, 1));
    assert_true(next(0, 70002, 8, 1)); /* the oldest that a NACK could be about */
    for (uint32_t i = 0; i < 2 * SIZE / REMAP_CUT_EVERY; i++) /* more cuts than are remembered */
        leave_out(80000 - 7000 + 2 * i, 3001 + 2 * i, 1);
    assert_false(next(0, 71000, 1008, 1));
}

static void short_picture_ids_and_none_go_on_too(void **unused)
{
    (void)unused;
    begin();
    struct video_desc d = {.has_pid = true, .picture_id = 126};
    struct pkt_rtp in = rtp(70000, 0);
    for (uint32_t i = 0; i < 5; i++) { /* 7 bits: 126, 127, 0, 1, 2 */
        in.ext_seq = 70000 + i;
        d.picture_id = (126 + i) & 0x7f;
        assert_true(remap_next(&m, 0, &in, 1, &d, &out));
        assert_int_equal(out.picture_id & 0x7f, (126 + i) & 0x7f);
    }
    const struct video_desc none = {.start = true};
    assert_true(remap_next(&m, 0, &in, 2, &none, &out));
    assert_int_equal(out.seq, 1005);
    assert_true(next(0, 99000, 500, 3)); /* goes on from the last id that was */
    assert_int_equal(out.picture_id & 0x7f, 3);
}

static void voices_have_no_pictures(void **unused)
{
    (void)unused;
    struct pkt_rtp in = rtp(70000, 7777);
    remap_fini(&m);
    assert_int_equal(remap_init(&m, 64, 48000, 65535, UINT32_MAX), OK);
    assert_true(remap_next(&m, 0, &in, 1, NULL, &out));
    assert_int_equal(out.seq, 65535);
    assert_int_equal(out.ts, UINT32_MAX);
    in.ext_seq++;
    in.ts += 960;
    assert_true(remap_next(&m, 20 * USEC_MS, &in, 1, NULL, &out));
    assert_int_equal(out.seq, 0);
    assert_int_equal(out.ts, 959);
    in = rtp(99999, 1);
    assert_true(remap_next(&m, 60 * USEC_MS, &in, 2, NULL, &out));
    assert_int_equal(out.seq, 1);
    assert_int_equal(out.ts, 959 + 1920);
}

static void a_skip_before_the_first_packet_or_of_another_source_is_nothing(void **unused)
{
    (void)unused;
    begin();
    leave_out(70000, 7, 1);
    assert_true(next(0, 70001, 8, 1));
    assert_int_equal(out.seq, 1000);
    leave_out(99000, 9, 2);
    assert_true(next(0, 70002, 9, 1));
    assert_int_equal(out.seq, 1001);
    assert_int_equal(out.picture_id, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_packet_gets_the_first_numbers),
        cmocka_unit_test(a_loss_stays_a_hole_and_its_packet_fits_in),
        cmocka_unit_test(what_never_came_is_known_from_what_was_lost_later),
        cmocka_unit_test(a_layer_that_is_left_out_leaves_no_trace),
        cmocka_unit_test(late_packets_keep_the_offset_of_their_time),
        cmocka_unit_test(a_drop_is_final),
        cmocka_unit_test(a_late_packet_may_be_the_newest_that_goes_out),
        cmocka_unit_test(a_drop_that_comes_late_closes_nothing),
        cmocka_unit_test(the_rest_of_a_picture_does_not_close_what_the_viewer_has),
        cmocka_unit_test(a_missing_base_picture_stays_visible),
        cmocka_unit_test(padding_is_closed_without_a_picture),
        cmocka_unit_test(another_source_goes_on_where_this_one_was),
        cmocka_unit_test(what_is_older_than_the_switch_is_not_sent),
        cmocka_unit_test(time_never_stands_still_nor_runs_backwards_at_a_switch),
        cmocka_unit_test(a_hole_too_large_is_a_new_start),
        cmocka_unit_test(numbers_that_never_left_are_given_anew),
        cmocka_unit_test(a_nack_finds_what_went_out_under_the_number),
        cmocka_unit_test(a_nack_for_a_number_of_the_round_before_finds_nothing),
        cmocka_unit_test(a_hole_is_filled_as_if_it_had_never_been),
        cmocka_unit_test(every_source_of_the_last_while_can_be_asked_for),
        cmocka_unit_test(offsets_that_change_too_often_are_forgotten_but_not_mistaken),
        cmocka_unit_test(a_repair_is_remembered_until_its_number_is_used_again),
        cmocka_unit_test(a_packet_that_is_far_too_late_is_not_sent),
        cmocka_unit_test(short_picture_ids_and_none_go_on_too),
        cmocka_unit_test(voices_have_no_pictures),
        cmocka_unit_test(a_skip_before_the_first_packet_or_of_another_source_is_nothing),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remap_fini(&m);
    return failed;
}
