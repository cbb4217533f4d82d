/* test_bwe.c - each part of the estimate, and receivers that lie. */
#include "engine/media/bwe.h"
#include "tests/unit/test.h"

#define K 1000u
#define MIN 32000
#define START 300000
#define MAX 20000000

static struct bwe b;
static usec now;
static uint16_t number;

/* What is on its way, in order. */
static struct {
    usec at[4096];
    unsigned head, n;
} flight;

static int setup(void **unused)
{
    (void)unused;
    now = 10 * USEC_SEC;
    number = 65000; /* wraps soon */
    flight.head = flight.n = 0;
    return bwe_init(&b, &(struct bwe_conf){MIN, START, MAX}, now) == OK ? 0 : -1;
}

static int teardown(void **unused)
{
    (void)unused;
    bwe_fini(&b);
    return 0;
}

/* A way with a rate and a queue. */
struct way {
    uint64_t bps;
    usec delay;
    unsigned lose; /* every n-th; 0: none */
    usec free_at;
};

static unsigned count;

static usec pass(struct way *w, size_t bytes)
{
    w->free_at = usec_max(w->free_at, now) + (usec)(bytes * 8 * 1000000 / w->bps);
    return w->lose && ++count % w->lose == 0 ? -1 : w->free_at + w->delay;
}

static void report(void)
{
    struct twcc_feedback f = {.base = (uint16_t)(number - flight.n)};
    while (flight.n > 0 && f.n < TWCC_MAX && flight.at[flight.head % 4096] <= now) {
        f.at[f.n++] = flight.at[flight.head++ % 4096];
        flight.n--;
    }
    bwe_tick(&b, now);
    if (f.n > 0)
        bwe_feedback(&b, now, &f);
    assert_in_range(bwe_bps(&b), MIN, MAX);
}

/* Sends at the estimate for so long, with a report every 100 ms. */
static void run(struct way *w, usec time, uint64_t most)
{
    usec report_at = now + 100 * USEC_MS;
    for (const usec end = now + time; now < end;) {
        const uint64_t bps = bwe_bps(&b) < most ? bwe_bps(&b) : most;
        bwe_sent(&b, now, number++, 1172, 0);
        flight.at[(flight.head + flight.n++) % 4096] = pass(w, 1200);
        now += (usec)(UINT64_C(9600000000) / bps);
        if (now < report_at)
            continue;
        report_at = now + 100 * USEC_MS;
        report();
    }
}

static void it_grows_to_what_the_way_carries_and_stays(void **unused)
{
    (void)unused;
    struct way w = {.bps = 1000 * K, .delay = 25 * USEC_MS};
    run(&w, 60 * USEC_SEC, MAX);
    usec worst = 0;
    uint64_t sum = 0;
    for (int i = 0; i < 200; i++) {
        run(&w, 100 * USEC_MS, MAX);
        worst = usec_max(worst, bwe_queue(&b));
        sum += bwe_bps(&b);
    }
    assert_in_range(sum / 200, 750 * K, 1050 * K);
    assert_true(worst < 300 * USEC_MS);
}

static void a_fall_is_followed_and_the_queue_emptied(void **unused)
{
    (void)unused;
    struct way w = {.bps = 3000 * K, .delay = 25 * USEC_MS};
    run(&w, 40 * USEC_SEC, MAX);
    assert_true(bwe_bps(&b) > 1500 * K);
    w.bps = 500 * K; /* and a queue without end */
    run(&w, 4 * USEC_SEC, MAX);
    assert_true(bwe_bps(&b) < 550 * K);
    assert_true(w.free_at - now < 100 * USEC_MS);
}

static void it_does_not_grow_beyond_what_is_sent(void **unused)
{
    (void)unused;
    struct way w = {.bps = 10000 * K, .delay = 25 * USEC_MS};
    run(&w, 60 * USEC_SEC, 100 * K);
    assert_true(bwe_bps(&b) <= START + 20 * K);
}

static void loss_that_stays_is_not_congestion(void **unused)
{
    (void)unused;
    struct way w = {.bps = 3000 * K, .delay = 50 * USEC_MS, .lose = 5};
    run(&w, 60 * USEC_SEC, MAX);
    assert_true(bwe_bps(&b) > 1500 * K);
    assert_in_range(bwe_loss_ppt(&b), 150, 250);
}

/* Ten seconds in which nothing gets through; returns the estimate before. `told`: that all of it
 * was lost is reported when the way is open again. */
static uint64_t cut_off(struct way *w, bool told)
{
    run(w, 40 * USEC_SEC, MAX);
    const uint64_t before = bwe_bps(&b);
    for (int i = 0; i < 100; i++) {
        bwe_sent(&b, now, number++, 100, 0);
        if (told)
            flight.at[(flight.head + flight.n++) % 4096] = -1;
        now += 100 * USEC_MS;
        bwe_tick(&b, now);
    }
    assert_true(bwe_bps(&b) < before / 8);
    w->free_at = now;
    return before;
}

static void an_outage_lowers_it_and_its_end_brings_it_back(void **unused)
{
    (void)unused;
    struct way w = {.bps = 3000 * K, .delay = 25 * USEC_MS};
    const uint64_t before = cut_off(&w, false);
    run(&w, 200 * USEC_MS, MAX);
    assert_true(bwe_bps(&b) >= before * 4 / 10);
    struct bwe_probe p;
    assert_true(bwe_probe(&b, now, &p));
}

static void what_an_outage_swallowed_is_no_congestion(void **unused)
{
    (void)unused;
    struct way w = {.bps = 3000 * K, .delay = 25 * USEC_MS};
    const uint64_t before = cut_off(&w, true);
    run(&w, 2 * USEC_SEC, MAX);
    assert_true(bwe_bps(&b) >= before * 4 / 10);
    assert_true(bwe_loss_ppt(&b) < 20);
}

/* A longer way is no queue, nor is what the first one carried a measure of the second. */
static void another_way_is_learnt_anew(void **unused)
{
    (void)unused;
    struct way w = {.bps = 3000 * K, .delay = 25 * USEC_MS};
    run(&w, 40 * USEC_SEC, MAX);
    assert_true(bwe_bps(&b) > 1500 * K);
    const uint64_t lies = b.lies;
    w = (struct way){.bps = 1000 * K, .delay = 125 * USEC_MS, .free_at = now};
    bwe_restart(&b, now);
    assert_int_equal(bwe_bps(&b), START);
    assert_true(bwe_begins(&b));
    for (int i = 0; i < 100; i++) {
        run(&w, 100 * USEC_MS, MAX);
        assert_true(bwe_bps(&b) >= START * 9 / 10);
        assert_true(w.free_at - now < 300 * USEC_MS);
    }
    assert_in_range(bwe_bps(&b), 400 * K, 1100 * K);
    assert_true(b.lies - lies < 100); /* what was under way */
}

static void a_probe_finds_room(void **unused)
{
    (void)unused;
    struct way w = {.bps = 10000 * K, .delay = 25 * USEC_MS};
    run(&w, 500 * USEC_MS, 200 * K);
    struct bwe_probe p;
    assert_true(bwe_probe(&b, now, &p));
    assert_int_equal(p.bps, 3 * bwe_bps(&b));
    struct twcc_feedback f = {.base = number};
    const usec gap = (usec)(UINT64_C(9600000000) / p.bps);
    for (size_t sent = 0; sent < p.bytes; sent += 1200, now += gap, number++) {
        bwe_sent(&b, now, number, 1172, p.cluster);
        f.at[f.n++] = pass(&w, 1200);
    }
    assert_false(bwe_probe(&b, now, &p)); /* one at a time */
    bwe_feedback(&b, now + 50 * USEC_MS, &f);
    assert_true(bwe_bps(&b) > 800 * K);
}

static void who_wants_no_more_is_not_probed_for(void **unused)
{
    (void)unused;
    struct way w = {.bps = 10000 * K, .delay = 25 * USEC_MS};
    run(&w, 500 * USEC_MS, 200 * K);
    struct bwe_probe p;
    bwe_wanted(&b, 250 * K);
    assert_false(bwe_probe(&b, now, &p));
}

static void reports_on_what_was_never_sent_change_nothing(void **unused)
{
    (void)unused;
    struct way w = {.bps = 1000 * K, .delay = 25 * USEC_MS};
    run(&w, 5 * USEC_SEC, MAX);
    const uint64_t before = bwe_bps(&b);
    struct twcc_feedback f = {.base = (uint16_t)(number + 100), .n = 400};
    for (size_t i = 0; i < f.n; i++)
        f.at[i] = now + (usec)i;
    for (int i = 0; i < 50; i++)
        bwe_feedback(&b, now, &f);
    assert_int_equal(bwe_bps(&b), before);
    assert_true(b.lies >= 50 * 400);
}

/* "All arrived at once": no faster than it was sent. */
static void impossible_times_do_not_raise_it(void **unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        struct twcc_feedback f = {.base = number};
        for (; f.n < 5; number++) {
            bwe_sent(&b, now, number, 1172, 0);
            now += 20 * USEC_MS;
            f.at[f.n++] = (i % 2 ? INT64_C(1) << 40 : 5) + i;
        }
        bwe_feedback(&b, now, &f);
        assert_in_range(bwe_bps(&b), MIN, 1000 * K);
    }
    assert_true(b.lies > 0);
}

static void without_feedback_reports_and_remb_tell(void **unused)
{
    (void)unused;
    for (int i = 0; i < 20; i++) {
        now += USEC_SEC;
        bwe_report(&b, now, 0);
    }
    assert_int_equal(bwe_bps(&b), MAX);
    for (int i = 0; i < 5; i++) {
        now += 2 * USEC_SEC;
        bwe_report(&b, now, 300);
    }
    assert_true(bwe_bps(&b) < MAX / 2);
    bwe_remb(&b, now, 500 * K);
    assert_int_equal(bwe_bps(&b), 500 * K);
    bwe_remb(&b, now, UINT64_MAX);
    assert_in_range(bwe_bps(&b), MIN, MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_grows_to_what_the_way_carries_and_stays, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_fall_is_followed_and_the_queue_emptied, setup, teardown),
        cmocka_unit_test_setup_teardown(it_does_not_grow_beyond_what_is_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(loss_that_stays_is_not_congestion, setup, teardown),
        cmocka_unit_test_setup_teardown(an_outage_lowers_it_and_its_end_brings_it_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_an_outage_swallowed_is_no_congestion, setup, teardown),
        cmocka_unit_test_setup_teardown(another_way_is_learnt_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_probe_finds_room, setup, teardown),
        cmocka_unit_test_setup_teardown(who_wants_no_more_is_not_probed_for, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_on_what_was_never_sent_change_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(impossible_times_do_not_raise_it, setup, teardown),
        cmocka_unit_test_setup_teardown(without_feedback_reports_and_remb_tell, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
