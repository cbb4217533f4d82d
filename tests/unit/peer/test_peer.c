/* test_peer.c - two whole peers on a link: good, bad, cut, hostile. */
#include "tests/sim/gettimeofday.h"
#include "tests/unit/peer/pair.h"
#include "tests/unit/test.h"

#include <string.h>

static const uint8_t report[8] = {0x80, 201, 0, 1, 0, 0, 0x12, 0x34};

static void connect(struct pair *t)
{
    assert_int_equal(pair_start(t), OK);
    pair_run(t, t->now + USEC_SEC);
    assert_int_equal(peer_state(t->room, t->now), PEER_OPEN);
    assert_int_equal(peer_state(t->relay, t->now), PEER_OPEN);
}

static void talk(struct pair *t)
{
    t->seq++;
    assert_true(pair_send_rtp(t, true, t->seq, "up", 2));
    assert_true(pair_send_rtp(t, false, t->seq, "down", 4));
    assert_true(peer_send_rtcp(t->room, report, sizeof report, &t->out));
    pair_flush(t, true);
    assert_true(peer_send_rtcp(t->relay, report, sizeof report, &t->out));
    pair_flush(t, false);
    const struct pair_got room = t->room_got, relay = t->relay_got;
    pair_run(t, t->now + USEC_SEC / 2);
    assert_int_equal(t->relay_got.rtp, relay.rtp + 1);
    assert_int_equal(t->room_got.rtp, room.rtp + 1);
    assert_int_equal(t->relay_got.rtcp, relay.rtcp + 1);
    assert_int_equal(t->room_got.rtcp, room.rtcp + 1);
}

static void two_peers_connect_and_talk_both_ways(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 1);
    connect(&t);
    assert_true(addr_eq(peer_addr(t.relay), &t.room_addr));
    assert_true(addr_eq(peer_addr(t.room), &t.relay_addr));
    talk(&t);
    assert_true(pair_send_rtp(&t, false, 2, "last", 4));
    pair_run(&t, t.now + USEC_SEC);
    assert_int_equal(t.room_got.len, 16);
    assert_memory_equal(t.room_got.data + 12, "last", 4);
    pair_fini(&t);
}

static void they_agree_on_aes_cm_if_one_has_no_gcm(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 2);
    assert_int_equal(dtls_cert_without_gcm(t.room_cert), OK);
    connect(&t);
    talk(&t);
    pair_fini(&t);
}

static void they_connect_over_a_link_that_loses_a_third(void **unused)
{
    (void)unused;
    for (uint8_t seed = 0; seed < 40; seed++) {
        struct pair t;
        pair_init(&t, seed);
        t.loss = 33;
        t.delay = 150 * USEC_MS;
        assert_int_equal(pair_start(&t), OK);
        pair_run(&t, t.now + 20 * USEC_SEC);
        assert_int_equal(peer_state(t.room, t.now), PEER_OPEN);
        assert_int_equal(peer_state(t.relay, t.now), PEER_OPEN);
        pair_fini(&t);
    }
}

static void a_bad_link_keeps_its_consent_for_an_hour(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 7);
    connect(&t);
    t.loss = 30;
    t.delay = 300 * USEC_MS;
    pair_run(&t, t.now + 3600 * USEC_SEC);
    assert_int_equal(peer_state(t.room, t.now), PEER_OPEN);
    assert_int_equal(peer_state(t.relay, t.now), PEER_OPEN);
    assert_true(t.carried < 3600 * 3); /* and the checks are few */
    pair_fini(&t);
}

static void a_cut_link_is_noticed_after_thirty_seconds(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 3);
    connect(&t);
    t.silent = true;
    const usec cut = t.now;
    pair_run(&t, cut + 25 * USEC_SEC);
    assert_int_equal(peer_state(t.relay, t.now), PEER_OPEN);
    pair_run(&t, cut + 34 * USEC_SEC);
    assert_int_equal(peer_state(t.relay, t.now), PEER_FAILED);
    assert_int_equal(peer_state(t.room, t.now), PEER_FAILED);
    assert_string_equal(peer_why(t.relay), "no ICE check was heard for 30 seconds");
    assert_null(peer_seal(t.relay));
    assert_int_equal(peer_next(t.relay), USEC_NEVER);
    assert_int_equal(peer_next(t.room), USEC_NEVER);
    pair_fini(&t);
}

static void a_wrong_fingerprint_fails_and_says_so(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 4);
    memset(t.relay_conf.fingerprint, 'A', 95);
    assert_int_equal(pair_start(&t), OK);
    pair_run(&t, t.now + USEC_SEC);
    assert_int_equal(peer_state(t.relay, t.now), PEER_FAILED);
    assert_string_equal(peer_why(t.relay),
                        "the remote certificate is not the one of a=fingerprint");
    assert_int_equal(peer_state(t.room, t.now), PEER_FAILED);
    assert_false(pair_send_rtp(&t, true, 1, "x", 1));
    pair_fini(&t);
}

static void wrong_ice_credentials_are_never_answered(void **unused)
{
    (void)unused;
    for (int wrong_pwd = 0; wrong_pwd < 2; wrong_pwd++) {
        struct pair t;
        pair_init(&t, 5);
        char *const what = wrong_pwd ? t.room_conf.ice.remote_pwd : t.room_conf.ice.remote_ufrag;
        what[0] ^= 1;
        assert_int_equal(pair_start(&t), OK);
        pair_run(&t, t.now + 10 * USEC_SEC);
        assert_int_equal(peer_stat(t.relay)->bytes_out, 0);
        assert_true(peer_stat(t.relay)->stun_bad > 5);
        assert_int_equal(peer_addr(t.relay)->port, 0);
        assert_int_equal(peer_state(t.relay, t.now), PEER_CONNECTING);
        pair_fini(&t);
    }
}

/* Datagrams that the room sent, caught on the way. */
static struct pair_dgram catch_one(struct pair *t, bool to_relay)
{
    for (size_t i = 0; i < PAIR_FLIGHT; i++)
        if (t->flight[i].at && t->flight[i].to_relay == to_relay)
            return t->flight[i];
    fail();
    return (struct pair_dgram){0};
}

static void a_replayed_packet_is_counted_and_dropped(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 6);
    connect(&t);
    assert_true(pair_send_rtp(&t, true, 1, "once", 4));
    const struct pair_dgram d = catch_one(&t, true);
    pair_run(&t, t.now + USEC_SEC / 2);
    assert_int_equal(t.relay_got.rtp, 1);
    assert_int_equal(pair_inject(&t, true, &d.from, d.data, d.len), PEER_IN_NOTHING);
    assert_int_equal(peer_stat(t.relay)->rtp_bad, 1);
    pair_fini(&t);
}

static void a_flood_of_forged_checks_moves_nothing_and_gets_no_answer(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 8);
    assert_int_equal(pair_start(&t), OK);
    peer_tick(t.room, t.now, &t.out);
    pair_flush(&t, true);
    const struct pair_dgram check = catch_one(&t, true);
    pair_run(&t, t.now + USEC_SEC);

    struct addr stranger;
    assert_true(addr_parse(&stranger, "198.51.100.9:9"));
    const size_t carried = t.carried;
    for (size_t i = 0; i < 5000; i++) {
        struct pair_dgram forged = check;
        forged.data[8 + i % (check.len - 8)] ^= (uint8_t)(1 + i % 255);
        pair_inject(&t, true, &stranger, forged.data, forged.len);
    }
    assert_int_equal(t.carried, carried);
    assert_int_equal(peer_stat(t.relay)->stun_bad, 5000);
    assert_true(addr_eq(peer_addr(t.relay), &t.room_addr));
    talk(&t);
    pair_fini(&t);
}

static void handshake_bytes_before_a_check_are_not_answered(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 9);
    t.room_conf.no_ice = true; /* speaks DTLS at once */
    assert_int_equal(pair_start(&t), OK);
    peer_tick(t.room, t.now, &t.out);
    pair_flush(&t, true);
    const struct pair_dgram hello = catch_one(&t, true);
    assert_int_equal(pair_inject(&t, true, &t.room_addr, hello.data, hello.len), PEER_IN_NOTHING);
    assert_int_equal(t.carried, 1);
    pair_fini(&t);
}

static void without_ice_of_its_own_a_peer_connects_too(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 10);
    t.room_conf.no_ice = t.relay_conf.no_ice = true;
    connect(&t);
    talk(&t);
    pair_run(&t, t.now + 3600 * USEC_SEC);
    assert_int_equal(peer_state(t.room, t.now), PEER_OPEN);
    pair_fini(&t);
}

static void a_room_that_changes_its_network_is_followed(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 11);
    connect(&t);
    assert_true(addr_parse(&t.room_addr, "203.0.113.7:7000"));
    pair_run(&t, t.now + 5 * USEC_SEC);
    assert_true(addr_eq(peer_addr(t.relay), &t.room_addr));
    talk(&t);
    pair_fini(&t);
}

static void an_ice_restart_changes_the_credentials_and_nothing_else(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 12);
    connect(&t);
    memcpy(t.relay_conf.ice.local_pwd, "another-password-of-the-relay", 30);
    memcpy(t.relay_conf.ice.local_ufrag, "again", 6);
    memcpy(t.room_conf.ice.remote_pwd, "another-password-of-the-relay", 30);
    memcpy(t.room_conf.ice.remote_ufrag, "again", 6);
    peer_restart(t.relay, &t.relay_conf.ice, t.now);
    talk(&t); /* the old way serves meanwhile */
    peer_restart(t.room, &t.room_conf.ice, t.now);
    assert_true(addr_parse(&t.room_addr, "203.0.113.8:7000"));
    pair_run(&t, t.now + USEC_SEC);
    assert_true(addr_eq(peer_addr(t.relay), &t.room_addr));
    talk(&t);
    pair_run(&t, t.now + 100 * USEC_SEC);
    assert_int_equal(peer_state(t.relay, t.now), PEER_OPEN);
    pair_fini(&t);
}

static void check_from(struct pair *t, const struct addr *from, bool nominates, const char *pwd)
{
    uint8_t p[STUN_MSG_MAX];
    const struct stun_request rq = {.tid = {1},
                                    .username = "relay:room",
                                    .pwd = pwd,
                                    .priority = 1,
                                    .controlling = true,
                                    .use_candidate = nominates};
    const size_t len = stun_write_request(p, sizeof p, &rq);
    assert_true(len > 0);
    (void)pair_inject(t, true, from, p, len);
}

/* A room with two uplinks checks over both all the time: only the one it nominates is used, and it
 * may change its mind whenever it likes. */
static void media_leave_by_the_way_that_was_nominated_last(void **unused)
{
    (void)unused;
    struct pair t;
    struct addr other;
    pair_init(&t, 13);
    assert_true(addr_parse(&other, "203.0.113.8:7000"));
    connect(&t);
    const struct addr first = t.room_addr;
    const char *const pwd = t.relay_conf.ice.local_pwd;
    check_from(&t, &other, false, pwd);
    assert_true(addr_eq(peer_addr(t.relay), &first));
    check_from(&t, &other, true, "not-the-password-of-the-relay");
    assert_true(addr_eq(peer_addr(t.relay), &first));
    check_from(&t, &other, true, pwd);
    assert_true(addr_eq(peer_addr(t.relay), &other));
    check_from(&t, &first, false, pwd);
    assert_true(addr_eq(peer_addr(t.relay), &other));
    check_from(&t, &first, true, pwd);
    assert_true(addr_eq(peer_addr(t.relay), &first));
    talk(&t);
    pair_fini(&t);
}

static void media_of_who_only_watches_is_dropped_unread(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 1);
    t.relay_conf.no_rtp_in = true;
    connect(&t);
    assert_true(pair_send_rtp(&t, true, 1, "up", 2));
    assert_true(pair_send_rtp(&t, false, 1, "down", 4));
    assert_true(peer_send_rtcp(t.room, report, sizeof report, &t.out));
    pair_flush(&t, true);
    pair_run(&t, t.now + USEC_SEC);
    assert_int_equal(t.relay_got.rtp, 0);
    assert_int_equal(peer_stat(t.relay)->rtp_bad, 1);
    assert_int_equal(t.relay_got.rtcp, 1);
    assert_int_equal(t.room_got.rtp, 1);
    pair_fini(&t);
}

static void a_goodbye_after_a_long_talk_ends_both_sides_too(void **unused)
{
    (void)unused;
    for (int by_relay = 0; by_relay < 2; by_relay++) {
        struct pair t;
        pair_init(&t, 1);
        connect(&t);
        for (int i = 0; i < 20; i++) /* ten seconds: OpenSSL has been let go */
            talk(&t);
        peer_close(by_relay ? t.relay : t.room, t.now, &t.out);
        pair_flush(&t, !by_relay);
        pair_run(&t, t.now + USEC_SEC);
        assert_int_equal(peer_state(t.relay, t.now), PEER_CLOSED);
        assert_int_equal(peer_state(t.room, t.now), PEER_CLOSED);
        pair_fini(&t);
    }
}

static void a_goodbye_ends_both_sides(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 13);
    connect(&t);
    peer_close(t.relay, t.now, &t.out);
    pair_flush(&t, false);
    assert_int_equal(peer_state(t.relay, t.now), PEER_CLOSED);
    assert_null(peer_seal(t.relay));
    pair_run(&t, t.now + USEC_SEC);
    assert_int_equal(peer_state(t.room, t.now), PEER_CLOSED);
    assert_null(peer_why(t.room));
    assert_int_equal(peer_next(t.room), USEC_NEVER);
    assert_false(peer_send_rtcp(t.room, report, sizeof report, &t.out));
    pair_fini(&t);
}

static void a_full_send_buffer_only_delays_the_handshake(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 14);
    outq_fini(&t.out);
    assert_int_equal(outq_init(&t.out, 700, 64), OK); /* less than a handshake datagram may need */
    assert_int_equal(pair_start(&t), OK);
    pair_run(&t, t.now + 3 * USEC_SEC);
    assert_int_equal(peer_state(t.room, t.now), PEER_CONNECTING);
    outq_fini(&t.out);
    assert_int_equal(outq_init(&t.out, 65536, 64), OK);
    pair_run(&t, t.now + 10 * USEC_SEC);
    assert_int_equal(peer_state(t.room, t.now), PEER_OPEN);
    assert_int_equal(peer_state(t.relay, t.now), PEER_OPEN);
    pair_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_connect_and_talk_both_ways),
        cmocka_unit_test(they_agree_on_aes_cm_if_one_has_no_gcm),
        cmocka_unit_test(they_connect_over_a_link_that_loses_a_third),
        cmocka_unit_test(a_bad_link_keeps_its_consent_for_an_hour),
        cmocka_unit_test(a_cut_link_is_noticed_after_thirty_seconds),
        cmocka_unit_test(a_wrong_fingerprint_fails_and_says_so),
        cmocka_unit_test(wrong_ice_credentials_are_never_answered),
        cmocka_unit_test(a_replayed_packet_is_counted_and_dropped),
        cmocka_unit_test(a_flood_of_forged_checks_moves_nothing_and_gets_no_answer),
        cmocka_unit_test(handshake_bytes_before_a_check_are_not_answered),
        cmocka_unit_test(without_ice_of_its_own_a_peer_connects_too),
        cmocka_unit_test(a_room_that_changes_its_network_is_followed),
        cmocka_unit_test(an_ice_restart_changes_the_credentials_and_nothing_else),
        cmocka_unit_test(media_leave_by_the_way_that_was_nominated_last),
        cmocka_unit_test(media_of_who_only_watches_is_dropped_unread),
        cmocka_unit_test(a_goodbye_after_a_long_talk_ends_both_sides_too),
        cmocka_unit_test(a_goodbye_ends_both_sides),
        cmocka_unit_test(a_full_send_buffer_only_delays_the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
