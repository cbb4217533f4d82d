/* test_nego.c - offers of real browsers answered, our own offers accepted, refusals, restarts. */
#include "engine/peer/nego.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FP                                                                                         \
    "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD" \
    ":EF"

static struct rng rng;
static struct nego_self relay, room;
static struct nego n, other;
static struct nego_error why;
static char text[SDP_TEXT_MAX + 1], answer[NEGO_SDP_MAX], offer[NEGO_SDP_MAX];
static struct sdp s;

static int set_up(void **unused)
{
    (void)unused;
    const uint8_t seed[32] = {3};
    relay = (struct nego_self){.fingerprint = FP, .lite = true, .cands = 2};
    room = (struct nego_self){.fingerprint = FP, .cands = 1};
    return rng_init(&rng, seed) || !addr_parse(&relay.cand[0], "192.0.2.9:5000") ||
           !addr_parse(&relay.cand[1], "[2001:db8::9]:5000") ||
           !addr_parse(&room.cand[0], "198.51.100.4:6000");
}

static int tear_down(void **unused)
{
    (void)unused;
    rng_fini(&rng);
    return 0;
}

static char *read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/sdp/%s.sdp", getenv("TEST_DATA"), name);
    FILE *const f = fopen(path, "rb");
    assert_non_null(f);
    text[fread(text, 1, SDP_TEXT_MAX, f)] = 0;
    fclose(f);
    return text;
}

/* Answers `sdp` and reads the answer back into s. */
static void answered(const char *sdp, enum nego_role role)
{
    struct sdp_error e;
    assert_true(nego_answer(&n, sdp, strlen(sdp), role, &relay, &rng, answer, &why));
    assert_true(sdp_read(&s, answer, strlen(answer), &e));
    assert_int_equal(s.medias, n.n);
}

/* Replaces every `from` in the text that was read last. */
static char *edited(const char *from, const char *to)
{
    static char out[SDP_TEXT_MAX + 1];
    size_t used = 0;
    const char *p = text;
    for (const char *at; (at = strstr(p, from)) != NULL; p = at + strlen(from))
        used += (size_t)snprintf(out + used, sizeof out - used, "%.*s%s", (int)(at - p), p, to);
    snprintf(out + used, sizeof out - used, "%s", p);
    memcpy(text, out, sizeof text);
    return text;
}

static void refused(const char *sdp, enum nego_role role, const char *field)
{
    assert_false(nego_answer(&n, sdp, strlen(sdp), role, &relay, &rng, answer, &why));
    assert_string_equal(why.field, field);
    assert_true(strlen(why.what) > 5);
}

static void what_every_answer_says(void)
{
    bool first = true;
    assert_true(s.ice_lite);
    assert_true(s.bundle);
    assert_true(n.dtls_server);
    for (size_t i = 0; i < n.n; i++) {
        const struct sdp_media *const m = &s.media[i];
        if (n.media[i].refused) {
            assert_int_equal(m->port, 0);
            continue;
        }
        assert_int_equal(m->setup, SDP_PASSIVE);
        assert_true(m->rtcp_mux && m->rtcp_rsize);
        assert_string_equal(m->fingerprint, FP);
        assert_string_equal(m->ufrag, n.ice.local_ufrag);
        assert_string_equal(m->pwd, n.ice.local_pwd);
        assert_true(strlen(m->ufrag) >= 4 && strlen(m->pwd) >= 22);
        assert_int_equal(m->cands, first ? 2 : 0);
        first = false;
    }
    assert_false(n.ice.controlling);
    assert_int_equal(n.ice.remote.port, 0); /* browsers hide theirs behind mDNS names */
}

static void chromium_publishes_three_layers_and_slides(void **unused)
{
    (void)unused;
    answered(read_file("chromium-simulcast"), NEGO_PUBLISH);
    what_every_answer_says();
    assert_int_equal(n.n, 3);
    const struct nego_media *const a = &n.media[0], *const v = &n.media[1], *const sl = &n.media[2];
    assert_true(a->audio && a->recv && !a->send && !a->refused);
    assert_int_equal(a->codec, NEGO_OPUS);
    assert_int_equal(a->pt, 111);
    assert_true(a->ssrc[0] != 0 && a->twcc && !a->stereo);
    assert_int_equal(a->red_pt, 63);
    assert_int_equal(v->codec, NEGO_VP8);
    assert_int_equal(v->pt, 96);
    assert_int_equal(v->rtx_pt, 97);
    assert_true(v->nack && v->pli && v->twcc && v->remb);
    assert_int_equal(v->layers, 3);
    assert_string_equal(v->rid[0], "q");
    assert_string_equal(v->rid[1], "h");
    assert_string_equal(v->rid[2], "f");
    assert_int_equal(v->ext.id[RTP_EXT_RID], 10);
    assert_int_equal(sl->layers, 0);
    assert_true(sl->ssrc[0] != 0 && sl->rtx_ssrc[0] != 0);

    assert_int_equal(s.media[1].dir, SDP_RECVONLY);
    assert_int_equal(s.media[1].fmts, 2);
    assert_true(s.media[1].rids_recv);
    assert_int_equal(s.media[1].rids, 3);
    const struct sdp_fmt *const opus = sdp_fmt_named(&s.media[0], "opus");
    assert_int_equal(sdp_fmtp_int(opus, "useinbandfec"), 1);
    assert_int_equal(sdp_fmtp_int(opus, "stereo"), -1);
    assert_int_equal(sdp_fmtp_int(opus, "usedtx"), -1);
}

static void firefox_publishes_three_layers_too(void **unused)
{
    (void)unused;
    answered(read_file("firefox-simulcast"), NEGO_PUBLISH);
    what_every_answer_says();
    const struct nego_media *const v = &n.media[1];
    assert_int_equal(v->pt, 120);
    assert_int_equal(v->rtx_pt, 124);
    assert_int_equal(v->layers, 3);
    assert_int_equal(v->ext.id[RTP_EXT_RID], 9);
    assert_int_equal(v->ext.id[RTP_EXT_PLAYOUT_DELAY], 0); /* offered for the other direction */
    assert_int_equal(s.media[1].port, 9);                  /* bundle-only is not refused */
}

static void gstreamer_publishes_without_retransmission(void **unused)
{
    (void)unused;
    answered(read_file("gstreamer-publish"), NEGO_PUBLISH);
    assert_int_equal(n.n, 2);
    const struct nego_media *const a = &n.media[0], *const v = &n.media[1];
    assert_true(!a->refused && a->recv && !a->send && a->pt == 97);
    assert_true(!v->refused && v->recv && v->pt == 96 && v->pli);
    assert_true(!v->nack && v->rtx_pt == 0 && v->rtx_ssrc[0] == 0);
    assert_int_equal(v->ssrc[0], 2836143640);
    assert_false(v->twcc); /* the feedback is offered, the header extension is not */
    assert_int_equal(n.ice.remote.port, 59984);
    assert_string_equal(s.media[1].mid, "video1");
}

static void layers_are_sorted_by_their_usual_names(void **unused)
{
    (void)unused;
    read_file("chromium-simulcast");
    answered(edited("simulcast:send q;h;f", "simulcast:send f;~h;q"), NEGO_PUBLISH);
    assert_string_equal(n.media[1].rid[0], "q");
    assert_string_equal(n.media[1].rid[2], "f");
    read_file("chromium-simulcast");
    answered(edited("simulcast:send q;h;f", "simulcast:send zebra,x;ape;fox;bee"), NEGO_PUBLISH);
    assert_int_equal(n.media[1].layers, 3); /* the fourth is not asked for */
    assert_string_equal(n.media[1].rid[0], "zebra");
    assert_int_equal(s.media[1].rids, 3);
}

static void a_viewer_learns_every_ssrc_at_once(void **unused)
{
    (void)unused;
    static const char *const names[] = {"chromium-play", "firefox-play"};
    for (size_t f = 0; f < ARRAY_LEN(names); f++) {
        answered(read_file(names[f]), NEGO_PLAY);
        what_every_answer_says();
        assert_int_equal(n.n, 4);
        for (size_t i = 0; i < 4; i++) {
            const struct nego_media *const l = &n.media[i];
            const struct sdp_media *const m = &s.media[i];
            assert_true(l->send && !l->recv && l->ssrc[0] != 0);
            assert_int_equal(m->dir, SDP_SENDONLY);
            assert_int_equal(m->ssrcs, 1);
            assert_int_equal(m->ssrc[0], l->ssrc[0]);
            assert_int_equal(m->rtx_ssrc[0], l->rtx_ssrc[0]);
            assert_int_equal(l->rtx_ssrc[0] != 0, !l->audio);
            assert_string_equal(m->cname, n.cname);
            assert_string_equal(m->msid_stream, i == 2 ? "floor" : "lead");
        }
    }
}

static void streams_can_be_named_by_their_people(void **unused)
{
    (void)unused;
    struct nego_self self = relay;
    self.audio_stream[1] = "village-7";
    self.video_stream[1] = "village-7";
    read_file("chromium-play");
    assert_true(nego_answer(&n, text, strlen(text), NEGO_PLAY, &self, &rng, answer, &why));
    assert_string_equal(n.media[0].stream, "lead");
    assert_string_equal(n.media[1].stream, "lead");
    assert_string_equal(n.media[2].stream, "village-7");
    assert_string_equal(n.media[3].stream, "village-7");
}

static void a_data_channel_is_refused_and_the_rest_is_served(void **unused)
{
    (void)unused;
    static const char *const names[] = {"chromium-data", "firefox-data"};
    for (size_t f = 0; f < ARRAY_LEN(names); f++) {
        answered(read_file(names[f]), NEGO_PUBLISH);
        what_every_answer_says();
        assert_int_equal(n.n, 4);
        assert_true(n.media[3].refused);
        assert_string_equal(s.media[3].other_name, "application");
        assert_false(n.media[2].refused);
    }
}

static void vp9_is_taken_without_vp8_and_h264_never(void **unused)
{
    (void)unused;
    read_file("firefox-publish");
    answered(edited(" VP8/90000", " X8/90000"), NEGO_PUBLISH);
    assert_int_equal(n.media[1].codec, NEGO_VP9);
    assert_int_equal(n.media[1].pt, 121);
    assert_int_equal(n.media[1].rtx_pt, 125);
    assert_int_equal(sdp_fmtp_int(&s.media[1].fmt[0], "profile-id"), 0);

    read_file("chromium-publish");
    edited(" VP8/90000", " X8/90000");
    answered(edited(" VP9/90000", " X9/90000"), NEGO_PUBLISH);
    assert_true(n.media[1].refused);
    assert_false(n.media[0].refused);

    read_file("chromium-play"); /* VP9 in all profiles: only profile 0 is ours */
    edited(" VP8/90000", " X8/90000");
    answered(edited("profile-id=0", "profile-id=3"), NEGO_PLAY);
    assert_true(n.media[1].refused);
}

static void the_dependency_descriptor_is_taken_of_vp9_and_told_to_nobody(void **unused)
{
    (void)unused;
    answered(read_file("chromium-simulcast"), NEGO_PUBLISH); /* VP8: its own descriptor says all */
    assert_int_equal(n.media[1].ext.id[RTP_EXT_DEPDESC], 0);
    assert_false(s.media[1].ext_mixed);
    answered(edited(" VP8/90000", " X8/90000"), NEGO_PUBLISH);
    assert_int_equal(n.media[1].codec, NEGO_VP9);
    assert_int_equal(n.media[1].ext.id[RTP_EXT_DEPDESC], 12);
    assert_int_equal(s.media[1].ext.id[RTP_EXT_DEPDESC], 12);
    assert_true(s.media[1].ext_mixed); /* or Chromium leaves out what is longer than 16 bytes */
    assert_false(s.media[0].ext_mixed);
    edited("a=sendonly", "a=recvonly");
    edited("a=simulcast:send", "a=simulcast:recv");
    answered(text, NEGO_PLAY);
    assert_true(n.media[1].send);
    assert_int_equal(n.media[1].ext.id[RTP_EXT_DEPDESC], 0);
    assert_false(s.media[1].ext_mixed);
}

static void what_is_played_may_have_repair_packets_and_what_is_published_none(void **unused)
{
    (void)unused;
    answered(read_file("chromium-play"), NEGO_PLAY);
    const struct nego_media *const l = &n.media[1];
    const struct sdp_fmt *const f = sdp_fmt_named(&s.media[1], "flexfec-03");
    assert_non_null(f);
    assert_true(f->pt == l->fec_pt && f->rate == 90000 && f->twcc);
    assert_int_equal(sdp_fmtp_int(f, "repair-window"), 10000000);
    assert_true(l->fec_ssrc && l->fec_ssrc != l->ssrc[0] && l->fec_ssrc != l->rtx_ssrc[0]);
    assert_int_equal(s.media[1].ssrcs, 1);
    assert_int_equal(s.media[1].ssrc[0], l->ssrc[0]);
    assert_int_equal(s.media[1].rtx_ssrc[0], l->rtx_ssrc[0]);
    assert_int_equal(s.media[1].fec_ssrc[0], l->fec_ssrc);
    assert_true(!n.media[0].fec_pt && !n.media[0].fec_ssrc);

    read_file("chromium-play");
    edited("flexfec-03/90000", "flexfec-99/90000");
    answered(text, NEGO_PLAY);
    assert_true(!n.media[1].fec_pt && !n.media[1].fec_ssrc);
    assert_null(sdp_fmt_named(&s.media[1], "flexfec-03"));

    read_file("chromium-play");
    edited("a=recvonly", "a=sendonly");
    answered(text, NEGO_PUBLISH);
    assert_true(!n.media[1].fec_pt && !n.media[1].fec_ssrc);
}

static void who_publishes_chooses_the_codec_and_who_plays_takes_both(void **unused)
{
    (void)unused;
    read_file("firefox-publish");
    edited(" VP9/90000", " VPx/90000");
    edited(" VP8/90000", " VP9/90000"); /* as if its order were the other */
    answered(edited(" VPx/90000", " VP8/90000"), NEGO_PUBLISH);
    assert_int_equal(n.media[1].codec, NEGO_VP9);
    assert_int_equal(n.media[1].vp9_pt, 0);

    answered(read_file("chromium-play"), NEGO_PLAY);
    assert_int_equal(n.media[1].codec, NEGO_VP8);
    assert_true(n.media[1].vp9_pt && n.media[1].vp9_rtx_pt);
    assert_int_equal(s.media[1].fmts, 5); /* both, each with its repairs, and FlexFEC */
    assert_int_equal(s.media[1].fmt[2].pt, n.media[1].vp9_pt);
    assert_string_equal(s.media[1].fmt[2].name, "VP9");
    assert_int_equal(sdp_fmtp_int(&s.media[1].fmt[3], "apt"), n.media[1].vp9_pt);

    answered(edited(" VP9/90000", " X9/90000"), NEGO_PLAY);
    assert_int_equal(n.media[1].vp9_pt, 0);
    assert_int_equal(s.media[1].fmts, 3);
}

static void a_voice_may_repeat_itself_if_the_browser_offers_it(void **unused)
{
    (void)unused;
    static const char *const names[] = {"chromium-publish", "chromium-play"};
    for (size_t f = 0; f < ARRAY_LEN(names); f++) {
        answered(read_file(names[f]), f ? NEGO_PLAY : NEGO_PUBLISH);
        assert_int_equal(n.media[0].pt, 111);
        assert_int_equal(n.media[0].red_pt, 63);
        assert_int_equal(s.media[0].fmts, 2);
        assert_string_equal(s.media[0].fmt[0].name, "opus"); /* what is first is sent */
        assert_string_equal(s.media[0].fmt[1].name, "red");
        assert_int_equal(s.media[0].fmt[1].channels, 2);
        assert_string_equal(s.media[0].fmt[1].fmtp, "111/111");
        assert_int_equal(n.media[1].red_pt, 0); /* its "red" is another thing, for pictures */
    }
    answered(read_file("firefox-publish"), NEGO_PUBLISH);
    assert_int_equal(n.media[0].red_pt, 0);
    assert_null(sdp_fmt_named(&s.media[0], "red"));
}

static void a_voice_may_repeat_itself_only_in_its_own_codec(void **unused)
{
    (void)unused;
    static const struct {
        const char *fmtp;
        bool good;
    } faults[] = {
        {"a=fmtp:63 111/111/111", true}, {"a=fmtp:63 111", false},
        {"a=fmtp:63 111/9", false},      {"a=fmtp:63 9/111", false},
        {"a=fmtp:63 111/", false},       {"a=fmtp:63 /111", false},
        {"a=fmtp:63 1111/111", false},   {"a=fmtp:63 111/11", false},
        {"a=fmtp:63 111/111/", false},   {"a=fmtp:63 111-111", false},
        {"a=fmtp:64 111/111", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        read_file("chromium-publish");
        answered(edited("a=fmtp:63 111/111", faults[i].fmtp), NEGO_PUBLISH);
        assert_int_equal(n.media[0].red_pt, faults[i].good ? 63 : 0);
    }
    read_file("chromium-publish");
    answered(edited("red/48000/2", "red/8000"), NEGO_PUBLISH);
    assert_int_equal(n.media[0].red_pt, 0);
}

static void stereo_and_dtx_are_taken_as_offered(void **unused)
{
    (void)unused;
    read_file("chromium-publish");
    answered(edited("useinbandfec=1", "useinbandfec=1; stereo=1;usedtx=1"), NEGO_PUBLISH);
    assert_true(n.media[0].stereo && n.media[0].dtx);
    assert_int_equal(sdp_fmtp_int(&s.media[0].fmt[0], "stereo"), 1);
    assert_int_equal(sdp_fmtp_int(&s.media[0].fmt[0], "usedtx"), 1);
    read_file("chromium-play");
    answered(edited("useinbandfec=1", "useinbandfec=1;stereo=1"), NEGO_PLAY);
    assert_true(n.media[0].stereo);
    assert_int_equal(sdp_fmtp_int(&s.media[0].fmt[0], "sprop-stereo"), 1);
}

static void without_rtx_no_nack_is_promised_to_a_viewer(void **unused)
{
    (void)unused;
    read_file("chromium-play");
    answered(edited(" rtx/90000", " other/90000"), NEGO_PLAY);
    assert_int_equal(n.media[1].rtx_pt, 0);
    assert_false(n.media[1].nack);
    assert_int_equal(s.media[1].rtx_ssrc[0], 0);
}

static void a_passive_offer_makes_us_the_client(void **unused)
{
    (void)unused;
    read_file("chromium-publish");
    answered(edited("setup:actpass", "setup:passive"), NEGO_PUBLISH);
    assert_false(n.dtls_server);
    assert_int_equal(s.media[0].setup, SDP_ACTIVE);
}

static void an_offer_that_cannot_be_served_is_refused_with_the_field(void **unused)
{
    (void)unused;
    refused("nonsense", NEGO_PUBLISH, "sdp");
    assert_int_equal(why.line, 1);
    refused("v=0\r\n", NEGO_PUBLISH, "m=");
    refused(read_file("chromium-play"), NEGO_PUBLISH, "m=");
    refused(read_file("chromium-publish"), NEGO_PLAY, "m=");

    static const struct {
        const char *from, *to, *field;
    } faults[] = {
        {"a=ice-ufrag:", "a=x:", "a=ice-ufrag"},
        {"a=ice-ufrag:", "a=ice-ufrag: ", "a=ice-ufrag"},
        {"a=ice-pwd:", "a=ice-pwd:short\r\na=x:", "a=ice-pwd"},
        {"a=fingerprint:sha-256", "a=fingerprint:sha-1", "a=fingerprint"},
        {"a=fingerprint:sha-256 ", "a=fingerprint:sha-256 AB:CD:", "a=fingerprint"},
        {"a=fingerprint:sha-256 ", "a=fingerprint:sha-256 ZZ\r\na=x:", "a=fingerprint"},
        {"a=setup:actpass", "a=x:y", "a=setup"},
        {"a=rtcp-mux", "a=x", "a=rtcp-mux"},
        {"a=group:BUNDLE 0 1", "a=group:BUNDLE 0", "a=group:BUNDLE"},
        {"a=mid:1", "a=mid:0", "a=mid"},
        {"a=mid:1", "a=mid:a b", "a=mid"},
        {"t=0 0", "t=0 0\r\na=ice-lite", "a=ice-lite"},
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        read_file("chromium-publish");
        refused(edited(faults[i].from, faults[i].to), NEGO_PUBLISH, faults[i].field);
    }
}

static void one_line_needs_no_bundle(void **unused)
{
    (void)unused;
    read_file("chromium-publish");
    edited("a=group:BUNDLE 0 1\r\n", "");
    answered(edited("m=video 9", "m=video 0"), NEGO_PUBLISH);
    assert_false(s.bundle);
    assert_true(n.media[1].refused);
}

/* The room's own offer: voice, camera in three layers, slides in one. */
static void make_offer(struct nego *me)
{
    *me = (struct nego){.n = 3};
    me->media[0] = (struct nego_media){.audio = true, .send = true, .stereo = true};
    me->media[1] = (struct nego_media){.send = true, .layers = 3, .rid = {"q", "h", "f"}};
    me->media[2] = (struct nego_media){.send = true, .codec = NEGO_VP9};
    assert_true(nego_offer(me, &room, &rng, offer));
}

/* RFC 6544: whom UDP does not reach connects to us; UDP is tried first. */
static void who_may_not_use_udp_is_told_where_to_connect(void **unused)
{
    (void)unused;
    relay.cands = 4;
    for (size_t i = 2; i < 4; i++) {
        relay.cand[i] = relay.cand[i - 2];
        relay.cand[i].port = 443;
        relay.cand[i].proto = ADDR_TCP;
    }
    make_offer(&other);
    answered(offer, NEGO_PUBLISH);
    assert_non_null(strstr(answer, " 1 tcp 1520434687 192.0.2.9 443 typ host tcptype passive\r\n"));
    assert_non_null(
        strstr(answer, " 1 tcp 1520434431 2001:db8::9 443 typ host tcptype passive\r\n"));
    assert_true(nego_accept(&other, answer, strlen(answer), &why));
    assert_true(addr_eq(&other.ice.remote, &relay.cand[0]));
    assert_int_equal(other.ice.cands, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(addr_eq(&other.ice.cand[i], &relay.cand[i]));
    for (size_t i = 0; i < n.ice.cands; i++)
        assert_int_equal(n.ice.cand[i].proto, ADDR_UDP); /* the room told of no other */
}

/* A relay in a private network and in the public one: the room may have ways into either. */
static void all_candidates_are_kept_best_first(void **unused)
{
    (void)unused;
    static const unsigned priority[] = {70, 90, 60, 90, 100};
    static const uint16_t order[] = {4, 1, 3, 0, 2};
    char frag[4096];
    int len = snprintf(frag, sizeof frag,
                       "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
                       "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
                       "a=candidate:9 2 udp 999 10.0.0.9 99 typ host\r\n"
                       "a=candidate:9 1 tcp 999 10.0.0.9 9 typ host tcptype active\r\n");
    for (unsigned i = 0; i < 5; i++)
        len += snprintf(frag + len, sizeof frag - (size_t)len,
                        "a=candidate:%u 1 %s %u 10.0.0.%u %u typ host%s\r\n", i,
                        i == 4 ? "tcp" : "udp", priority[i], i, 5000 + i,
                        i == 4 ? " tcptype passive" : "");
    make_offer(&other);
    assert_true(nego_restart_end(&other, frag, (size_t)len, &why));
    assert_int_equal(other.ice.cands, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(other.ice.cand[i].port, 5000 + order[i]);
    assert_int_equal(other.ice.cand[0].proto, ADDR_TCP);
    assert_int_equal(other.ice.remote.port, 5001); /* the best of UDP, the first of two alike */
}

static void a_longer_list_of_candidates_is_cut(void **unused)
{
    (void)unused;
    char frag[8192];
    int len = snprintf(frag, sizeof frag,
                       "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
                       "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n");
    for (unsigned i = 0; i < 3 * ICE_CANDS; i++)
        len += snprintf(frag + len, sizeof frag - (size_t)len,
                        "a=candidate:%u 1 udp %u 10.0.0.1 %u typ host\r\n", i, 1 + i, 5000 + i);
    make_offer(&other);
    assert_true(nego_restart_end(&other, frag, (size_t)len, &why));
    assert_int_equal(other.ice.cands, ICE_CANDS);
}

static void our_offer_meets_our_answer(void **unused)
{
    (void)unused;
    make_offer(&other);
    assert_true(other.ice.controlling);
    answered(offer, NEGO_PUBLISH);
    assert_true(nego_accept(&other, answer, strlen(answer), &why));
    assert_false(other.dtls_server);
    assert_true(n.dtls_server);
    assert_string_equal(other.ice.remote_ufrag, n.ice.local_ufrag);
    assert_string_equal(other.ice.remote_pwd, n.ice.local_pwd);
    assert_string_equal(n.ice.remote_pwd, other.ice.local_pwd);
    assert_true(addr_eq(&other.ice.remote, &relay.cand[0])); /* the one of highest priority */
    assert_true(addr_eq(&n.ice.remote, &room.cand[0]));
    assert_string_equal(other.fingerprint, FP);
    for (size_t i = 0; i < 3; i++) {
        const struct nego_media *const o = &other.media[i], *const a = &n.media[i];
        assert_true(!o->refused && o->send && !o->recv && a->recv);
        assert_string_equal(o->mid, a->mid);
        assert_int_equal(o->codec, a->codec);
        assert_int_equal(o->pt, a->pt);
        assert_int_equal(o->rtx_pt, a->rtx_pt);
        assert_int_equal(o->red_pt, a->red_pt);
        assert_int_equal(o->red_pt != 0, o->audio);
        assert_int_equal(o->layers, a->layers);
        assert_memory_equal(&o->ext, &a->ext, sizeof o->ext);
        assert_true(o->twcc && a->twcc);
    }
    assert_int_equal(n.media[2].codec, NEGO_VP9);
    assert_int_equal(n.media[2].ssrc[0], other.media[2].ssrc[0]);
    assert_int_equal(n.media[2].rtx_ssrc[0], other.media[2].rtx_ssrc[0]);
    assert_string_equal(other.media[1].rid[2], "f");
    assert_true(n.media[0].stereo);
}

static void a_viewer_of_ours_learns_the_relay_s_ssrcs(void **unused)
{
    (void)unused;
    other = (struct nego){.n = 2};
    other.media[0] = (struct nego_media){.audio = true, .recv = true};
    other.media[1] = (struct nego_media){.recv = true};
    assert_true(nego_offer(&other, &room, &rng, offer));
    answered(offer, NEGO_PLAY);
    assert_true(nego_accept(&other, answer, strlen(answer), &why));
    for (size_t i = 0; i < 2; i++) {
        assert_true(other.media[i].recv && !other.media[i].send);
        assert_int_equal(other.media[i].ssrc[0], n.media[i].ssrc[0]);
        assert_int_equal(other.media[i].rtx_ssrc[0], n.media[i].rtx_ssrc[0]);
        assert_int_equal(other.media[i].fec_ssrc, n.media[i].fec_ssrc);
        assert_true(other.media[i].fec_pt == n.media[i].fec_pt && !n.media[i].fec_pt == (i == 0));
        assert_true(other.media[i].ext.id[RTP_EXT_ABS_CAPTURE] != 0);
    }
}

static void accept_takes_fewer_layers_and_refused_lines(void **unused)
{
    (void)unused;
    make_offer(&other);
    const uint32_t ssrc[2] = {other.media[1].ssrc[0], other.media[1].ssrc[2]};
    answered(offer, NEGO_PUBLISH);
    memcpy(text, answer, sizeof answer);
    edited("simulcast:recv q;h;f", "simulcast:recv q;f");
    assert_true(nego_accept(&other, text, strlen(text), &why));
    assert_int_equal(other.media[1].layers, 2);
    assert_string_equal(other.media[1].rid[1], "f");
    assert_int_equal(other.media[1].ssrc[0], ssrc[0]);
    assert_int_equal(other.media[1].ssrc[1], ssrc[1]);

    make_offer(&other);
    answered(offer, NEGO_PUBLISH);
    memcpy(text, answer, sizeof answer);
    edited("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 1");
    edited("m=video 9 UDP/TLS/RTP/SAVPF 98 99", "m=video 0 UDP/TLS/RTP/SAVPF 98 99");
    assert_true(nego_accept(&other, text, strlen(text), &why));
    assert_true(other.media[2].refused && !other.media[2].send);
    assert_false(other.media[1].refused);
}

static void a_wrong_answer_is_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *from, *to, *field;
    } faults[] = {
        {"v=0", "v=7", "sdp"},
        {"a=setup:passive", "a=setup:actpass", "a=setup"},
        {"m=audio 9", "m=video 9", "m="},
        {"m=audio 9", "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nm=audio 9", "m="},
        {"a=recvonly", "a=inactive", "m="},
        {"a=fingerprint", "a=x", "a=fingerprint"},
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        make_offer(&other);
        answered(offer, NEGO_PUBLISH);
        memcpy(text, answer, sizeof answer);
        edited(faults[i].from, faults[i].to);
        assert_false(nego_accept(&other, text, strlen(text), &why));
        assert_string_equal(why.field, faults[i].field);
    }
}

static void an_ice_restart_changes_both_sides_credentials(void **unused)
{
    (void)unused;
    make_offer(&other);
    answered(offer, NEGO_PUBLISH);
    assert_true(nego_accept(&other, answer, strlen(answer), &why));
    const struct nego before = n;

    char frag[NEGO_SDP_MAX];
    assert_true(nego_restart_begin(&other, &room, &rng, frag));
    assert_true(nego_restart(&n, frag, strlen(frag), &relay, &rng, answer, &why));
    assert_string_not_equal(n.ice.local_ufrag, before.ice.local_ufrag);
    assert_string_not_equal(n.ice.local_pwd, before.ice.local_pwd);
    assert_string_equal(n.ice.remote_ufrag, other.ice.local_ufrag);
    assert_true(nego_restart_end(&other, answer, strlen(answer), &why));
    assert_string_equal(other.ice.remote_pwd, n.ice.local_pwd);
    assert_true(addr_eq(&other.ice.remote, &relay.cand[0]));
    assert_true(other.ice.controlling);
}

static void trickled_candidates_change_only_the_address(void **unused)
{
    (void)unused;
    answered(read_file("chromium-publish"), NEGO_PUBLISH);
    const struct nego before = n;
    char frag[1024];
    snprintf(frag, sizeof frag,
             "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
             "a=candidate:1 1 udp 99 203.0.113.5 777 typ host\r\na=end-of-candidates\r\n",
             n.ice.remote_ufrag, n.ice.remote_pwd);
    assert_true(nego_restart(&n, frag, strlen(frag), &relay, &rng, answer, &why));
    assert_string_equal(answer, "");
    assert_int_equal(n.ice.remote.port, 777);
    assert_string_equal(n.ice.local_pwd, before.ice.local_pwd);
    assert_true(nego_restart(&n, "", 0, &relay, &rng, answer, &why));
    assert_string_equal(answer, "");
}

static void a_wrong_fragment_changes_nothing(void **unused)
{
    (void)unused;
    answered(read_file("chromium-publish"), NEGO_PUBLISH);
    const struct nego before = n;
    static const char *const frags[] = {
        "a=ice-ufrag:abcd\r\n",
        "a=ice-ufrag:abcd\r\na=ice-pwd:tooshort\r\n",
        "a=ice-ufrag:ab cd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n",
        "rubbish",
    };
    for (size_t i = 0; i < ARRAY_LEN(frags); i++) {
        assert_false(nego_restart(&n, frags[i], strlen(frags[i]), &relay, &rng, answer, &why));
        assert_memory_equal(&n, &before, sizeof n);
    }
    assert_int_equal(why.line, 1);
    assert_true(nego_restart(&n, "a=ice-ufrag:abcd\na=ice-pwd:abcdefghijklmnopqrstuvwx", 49, &relay,
                             &rng, answer, &why));
    assert_string_equal(n.ice.remote_ufrag, "abcd");
    assert_non_null(strstr(answer, "a=ice-lite\r\n"));
    assert_non_null(strstr(answer, "a=candidate:1 1 udp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chromium_publishes_three_layers_and_slides),
        cmocka_unit_test(firefox_publishes_three_layers_too),
        cmocka_unit_test(gstreamer_publishes_without_retransmission),
        cmocka_unit_test(layers_are_sorted_by_their_usual_names),
        cmocka_unit_test(a_viewer_learns_every_ssrc_at_once),
        cmocka_unit_test(streams_can_be_named_by_their_people),
        cmocka_unit_test(a_data_channel_is_refused_and_the_rest_is_served),
        cmocka_unit_test(vp9_is_taken_without_vp8_and_h264_never),
        cmocka_unit_test(the_dependency_descriptor_is_taken_of_vp9_and_told_to_nobody),
        cmocka_unit_test(what_is_played_may_have_repair_packets_and_what_is_published_none),
        cmocka_unit_test(who_publishes_chooses_the_codec_and_who_plays_takes_both),
        cmocka_unit_test(a_voice_may_repeat_itself_if_the_browser_offers_it),
        cmocka_unit_test(a_voice_may_repeat_itself_only_in_its_own_codec),
        cmocka_unit_test(stereo_and_dtx_are_taken_as_offered),
        cmocka_unit_test(without_rtx_no_nack_is_promised_to_a_viewer),
        cmocka_unit_test(a_passive_offer_makes_us_the_client),
        cmocka_unit_test(an_offer_that_cannot_be_served_is_refused_with_the_field),
        cmocka_unit_test(one_line_needs_no_bundle),
        cmocka_unit_test(who_may_not_use_udp_is_told_where_to_connect),
        cmocka_unit_test(all_candidates_are_kept_best_first),
        cmocka_unit_test(a_longer_list_of_candidates_is_cut),
        cmocka_unit_test(our_offer_meets_our_answer),
        cmocka_unit_test(a_viewer_of_ours_learns_the_relay_s_ssrcs),
        cmocka_unit_test(accept_takes_fewer_layers_and_refused_lines),
        cmocka_unit_test(a_wrong_answer_is_refused),
        cmocka_unit_test(an_ice_restart_changes_both_sides_credentials),
        cmocka_unit_test(trickled_candidates_change_only_the_address),
        cmocka_unit_test(a_wrong_fragment_changes_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
