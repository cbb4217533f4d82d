/* test_recvstat.c - roll-overs, loss and jitter of one stream. */
#include "engine/media/recvstat.h"
#include "tests/unit/test.h"

static struct recvstat r;
static uint32_t ext;

static bool input(usec now, uint16_t seq, uint32_t ts)
{
    const struct pkt_rtp p = {.seq = seq, .ts = ts};
    return recvstat_input(&r, now, &p, 100, &ext);
}

static void begin(uint16_t seq)
{
    recvstat_init(&r, 42, 90000);
    assert_true(input(0, seq, 0));
    assert_int_equal(ext, 65536u + seq);
}

static void rollovers_are_counted(void **unused)
{
    (void)unused;
    begin(65534);
    for (uint32_t i = 1; i < 200000; i++) {
        assert_true(input(0, (uint16_t)(65534 + i), 0));
        assert_int_equal(ext, 65536u + 65534 + i);
    }
    assert_int_equal(r.received, 200000);
}

static void late_packets_find_their_place_once(void **unused)
{
    (void)unused;
    begin(2);
    assert_true(input(0, 5, 0));
    assert_true(input(0, 3, 0));
    assert_int_equal(ext, 65536 + 3);
    assert_false(input(0, 3, 0));
    assert_int_equal(r.duplicates, 1);
    assert_true(input(0, 0, 0)); /* older than the first that came */
    assert_int_equal(ext, 65536);
    assert_true(input(0, 65535, 0)); /* and older than the cycle */
    assert_int_equal(ext, 65535);
    assert_false(input(0, 5, 0));
}

static void what_is_missing_is_known(void **unused)
{
    (void)unused;
    recvstat_init(&r, 42, 90000);
    assert_false(recvstat_misses(&r, 1, &ext)); /* before the first nothing is */
    begin(65530);
    assert_true(input(0, 65533, 0));
    assert_true(input(0, 2, 0));
    const uint16_t came[] = {65530, 65533, 2};
    for (uint32_t i = 65525; i < 65560; i++) {
        const uint16_t seq = (uint16_t)i;
        const bool here = seq == came[0] || seq == came[1] || seq == came[2];
        assert_int_equal(recvstat_misses(&r, seq, &ext), i >= 65530 && !here);
        assert_int_equal(ext, 65536 + i);
    }
    assert_false(recvstat_misses(&r, 2 + 5000, &ext)); /* not the same stream any more */
    assert_true(input(0, 1500, 0));
    assert_false(recvstat_misses(&r, 1500 - 1024, &ext)); /* and no more of it */
    assert_true(recvstat_misses(&r, 1500 - 1023, &ext));
}

static void the_window_forgets_after_a_thousand(void **unused)
{
    (void)unused;
    begin(100);
    assert_true(input(0, 100 + 1023, 0));
    assert_false(input(0, 100, 0));
    for (uint16_t seq = 101; seq < 100 + 1023; seq++)
        assert_true(input(0, seq, 0));
    assert_true(input(0, 100 + 2500, 0)); /* further than the window: all of it is new */
    for (uint16_t seq = 100 + 2500 - 1023; seq < 100 + 2500; seq++)
        assert_true(input(0, seq, 0));
}

static void a_single_absurd_number_is_dropped(void **unused)
{
    (void)unused;
    begin(100);
    assert_false(input(0, 40000, 0));
    assert_true(input(0, 101, 0));
    assert_int_equal(ext, 65536 + 101);
    assert_false(input(0, 40001, 0)); /* the packets of ours in between broke the order */
    assert_true(input(0, 102, 0));
}

static void a_sender_that_begins_anew_is_believed_at_its_second_packet(void **unused)
{
    (void)unused;
    struct rtcp_report rep;
    begin(50000);
    recvstat_report(&r, 0, &rep);
    assert_false(input(0, 7, 0));
    assert_true(input(0, 8, 0));
    assert_int_equal(ext, 2 * 65536 + 8); /* never below what was */
    assert_true(input(0, 9, 0));
    recvstat_report(&r, 0, &rep);
    assert_int_equal(rep.lost, 0); /* the jump is no loss */
    assert_int_equal(rep.fraction_lost, 0);
}

static void loss_is_reported_since_the_last_report_and_in_all(void **unused)
{
    (void)unused;
    struct rtcp_report rep;
    begin(0);
    for (uint16_t seq = 1; seq < 100; seq++)
        if (seq % 4 != 2)
            assert_true(input(0, seq, 0));
    recvstat_report(&r, 0, &rep);
    assert_int_equal(rep.ssrc, 42);
    assert_int_equal(rep.lost, 25);
    assert_int_equal(rep.fraction_lost, 64);
    assert_int_equal(rep.ext_highest, 99);
    for (uint16_t seq = 100; seq < 200; seq++)
        assert_true(input(0, seq, 0));
    recvstat_report(&r, 0, &rep);
    assert_int_equal(rep.lost, 25);
    assert_int_equal(rep.fraction_lost, 0);
    recvstat_report(&r, 0, &rep); /* nothing came in between */
    assert_int_equal(rep.fraction_lost, 0);
}

static void a_repair_does_not_hide_the_loss(void **unused)
{
    (void)unused;
    struct rtcp_report rep;
    begin(0);
    assert_true(input(0, 3, 0));
    const struct pkt_rtp p = {.seq = 1, .repaired = true};
    assert_true(recvstat_input(&r, 0, &p, 100, &ext));
    assert_int_equal(ext, 65537);
    assert_false(recvstat_input(&r, 0, &p, 100, &ext));
    recvstat_report(&r, 0, &rep);
    assert_int_equal(rep.lost, 2);
    assert_int_equal(r.repaired, 1);
    assert_int_equal(r.bytes, 300);
}

static void an_even_stream_has_no_jitter_and_an_uneven_one_has(void **unused)
{
    (void)unused;
    struct rtcp_report rep;
    begin(0);
    for (uint16_t i = 1; i < 500; i++) /* on a clock that has run for months */
        assert_true(input((usec)i * 40000, i, i * 3600u));
    recvstat_report(&r, 0, &rep);
    assert_true(rep.jitter <= 1);
    for (uint16_t i = 500; i < 1000; i++)
        assert_true(input((usec)i * 40000 + (i % 2 ? 10000 : 0), i, i * 3600u));
    recvstat_report(&r, 0, &rep);
    assert_in_range(rep.jitter, 850, 950); /* 10 ms = 900 ticks between each two */
}

static void the_round_trip_fields_follow_the_sender_report(void **unused)
{
    (void)unused;
    struct rtcp_report rep;
    begin(0);
    recvstat_report(&r, 5 * USEC_SEC, &rep);
    assert_int_equal(rep.lsr, 0);
    assert_int_equal(rep.dlsr, 0);
    recvstat_sr(&r, 10 * USEC_SEC, 0x1122334455667788u);
    recvstat_report(&r, 12 * USEC_SEC + 500 * USEC_MS, &rep);
    assert_int_equal(rep.lsr, 0x33445566);
    assert_int_equal(rep.dlsr, 5 * 65536 / 2);
}

static void a_stream_without_packets_reports_nothing(void **unused)
{
    (void)unused;
    struct rtcp_report rep;
    recvstat_init(&r, 9, 48000);
    recvstat_report(&r, USEC_SEC, &rep);
    assert_int_equal(rep.ssrc, 9);
    assert_int_equal(rep.lost, 0);
    assert_int_equal(rep.ext_highest, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rollovers_are_counted),
        cmocka_unit_test(late_packets_find_their_place_once),
        cmocka_unit_test(what_is_missing_is_known),
        cmocka_unit_test(the_window_forgets_after_a_thousand),
        cmocka_unit_test(a_single_absurd_number_is_dropped),
        cmocka_unit_test(a_sender_that_begins_anew_is_believed_at_its_second_packet),
        cmocka_unit_test(loss_is_reported_since_the_last_report_and_in_all),
        cmocka_unit_test(a_repair_does_not_hide_the_loss),
        cmocka_unit_test(an_even_stream_has_no_jitter_and_an_uneven_one_has),
        cmocka_unit_test(the_round_trip_fields_follow_the_sender_report),
        cmocka_unit_test(a_stream_without_packets_reports_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
