/* test_multihome.c - which interface is used, on a virtual clock: over to the other one at once,
 * back with patience. */
#include "client/interfaces.h"
#include "tests/unit/test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const char two[][MULTIHOME_NAME] = {"eth0", "wwan0"};
static const char back[][MULTIHOME_NAME] = {"wwan0", "eth0"};

static struct multihome both(void)
{
    struct multihome m = {0};
    multihome_set(&m, two, 2);
    return m;
}

static const char *chosen(const struct multihome *m, usec now)
{
    return multihome_choose(m, now).name;
}

static void a_single_interface_is_the_routing_tables_business(void **unused)
{
    (void)unused;
    struct multihome m = {0};
    for (size_t n = 0; n < 2; n++) {
        multihome_set(&m, two, n);
        multihome_failed(&m, "eth0", USEC_SEC);
        const struct multihome_choice c = multihome_choose(&m, 2 * USEC_SEC);
        assert_string_equal(c.name, "");
        assert_int_equal(c.patience, 0);
        assert_false(c.fresh);
    }
}

static void what_failed_is_left_for_the_other_at_once_and_taken_again_after_a_while(void **unused)
{
    (void)unused;
    struct multihome m = both();
    const usec t = 100 * USEC_SEC;
    assert_string_equal(chosen(&m, t), "eth0");
    assert_int_equal(multihome_choose(&m, t).patience, MULTIHOME_PATIENCE);
    multihome_failed(&m, "eth0", t);
    assert_string_equal(chosen(&m, t), "wwan0");
    assert_false(multihome_choose(&m, t).fresh);
    assert_string_equal(chosen(&m, t + MULTIHOME_HOLD - 1), "wwan0");
    assert_string_equal(chosen(&m, t + MULTIHOME_HOLD), "eth0");
    assert_true(multihome_choose(&m, t + MULTIHOME_HOLD).fresh);
}

static void when_all_have_failed_they_take_turns_with_all_the_time_they_want(void **unused)
{
    (void)unused;
    struct multihome m = both();
    usec t = 100 * USEC_SEC;
    multihome_failed(&m, "eth0", t);
    multihome_failed(&m, "wwan0", ++t);
    for (unsigned i = 0; i < 6; i++) {
        const struct multihome_choice c = multihome_choose(&m, ++t);
        assert_string_equal(c.name, i % 2 ? "wwan0" : "eth0");
        assert_int_equal(c.patience, 0);
        multihome_failed(&m, c.name, t);
    }
    assert_int_equal(m.way[0].fails, 1); /* it was one failure all the while */
    multihome_worked(&m, "wwan0", t);
    assert_string_equal(chosen(&m, t), "wwan0");
}

/* Works and fails in turn, every twenty seconds for an hour. */
static void a_flapping_interface_is_left_alone_ever_longer(void **unused)
{
    (void)unused;
    struct multihome m = both();
    unsigned changes = 0;
    const char *last = "eth0";
    for (usec t = USEC_SEC; t < 3600 * USEC_SEC; t += USEC_SEC) {
        const char *const now = chosen(&m, t);
        const bool up = strcmp(now, "wwan0") == 0 || t / (20 * USEC_SEC) % 2 == 0;
        changes += strcmp(now, last) != 0;
        last = strcmp(now, "eth0") == 0 ? "eth0" : "wwan0";
        if (up)
            multihome_worked(&m, now, t);
        else
            multihome_failed(&m, now, t);
    }
    assert_int_equal(m.way[0].fails, MULTIHOME_HOLDS);
    assert_in_range(changes, 10, 36); /* without any patience: 180 */
}

static void what_works_long_enough_is_as_good_as_new(void **unused)
{
    (void)unused;
    struct multihome m = both();
    multihome_failed(&m, "eth0", USEC_SEC);
    multihome_failed(&m, "eth0", USEC_SEC + MULTIHOME_HOLD);
    assert_int_equal(m.way[0].fails, 2);
    const usec t = 200 * USEC_SEC;
    multihome_worked(&m, "eth0", t);
    multihome_worked(&m, "eth0", t + MULTIHOME_STEADY);
    assert_int_equal(m.way[0].fails, 2);
    multihome_worked(&m, "eth0", t + MULTIHOME_STEADY + 1);
    assert_int_equal(m.way[0].fails, 0);
    assert_false(multihome_choose(&m, t + MULTIHOME_STEADY + 1).fresh);
}

static void silence_is_a_suspicion_that_fades_or_is_lifted(void **unused)
{
    (void)unused;
    struct multihome m = both();
    const usec t = 100 * USEC_SEC;
    multihome_silent(&m, "eth0", t);
    assert_string_equal(chosen(&m, t), "wwan0");
    assert_false(multihome_good(&m, "eth0", t));
    assert_string_equal(chosen(&m, t + MULTIHOME_SILENCE), "eth0");
    assert_true(multihome_good(&m, "eth0", t + MULTIHOME_SILENCE));
    multihome_silent(&m, "eth0", t);
    multihome_trust(&m); /* the relay was restarted */
    assert_string_equal(chosen(&m, t), "eth0");
    multihome_failed(&m, "eth0", t);
    multihome_trust(&m);
    assert_string_equal(chosen(&m, t), "wwan0"); /* a failure is more than that */
}

static void what_is_known_outlives_a_change_of_the_list(void **unused)
{
    (void)unused;
    struct multihome m = both();
    const usec t = 100 * USEC_SEC;
    multihome_failed(&m, "wwan0", t);
    multihome_set(&m, back, 2);
    assert_string_equal(chosen(&m, t), "eth0");
    multihome_set(&m, two, 1); /* pulled out … */
    multihome_set(&m, back, 2);
    assert_string_equal(chosen(&m, t), "wwan0"); /* … and in: a new one */
    assert_false(multihome_good(&m, "tun7", t));
    multihome_failed(&m, "tun7", t);
    multihome_worked(&m, "tun7", t);
    multihome_silent(&m, "tun7", t);
    assert_int_equal(m.n, 2);
}

static void routes_are_read_as_the_kernel_writes_them(void **unused)
{
    (void)unused;
    struct interfaces_route r;
    assert_false(interfaces_route4(&r, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\t"
                                       "Mask\t\tMTU\tWindow\tIRTT\n"));
    assert_true(
        interfaces_route4(&r, "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"));
    assert_string_equal(r.name, "wlan0");
    assert_int_equal(r.metric, 600);
    assert_true(r.whole);
    assert_true(
        interfaces_route4(&r, "eth0\t0000000A\t0101A8C0\t0003\t0\t0\t100\t000000FF\t0\t0\t0\n"));
    assert_false(r.whole);
    assert_false(
        interfaces_route4(&r, "docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"));
    static const char zero[] = "00000000000000000000000000000000";
    char line[256];
    (void)snprintf(line, sizeof line,
                   "%s 00 %s 00 fe800000000000000000000000000001 00000400 "
                   "00000001 00000000 00000003 eth0\n",
                   zero, zero);
    assert_true(interfaces_route6(&r, line));
    assert_true(r.whole);
    assert_int_equal(r.metric, 1024);
    assert_string_equal(r.name, "eth0");
    (void)snprintf(line, sizeof line, "%s 00 %s 00 %s ffffffff 00000001 00000000 00200200 lo\n",
                   zero, zero, zero);
    assert_false(interfaces_route6(&r, line)); /* "unreachable" */
    assert_false(interfaces_route6(&r, ""));
    assert_false(interfaces_route4(&r,
                                   "an-interface-with-a-name-too-long\t00000000\t0101A8C0\t0003\t"
                                   "0\t0\t600\t00000000\t0\t0\t0\n"));
    assert_false(
        interfaces_route4(&r, "wlan0\t00000000\t0101A8C0\tup\t0\t0\t600\t00000000\t0\t0\t0\n"));
}

static void own_addresses_lead_to_their_interface(void **unused)
{
    (void)unused;
    char name[MULTIHOME_NAME];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *const any = (const struct sockaddr *)(const void *)&a;
    assert_true(interfaces_of(any, name));
    assert_string_equal(name, "lo");
    a.sin_addr.s_addr = htonl(0xc000024d); /* 192.0.2.77 */
    assert_false(interfaces_of(any, name));
    assert_string_equal(name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_interface_is_the_routing_tables_business),
        cmocka_unit_test(what_failed_is_left_for_the_other_at_once_and_taken_again_after_a_while),
        cmocka_unit_test(when_all_have_failed_they_take_turns_with_all_the_time_they_want),
        cmocka_unit_test(a_flapping_interface_is_left_alone_ever_longer),
        cmocka_unit_test(what_works_long_enough_is_as_good_as_new),
        cmocka_unit_test(silence_is_a_suspicion_that_fades_or_is_lifted),
        cmocka_unit_test(what_is_known_outlives_a_change_of_the_list),
        cmocka_unit_test(routes_are_read_as_the_kernel_writes_them),
        cmocka_unit_test(own_addresses_lead_to_their_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
