/* test_rtc.c - a room that publishes and one that receives, joined by a link with delay and loss,
 * on a virtual clock: real DTLS, SRTP, VP8 and Opus. */
#include "client/ladder.h"
#include "client/rtc.h"
#include "client/testcard.h"
#include "client/timecode.h"
#include "client/uplink.h"
#include "client/voice.h"
#include "codecs/opus_enc.h"
#include "codecs/vp8_dec.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define WALL INT64_C(1790000000000000) /* of virtual time 0, in us */
#define DELAY (15 * USEC_MS)
#define FLIGHT 4096
#define VOICE 0
#define CAMERA 1

struct datagram {
    usec at;
    bool to_b;
    uint16_t len;
    uint8_t bytes[PKT_CAP];
};

struct world {
    usec now;
    struct rng rng;
    struct dtls_cert *cert;
    struct pkt_pool *pool;
    struct outq out;
    struct nego na, nb;
    struct rtc *a, *b; /* a publishes, b receives */
    struct datagram *flight;
    size_t head, tail;
    unsigned loss; /* per cent, of media */
    usec delay;
    uint64_t bps; /* from a to b; 0 = endless */
    usec free_at, queue, waited;
    uint64_t full;
    unsigned voice_ms;
    struct vp8dec *dec;
    struct vp8enc *enc;
    struct opusenc *opus;
    struct testcard *card;
    struct voice voice;
    struct stats_voice heard;
    unsigned shown, keys_sent, timed;
    usec worst; /* from burnt-in time to the decoder */
    int64_t last_ms;
};

/* False: its queue is full. */
static bool thin(struct world *w, size_t len, usec *wait)
{
    const usec leaves = usec_max(w->free_at, w->now) + (usec)((len + 28) * 8 * 1000000 / w->bps);
    *wait = leaves - w->now;
    if (*wait > w->queue) {
        w->full++;
        return false;
    }
    w->free_at = leaves;
    w->waited = usec_max(w->waited, *wait);
    return true;
}

static void post(struct world *w, bool to_b)
{
    for (size_t i = 0; i < w->out.n; i++) {
        const struct outq_msg *const m = &w->out.msgs[i];
        for (uint32_t at = 0; at < m->len; at += m->seg) {
            struct datagram *const d = &w->flight[w->tail % FLIGHT];
            const uint8_t *const bytes = w->out.buf + m->off + at;
            const bool media = bytes[0] >= 128;
            if (media && rng_below(&w->rng, 100) < w->loss)
                continue;
            assert_true(w->tail - w->head < FLIGHT);
            d->len = (uint16_t)size_min(m->seg, m->len - at);
            usec wait = 0;
            if (to_b && w->bps && !thin(w, d->len, &wait))
                continue;
            d->at = w->now + w->delay + wait;
            d->to_b = to_b;
            memcpy(d->bytes, bytes, d->len);
            w->tail++;
        }
    }
    outq_clear(&w->out);
}

static void deliver(struct world *w)
{
    while (w->head < w->tail && w->flight[w->head % FLIGHT].at <= w->now) {
        const struct datagram *const d = &w->flight[w->head++ % FLIGHT];
        struct pkt *p = pkt_get(w->pool);
        assert_non_null(p);
        memcpy(p->data, d->bytes, d->len);
        p->len = d->len;
        p->at = w->now;
        rtc_input(d->to_b ? w->b : w->a, w->now, WALL + w->now, p, &w->out);
        pkt_unref(&p);
        post(w, !d->to_b);
    }
}

static void take_picture(struct world *w, const struct recvtrack_item *it)
{
    struct i420 pic;
    int64_t ms;
    if (vp8dec_put(w->dec, &it->frame, &pic) == VP8DEC_PICTURE) {
        w->shown++;
        assert_int_equal(it->wall_us % 1000, 0);
        if (timecode_read(&pic, &ms)) {
            w->timed++;
            assert_true(llabs(ms - it->wall_us / 1000) <= 1);
            assert_true(ms > w->last_ms);
            w->last_ms = ms;
            const usec took = WALL + w->now - ms * 1000;
            w->worst = usec_max(w->worst, took);
        }
    }
    rtc_want_key(w->b, CAMERA, vp8dec_wants_key(w->dec));
}

static void receive(struct world *w)
{
    struct recvtrack_item it;
    size_t line;
    while (rtc_pull(w->b, w->now, &line, &it))
        take_picture(w, &it);
}

static void send_picture(struct world *w)
{
    const struct picture p = testcard_draw(w->card, WALL + w->now);
    const struct i420 view = picture_view(&p);
    struct vp8enc_out e;
    if (rtc_key_asked(w->a, CAMERA))
        vp8enc_want_key(w->enc);
    assert_int_equal(vp8enc_encode(w->enc, &view, w->now, &e), OK);
    for (unsigned i = 0; i < e.n; i++) {
        const struct sendtrack_frame f = {.data = e.frame[i].data,
                                          .len = e.frame[i].len,
                                          .desc = e.frame[i].desc,
                                          .when = {w->now, WALL + w->now}};
        w->keys_sent += e.frame[i].key;
        rtc_picture(w->a, w->now, CAMERA, e.frame[i].layer, &f, &w->out);
    }
    post(w, true);
}

static void send_voice(struct world *w, uint32_t ts)
{
    int16_t pcm[2880];
    const size_t samples = w->voice_ms * 48;
    uint8_t packet[OPUSENC_PACKET_MAX];
    struct sendtrack_sound s = {
        .data = packet, .ts = ts, .level = 20, .when = {w->now, WALL + w->now}};
    for (size_t i = 0; i < samples; i++)
        pcm[i] = (int16_t)(rng_u32(&w->rng) % 4000);
    assert_int_equal(opusenc_encode(w->opus, pcm, samples, packet, sizeof(packet), &s.len), OK);
    rtc_voice(w->a, w->now, VOICE, &s, &w->out);
    post(w, true);
}

static void step(struct world *w, bool media)
{
    w->now += USEC_MS;
    deliver(w);
    rtc_tick(w->a, w->now, WALL + w->now, &w->out);
    post(w, true);
    rtc_tick(w->b, w->now, WALL + w->now, &w->out);
    post(w, false);
    if (media && w->now % (40 * USEC_MS) == 0)
        send_picture(w);
    if (media && w->now % (w->voice_ms * USEC_MS) == 0)
        send_voice(w, (uint32_t)(w->now * 48 / 1000));
    receive(w);
    if (media && w->now % (20 * USEC_MS) == 0) {
        int32_t mix[VOICE_STEP] = {0};
        voice_mix(&w->voice, rtc_recv(w->b, VOICE), w->now, WALL + w->now, mix);
    }
}

static void run(struct world *w, usec time, bool media)
{
    for (const usec end = w->now + time; w->now < end;)
        step(w, media);
}

static void agree(struct world *w)
{
    struct nego_self self = {.fingerprint = dtls_cert_fingerprint(w->cert), .cands = 1};
    struct nego_self relay = self;
    struct nego_error e = {0};
    char *const offer = malloc(NEGO_SDP_MAX);
    char *const answer = malloc(NEGO_SDP_MAX);
    assert_true(addr_parse(&self.cand[0], "192.0.2.1:5000"));
    assert_true(addr_parse(&relay.cand[0], "192.0.2.2:6000"));
    relay.lite = true;
    w->na.n = 2;
    w->na.media[VOICE] = (struct nego_media){.audio = true, .send = true, .codec = NEGO_OPUS};
    w->na.media[CAMERA] = (struct nego_media){.send = true, .codec = NEGO_VP8};
    assert_true(nego_offer(&w->na, &self, &w->rng, offer));
    assert_true(
        nego_answer(&w->nb, offer, strlen(offer), NEGO_PUBLISH, &relay, &w->rng, answer, &e));
    assert_true(nego_accept(&w->na, answer, strlen(answer), &e));
    free(offer);
    free(answer);
}

static void open_codecs(struct world *w)
{
    struct vp8enc_conf c;
    const struct opusenc_conf o = {.channels = 1, .bps = 32000, .loss = 5, .fec = true};
    ladder_conf(&c, CAPTURE_CLASS, 320, 180, 1);
    assert_int_equal(vp8enc_new(&w->enc, &c), OK);
    assert_int_equal(vp8dec_new(&w->dec, 1), OK);
    assert_int_equal(opusenc_new(&w->opus, &o), OK);
    assert_int_equal(testcard_new(&w->card, 320, 180), OK);
    assert_int_equal(voice_init(&w->voice, &w->heard), OK);
}

static struct world *world_new(void)
{
    struct world *const w = calloc(1, sizeof(*w));
    w->flight = calloc(FLIGHT, sizeof(*w->flight));
    assert_int_equal(rng_init(&w->rng, (const uint8_t[32]){42}), OK);
    assert_int_equal(dtls_cert_new(&w->cert), OK);
    w->pool = pkt_pool_new(8192);
    assert_int_equal(outq_init(&w->out, 1u << 20, 1024), OK);
    agree(w);
    open_codecs(w);
    const struct rtc_conf a = {.nego = &w->na, .cert = w->cert, .pool = w->pool};
    const struct rtc_conf b = {.nego = &w->nb, .cert = w->cert, .pool = w->pool};
    w->now = USEC_SEC;
    w->delay = DELAY;
    w->voice_ms = 20;
    assert_int_equal(rtc_new(&w->a, &a, &w->rng, w->now), OK);
    assert_int_equal(rtc_new(&w->b, &b, &w->rng, w->now), OK);
    return w;
}

static void world_free(struct world *w)
{
    rtc_free(&w->a);
    rtc_free(&w->b);
    assert_int_equal(pkt_pool_in_use(w->pool), 0);
    pkt_pool_free(&w->pool);
    outq_fini(&w->out);
    dtls_cert_free(&w->cert);
    rng_fini(&w->rng);
    vp8enc_free(&w->enc);
    vp8dec_free(&w->dec);
    opusenc_free(&w->opus);
    testcard_free(&w->card);
    voice_fini(&w->voice);
    free(w->flight);
    free(w);
}

/* Packets of the voice that were given up. */
static uint64_t missing(struct world *w)
{
    return rtc_recv(w->b, VOICE)->jitter.missing;
}

static void on_a_good_link_every_picture_comes_in_time(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    run(w, 500 * USEC_MS, false);
    assert_int_equal(rtc_state(w->a, w->now), PEER_OPEN);
    assert_int_equal(rtc_state(w->b, w->now), PEER_OPEN);
    run(w, 4 * USEC_SEC, true);
    assert_in_range(w->shown, 98, 100);
    assert_int_equal(w->timed, w->shown);
    assert_in_range(w->worst, DELAY, DELAY + 60 * USEC_MS);
    assert_int_equal(w->heard.concealed, 0);
    assert_true(w->heard.samples > 3800 * 48);
    struct rtc_stat s;
    rtc_stat(w->a, &s);
    assert_in_range(s.rtt, 2 * DELAY - USEC_MS, 2 * DELAY + 5 * USEC_MS);
    assert_true(s.loss_out == 0 && s.repairs_sent == 0);
    assert_true(w->keys_sent <= 2);
    world_free(w);
}

static void lost_packets_are_repaired_and_no_picture_is_broken(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    run(w, 500 * USEC_MS, false);
    w->loss = 5;
    run(w, 10 * USEC_SEC, true);
    struct rtc_stat a;
    struct rtc_stat b;
    rtc_stat(w->a, &a);
    rtc_stat(w->b, &b);
    assert_true(a.repairs_sent > 5);
    assert_true(b.loss_in > 0.02 && b.loss_in < 0.09);
    assert_true(a.loss_out > 0.02 && a.loss_out < 0.09);
    assert_true(w->shown > 200); /* of 250; the strip in each was checked against its own time */
    assert_int_equal(w->timed, w->shown);
    assert_true(b.ridden > 5);
    assert_true(missing(w) < 10); /* of 500 */
    assert_true(w->heard.concealed < w->heard.samples / 20);
    assert_true(w->heard.silence < 150 * USEC_MS);
    world_free(w);
}

static void a_voice_repeats_itself_when_packets_are_lost(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    struct rtc_stat s[4];
    w->delay = 150 * USEC_MS;
    run(w, 2 * USEC_SEC, false);
    w->loss = 10;
    run(w, 5 * USEC_SEC, true);
    rtc_stat(w->b, &s[0]);
    const uint64_t lost = missing(w);
    run(w, 20 * USEC_SEC, true); /* a thousand packets */
    rtc_stat(w->b, &s[1]);
    assert_in_range(s[1].ridden - s[0].ridden, 60, 140);
    assert_true(missing(w) - lost < 5);
    w->loss = 0;
    run(w, 20 * USEC_SEC, true);
    rtc_stat(w->b, &s[2]);
    run(w, 20 * USEC_SEC, true);
    rtc_stat(w->b, &s[3]);
    assert_int_equal(s[3].ridden, s[2].ridden);
    assert_true((s[3].bytes_in - s[2].bytes_in) * 5 < (s[1].bytes_in - s[0].bytes_in) * 4);
    world_free(w);
}

static void a_receiver_without_a_picture_asks_for_a_key_frame(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    run(w, 500 * USEC_MS, false);
    run(w, 2 * USEC_SEC, true);
    const unsigned before = w->keys_sent;
    const unsigned shown = w->shown;
    w->loss = 100;
    run(w, USEC_SEC, true);
    w->loss = 0;
    run(w, 2 * USEC_SEC, true);
    assert_true(w->keys_sent > before);
    assert_true(w->shown > shown + 30);
    assert_int_equal(w->timed, w->shown);
    world_free(w);
}

/* A village's way up: what cannot leave is not coded, and the voice notices nothing. */
static void a_thin_way_up_keeps_the_voice(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    struct uplink_line plan[] = {{.what = CAPTURE_VOICE, .layers = 1},
                                 {.what = CAPTURE_CLASS, .layers = 1}};
    w->bps = 82000;
    w->queue = 500 * USEC_MS;
    w->delay = 158 * USEC_MS;
    run(w, 2 * USEC_SEC, false);
    struct stats_voice before = {0};
    unsigned shown = 0;
    for (int i = 0; i < 60; i++) {
        if (i == 20) {
            before = w->heard;
            shown = w->shown;
            w->full = 0;
            w->waited = 0;
        }
        rtc_wants(w->a, uplink_wanted(plan, 2));
        const unsigned rung = uplink_divide(rtc_way(w->a), plan, 2);
        rtc_riders(w->a, rung >= UPLINK_RIDERS_FROM ? RED_RIDERS : 0);
        w->voice_ms = plan[0].voice_ms;
        assert_int_equal(opusenc_set_rate(w->opus, plan[0].bps[0]), OK);
        assert_int_equal(vp8enc_set_rate(w->enc, 0, plan[1].bps[0]), OK);
        run(w, 500 * USEC_MS, true);
    }
    const double concealed = (double)(w->heard.concealed - before.concealed) /
                             (double)(w->heard.samples - before.samples);
    print_message(
        "# 82 kbit/s up: way %lu, voice of %u ms, concealed %.2f %%, pictures %u in 20 s, "
        "queue at most %ld ms, %lu packets dropped\n",
        (unsigned long)rtc_way(w->a), w->voice_ms, concealed * 100, w->shown - shown,
        (long)(w->waited / 1000), (unsigned long)w->full);
    assert_true(concealed < 0.01);
    assert_true(w->shown - shown > 60);
    assert_int_equal(w->full, 0);
    world_free(w);
}

/* From a private network to a mobile one: what the first carried is no measure of the second. */
static void another_way_is_learnt_anew(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    run(w, USEC_SEC, false);
    rtc_wants(w->a, 1500000);
    run(w, 6 * USEC_SEC, true);
    const uint64_t first = rtc_way(w->a);
    assert_true(first > 600000);
    rtc_other_way(w->a, w->now);
    assert_int_equal(rtc_way(w->a), 300000);
    const unsigned shown = w->shown;
    run(w, 6 * USEC_SEC, true);
    assert_true(rtc_way(w->a) > 600000);
    assert_in_range(w->shown - shown, 145, 151);
    world_free(w);
}

static void a_goodbye_is_understood(void **unused)
{
    (void)unused;
    struct world *const w = world_new();
    run(w, 500 * USEC_MS, false);
    rtc_close(w->a, w->now, &w->out);
    post(w, true);
    run(w, 50 * USEC_MS, false);
    assert_int_equal(rtc_state(w->b, w->now), PEER_CLOSED);
    world_free(w);
}

/* Ten packets more each second; `lost` in all, the share as the relay tells it. */
static double lack_after(bool nack, const int32_t lost[3], uint8_t share)
{
    struct rng rng;
    const struct nego_media m = {.audio = true, .nack = nack, .ssrc = {1}};
    struct sendtrack t;
    uint32_t now = 0;
    assert_int_equal(rng_init(&rng, (const uint8_t[32]){1}), OK);
    assert_int_equal(sendtrack_init(&t, &m, 0, &rng), OK);
    for (uint32_t i = 0; i < 3; i++) {
        const struct rtcp_report r = {
            .ssrc = 1, .ext_highest = 70000 + 10 * i, .lost = lost[i], .fraction_lost = share};
        assert_int_equal(sendtrack_report(&t, &t.layer[0], &r, &now), i ? 10 : 0);
        assert_int_equal(now, i ? (uint32_t)(lost[i] - lost[i - 1]) : 0);
    }
    sendtrack_fini(&t);
    rng_fini(&rng);
    return t.layer[0].lack;
}

static void a_report_tells_what_hearers_lack(void **unused)
{
    (void)unused;
    const int32_t none[3] = {0, 0, 0};
    const int32_t two[3] = {0, 2, 4};
    assert_true(lack_after(true, none, 0) == 0);
    assert_true(lack_after(false, two, 51) > 0.19 && lack_after(false, two, 51) < 0.21);
    assert_true(lack_after(true, two, 51) < 0.05);  /* the relay has them by repairs */
    assert_true(lack_after(true, none, 26) > 0.1);  /* its viewers lack a tenth */
    assert_true(lack_after(true, two, 128) == 0.5); /* and here the half */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_good_link_every_picture_comes_in_time),
        cmocka_unit_test(lost_packets_are_repaired_and_no_picture_is_broken),
        cmocka_unit_test(a_voice_repeats_itself_when_packets_are_lost),
        cmocka_unit_test(a_receiver_without_a_picture_asks_for_a_key_frame),
        cmocka_unit_test(a_thin_way_up_keeps_the_voice),
        cmocka_unit_test(another_way_is_learnt_anew),
        cmocka_unit_test(a_goodbye_is_understood),
        cmocka_unit_test(a_report_tells_what_hearers_lack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
