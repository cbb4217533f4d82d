/* test_voice.c - a voice over ways that change, on a virtual clock with real Opus: what is heard,
 * when, and how far from the picture. */
#include "client/lipsync.h"
#include "client/voice.h"
#include "codecs/opus_enc.h"
#include "engine/wire/rtp.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL INT64_C(1790000000000000) /* of virtual time 0, in us */
#define WAY (30 * USEC_MS)
#define FLIGHT 256
#define HEARD_MOST (90u * 48000)
#define RATE 48000
#define TAU 6.283185307179586
#define NEVER INT64_MAX
#define RECORDING_MOST (60u * RATE)
#define SAID_MOST 3000u
#define STEADY 60 /* a packet of more than the least way may find the delay so much larger, ms */

struct flying {
    usec at;
    bool picture;
    struct pkt *p;
};

/* Six seconds of a source, coded once and sent again and again: coding is what takes long. */
#define SAID 300
struct said {
    struct opusenc_conf conf;
    int16_t (*source)(size_t t);
    size_t n; /* packets */
    size_t len[SAID_MOST];
    uint8_t packet[SAID_MOST][400];
};

struct stage {
    usec now;
    struct pkt_pool *pool;
    struct rng rng;
    struct opusenc_conf conf;
    struct nego_media sound, film;
    struct recvtrack voice_in, film_in;
    struct voice voice;
    struct stats_voice stat;
    struct flying flight[FLIGHT];
    usec (*voice_way)(struct stage *s, uint32_t i); /* of packet i, when it arrives; NEVER: lost */
    usec (*film_way)(struct stage *s, uint32_t i);  /* NULL: there is no film */
    int16_t (*source)(size_t t);
    unsigned loss; /* per cent */
    uint32_t sent, frames;
    uint16_t seq;
    int16_t *heard;
    size_t n;
    int32_t skew;     /* of the last picture, ms: voice behind it */
    usec apart_since; /* more than 80 ms; 0: not */
    usec apart;       /* in all */
    int32_t skew_most;
    usec film_held; /* of the last picture, since its capture */
    usec shown_at;
    usec stood; /* longest time that a picture stood */
};

/* SPEECH=FILE: instead of what is made up here, a real recording (16 bit, 48 kHz, one channel). */
static int16_t *recording;
static size_t recorded;

static int read_recording(void **unused)
{
    (void)unused;
    const char *const name = getenv("SPEECH");
    FILE *const f = name ? fopen(name, "rb") : NULL;
    if (!name)
        return 0;
    recording = calloc(RECORDING_MOST, sizeof recording[0]);
    recorded = f && recording ? fread(recording, sizeof recording[0], RECORDING_MOST, f) : 0;
    if (f)
        (void)fclose(f);
    return recorded ? 0 : -1;
}

static int forget_recording(void **unused)
{
    (void)unused;
    free(recording);
    return 0;
}

/* Talks without a pause, so that there is nothing easy to leave out. */
static int16_t talk(size_t t)
{
    if (recorded)
        return recording[t % recorded];
    const double s = (double)(t % (2 * RATE)) / RATE;
    const double phase = TAU * (140 * s + 4 * sin(TAU * 0.5 * s));
    double v = 0;
    for (int h = 1; h <= 12; h++)
        v += sin(h * phase + h * h) / (1 + fabs(h - 4.0));
    return (int16_t)(3500 * (0.6 + 0.4 * sin(TAU * 3 * s)) * v);
}

/* Two seconds of words, one of silence. */
static int16_t talk_and_breathe(size_t t)
{
    return t % (3 * RATE) < 2 * RATE ? talk(t) : 0;
}

static usec even(struct stage *s, uint32_t i)
{
    (void)i;
    return s->now + WAY;
}

static struct stage *stage_new(const struct opusenc_conf *c)
{
    struct stage *const s = calloc(1, sizeof(*s));
    s->heard = calloc(HEARD_MOST, sizeof(s->heard[0]));
    s->pool = pkt_pool_new(2500);
    assert_int_equal(rng_init(&s->rng, (const uint8_t[32]){7}), OK);
    s->conf = *c;
    s->sound = (struct nego_media){.audio = true, .pt = 111};
    s->film = (struct nego_media){.pt = 96};
    s->sound.ext.id[RTP_EXT_ABS_CAPTURE] = s->film.ext.id[RTP_EXT_ABS_CAPTURE] = 4;
    assert_int_equal(recvtrack_init(&s->voice_in, &s->sound), OK);
    assert_int_equal(recvtrack_init(&s->film_in, &s->film), OK);
    assert_int_equal(voice_init(&s->voice, &s->stat), OK);
    s->voice_way = even;
    s->source = talk;
    s->now = USEC_SEC;
    return s;
}

static struct stage *stage(void)
{
    const struct opusenc_conf c = {.channels = 1, .bps = 32000};
    return stage_new(&c);
}

static void stage_free(struct stage *s)
{
    for (size_t i = 0; i < FLIGHT; i++)
        pkt_unref(&s->flight[i].p);
    voice_fini(&s->voice);
    recvtrack_fini(&s->voice_in);
    recvtrack_fini(&s->film_in);
    rng_fini(&s->rng);
    assert_int_equal(pkt_pool_in_use(s->pool), 0);
    pkt_pool_free(&s->pool);
    free(s->heard);
    free(s);
}

static void fly(struct stage *s, usec at, bool picture, struct pkt *p)
{
    size_t i = 0;
    while (i < FLIGHT && s->flight[i].p)
        i++;
    assert_true(i < FLIGHT);
    s->flight[i] = (struct flying){.at = at, .picture = picture, .p = p};
}

static void post(struct stage *s, usec at, bool picture, const struct rtp_head *h,
                 const uint8_t *payload, size_t len)
{
    uint8_t ntp[8];
    const struct rtp_ext_values v = {.abs_capture = ntp, .abs_capture_len = 8};
    struct pkt *p = pkt_get(s->pool);
    assert_non_null(p);
    put_be64(ntp, ntp_of_unix_us(WALL + s->now));
    p->len = (uint16_t)rtp_write(p->data, PKT_CAP, h, picture ? &s->film.ext : &s->sound.ext, &v);
    memcpy(p->data + p->len, payload, len);
    p->len = (uint16_t)(p->len + len);
    assert_true(rtp_describe(p));
    fly(s, at, picture, p);
}

static bool is_same(const struct opusenc_conf *a, const struct opusenc_conf *b)
{
    return a->bps == b->bps && a->loss == b->loss && a->fec == b->fec && a->dtx == b->dtx;
}

static const struct said *said(const struct stage *s)
{
    static struct said all;
    struct opusenc *e = NULL;
    if (all.n && all.source == s->source && is_same(&all.conf, &s->conf))
        return &all;
    all.conf = s->conf;
    all.source = s->source;
    all.n = recorded ? SAID_MOST : SAID;
    assert_int_equal(opusenc_new(&e, &s->conf), OK);
    for (size_t i = 0; i < all.n; i++) {
        int16_t pcm[960];
        for (size_t k = 0; k < 960; k++)
            pcm[k] = s->source(i * 960 + k);
        assert_int_equal(
            opusenc_encode(e, pcm, 960, all.packet[i], sizeof all.packet[i], &all.len[i]), OK);
    }
    opusenc_free(&e);
    return &all;
}

static void say(struct stage *s)
{
    const struct said *const all = said(s);
    const uint32_t i = s->sent++;
    const size_t len = all->len[i % all->n];
    if (!len)
        return; /* DTX: no packet, no number */
    const struct rtp_head h = {.ssrc = 1, .pt = 111, .seq = s->seq++, .ts = 5000 + i * 960};
    const usec at = s->voice_way(s, i);
    if (at != NEVER && rng_below(&s->rng, 100) >= s->loss)
        post(s, at, false, &h, all->packet[i % all->n], len);
}

static void film(struct stage *s)
{
    const struct vp8_desc desc = {0};
    const uint8_t frame[40] = {0x10, 2, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0};
    uint8_t payload[100];
    struct vp8cut cut;
    bool marker;
    const uint32_t i = s->frames++;
    assert_true(vp8cut_init(&cut, frame, sizeof frame, &desc, sizeof payload));
    const size_t len = vp8cut_next(&cut, payload, &marker);
    const struct rtp_head h = {
        .ssrc = 2, .pt = 96, .seq = (uint16_t)(i + 9), .ts = 70000 + i * 3600, .marker = marker};
    post(s, s->film_way(s, i), true, &h, payload, len);
}

static void deliver(struct stage *s)
{
    for (size_t i = 0; i < FLIGHT; i++) {
        struct flying *const f = &s->flight[i];
        if (!f->p || f->at > s->now)
            continue;
        recvtrack_input(f->picture ? &s->film_in : &s->voice_in, s->now, f->p, false);
        pkt_unref(&f->p);
    }
}

/* As play.c does it. */
static void keep_together(struct stage *s)
{
    struct lipsync_line voice = {.need = s->voice_in.jitter.own};
    struct lipsync_line picture = {.need = s->film_in.jitter.own};
    if (!recvtrack_least(&s->voice_in, &voice.least) ||
        !recvtrack_least(&s->film_in, &picture.least))
        return;
    const usec held = voice_held(&s->voice, &s->voice_in, s->now);
    const struct lipsync at_least = lipsync(&voice, held, &picture);
    jitter_floor(&s->voice_in.jitter, at_least.voice);
    jitter_floor(&s->film_in.jitter, at_least.picture);
}

static void look(struct stage *s)
{
    struct recvtrack_item it;
    while (recvtrack_pull(&s->film_in, s->now, &it)) {
        s->film_held = WALL + s->now - it.wall_us;
        s->stood = usec_max(s->stood, s->shown_at ? s->now - s->shown_at : 0);
        s->shown_at = s->now;
        s->skew = (int32_t)((s->stat.delay - s->film_held) / USEC_MS);
        if (s->apart_since)
            s->apart += s->now - s->apart_since;
        s->apart_since = abs(s->skew) > STATS_SKEW_MOST ? s->now : 0;
        s->skew_most = abs(s->skew) > s->skew_most ? abs(s->skew) : s->skew_most;
    }
}

static void listen(struct stage *s)
{
    int32_t mix[VOICE_STEP] = {0};
    voice_mix(&s->voice, &s->voice_in, s->now, WALL + s->now, mix);
    if (s->n + VOICE_STEP <= HEARD_MOST)
        voice_limit(mix, s->heard + s->n);
    s->n += VOICE_STEP;
}

static void step(struct stage *s)
{
    s->now += USEC_MS;
    deliver(s);
    if (s->now % (20 * USEC_MS) == 0)
        say(s);
    if (s->film_way && s->now % (40 * USEC_MS) == 0)
        film(s);
    if (s->now % (20 * USEC_MS) == 7 * USEC_MS)
        listen(s);
    if (s->film_way)
        keep_together(s);
    look(s);
}

static void run(struct stage *s, usec time)
{
    for (const usec end = s->now + time; s->now < end;)
        step(s);
}

/* Until the voice is where it should be, within 35 ms; returns how long that took. */
static usec until_on_time(struct stage *s)
{
    const usec from = s->now;
    do
        run(s, 20 * USEC_MS);
    while (llabs(s->voice.lag) > 35 * USEC_MS && s->now < from + 60 * USEC_SEC);
    return s->now - from;
}

static int steepest(const int16_t *pcm, size_t n)
{
    int most = 0;
    for (size_t i = 1; i < n; i++)
        most = abs(pcm[i] - pcm[i - 1]) > most ? abs(pcm[i] - pcm[i - 1]) : most;
    return most;
}

/* Of what it says itself. */
static int steepest_yet(const struct stage *s)
{
    return recorded ? steepest(recording, recorded) : steepest(s->heard, s->n);
}

static void an_even_way_is_heard_as_it_was_said(void **unused)
{
    (void)unused;
    struct stage *const s = stage();
    run(s, 10 * USEC_SEC);
    assert_int_equal(s->stat.concealed + s->stat.repeated + s->stat.left_out + s->stat.late, 0);
    assert_in_range(s->stat.delay, WAY + 20 * USEC_MS, WAY + 40 * USEC_MS);
    assert_true(s->stat.silence < USEC_MS);
    stage_free(s);
}

#define BURST_AT (41 * USEC_SEC)
#define BURST (400 * USEC_MS)

/* Nothing comes for 400 ms, and then all of it. */
static usec burst(struct stage *s, uint32_t i)
{
    const usec at = even(s, i);
    return at >= BURST_AT && at < BURST_AT + BURST ? BURST_AT + BURST : at;
}

/* Returns how long after a burst the voice was late. */
static usec after_a_burst(int16_t (*source)(size_t))
{
    struct stage *const s = stage();
    s->voice_way = burst;
    s->source = source;
    run(s, BURST_AT - s->now);
    const usec before = s->stat.delay;
    const int own = steepest_yet(s);
    run(s, BURST + 25 * USEC_MS);
    const struct stats_voice then = s->stat;
    const size_t from = s->n;
    assert_true(s->voice.lag > 300 * USEC_MS);
    const usec took = until_on_time(s);
    assert_true(steepest(s->heard + from, s->n - from) <= own + own / 10);
    run(s, 20 * USEC_SEC);
    assert_true(then.concealed > 0); /* during the burst there was nothing to be heard */
    assert_int_equal(s->stat.concealed, then.concealed); /* after it there was */
    assert_int_equal(s->stat.skipped, 0);
    assert_in_range(s->stat.left_out, 300 * 48, 420 * 48);
    assert_true(s->stat.delay - before < STEADY * USEC_MS);
    stage_free(s);
    return took;
}

static void a_burst_is_caught_up_with_without_leaving_out_a_word(void **unused)
{
    (void)unused;
    const usec talking = after_a_burst(talk);
    const usec breathing = after_a_burst(talk_and_breathe);
    print_message("# after 400 ms: %lld ms without a pause, %lld ms with\n",
                  (long long)(talking / USEC_MS), (long long)(breathing / USEC_MS));
    assert_true(talking < 4 * USEC_SEC);
    assert_true(breathing < talking);
}

static void more_delay_is_spoken_more_slowly(void **unused)
{
    (void)unused;
    struct stage *const s = stage();
    run(s, 5 * USEC_SEC);
    const int own = steepest_yet(s);
    const size_t from = s->n;
    jitter_floor(&s->voice_in.jitter, 320 * USEC_MS);
    const usec grown = until_on_time(s);
    run(s, 5 * USEC_SEC);
    assert_in_range(s->stat.delay, WAY + 300 * USEC_MS, WAY + 360 * USEC_MS);
    jitter_floor(&s->voice_in.jitter, 0);
    const usec shrunk = until_on_time(s);
    run(s, 5 * USEC_SEC);
    assert_true(s->stat.delay < WAY + 60 * USEC_MS);
    print_message("# 300 ms more took %lld ms, 300 ms less %lld ms\n", (long long)(grown / USEC_MS),
                  (long long)(shrunk / USEC_MS));
    assert_true(grown < 3 * USEC_SEC && shrunk < 3 * USEC_SEC);
    assert_true(steepest(s->heard + from, s->n - from) <= own + own / 10);
    assert_true(s->stat.concealed <= 2 * 960); /* what had not come yet when it was to be slower */
    assert_in_range(s->stat.repeated + s->stat.concealed, 250 * 48, 340 * 48);
    assert_in_range(s->stat.left_out, 250 * 48, 340 * 48);
    assert_true(s->stat.silence <= 45 * USEC_MS);
    stage_free(s);
}

/* All that comes waits for two seconds, as in a queue of TCP. */
static usec dammed(struct stage *s, uint32_t i)
{
    const usec at = even(s, i);
    return at >= BURST_AT && at < BURST_AT + 2 * USEC_SEC ? BURST_AT + 2 * USEC_SEC : at;
}

static void seconds_are_not_caught_up_with_but_skipped(void **unused)
{
    (void)unused;
    struct stage *const s = stage();
    s->voice_way = dammed;
    run(s, BURST_AT - s->now + 4 * USEC_SEC);
    assert_true(s->stat.skipped > RATE);
    run(s, 20 * USEC_SEC);
    assert_true(s->stat.delay < WAY + (20 + STEADY) * USEC_MS);
    stage_free(s);
}

static void a_pause_is_no_loss_and_sets_the_delay_right(void **unused)
{
    (void)unused;
    const struct opusenc_conf c = {.channels = 1, .bps = 32000, .dtx = true};
    struct stage *const s = stage_new(&c);
    s->source = talk_and_breathe;
    run(s, 5 * USEC_SEC);
    jitter_floor(&s->voice_in.jitter, 200 * USEC_MS);
    run(s, 3 * USEC_SEC); /* with a pause in it */
    assert_in_range(s->stat.delay, WAY + 190 * USEC_MS, WAY + 240 * USEC_MS);
    jitter_floor(&s->voice_in.jitter, 0);
    run(s, 12 * USEC_SEC);
    assert_true(s->seq < s->sent * 8 / 10); /* much was not sent */
    assert_int_equal(s->stat.concealed, 0);
    assert_int_equal(s->stat.skipped, 0);
    assert_true(s->stat.silence < 100 * USEC_MS);
    assert_true(s->stat.delay < WAY + (20 + STEADY) * USEC_MS);
    stage_free(s);
}

/* A room is never quite silent. */
static int16_t talk_in_a_room(size_t t)
{
    static uint32_t seed = 1;
    seed = seed * 1103515245 + 12345;
    return (int16_t)(talk_and_breathe(t) + (int)(seed >> 16 & 31) - 16);
}

static void a_pause_keeps_its_noise(void **unused)
{
    (void)unused;
    const struct opusenc_conf c = {.channels = 1, .bps = 24000, .dtx = true};
    struct stage *const s = stage_new(&c);
    s->source = talk_in_a_room;
    run(s, 20 * USEC_SEC);
    assert_true(s->seq < s->sent * 9 / 10);
    size_t still = 0;
    size_t longest = 0;
    for (size_t i = RATE; i < s->n; i++) {
        still = s->heard[i] ? 0 : still + 1;
        longest = still > longest ? still : longest;
    }
    assert_true(longest < RATE / 20);
    assert_int_equal(s->stat.concealed, 0);
    stage_free(s);
}

/* The way is cut for three seconds. */
static usec cut(struct stage *s, uint32_t i)
{
    const usec at = even(s, i);
    return at >= BURST_AT && at < BURST_AT + 3 * USEC_SEC ? NEVER : at;
}

static void an_outage_is_no_pause(void **unused)
{
    (void)unused;
    struct stage *const s = stage();
    s->voice_way = cut;
    run(s, BURST_AT - s->now + 4 * USEC_SEC);
    assert_in_range(s->stat.silence, 2900 * USEC_MS, 3100 * USEC_MS);
    assert_true(s->stat.concealed > 0);
    assert_true(s->stat.delay < WAY + (20 + STEADY) * USEC_MS); /* with the first packets */
    stage_free(s);
}

#define FILM_SLOW_AT (11 * USEC_SEC)
#define FILM_QUICK_AT (31 * USEC_SEC)

/* 400 ms more, for twenty seconds. */
static usec slow_film(struct stage *s, uint32_t i)
{
    const bool slow = s->now >= FILM_SLOW_AT && s->now < FILM_QUICK_AT;
    return even(s, i) + (slow ? 400 * USEC_MS : 0);
}

/* One frame in eight 400 ms later, as by repairs. */
static usec repaired_film(struct stage *s, uint32_t i)
{
    const bool slow = s->now >= FILM_SLOW_AT && s->now < FILM_QUICK_AT;
    return even(s, i) + (slow && i % 8 == 3 ? 400 * USEC_MS : 0);
}

static void together(usec (*way)(struct stage *, uint32_t), int16_t (*source)(size_t),
                     const char *what, usec most)
{
    struct stage *const s = stage();
    s->film_way = way;
    s->source = source;
    run(s, FILM_SLOW_AT - s->now);
    assert_true(s->skew_most <= 30);
    run(s, 8 * USEC_SEC);
    const usec growing = s->apart;
    assert_true(s->film_held > 400 * USEC_MS);
    assert_true(abs(s->skew) <= 40);
    const int32_t worst = s->skew_most;
    s->skew_most = 0;
    run(s, FILM_QUICK_AT - s->now);
    assert_true(s->skew_most <= 50);
    s->skew_most = 0;
    run(s, 60 * USEC_SEC);
    print_message(
        "# %s: apart for %lld ms while the delay grew, at most %d ms; at most %d ms while "
        "it shrank, to %lld ms; invented %llu ms\n",
        what, (long long)(growing / USEC_MS), (int)worst, (int)s->skew_most,
        (long long)(s->film_held / USEC_MS), (unsigned long long)s->stat.concealed / 48);
    assert_true(growing <= most);
    assert_true(s->skew_most <= STATS_SKEW_MOST);
    assert_true(s->film_held < WAY + 80 * USEC_MS);
    assert_true(s->stat.concealed <= 2 * 960);
    stage_free(s);
}

static void voice_and_picture_stay_together(void **unused)
{
    (void)unused;
    together(repaired_film, talk_and_breathe, "repairs, with pauses", 3 * USEC_SEC);
    together(slow_film, talk, "all later, without a pause", 3 * USEC_SEC);
}

static void a_burst_for_both_leaves_them_together(void **unused)
{
    (void)unused;
    struct stage *const s = stage();
    s->film_way = s->voice_way = burst;
    run(s, BURST_AT - s->now + 10 * USEC_SEC);
    print_message("# 400 ms for both: at most %d ms apart, a picture stood for %lld ms\n",
                  (int)s->skew_most, (long long)(s->stood / USEC_MS));
    assert_true(s->skew_most <= STATS_SKEW_MOST);
    assert_true(s->stood < BURST + 60 * USEC_MS);
    assert_true(s->film_held < WAY + 80 * USEC_MS);
    stage_free(s);
}

/* Mean over the pieces of 20 ms that are loud, each between -10 and 35 dB. */
static double segmental_snr(const int16_t *want, const int16_t *got, size_t n)
{
    double sum = 0;
    unsigned pieces = 0;
    for (size_t at = 0; at + 960 <= n; at += 960) {
        double signal = 1;
        double noise = 1;
        for (size_t i = at; i < at + 960; i++) {
            signal += (double)want[i] * want[i];
            noise += ((double)want[i] - got[i]) * ((double)want[i] - got[i]);
        }
        if (signal < 960.0 * 300 * 300)
            continue;
        sum += fmin(35, fmax(-10, 10 * log10(signal / noise)));
        pieces++;
    }
    return sum / pieces;
}

/* Half a minute with such a loss, neither RED nor NACK; returns the segmental SNR against the same
 * voice without losses. */
static double lossy(unsigned loss, bool fec, struct stats_voice *stat)
{
    const struct opusenc_conf c = {.channels = 1, .bps = 28000, .loss = 10, .fec = fec};
    struct stage *const whole = stage_new(&c);
    struct stage *const s = stage_new(&c);
    s->loss = loss;
    /* Room for the packet after, so that nothing is stretched and the two can be compared. */
    run(s, 20 * USEC_MS + WAY);
    run(whole, 20 * USEC_MS + WAY);
    jitter_floor(&s->voice_in.jitter, 60 * USEC_MS);
    jitter_floor(&whole->voice_in.jitter, 60 * USEC_MS);
    for (unsigned i = 0; i < 30; i++) {
        run(whole, USEC_SEC);
        run(s, USEC_SEC);
    }
    *stat = s->stat;
    assert_int_equal(s->stat.left_out + s->stat.repeated, 0);
    const double snr = segmental_snr(whole->heard, s->heard, whole->n);
    stage_free(whole);
    stage_free(s);
    return snr;
}

static void in_band_fec_gives_back_what_is_lost(void **unused)
{
    (void)unused;
    struct stats_voice with;
    struct stats_voice without;
    const double recovered = lossy(10, true, &with);
    const double concealed = lossy(10, false, &without);
    const double lost = (double)(with.recovered + with.concealed);
    print_message("# 10 %% lost: FEC gives back %.0f %% of it, %.1f dB; concealed %.1f dB\n",
                  100 * (double)with.recovered / lost, recovered, concealed);
    assert_int_equal(without.recovered, 0);
    assert_true(without.concealed > 0.08 * (double)without.samples);
    assert_true((double)with.recovered > 0.6 * lost); /* soft ones have no copy, nor first of two */
    assert_true(recovered > concealed + 1);
}

static void a_new_connection_begins_anew(void **unused)
{
    (void)unused;
    struct stage *const s = stage();
    run(s, 3 * USEC_SEC);
    voice_restart(&s->voice);
    assert_false(s->voice.playing);
    int32_t mix[VOICE_STEP] = {0};
    voice_mix(&s->voice, NULL, s->now, WALL + s->now, mix);
    for (size_t i = 0; i < VOICE_STEP; i++)
        assert_int_equal(mix[i], 0);
    run(s, 3 * USEC_SEC);
    assert_true(s->voice.playing);
    assert_in_range(s->stat.delay, WAY + 20 * USEC_MS, WAY + 40 * USEC_MS);
    stage_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_way_is_heard_as_it_was_said),
        cmocka_unit_test(a_burst_is_caught_up_with_without_leaving_out_a_word),
        cmocka_unit_test(more_delay_is_spoken_more_slowly),
        cmocka_unit_test(seconds_are_not_caught_up_with_but_skipped),
        cmocka_unit_test(a_pause_is_no_loss_and_sets_the_delay_right),
        cmocka_unit_test(a_pause_keeps_its_noise),
        cmocka_unit_test(an_outage_is_no_pause),
        cmocka_unit_test(voice_and_picture_stay_together),
        cmocka_unit_test(a_burst_for_both_leaves_them_together),
        cmocka_unit_test(in_band_fec_gives_back_what_is_lost),
        cmocka_unit_test(a_new_connection_begins_anew),
    };
    return cmocka_run_group_tests(tests, read_recording, forget_recording);
}
