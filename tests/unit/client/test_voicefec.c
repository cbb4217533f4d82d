/* test_voicefec.c - a voice protects itself as long as its hearers lack something of it. */
#include "client/voicefec.h"
#include "codecs/opus_enc.h"
#include "engine/wire/opus.h"
#include "tests/unit/test.h"

#include <math.h>

#define RATE 48000
#define TAU 6.283185307179586

static void who_lacks_nothing_pays_nothing(void **unused)
{
    (void)unused;
    struct voicefec f = {0};
    for (usec t = 0; t < 60; t++)
        assert_int_equal(voicefec_follow(&f, t * USEC_SEC, 0.015), 0);
}

static void more_comes_at_once_and_leaves_later(void **unused)
{
    (void)unused;
    struct voicefec f = {0};
    assert_int_equal(voicefec_follow(&f, 0, 0.03), 10);
    assert_int_equal(voicefec_follow(&f, USEC_SEC, 0.2), 15);
    assert_int_equal(voicefec_follow(&f, 2 * USEC_SEC, 0.06), 15);
    for (usec t = 3; t < 12; t++)
        assert_int_equal(voicefec_follow(&f, t * USEC_SEC, 0.03), 15);
    assert_int_equal(voicefec_follow(&f, 12 * USEC_SEC, 0.015), 10);
    for (usec t = 13; t < 22; t++)
        assert_int_equal(voicefec_follow(&f, t * USEC_SEC, 0), 10);
    assert_int_equal(voicefec_follow(&f, 22 * USEC_SEC, 0), 0);
}

static int16_t talk(size_t t)
{
    const double s = (double)(t % (2 * RATE)) / RATE;
    const double phase = TAU * (140 * s + 4 * sin(TAU * 0.5 * s));
    double v = 0;
    for (int h = 1; h <= 12; h++)
        v += sin(h * phase + h * h) / (1 + fabs(h - 4.0));
    return (int16_t)(3500 * (0.6 + 0.4 * sin(TAU * 3 * s)) * v);
}

/* Ten seconds: bytes, and the share of packets with a copy of the one before. */
static size_t coded(uint32_t bps, size_t samples, unsigned loss, double *copies)
{
    static int16_t pcm[10 * RATE];
    const struct opusenc_conf c = {.channels = 1, .bps = bps, .loss = loss, .fec = true};
    struct opusenc *e = NULL;
    size_t bytes = 0;
    unsigned packets = 0;
    unsigned with = 0;
    assert_int_equal(opusenc_new(&e, &c), OK);
    for (size_t t = 0; t < ARRAY_LEN(pcm) && !pcm[ARRAY_LEN(pcm) - 1]; t++)
        pcm[t] = talk(t);
    for (size_t at = 0; at + samples <= ARRAY_LEN(pcm); at += samples) {
        uint8_t out[OPUSENC_PACKET_MAX];
        size_t len;
        struct opustoc toc;
        assert_int_equal(opusenc_encode(e, pcm + at, samples, out, sizeof out, &len), OK);
        assert_true(opustoc_parse(out, len, &toc));
        bytes += len;
        packets++;
        with += toc.fec && toc.frame_samples == samples; /* the copy is of all of it */
    }
    opusenc_free(&e);
    *copies = (double)with / packets;
    return bytes;
}

/* The rates of share_rungs, and 4 kbit/s more with copies as in feed.c. */
static void each_form_of_the_voice_has_copies_when_they_are_wanted(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t bps;
        size_t samples;
    } form[] = {{14000, 2880}, {20000, 1920}, {24000, 960}};
    for (size_t i = 0; i < ARRAY_LEN(form); i++) {
        double copies;
        const size_t bare = coded(form[i].bps, form[i].samples, 0, &copies);
        assert_true(copies == 0);
        for (unsigned percent = 10; percent <= 15; percent += 5) {
            const size_t safe = coded(form[i].bps + 4000, form[i].samples, percent, &copies);
            print_message(
                "# %u bit/s, packets of %zu: %zu bytes; %u %%: %zu, %.0f %% with copies\n",
                form[i].bps, form[i].samples, bare, percent, safe, 100 * copies);
            assert_true(copies > 0.6); /* what is soft has none */
            assert_true(safe * 8 / 10 < form[i].bps + 4000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_lacks_nothing_pays_nothing),
        cmocka_unit_test(more_comes_at_once_and_leaves_later),
        cmocka_unit_test(each_form_of_the_voice_has_copies_when_they_are_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
