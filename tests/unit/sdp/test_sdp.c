/* test_sdp.c - descriptions as browsers write them, what is refused, and text that is stable. */
#include "engine/wire/sdp.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sdp s, again;
static struct sdp_error why;

static const char *read_file(const char *name)
{
    static char text[SDP_TEXT_MAX + 1];
    char path[512];
    snprintf(path, sizeof path, "%s/sdp/%s.sdp", getenv("TEST_DATA"), name);
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, SDP_TEXT_MAX, f)] = 0;
    fclose(f);
    return text;
}

static bool read_text(const char *text)
{
    return sdp_read(&s, text, strlen(text), &why);
}

static void chromium_s_simulcast_offer_is_understood(void **unused)
{
    (void)unused;
    assert_true(read_text(read_file("chromium-simulcast")));
    assert_int_equal(s.medias, 3);
    assert_true(s.bundle);
    assert_false(s.ice_lite);

    const struct sdp_media *const a = &s.media[0], *const v = &s.media[1];
    assert_true(a->audio && a->rtcp_mux && a->rtcp_rsize);
    assert_int_equal(a->dir, SDP_SENDONLY);
    assert_string_equal(a->mid, "0");
    assert_int_equal(a->setup, SDP_ACTPASS);
    assert_int_equal(strlen(a->fingerprint), 95);
    assert_int_equal(a->ssrcs, 1);
    assert_int_equal(a->ext.id[RTP_EXT_AUDIO_LEVEL], 1);
    assert_int_equal(a->cands, 0); /* both are mDNS names */
    const struct sdp_fmt *const opus = sdp_fmt_named(a, "OPUS");
    assert_non_null(opus);
    assert_int_equal(opus->pt, 111);
    assert_int_equal(opus->rate, 48000);
    assert_int_equal(opus->channels, 2);
    assert_int_equal(sdp_fmtp_int(opus, "useinbandfec"), 1);
    assert_int_equal(sdp_fmtp_int(opus, "minptime"), 10);
    assert_int_equal(sdp_fmtp_int(opus, "stereo"), -1);

    assert_false(v->audio || v->other);
    assert_int_equal(v->rids, 3);
    assert_false(v->rids_recv);
    assert_string_equal(v->rid[0], "q");
    assert_string_equal(v->rid[2], "f");
    assert_int_equal(v->ext.id[RTP_EXT_RID], 10);
    assert_int_equal(v->ext.id[RTP_EXT_TWCC], 3);
    const struct sdp_fmt *const vp8 = sdp_fmt_named(v, "VP8");
    assert_true(vp8->nack && vp8->pli && vp8->fir && vp8->remb && vp8->twcc);
    assert_int_equal(sdp_fmtp_int(sdp_fmt_of_pt(v, 97), "apt"), vp8->pt);
}

static void firefox_s_simulcast_offer_is_understood(void **unused)
{
    (void)unused;
    assert_true(read_text(read_file("firefox-simulcast")));
    assert_true(s.bundle);
    const struct sdp_media *const v = &s.media[1];
    assert_int_equal(v->port, 0);
    assert_true(v->bundle_only);
    assert_int_equal(strlen(v->fingerprint), 95); /* from session level */
    assert_int_equal(v->rids, 3);
    assert_int_equal(v->ssrcs, 3); /* the other three are RTX, named as such at the end */
    assert_int_equal(v->ssrc[1], 1132493587);
    assert_int_equal(v->rtx_ssrc[1], 3472567395);
    assert_int_equal(v->ext_dir[RTP_EXT_PLAYOUT_DELAY], SDP_RECVONLY);
    assert_int_equal(v->ext_dir[RTP_EXT_RID], SDP_SENDONLY);
    assert_int_equal(v->ext_dir[RTP_EXT_MID], SDP_SENDRECV);
}

static void a_data_channel_is_kept_as_another_kind(void **unused)
{
    (void)unused;
    assert_true(read_text(read_file("firefox-data")));
    assert_int_equal(s.medias, 4);
    assert_true(s.media[3].other);
    assert_string_equal(s.media[3].other_name, "application");
    assert_string_equal(s.media[3].proto, "UDP/DTLS/SCTP");
    assert_string_equal(s.media[3].other_fmt, "webrtc-datachannel");
}

static void what_is_written_reads_back_the_same(void **unused)
{
    (void)unused;
    static const char *const names[] = {
        "chromium-publish", "chromium-simulcast", "chromium-data", "chromium-play",
        "firefox-publish",  "firefox-simulcast",  "firefox-data",  "firefox-play",
    };
    static char once[SDP_TEXT_MAX], twice[SDP_TEXT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(read_text(read_file(names[i])));
        const size_t n = sdp_write(&s, once, sizeof once);
        assert_true(n > 1000);
        assert_int_equal(strlen(once), n);
        assert_true(sdp_read(&again, once, n, &why));
        assert_memory_equal(&s, &again, sizeof s);
        assert_int_equal(sdp_write(&again, twice, sizeof twice), n);
        assert_string_equal(once, twice);
        assert_int_equal(sdp_write(&s, twice, n), 0); /* no room for the final 0 */
        assert_int_equal(sdp_write(&s, twice, n + 1), n);
    }
}

#define HEAD "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"

static void refused(const char *text, unsigned line, const char *what)
{
    assert_false(read_text(text));
    assert_int_equal(why.line, line);
    assert_non_null(strstr(why.what, what));
}

static void what_is_wrong_is_said_with_its_line(void **unused)
{
    (void)unused;
    refused("", 0, "empty");
    refused("hello", 1, "form x=");
    refused("o=- 1 2\r\n", 1, "v=0");
    refused("v=1\r\n", 1, "v=0");
    refused(HEAD "\r\nm=audio", 5, "form x=");
    refused("v=0\no=- x 2\n", 2, "session id");
    refused(HEAD "m=audio 70000 UDP/TLS/RTP/SAVPF 0\r\n", 5, "port");
    refused(HEAD "m=audio nine UDP/TLS/RTP/SAVPF 0\r\n", 5, "port");
    refused(HEAD "m=audio 9\r\n", 5, "transport");
    refused(HEAD "m=audio 9 UDP/TLS/RTP/SAVPF\r\n", 5, "no payload type");
    refused(HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 128\r\n", 5, "payload type");
    refused(HEAD "m=application 9 UDP/DTLS/SCTP\r\n", 5, "format");
    refused(HEAD AUDIO "a=mid:\r\n", 6, "mid");
    refused(HEAD AUDIO "a=setup:now\r\n", 6, "setup");
    refused(HEAD AUDIO "a=ice-ufrag:\r\n", 6, "ufrag");
    refused(HEAD AUDIO "a=ssrc:x cname:y\r\n", 6, "ssrc");
    refused(HEAD AUDIO "a=simulcast:send a;;b\r\n", 6, "rid");
    refused(HEAD AUDIO "a=simulcast:send a;b;c;d;e\r\n", 6, "more streams");
}

static void what_is_unknown_or_unusable_is_passed_over(void **unused)
{
    (void)unused;
    assert_true(read_text(HEAD "x=1\r\nb=AS:50\r\na=unheard-of:7\r\n" AUDIO
                               "a=candidate:1 1 udp 1 host.local 5 typ host\r\n"
                               "a=candidate:nonsense\r\n"
                               "a=candidate:1 1 udp 1 192.0.2.1 99999 typ host\r\n"
                               "a=candidate:2 1 sctp 1 192.0.2.1 5 typ host\r\n"
                               "a=candidate:3 1 UDP 7 2001:db8::1 5 typ srflx raddr ::1 rport 1\r\n"
                               "a=fingerprint:sha-1 AB\r\na=rtpmap:7 other/1\r\n"
                               "a=rtpmap:111 opus/x/2\r\na=extmap:999 urn:x\r\n"));
    const struct sdp_media *const m = &s.media[0];
    assert_int_equal(m->cands, 1);
    assert_int_equal(m->cand[0].addr.port, 5);
    assert_int_equal(m->cand[0].priority, 7);
    assert_string_equal(m->cand[0].type, "srflx");
    assert_string_equal(m->fingerprint, "");
    assert_string_equal(m->fmt[0].name, "");
    assert_false(s.bundle);
}

static void a_bundle_must_name_every_living_line(void **unused)
{
    (void)unused;
    assert_true(read_text(HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" AUDIO "a=mid:1\r\n"));
    assert_true(s.bundle);
    assert_true(read_text(HEAD "a=group:BUNDLE 0\r\n" AUDIO "a=mid:0\r\n" AUDIO "a=mid:1\r\n"));
    assert_false(s.bundle);
    assert_true(read_text(HEAD "a=group:BUNDLE 0\r\n" AUDIO
                               "a=mid:0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n"));
    assert_true(s.bundle);
}

static void limits_are_kept(void **unused)
{
    (void)unused;
    static char text[SDP_TEXT_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "v=0\r\n", 5);
    refused(text, 0, "longer");

    size_t n = (size_t)snprintf(text, sizeof text, HEAD);
    for (size_t i = 0; i <= SDP_MEDIA; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, AUDIO);
    refused(text, 5 + SDP_MEDIA, "more media lines");

    n = (size_t)snprintf(text, sizeof text, HEAD "m=video 9 UDP/TLS/RTP/SAVPF");
    for (size_t i = 0; i <= SDP_FMTS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %zu", i);
    refused(text, 5, "more payload types");

    n = (size_t)snprintf(text, sizeof text, HEAD AUDIO);
    for (size_t i = 0; i <= SDP_SSRCS; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "a=ssrc:%zu cname:x\r\n", i + 1);
    refused(text, 6 + SDP_SSRCS, "more SSRCs");

    n = (size_t)snprintf(text, sizeof text, HEAD AUDIO "a=mid:");
    memset(text + n, 'm', SDP_ID);
    memcpy(text + n + SDP_ID, "\r\n", 3);
    refused(text, 6, "mid");
}

static void a_nul_in_the_text_is_refused(void **unused)
{
    (void)unused;
    static const char text[] = "v=0\r\na=mid:a\0b\r\n";
    assert_false(sdp_read(&s, text, sizeof text - 1, &why));
    assert_int_equal(why.line, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chromium_s_simulcast_offer_is_understood),
        cmocka_unit_test(firefox_s_simulcast_offer_is_understood),
        cmocka_unit_test(a_data_channel_is_kept_as_another_kind),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(what_is_unknown_or_unusable_is_passed_over),
        cmocka_unit_test(a_bundle_must_name_every_living_line),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_nul_in_the_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
