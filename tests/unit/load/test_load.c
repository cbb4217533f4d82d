/* test_load.c - what the load client reads: its command line, its packets, and Janus' words. */
#include "engine/base/rng.h"
#include "tests/bench/load/janus_text.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/payload.h"
#include "tests/bench/load/spread.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINGERPRINT                                                                                \
    "D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:"   \
    "2D:38"

static const char offer[] =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=room\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n"
    "a=fingerprint:sha-256 " FINGERPRINT "\r\na=msid-semantic: WMS *\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.2\r\na=sendonly\r\na=mid:0\r\n"
    "a=rtcp-mux\r\na=ice-ufrag:ui7N\r\na=ice-pwd:rC1ls0qGAh9OeBjfpvUWT/\r\na=setup:actpass\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=ssrc:1062911156 cname:janus\r\n"
    "a=candidate:1 1 udp 2015363327 192.0.2.2 22139 typ host\r\n"
    "a=candidate:2 1 udp 2015363583 fd00::2 22186 typ host\r\na=end-of-candidates\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 192.0.2.2\r\na=sendonly\r\na=mid:1\r\n"
    "a=rtcp-mux\r\na=ice-ufrag:ui7N\r\na=ice-pwd:rC1ls0qGAh9OeBjfpvUWT/\r\na=setup:actpass\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=ssrc:3854963822 cname:janus\r\n";

static struct rng rng;
static char text[NEGO_SDP_MAX];

static int begin(void **unused)
{
    (void)unused;
    return rng_init(&rng, (const uint8_t[32]){7}) == OK ? 0 : -1;
}

static int end(void **unused)
{
    (void)unused;
    rng_fini(&rng);
    return 0;
}

static bool answer(struct nego *n, const char *what, struct nego_error *e)
{
    const struct nego_self self = {.fingerprint = FINGERPRINT,
                                   .cand = {addr_v4((const uint8_t[4]){192, 0, 2, 2}, 40000)},
                                   .cands = 1};
    return janus_text_answer(n, what, &self, &rng, text, e);
}

static void an_offer_is_answered_by_who_checks_and_receives(void **unused)
{
    (void)unused;
    struct nego n;
    struct nego_error e = {0};
    assert_true(answer(&n, offer, &e));
    assert_true(n.ice.controlling);
    assert_true(n.dtls_server);
    assert_int_equal(n.n, 2);
    assert_true(n.media[0].audio && n.media[0].recv && n.media[0].pt == 111);
    assert_true(!n.media[1].audio && n.media[1].recv && n.media[1].pt == 96);
    assert_int_equal(n.media[1].rtx_pt, 97);
    assert_int_equal(n.ice.remote.port, 22139);
    assert_non_null(strstr(text, "a=setup:passive"));
    assert_non_null(strstr(text, "a=recvonly"));
    assert_null(strstr(text, "a=ice-lite"));
}

static void a_server_that_wants_to_check_itself_is_refused(void **unused)
{
    (void)unused;
    char other[sizeof offer];
    memcpy(other, offer, sizeof offer);
    memcpy(strstr(other, "a=ice-lite"), "a=ice-none", 10);
    struct nego n;
    struct nego_error e = {0};
    assert_false(answer(&n, other, &e));
    assert_string_equal(e.field, "a=ice-lite");
}

static void the_loopback_address_is_preferred(void **unused)
{
    (void)unused;
    char other[sizeof offer];
    memcpy(other, offer, sizeof offer);
    struct addr a;
    char shown[ADDR_TEXT];
    assert_true(janus_text_remote(other, &a));
    assert_string_equal(addr_format(&a, shown), "192.0.2.2:22139");
    memcpy(strstr(other, "fd00::2 22186"), "127.0.0.1 123", 13);
    assert_true(janus_text_remote(other, &a));
    assert_string_equal(addr_format(&a, shown), "127.0.0.1:123");
    assert_false(janus_text_remote("v=0\r\n", &a));
    assert_false(janus_text_remote("", &a));
}

static struct janus_said said_of(const char *json, json_t **doc)
{
    struct janus_said s;
    *doc = json_loads(json, 0, NULL);
    janus_text_read(*doc, &s);
    return s;
}

static void answers_and_events_are_understood(void **unused)
{
    (void)unused;
    json_t *doc;
    struct janus_said s =
        said_of("{\"janus\":\"success\",\"data\":{\"id\":4611686018427387905}}", &doc);
    assert_true(s.id == 4611686018427387905u && !s.error && !s.sdp);
    json_decref(doc);
    s = said_of("{\"janus\":\"event\",\"transaction\":\"w1-2\",\"plugindata\":{\"data\":{"
                "\"videoroom\":\"joined\",\"id\":7,\"publishers\":[{\"id\":9}]}},"
                "\"jsep\":{\"type\":\"answer\",\"sdp\":\"v=0\"}}",
                &doc);
    assert_string_equal(s.transaction, "w1-2");
    assert_true(s.publisher == 7 && s.feed == 9);
    assert_string_equal(s.sdp, "v=0");
    json_decref(doc);
}

static void errors_are_known_by_their_words(void **unused)
{
    (void)unused;
    json_t *doc;
    struct janus_said s = said_of(
        "{\"janus\":\"error\",\"error\":{\"code\":458,\"reason\":\"No such session\"}}", &doc);
    assert_string_equal(s.error, "No such session");
    assert_false(s.room_exists);
    json_decref(doc);
    s = said_of("{\"janus\":\"success\",\"plugindata\":{\"data\":{\"error_code\":427,\"error\":"
                "\"exists\"}}}",
                &doc);
    assert_string_equal(s.error, "exists");
    assert_true(s.room_exists);
    json_decref(doc);
    s = said_of("[1,", &doc);
    assert_null(doc);
    assert_string_equal(s.janus, "");
    assert_null(s.error);
}

static void requests_say_what_they_want(void **unused)
{
    (void)unused;
    char *const got = janus_text_subscribe("w0-1", 1000, 42);
    assert_string_equal(got,
                        "{\"janus\":\"message\",\"transaction\":\"w0-1\",\"body\":{\"request\":"
                        "\"join\",\"ptype\":\"subscriber\",\"room\":1000,\"streams\":[{"
                        "\"feed\":42}]}}");
    free(got);
    char *const start = janus_text_start("w0-2", 1000, "v=0");
    assert_non_null(
        strstr(start, "\"jsep\":{\"type\":\"answer\",\"sdp\":\"v=0\",\"trickle\":false}"));
    free(start);
}

static void a_payload_comes_back_as_it_was(void **unused)
{
    (void)unused;
    uint8_t bytes[PAYLOAD_MAX];
    struct payload got;
    for (unsigned audio = 0; audio < 2; audio++) {
        const struct payload p = {.tag = 6 + audio,
                                  .count = 1234567,
                                  .sent_at = 99000000001,
                                  .audio = audio,
                                  .key = !audio,
                                  .first = true};
        payload_write(&p, bytes, 300);
        assert_true(payload_read(&got, audio, bytes, 300));
        assert_true(got.tag == p.tag && got.count == p.count && got.sent_at == p.sent_at);
        assert_true(got.key == p.key && got.first);
        bytes[200] ^= 1;
        assert_false(payload_read(&got, audio, bytes, 300));
    }
    for (size_t len = 0; len < 40; len++)
        assert_false(payload_read(&got, false, bytes, len));
}

static void percentiles_are_close(void **unused)
{
    (void)unused;
    static struct spread s;
    assert_int_equal(spread_at(&s, 0.5), 0);
    for (int64_t i = 1; i <= 100000; i++)
        spread_add(&s, i);
    assert_in_range(spread_at(&s, 0.5), 49000, 50000);
    assert_in_range(spread_at(&s, 0.99), 97400, 99000);
    assert_int_equal(spread_at(&s, 1), spread_at(&s, 0.9999999));
    assert_int_equal(s.max, 100000);
    spread_add(&s, -5);
    spread_add(&s, INT64_MAX);
    assert_true(s.max == INT64_MAX && s.n == 100002);
}

/* `flags` are parted by blanks; "" or what is said about them. */
static const char *said(struct options *o, const char *flags)
{
    static char words[400], why[300];
    char *argv[40] = {words};
    int argc = 1;
    snprintf(words, sizeof words, "%s", flags);
    for (char *at = strtok(words, " "); at; at = strtok(NULL, " "))
        argv[argc++] = at;
    why[0] = '\0';
    return options_read(o, argc, argv, why, sizeof why) ? "" : why;
}

static void flags_are_read(void **unused)
{
    (void)unused;
    struct options o;
    assert_string_equal(said(&o,
                             "--server relay --url http://127.0.0.1:1 --lesson L --lead-token a "
                             "--viewer-token b --viewers 2000 --profile cm --publish voice"),
                        "");
    assert_true(o.server == LOAD_RELAY && o.viewers == 2000 && o.no_gcm && o.voice && !o.video);
    assert_int_equal(options_lessons(&o), 1);
    assert_string_equal(said(&o, "--server janus --url http://127.0.0.1:1 --lessons 3 --flood pli "
                                 "--nack --gro --seconds 4"),
                        "");
    assert_true(o.server == LOAD_JANUS && o.flood == FLOOD_PLI && o.nack && o.gro && !o.no_gcm);
    assert_true(options_lessons(&o) == 3 && o.seconds == 4 && o.sample == 4);
}

static void wrong_flags_are_told_what_is_right(void **unused)
{
    (void)unused;
    struct options o;
    assert_string_equal(said(&o, "--viewers many"),
                        "--viewers wants a whole number from 0 to 20000, not \"many\"");
    assert_string_equal(said(&o, "--profile aes"), "--profile wants one of gcm, cm, not \"aes\"");
    assert_non_null(strstr(said(&o, "--speed 3"), "--speed is not known"));
    assert_non_null(strstr(said(&o, "--seconds"), "--seconds wants a whole number"));
    assert_non_null(strstr(said(&o, "--server janus --url http://example.org"), "another machine"));
    assert_non_null(
        strstr(said(&o, "--server janus --url http://127.0.0.1.example.org"), "another"));
    assert_non_null(
        strstr(said(&o, "--server janus --url http://127.0.0.1:8@example.org"), "another"));
    assert_string_equal(said(&o, "--server janus --url http://localhost:8088/janus"), "");
    assert_non_null(strstr(said(&o, "--server relay --url http://127.0.0.1:1"), "--lead-token"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_answered_by_who_checks_and_receives),
        cmocka_unit_test(a_server_that_wants_to_check_itself_is_refused),
        cmocka_unit_test(the_loopback_address_is_preferred),
        cmocka_unit_test(answers_and_events_are_understood),
        cmocka_unit_test(errors_are_known_by_their_words),
        cmocka_unit_test(requests_say_what_they_want),
        cmocka_unit_test(a_payload_comes_back_as_it_was),
        cmocka_unit_test(percentiles_are_close),
        cmocka_unit_test(flags_are_read),
        cmocka_unit_test(wrong_flags_are_told_what_is_right),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
