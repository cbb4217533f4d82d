/* test_peer_oom.c - every allocation of connections and descriptions fails once; packets need none.
 */
#include "engine/base/bytes.h"
#include "engine/peer/nego.h"
#include "engine/peer/seal.h"
#include "engine/peer/sealer.h"
#include "tests/unit/oom.h"
#include "tests/unit/peer/pair.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err seal_scene(void *profile)
{
    const struct seal_keys k = {.key = {1}, .salt = {2}};
    struct seal *s;
    uint8_t out[64] = {0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7};
    const enum err e = seal_new(&s, *(const enum seal_profile *)profile, &k, &k, true);
    assert_true(e == OK || !s);
    if (e)
        return e;
    size_t n =
        seal_rtp(s, out, sizeof out,
                 &(struct seal_parts){.head = 12, .rest = (const uint8_t *)"hello", .rest_len = 5});
    const bool sealed = n > 0;
    const bool opened = sealed && seal_open_rtp(s, out, &n);
    assert_true(!opened || n == 17);
    seal_free(&s);
    return opened ? OK : E_NOMEM;
}

/* What a mere viewer's connection has: all of it survives. */
static enum err watcher_scene(void *profile)
{
    const struct seal_keys k = {.key = {1}, .salt = {2}};
    struct seal *s;
    uint8_t out[64] = {0x80, 201, 0, 1, 0, 0, 0, 7};
    const enum err e = seal_new(&s, *(const enum seal_profile *)profile, &k, &k, false);
    assert_true(e == OK || !s);
    if (e)
        return e;
    size_t n = seal_rtcp(s, out, 8, sizeof out);
    const bool opened = n > 0 && seal_open_rtcp(s, out, &n);
    assert_true(!opened || n == 8);
    seal_free(&s);
    return opened ? OK : E_NOMEM;
}

static enum err sealer_scene(void *profile)
{
    const enum seal_profile p = *(const enum seal_profile *)profile;
    const struct seal_keys k = {.key = {1}, .salt = {2}};
    struct sealer_session session;
    struct sealer s;
    if (!sealer_derive(&session, p, &k) || sealer_init(&s, p, &session))
        return E_NOMEM;
    uint8_t out[64] = {0x80, 96};
    const struct sealer_job job = {.out = out, .parts = {.head = 12, .patched = 20}};
    const bool ok = sealer_run(&s, &job);
    sealer_fini(&s);
    return ok ? OK : E_NOMEM;
}

/* Debian's libsrtp stands on NSS, which does not survive; OpenSSL does. */
static void srtp_survives_any_lack_of_memory(void **unused)
{
    (void)unused;
    for (enum seal_profile p = SEAL_AES_128_GCM; p <= SEAL_AES_CM_128_SHA1_80; p++) {
        assert_true(oom_walk(seal_scene, &p) >= 5);
        assert_true(oom_walk_all(sealer_scene, &p) >= 10);
        assert_true(oom_walk_all(watcher_scene, &p) >= 20);
    }
}

static enum err dtls_scene(void *unused)
{
    (void)unused;
    struct dtls_cert *c;
    struct dtls *d = NULL;
    enum err e = dtls_cert_new(&c);
    assert_true(e == OK || !c);
    if (!e)
        e = dtls_new(&d, c, false, dtls_cert_fingerprint(c));
    dtls_free(&d);
    dtls_cert_free(&c);
    return e;
}

static void dtls_survives_any_lack_of_memory(void **unused)
{
    (void)unused;
    assert_true(oom_walk_all(dtls_scene, NULL) > 100);
}

static enum err pair_scene(void *pair)
{
    struct pair *const t = pair;
    const enum err e = pair_start(t);
    if (!e)
        pair_run(t, t->now + 2 * USEC_SEC);
    const bool open =
        !e && peer_state(t->room, t->now) == PEER_OPEN && peer_state(t->relay, t->now) == PEER_OPEN;
    const bool said = e || open || peer_why(t->room) || peer_why(t->relay);
    assert_true(said);
    peer_free(&t->room);
    peer_free(&t->relay);
    return open ? OK : E_NOMEM;
}

static void a_connection_without_memory_says_why(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 1);
    assert_true(oom_walk(pair_scene, &t) >= 6);
    pair_fini(&t);
}

static enum err nego_scene(void *text)
{
    static struct nego n;
    static char answer[NEGO_SDP_MAX];
    static const uint8_t seed[32];
    struct nego_self self = {.lite = true};
    struct nego_error e;
    struct rng rng;
    char frag[] = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n";
    self.fingerprint = "";
    if (rng_init(&rng, seed))
        return E_NOMEM;
    const char *const offer = text;
    const bool ok = nego_answer(&n, offer, strlen(offer), NEGO_PUBLISH, &self, &rng, answer, &e) &&
                    nego_restart(&n, frag, sizeof frag - 1, &self, &rng, answer, &e);
    rng_fini(&rng);
    assert_true(ok || strstr(e.what, "no memory"));
    return ok ? OK : E_NOMEM;
}

static void offers_are_refused_for_lack_of_memory(void **unused)
{
    (void)unused;
    static char text[SDP_TEXT_MAX + 1];
    char path[512];
    snprintf(path, sizeof path, "%s/sdp/chromium-simulcast.sdp", getenv("TEST_DATA"));
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, SDP_TEXT_MAX, f)] = 0;
    fclose(f);
    assert_true(oom_walk(nego_scene, text) >= 4);
}

static void a_packet_costs_no_allocation(void **unused)
{
    (void)unused;
    struct pair t;
    pair_init(&t, 1);
    assert_int_equal(pair_start(&t), OK);
    pair_run(&t, t.now + USEC_SEC);
    assert_true(pair_send_rtp(&t, true, 1, "first", 5)); /* a new SSRC costs some */
    assert_true(pair_send_rtp(&t, false, 1, "first", 5));
    pair_run(&t, t.now + USEC_SEC);
    const size_t before = oom_allocations();
    for (uint16_t seq = 2; seq < 500; seq++) {
        assert_true(pair_send_rtp(&t, true, seq, "more", 4));
        assert_true(pair_send_rtp(&t, false, seq, "more", 4));
        pair_run(&t, t.now + 20 * USEC_MS);
    }
    assert_int_equal(oom_allocations(), before);
    assert_true(t.relay_got.rtp > 490 && t.room_got.rtp > 490);
    pair_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(srtp_survives_any_lack_of_memory),
        cmocka_unit_test(dtls_survives_any_lack_of_memory),
        cmocka_unit_test(a_connection_without_memory_says_why),
        cmocka_unit_test(offers_are_refused_for_lack_of_memory),
        cmocka_unit_test(a_packet_costs_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
