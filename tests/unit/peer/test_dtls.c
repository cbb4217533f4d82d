/* test_dtls.c - handshakes with loss on the virtual clock, fingerprints, garbage. */
#include "engine/peer/dtls_cert.h"
#include "tests/sim/gettimeofday.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define SETTLED (6 * USEC_SEC) /* long enough for OpenSSL to be let go */

static struct dtls_cert *cert_a, *cert_b;

struct ends {
    struct dtls *client, *server;
    usec now;
    unsigned sent;  /* datagrams, both ways */
    unsigned lose;  /* bit i: the i-th datagram is lost */
    size_t longest; /* datagram */
};

static int make_certs(void **unused)
{
    (void)unused;
    return dtls_cert_new(&cert_a) || dtls_cert_new(&cert_b);
}

static int free_certs(void **unused)
{
    (void)unused;
    dtls_cert_free(&cert_a);
    dtls_cert_free(&cert_b);
    return 0;
}

static struct ends ends_new(void)
{
    struct ends e = {.now = USEC_SEC};
    sim_clock_set(e.now);
    assert_int_equal(dtls_new(&e.client, cert_a, false, dtls_cert_fingerprint(cert_b)), OK);
    assert_int_equal(dtls_new(&e.server, cert_b, true, dtls_cert_fingerprint(cert_a)), OK);
    return e;
}

static void ends_free(struct ends *e)
{
    dtls_free(&e->client);
    dtls_free(&e->server);
}

/* Carries everything that `from` has to say; true if there was something. */
static bool carry(struct ends *e, struct dtls *from, struct dtls *to)
{
    uint8_t buf[DTLS_MTU];
    bool any = false;
    for (size_t n; (n = dtls_output(from, buf, sizeof buf)) > 0; any = true) {
        const unsigned i = e->sent++;
        e->longest = n > e->longest ? n : e->longest;
        if (i >= 32 || !(e->lose >> i & 1))
            dtls_input(to, e->now, buf, n);
    }
    return any;
}

static void exchange(struct ends *e)
{
    while (carry(e, e->client, e->server) || carry(e, e->server, e->client))
        ;
}

/* Runs the clock from deadline to deadline, until both are through or `until`. */
static void run(struct ends *e, usec until)
{
    for (;;) {
        exchange(e);
        const usec next = usec_min(dtls_next(e->client), dtls_next(e->server));
        if (next > until)
            return;
        e->now = usec_max(e->now, next);
        sim_clock_set(e->now);
        dtls_tick(e->client, e->now);
        dtls_tick(e->server, e->now);
    }
}

static void both_ends_get_the_same_keys_and_gcm_first(void **unused)
{
    (void)unused;
    struct ends e = ends_new();
    enum seal_profile p;
    struct seal_keys cs, cr, ss, sr;
    assert_int_equal(dtls_keys(e.client, &p, &cs, &cr), E_STATE);
    run(&e, 2 * USEC_SEC);
    assert_int_equal(dtls_state(e.client), DTLS_OPEN);
    assert_int_equal(dtls_state(e.server), DTLS_OPEN);
    assert_int_equal(dtls_next(e.client), USEC_NEVER);
    assert_int_equal(dtls_next(e.server), USEC_NEVER);
    assert_int_equal(dtls_keys(e.client, &p, &cs, &cr), OK);
    assert_int_equal(p, SEAL_AES_128_GCM);
    assert_int_equal(dtls_keys(e.server, &p, &ss, &sr), OK);
    assert_memory_equal(&cs, &sr, sizeof cs);
    assert_memory_equal(&cr, &ss, sizeof cs);
    assert_memory_not_equal(&cs, &cr, sizeof cs);
    assert_true(e.longest <= DTLS_MTU);
    ends_free(&e);
}

/* If this fails, OpenSSL reads another clock than before, and no simulation can be trusted: find
 * out which, and take that over in tests/sim/gettimeofday.c. */
static void openssl_s_timer_runs_on_the_virtual_clock(void **unused)
{
    (void)unused;
    struct ends e = ends_new();
    uint8_t buf[DTLS_MTU];
    const size_t before = sim_clock_reads();
    dtls_tick(e.client, e.now);
    assert_true(dtls_output(e.client, buf, sizeof buf) > 0);
    assert_true(sim_clock_reads() > before);

    assert_int_equal(dtls_next(e.client), e.now + 400000);
    dtls_tick(e.client, e.now + 399999);
    assert_int_equal(dtls_output(e.client, buf, sizeof buf), 0);

    usec gap = 400000;
    for (int i = 0; i < 6; i++) { /* real time would take 8 seconds for it */
        e.now += gap;
        sim_clock_set(e.now);
        dtls_tick(e.client, e.now);
        assert_true(dtls_output(e.client, buf, sizeof buf) > 0);
        assert_int_equal(dtls_output(e.client, buf, sizeof buf), 0);
        gap = usec_min(gap * 2, 1600 * USEC_MS);
        assert_int_equal(dtls_next(e.client), e.now + gap);
    }
    ends_free(&e);
}

static void any_two_lost_datagrams_are_made_good(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned k = i; k < 8; k++) {
            struct ends e = ends_new();
            e.lose = 1u << i | 1u << k;
            run(&e, 20 * USEC_SEC);
            assert_int_equal(dtls_state(e.client), DTLS_OPEN);
            assert_int_equal(dtls_state(e.server), DTLS_OPEN);
            assert_true(e.now <= 4 * USEC_SEC);
            ends_free(&e);
        }
    }
}

static void a_wrong_fingerprint_fails_on_both_sides(void **unused)
{
    (void)unused;
    for (int wrong_at_server = 0; wrong_at_server < 2; wrong_at_server++) {
        struct ends e = ends_new();
        struct dtls **const who = wrong_at_server ? &e.server : &e.client;
        const struct dtls_cert *const own = wrong_at_server ? cert_b : cert_a;
        dtls_free(who);
        assert_int_equal(dtls_new(who, own, wrong_at_server, dtls_cert_fingerprint(own)), OK);
        run(&e, 20 * USEC_SEC);
        assert_int_equal(dtls_state(*who), DTLS_FAILED);
        assert_string_equal(dtls_why(*who),
                            "the remote certificate is not the one of a=fingerprint");
        struct dtls *const other = wrong_at_server ? e.client : e.server;
        assert_int_equal(dtls_state(other), DTLS_FAILED);
        assert_non_null(strstr(dtls_why(other), "alert"));
        ends_free(&e);
    }
}

static void a_silent_remote_side_fails_in_the_end(void **unused)
{
    (void)unused;
    struct ends e = ends_new();
    e.lose = UINT32_MAX;
    run(&e, 100 * USEC_SEC);
    assert_int_equal(dtls_state(e.client), DTLS_FAILED);
    assert_string_equal(dtls_why(e.client), "the remote side does not answer the DTLS handshake");
    assert_int_equal(dtls_next(e.client), USEC_NEVER);
    ends_free(&e);
}

static void a_goodbye_is_heard(void **unused)
{
    (void)unused;
    struct ends e = ends_new();
    run(&e, 2 * USEC_SEC);
    dtls_close(e.client);
    assert_int_equal(dtls_state(e.client), DTLS_CLOSED);
    exchange(&e);
    assert_int_equal(dtls_state(e.server), DTLS_CLOSED);
    assert_null(dtls_why(e.server));
    ends_free(&e);
}

/* Through with the handshake; who is `settled` has let OpenSSL go. */
static struct ends ends_settled(bool client, bool server)
{
    struct ends e = ends_new();
    run(&e, 2 * USEC_SEC);
    if (client)
        dtls_proved(e.client, e.now);
    if (server)
        dtls_proved(e.server, e.now);
    run(&e, e.now + SETTLED);
    assert_int_equal(dtls_next(e.client), USEC_NEVER);
    assert_int_equal(dtls_next(e.server), USEC_NEVER);
    assert_int_equal(dtls_state(e.client), DTLS_OPEN);
    assert_int_equal(dtls_state(e.server), DTLS_OPEN);
    return e;
}

static void goodbyes_both_ways(void)
{
    for (unsigned settled = 0; settled < 4; settled++) {
        for (unsigned by_server = 0; by_server < 2; by_server++) {
            struct ends e = ends_settled(settled & 1, settled & 2);
            struct dtls *const says = by_server ? e.server : e.client;
            struct dtls *const hears = by_server ? e.client : e.server;
            dtls_close(says);
            assert_int_equal(dtls_state(says), DTLS_CLOSED);
            assert_true(carry(&e, says, hears));
            assert_false(carry(&e, says, hears));
            assert_int_equal(dtls_state(hears), DTLS_CLOSED);
            assert_null(dtls_why(hears));
            ends_free(&e);
        }
    }
}

static void a_goodbye_is_said_and_heard_without_openssl(void **unused)
{
    (void)unused;
    goodbyes_both_ways();
}

static void also_with_the_other_cipher(void **unused)
{
    (void)unused;
    free_certs(NULL);
    assert_int_equal(make_certs(NULL), 0);
    assert_int_equal(SSL_CTX_set_cipher_list(cert_a->ctx, "ECDHE-ECDSA-CHACHA20-POLY1305"), 1);
    goodbyes_both_ways();
    free_certs(NULL);
    assert_int_equal(make_certs(NULL), 0);
}

static void openssl_goes_only_when_the_last_flight_is_surely_there(void **unused)
{
    (void)unused;
    struct ends e = ends_new();
    enum seal_profile p;
    struct seal_keys s, r;
    run(&e, 2 * USEC_SEC);
    run(&e, e.now + 100 * USEC_SEC);
    assert_int_equal(dtls_keys(e.server, &p, &s, &r), OK); /* nothing was proved */
    dtls_proved(e.server, e.now);
    const usec due = dtls_next(e.server);
    assert_true(due > e.now + USEC_SEC);
    dtls_proved(e.server, e.now + USEC_SEC); /* said with every packet, it puts nothing off */
    assert_int_equal(dtls_next(e.server), due);
    const uint8_t junk[20] = {22, 0xfe, 0xfd, 0, 1};
    dtls_input(e.server, e.now + USEC_SEC, junk, sizeof junk); /* a flight again does */
    assert_int_equal(dtls_next(e.server), due + USEC_SEC);
    dtls_tick(e.server, due);
    assert_int_equal(dtls_keys(e.server, &p, &s, &r), OK);
    dtls_tick(e.server, due + USEC_SEC);
    assert_int_equal(dtls_keys(e.server, &p, &s, &r), E_STATE);
    ends_free(&e);
}

static void a_forged_goodbye_is_not_heard(void **unused)
{
    (void)unused;
    struct ends e = ends_settled(true, true);
    uint8_t bye[DTLS_MTU], forged[DTLS_MTU];
    dtls_close(e.client);
    const size_t n = dtls_output(e.client, bye, sizeof bye);
    assert_true(n > 13);
    for (size_t bit = 0; bit < n * 8; bit++) {
        memcpy(forged, bye, n);
        forged[bit / 8] ^= (uint8_t)(1u << bit % 8);
        dtls_input(e.server, e.now, forged, n);
        assert_int_equal(dtls_state(e.server), DTLS_OPEN);
    }
    for (size_t len = 1; len < n; len++) {
        uint8_t *const exact = malloc(len); /* of that size, for the sanitizer */
        assert_non_null(exact);
        memcpy(exact, bye, len);
        dtls_input(e.server, e.now, exact, len);
        free(exact);
        assert_int_equal(dtls_state(e.server), DTLS_OPEN);
    }
    struct dtls *const client = e.client;
    dtls_input(client, e.now, bye, n);                         /* nor is one's own */
    memcpy(forged, "\x16\xfe\xfd\0\1\0\0\0\0\0\5\0\3abc", 16); /* behind another record it is */
    memcpy(forged + 16, bye, n);
    dtls_input(e.server, e.now, forged, 16 + n);
    assert_int_equal(dtls_state(e.server), DTLS_CLOSED);
    ends_free(&e);
}

static void garbage_before_and_after_the_handshake_changes_nothing(void **unused)
{
    (void)unused;
    struct ends e = ends_new();
    uint8_t garbage[300];
    for (unsigned i = 0; i < 400; i++) {
        for (size_t k = 0; k < sizeof garbage; k++)
            garbage[k] = (uint8_t)(k * i + 31 * i);
        garbage[0] = (uint8_t)(20 + i % 44);
        dtls_input(e.server, e.now, garbage, 1 + i % sizeof garbage);
        if (i == 200)
            run(&e, 20 * USEC_SEC);
        if (i == 300) {
            dtls_proved(e.server, e.now);
            run(&e, e.now + SETTLED);
        }
    }
    exchange(&e);
    assert_int_equal(dtls_state(e.client), DTLS_OPEN);
    assert_int_equal(dtls_state(e.server), DTLS_OPEN);
    ends_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_get_the_same_keys_and_gcm_first),
        cmocka_unit_test(openssl_s_timer_runs_on_the_virtual_clock),
        cmocka_unit_test(any_two_lost_datagrams_are_made_good),
        cmocka_unit_test(a_wrong_fingerprint_fails_on_both_sides),
        cmocka_unit_test(a_silent_remote_side_fails_in_the_end),
        cmocka_unit_test(a_goodbye_is_heard),
        cmocka_unit_test(a_goodbye_is_said_and_heard_without_openssl),
        cmocka_unit_test(also_with_the_other_cipher),
        cmocka_unit_test(openssl_goes_only_when_the_last_flight_is_surely_there),
        cmocka_unit_test(a_forged_goodbye_is_not_heard),
        cmocka_unit_test(garbage_before_and_after_the_handshake_changes_nothing),
    };
    return cmocka_run_group_tests(tests, make_certs, free_certs);
}
