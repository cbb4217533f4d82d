/* test_red_voice.c - which packets of a voice ride along with later ones, when, and how they come
 * back. */
#include "engine/media/red.h"
#include "engine/wire/rtp.h"
#include "tests/unit/test.h"

#include <string.h>

#define OPUS 111
#define RED 63
#define FIRST 70000u

static struct pkt_pool *pool;
static struct hist h;
static struct red r;

static int setup(void **unused)
{
    (void)unused;
    pool = pkt_pool_new(32);
    return pool && hist_init(&h, 16) == OK ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    hist_fini(&h);
    if (pkt_pool_in_use(pool) != 0)
        return -1;
    pkt_pool_free(&pool);
    return 0;
}

/* A packet of the voice: its i-th, 20 ms after the one before, all bytes say i. */
static struct pkt *put(uint32_t i, uint32_t ts, size_t len)
{
    struct pkt *p = pkt_get(pool);
    assert_non_null(p);
    const struct rtp_head head = {.ssrc = 7, .ts = ts, .seq = (uint16_t)(FIRST + i), .pt = OPUS};
    p->len = (uint16_t)rtp_write(p->data, PKT_CAP, &head, &(struct rtp_extmap){{0}},
                                 &(struct rtp_ext_values){0});
    memset(p->data + p->len, (int)i, len);
    p->len = (uint16_t)(p->len + len);
    assert_true(rtp_describe(p));
    p->rtp.ext_seq = FIRST + i;
    hist_put(&h, p);
    struct pkt *const kept = p;
    pkt_unref(&p);
    return kept; /* the history's */
}

static void fill(uint32_t n, size_t len)
{
    for (uint32_t i = 0; i < n; i++)
        put(i, i * 960, len);
}

static void the_packets_before_ride_along_oldest_first(void **unused)
{
    (void)unused;
    fill(6, 50);
    const struct pkt *const p = hist_get(&h, FIRST + 5);
    for (size_t riders = 0; riders < 5; riders++) {
        red_load(&r, &h, p, OPUS, FIRST, riders);
        assert_int_equal(r.n, size_min(riders, RED_RIDERS) + 1);
        for (size_t i = 0; i < r.n; i++) {
            const uint32_t back = (uint32_t)(r.n - 1 - i);
            const struct pkt *const q = hist_get(&h, FIRST + 5 - back);
            assert_int_equal(r.block[i].pt, OPUS);
            assert_int_equal(r.block[i].back, back * 960);
            assert_int_equal(r.block[i].len, 50);
            assert_ptr_equal(r.block[i].data, q->data + q->rtp.payload_off); /* not a copy */
        }
    }
    red_load(&r, &h, p, OPUS, FIRST + 4, 2);
    assert_int_equal(r.n, 2); /* the one before that went out under other numbers */
    red_load(&r, &h, p, OPUS, FIRST + 5, 2);
    assert_int_equal(r.n, 1);
}

static void riders_end_at_a_hole(void **unused)
{
    (void)unused;
    put(0, 0, 50);
    put(2, 1920, 50);
    put(3, 2880, 50);
    red_load(&r, &h, hist_get(&h, FIRST + 3), OPUS, 0, 2);
    assert_int_equal(r.n, 2);
    red_load(&r, &h, hist_get(&h, FIRST + 2), OPUS, 0, 2);
    assert_int_equal(r.n, 1);
}

/* The sender said nothing for a while, or begins anew. */
static void what_is_too_long_ago_or_not_before_does_not_ride(void **unused)
{
    (void)unused;
    put(0, 0, 50);
    put(1, RED_BACK_MAX, 50);
    put(2, 2 * RED_BACK_MAX + 1, 50);
    put(3, 2 * RED_BACK_MAX + 1, 50);
    put(4, 5, 50);
    red_load(&r, &h, hist_get(&h, FIRST + 1), OPUS, 0, 2);
    assert_int_equal(r.n, 2);
    for (uint32_t i = 2; i < 5; i++) {
        red_load(&r, &h, hist_get(&h, FIRST + i), OPUS, 0, 2);
        assert_int_equal(r.n, 1);
    }
}

static void what_is_too_long_or_empty_does_not_ride(void **unused)
{
    (void)unused;
    static const size_t lens[] = {RED_LEN_MAX, 50, RED_LEN_MAX + 1, 50, 0, 50, 700, 700};
    static const size_t n[] = {1, 2, 2, 1, 2, 1, 2, 1}; /* 700 + 700 is too much for one packet */
    for (uint32_t i = 0; i < ARRAY_LEN(lens); i++) {
        put(i, i * 960, lens[i]);
        red_load(&r, &h, hist_get(&h, FIRST + i), OPUS, 0, 2);
        assert_int_equal(r.n, n[i]);
    }
}

/* As it comes: header, blocks' headers, blocks. */
static struct pkt *packed(uint32_t i, size_t riders)
{
    const struct pkt *const p = hist_get(&h, FIRST + i);
    struct pkt *const out = pkt_get(pool);
    assert_non_null(out);
    red_load(&r, &h, p, OPUS, 0, riders);
    memcpy(out->data, p->data, RTP_HEADER);
    out->data[1] = RED;
    size_t len = RTP_HEADER + red_write(out->data + RTP_HEADER, 100, &r);
    for (size_t k = 0; k < r.n; k++) {
        memcpy(out->data + len, r.block[k].data, r.block[k].len);
        len += r.block[k].len;
    }
    out->len = (uint16_t)len;
    assert_true(rtp_describe(out));
    return out;
}

static void riders_come_back_as_they_would_have_come(void **unused)
{
    (void)unused;
    fill(6, 50);
    struct pkt *p = packed(5, 2);
    assert_true(red_undo(p, OPUS, &r));
    assert_int_equal(p->rtp.pt, OPUS);
    assert_int_equal(p->rtp.payload_len, 50);
    assert_int_equal(p->data[p->rtp.payload_off], 5);
    for (uint32_t i = 0; i < 2; i++) {
        struct pkt *q = red_recover(p, &r, i);
        const struct pkt *const was = hist_get(&h, FIRST + 3 + i);
        assert_non_null(q);
        assert_int_equal(q->len, was->len);
        assert_memory_equal(q->data, was->data, was->len);
        assert_int_equal(red_seq(p, &r, i), was->rtp.seq);
        assert_true(q->rtp.seq == was->rtp.seq && q->rtp.ts == was->rtp.ts);
        assert_true(q->rtp.repaired && q->rtp.pt == OPUS && q->rtp.ssrc == 7);
        pkt_unref(&q);
    }
    pkt_unref(&p);
}

static void what_is_not_of_the_voice_stays_away(void **unused)
{
    (void)unused;
    fill(6, 50);
    struct pkt *p = packed(5, 2);
    p->data[p->rtp.payload_off] = 0x80 | 9;
    p->data[p->rtp.payload_off + 5] = p->data[p->rtp.payload_off + 6] = 0; /* no time before */
    p->data[p->rtp.payload_off + 6] &= 3;
    struct pkt same = *p;
    assert_true(red_undo(&same, OPUS, &r));
    assert_null(red_recover(&same, &r, 0)); /* of another codec */
    assert_null(red_recover(&same, &r, 1)); /* of this packet's own time */
    same = *p;
    assert_false(red_undo(&same, OPUS + 1, &r));
    p->rtp.payload_len = 8;
    assert_false(red_undo(p, OPUS, &r));
    assert_int_equal(p->rtp.pt, RED);
    pkt_unref(&p);
}

static void an_empty_pool_recovers_nothing(void **unused)
{
    (void)unused;
    fill(6, 50);
    struct pkt *p = packed(5, 1);
    struct pkt *all[32];
    size_t n = 0;
    while ((all[n] = pkt_get(pool)) != NULL)
        n++;
    assert_true(red_undo(p, OPUS, &r));
    assert_null(red_recover(p, &r, 0));
    while (n > 0)
        pkt_unref(&all[--n]);
    pkt_unref(&p);
}

/* A report a second of so many packets, for so many seconds. */
static uint8_t report(struct red_rule *rule, usec *now, unsigned seconds, double loss)
{
    for (unsigned i = 0; i < seconds; i++) {
        *now += USEC_SEC;
        red_rule_report(rule, *now, 50, 50 * loss);
    }
    return rule->riders;
}

static void riders_come_with_loss_and_go_after_a_while_without(void **unused)
{
    (void)unused;
    struct red_rule rule = {0};
    usec now = USEC_SEC;
    assert_int_equal(report(&rule, &now, 60, 0), 0);
    assert_int_equal(report(&rule, &now, 1, 0.02), 0); /* one packet in a second */
    assert_int_equal(report(&rule, &now, 60, 0.015), 0);
    assert_int_equal(report(&rule, &now, 3, 0.04), 1);
    assert_int_equal(report(&rule, &now, 60, 0.015), 1); /* not needed, but not far from it */
    assert_int_equal(report(&rule, &now, 9, 0), 1);
    assert_int_equal(report(&rule, &now, 3, 0), 0);
    assert_int_equal(report(&rule, &now, 5, 0.1), 2);
    assert_int_equal(report(&rule, &now, 60, 0.15), 2);
    assert_int_equal(report(&rule, &now, 3, 0.25), 3);
    assert_int_equal(report(&rule, &now, 60, 0.15), 3);
    assert_int_equal(report(&rule, &now, 15, 0.06), 2);
    assert_int_equal(report(&rule, &now, 60, 0.06), 2);
    assert_int_equal(report(&rule, &now, 9, 0.03), 2);
    assert_int_equal(report(&rule, &now, 5, 0.03), 1);
    assert_int_equal(report(&rule, &now, 16, 0), 0);
}

static void a_report_counts_as_much_as_it_saw(void **unused)
{
    (void)unused;
    struct red_rule rule = {0};
    red_rule_report(&rule, USEC_SEC, 0, 0);
    red_rule_report(&rule, 2 * USEC_SEC, 1, 1); /* one packet, lost */
    assert_int_equal(rule.riders, 0);
    red_rule_report(&rule, 3 * USEC_SEC, 500, 250);
    assert_int_equal(rule.riders, 3);
    red_rule_report(&rule, 30 * USEC_SEC, UINT32_MAX, 0); /* a viewer may say what it likes */
    assert_int_equal(rule.riders, 0);
    assert_true(rule.loss >= 0 && rule.loss < 0.001);
}

static void the_first_reports_are_believed_but_not_one_lost_packet(void **unused)
{
    (void)unused;
    struct red_rule rule = {0};
    red_rule_report(&rule, USEC_SEC, 33, 1);
    assert_int_equal(rule.riders, 0);
    rule = (struct red_rule){0};
    red_rule_report(&rule, USEC_SEC, 33, 7); /* a way that loses a fifth */
    assert_int_equal(rule.riders, 2);
}

/* One of the five packets of a tenth of a second says nothing yet. */
static void reports_about_few_packets_are_looked_at_together(void **unused)
{
    (void)unused;
    struct red_rule rule = {0};
    for (usec now = 0; now < 60 * USEC_SEC; now += 100 * USEC_MS) {
        red_rule_report(&rule, now, 5, now > 0 && now % (2 * USEC_SEC) == 0);
        assert_int_equal(rule.riders, 0); /* 1 % */
    }
    usec now = 60 * USEC_SEC;
    struct twcc_feedback f = {.n = 5};
    for (unsigned i = 0; rule.riders == 0 && now < 70 * USEC_SEC; now += 100 * USEC_MS) {
        f.at[3] = i++ % 2 ? -1 : 1;
        red_rule_feedback(&rule, now, &f);
    }
    assert_in_range(now - 60 * USEC_SEC, 500 * USEC_MS, 2 * USEC_SEC); /* 10 % */
}

int main(void)
{
#define WITH_POOL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_POOL(the_packets_before_ride_along_oldest_first),
        WITH_POOL(riders_end_at_a_hole),
        WITH_POOL(what_is_too_long_ago_or_not_before_does_not_ride),
        WITH_POOL(what_is_too_long_or_empty_does_not_ride),
        WITH_POOL(riders_come_back_as_they_would_have_come),
        WITH_POOL(what_is_not_of_the_voice_stays_away),
        WITH_POOL(an_empty_pool_recovers_nothing),
        cmocka_unit_test(riders_come_with_loss_and_go_after_a_while_without),
        cmocka_unit_test(a_report_counts_as_much_as_it_saw),
        cmocka_unit_test(the_first_reports_are_believed_but_not_one_lost_packet),
        cmocka_unit_test(reports_about_few_packets_are_looked_at_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
