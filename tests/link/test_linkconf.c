/* test_linkconf.c - descriptions of links: what they say, and what is said of wrong ones; and that
 * a path does what its plan says. */
#include "tests/link/linkconf.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct linkconf c;

static bool parse(const char *text)
{
    return linkconf_parse(&c, "f", text, strlen(text));
}

static void a_link_is_read_in_both_directions(void **unused)
{
    (void)unused;
    assert_true(
        parse("# two\nlink a # first\n\tup rate 82\n down rate 245.5\n queue 500\n delay 158\n"
              " jitter 2.5\n loss 1.3\n burst 60 4 800\n reorder 0.125 30\n duplicate 2\n"
              "link b\n"));
    assert_int_equal(c.n, 2);
    const struct linkconf_link *const a = linkconf_find(&c, "a");
    assert_non_null(a);
    assert_int_equal(a->up.n, 1);
    const struct path_conf *const up = &a->up.steps[0].conf, *const down = &a->down.steps[0].conf;
    assert_int_equal(up->bps, 82000);
    assert_int_equal(down->bps, 245500);
    assert_int_equal(up->queue, 500 * USEC_MS);
    assert_int_equal(down->delay, 158 * USEC_MS);
    assert_int_equal(up->jitter, 2500);
    assert_float_equal(down->loss_good, 0.013, 1e-9);
    assert_float_equal(up->loss_bad, 0.6, 1e-9);
    assert_float_equal(up->to_good, 0.25, 1e-9);
    assert_float_equal(up->to_bad, 1.0 / 800, 1e-9);
    assert_float_equal(up->reorder, 0.00125, 1e-9);
    assert_int_equal(up->reorder_by, 30 * USEC_MS);
    assert_float_equal(down->duplicate, 0.02, 1e-9);
    assert_int_equal(linkconf_find(&c, "b")->down.steps[0].conf.bps, 0);
    assert_null(linkconf_find(&c, "x"));
    assert_string_equal(c.why, "there is no link x");
}

static void steps_follow_each_other(void **unused)
{
    (void)unused;
    assert_true(parse("link a\nrate 3000\nqueue 300\nat 20 down rate 500\nat 20 down delay 5\n"
                      "outage 25.5 30\nat 40 rate 3000"));
    const struct path_plan *const down = &c.links[0].down, *const up = &c.links[0].up;
    assert_int_equal(down->n, 5);
    assert_int_equal(up->n, 4);
    assert_int_equal(down->steps[1].at, 20 * USEC_SEC);
    assert_int_equal(down->steps[1].conf.bps, 500000);
    assert_int_equal(down->steps[1].conf.delay, 5 * USEC_MS);
    assert_int_equal(down->steps[2].at, 25500 * USEC_MS);
    assert_true(down->steps[2].down);
    assert_int_equal(down->steps[2].conf.bps, 500000);
    assert_false(down->steps[3].down);
    assert_int_equal(down->steps[4].conf.bps, 3000000);
}

static void faults_are_named_with_their_line(void **unused)
{
    (void)unused;
    static const struct {
        const char *text, *why;
    } faults[] = {
        {"rate 5", "f:1: 'link NAME' must come first"},
        {"link", "f:1: 'link' wants one name"},
        {"link a b", "f:1: 'link' wants one name"},
        {"link a\nlink a", "f:2: there is a link a already"},
        {"link abcdefghijklmnopqrstuvwxyz", "f:1: the name is longer than 23 characters"},
        {"link a\n\nrat 5", "f:3: nothing is called 'rat' here"},
        {"link a\nup", "f:2: what changes is missing at the end"},
        {"link a\nrate", "f:2: a number is missing at the end"},
        {"link a\nrate 5 6", "f:2: '6' is too much"},
        {"link a\nrate -5", "f:2: '-5' is not a number like 12 or 0.125"},
        {"link a\nrate 0.1234", "f:2: '0.1234' is not a number like 12 or 0.125"},
        {"link a\nrate 1.", "f:2: '1.' is not a number like 12 or 0.125"},
        {"link a\nrate .5", "f:2: '.5' is not a number like 12 or 0.125"},
        {"link a\nrate 99999999999999999999",
         "f:2: '99999999999999999999' is not a number like 12 or "
         "0.125"},
        {"link a\nloss 100.001", "f:2: 100.001 is more than 100"},
        {"link a\nburst 50 0.5 9", "f:2: a burst and a gap have at least one packet"},
        {"link a\noutage 3 3", "f:2: the outage ends before it begins"},
        {"link a\nat 1 outage 3 4", "f:2: an outage has its own times"},
        {"link a\nat 3 delay 1\nat 2 delay 1", "f:3: this begins before the line above does"},
        {"link a\nat 3 delay 1\ndelay 1", "f:3: this begins before the line above does"},
        {"link a\nrate 64\nqueue 150\nlink b",
         "f:4: link a above: its queue does not hold a packet of 1500 bytes at 64.000 kbit/s"},
        {"link a\nqueue 20\nrate 3000\nat 9 up rate 64",
         "f:4: link a above: its queue does not hold a packet of 1500 bytes at 64.000 kbit/s"},
        {"link a\ndelay \x01", "f:2: byte 7 of the line is no plain text"},
        {"a b c d e f g h i", "f:1: more than 8 words"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        assert_false(parse(faults[i].text));
        assert_string_equal(c.why, faults[i].why);
    }
    char line[200];
    memset(line, 'x', sizeof line);
    assert_false(linkconf_parse(&c, "f", line, sizeof line));
    assert_string_equal(c.why, "f:1: longer than 119 bytes");
}

static void what_does_not_fit_is_refused(void **unused)
{
    (void)unused;
    char text[4096] = "link a\n";
    for (unsigned i = 1; i < PATH_STEPS; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "at %u rate 0\n", i);
    assert_true(parse(text));
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "at 99 rate 0\n");
    assert_false(parse(text));
    assert_string_equal(c.why, "f:17: more than 16 steps");

    text[0] = '\0';
    for (unsigned i = 0; i <= LINKCONF_LINKS; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "link l%u\n", i);
    assert_false(parse(text));
    assert_string_equal(c.why, "f:41: more than 40 links");
    assert_false(linkconf_read(&c, "/nowhere"));
    assert_string_equal(c.why, "/nowhere: cannot be read, or is too long");
}

static void the_file_in_the_tree_is_whole(void **unused)
{
    (void)unused;
    if (!linkconf_read(&c, getenv("LINKS")))
        fail_msg("%s", c.why);
    static const char *const names[] = {"clean",      "dsl",       "4g-good",     "4g-edge",
                                        "satellite",  "village",   "village-64k", "wifi-bursty",
                                        "loss-10",    "loss-20",   "loss-30",     "rtt-300-loss-6",
                                        "outage-10s", "rate-steps"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_non_null(linkconf_find(&c, names[i]));
}

static struct rng rng;

/* Sends packets of 1250 bytes every `gap`; how many arrived, and the time of the last. */
static unsigned arrived(struct path *l, usec from, usec to, usec gap, usec *last)
{
    unsigned n = 0;
    for (usec t = from; t < to; t += gap) {
        usec at;
        if (path_pass(l, t, 1250, &at)) {
            n++;
            *last = at;
        }
    }
    return n;
}

static void a_path_takes_the_steps_of_its_plan(void **unused)
{
    (void)unused;
    assert_true(parse("link a\nrate 1000\nqueue 100\ndelay 10\nat 10 rate 500\noutage 20 30"));
    struct path l;
    path_init(&l, &(struct path_conf){0}, &rng);
    const usec began = 7 * USEC_SEC;
    path_follow(&l, &c.links[0].down, began);
    usec last = 0;
    /* 2 Mbit/s into 1: 100 packets a second come out, the queue is full */
    assert_in_range(arrived(&l, began, began + 10 * USEC_SEC, 5 * USEC_MS, &last), 1000, 1010);
    assert_in_range(path_queue(&l, began + 10 * USEC_SEC), 80 * USEC_MS, 100 * USEC_MS);
    assert_in_range(last, began + 10090 * USEC_MS, began + 10110 * USEC_MS);
    assert_int_equal(l.full, l.lost);
    assert_in_range(arrived(&l, began + 10 * USEC_SEC, began + 20 * USEC_SEC, 5 * USEC_MS, &last),
                    490, 510);
    const uint64_t full = l.full;
    assert_int_equal(arrived(&l, began + 20 * USEC_SEC, began + 30 * USEC_SEC, 5 * USEC_MS, &last),
                     0);
    assert_int_equal(l.full, full);
    assert_int_equal(path_queue(&l, began + 30 * USEC_SEC), 0);
    assert_in_range(arrived(&l, began + 30 * USEC_SEC, began + 31 * USEC_SEC, 25 * USEC_MS, &last),
                    40, 40);
}

static void losses_come_in_bursts_as_described(void **unused)
{
    (void)unused;
    assert_true(parse("link a\nburst 100 5 45"));
    struct path l;
    path_init(&l, &(struct path_conf){0}, &rng);
    path_follow(&l, &c.links[0].down, 0);
    unsigned bursts = 0;
    bool was = false;
    for (usec t = 0; t < 200000; t++) {
        usec at;
        const bool lost = path_pass(&l, t, 100, &at) == 0;
        bursts += lost && !was;
        was = lost;
    }
    assert_in_range(l.lost, 18500, 21500);
    assert_in_range(1000 * l.lost / bursts, 4700, 5300);
}

static int seed(void **unused)
{
    (void)unused;
    return rng_init(&rng, (const uint8_t[32]){1}) == OK ? 0 : 1;
}

static int unseed(void **unused)
{
    (void)unused;
    rng_fini(&rng);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_is_read_in_both_directions),
        cmocka_unit_test(steps_follow_each_other),
        cmocka_unit_test(faults_are_named_with_their_line),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(the_file_in_the_tree_is_whole),
        cmocka_unit_test(a_path_takes_the_steps_of_its_plan),
        cmocka_unit_test(losses_come_in_bursts_as_described),
    };
    return cmocka_run_group_tests(tests, seed, unseed);
}
