/* test_opus.c - voice and music there and back, loss recovered and concealed, settings that change.
 */
#include "codecs/opus_dec.h"
#include "codecs/opus_enc.h"
#include "engine/wire/opus.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000
#define FRAME 960 /* 20 ms */
#define SECOND 50 /* frames */
#define TAU 6.283185307179586

/* Something with a pitch that glides, a few harmonics and syllables, so that the codec takes it
 * for speech. Sample t at 48 kHz. */
static int16_t voice_at(size_t t)
{
    const double s = (double)t / RATE;
    const double phase = TAU * (140 * s + 4 * sin(TAU * 0.7 * s));
    double v = 0;
    for (int h = 1; h <= 20; h++)
        v += sin(h * phase + h * h) / (1 + fabs(h - 4.0));
    const double syllable = 0.55 + 0.45 * sin(TAU * 3.1 * s);
    return (int16_t)(3500 * syllable * v);
}

static int16_t table[2][2 * RATE]; /* sines are slow */

static int16_t voice(size_t t)
{
    return table[0][t % (2 * RATE)];
}

static int16_t chord_at(size_t t)
{
    const double s = (double)t / RATE;
    return (int16_t)(4000 * (sin(TAU * 440 * s) + sin(TAU * 1320 * s) + sin(TAU * 15000 * s)));
}

static int16_t chord(size_t t)
{
    return table[1][t % (2 * RATE)];
}

static int tune(void **unused)
{
    (void)unused;
    for (size_t t = 0; t < 2 * RATE; t++) {
        table[0][t] = voice_at(t);
        table[1][t] = chord_at(t);
    }
    return 0;
}

static void fill(int16_t *pcm, size_t at, size_t samples, unsigned channels,
                 int16_t (*source)(size_t))
{
    for (size_t i = 0; i < samples; i++) {
        for (unsigned c = 0; c < channels; c++)
            pcm[i * channels + c] = (int16_t)(source(at + i) / (int)(c + 1));
    }
}

static double snr(const int16_t *want, const int16_t *got, size_t n)
{
    double signal = 0;
    double noise = 0;
    for (size_t i = 0; i < n; i++) {
        signal += (double)want[i] * want[i];
        noise += ((double)want[i] - got[i]) * ((double)want[i] - got[i]);
    }
    return 10 * log10(signal / (noise + 1));
}

/* The codec delays by some milliseconds; the best of all shifts is the honest one. */
static double best_snr(const int16_t *want, const int16_t *got, size_t n, unsigned channels)
{
    double best = -100;
    for (size_t shift = 0; shift < 500; shift++)
        best = fmax(best, snr(want, got + shift * channels, n));
    return best;
}

static double power_at(const int16_t *pcm, size_t n, double hz)
{
    double re = 0;
    double im = 0;
    for (size_t i = 0; i < n; i++) {
        re += pcm[i] * cos(TAU * hz * (double)i / RATE);
        im += pcm[i] * sin(TAU * hz * (double)i / RATE);
    }
    return 2 * sqrt(re * re + im * im) / (double)n; /* amplitude */
}

static struct opusenc *encoder(struct opusenc_conf conf)
{
    struct opusenc *e = NULL;
    assert_int_equal(opusenc_new(&e, &conf), OK);
    return e;
}

static struct opusdec *decoder(unsigned channels)
{
    struct opusdec *d = NULL;
    assert_int_equal(opusdec_new(&d, channels), OK);
    return d;
}

/* Encodes and decodes half a second in packets of `samples` and gives the SNR of a part of it. */
static double round_trip(struct opusenc_conf conf, size_t samples, int16_t (*source)(size_t))
{
    static int16_t in[RATE * 2];
    static int16_t out[RATE * 2];
    struct opusenc *e = encoder(conf);
    struct opusdec *d = decoder(conf.channels);
    fill(in, 0, RATE, conf.channels, source);
    size_t at = 0;
    for (; at + samples <= RATE / 2; at += samples) {
        uint8_t packet[OPUSENC_PACKET_MAX];
        size_t len = 0;
        size_t n = 0;
        assert_int_equal(
            opusenc_encode(e, in + at * conf.channels, samples, packet, sizeof(packet), &len), OK);
        struct opustoc toc;
        assert_true(opustoc_parse(packet, len, &toc));
        assert_int_equal(toc.samples, samples);
        assert_int_equal(
            opusdec_packet(d, packet, len, out + at * conf.channels, OPUSDEC_SAMPLES_MAX, &n), OK);
        assert_int_equal(n, samples);
    }
    assert_int_equal(opusdec_stat(d).decoded, at);
    opusenc_free(&e);
    opusdec_free(&d);
    return best_snr(in + 9600 * conf.channels, out + 9600 * conf.channels, 9600 * conf.channels,
                    conf.channels);
}

static void sound_comes_back_in_every_packet_length(void **unused)
{
    (void)unused;
    const size_t lengths[] = {480, 960, 1920, 2880};
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        for (unsigned channels = 1; channels <= 2; channels++) {
            const struct opusenc_conf speech = {.channels = channels, .bps = 48000 * channels};
            assert_true(round_trip(speech, lengths[i], voice) > 8);
            const struct opusenc_conf music = {
                .channels = channels, .bps = 96000 * channels, .music = true};
            assert_true(round_trip(music, lengths[i], chord) > 20);
        }
    }
}

static void music_keeps_what_is_high(void **unused)
{
    (void)unused;
    static int16_t out[RATE + OPUSDEC_SAMPLES_MAX];
    double heard[2];
    for (int music = 0; music <= 1; music++) {
        struct opusenc *e = encoder(
            (struct opusenc_conf){.channels = 1, .bps = music ? 64000 : 10000, .music = music});
        struct opusdec *d = decoder(1);
        for (size_t at = 0; at < RATE; at += FRAME) {
            int16_t pcm[FRAME];
            uint8_t packet[OPUSENC_PACKET_MAX];
            size_t len;
            size_t n;
            fill(pcm, at, FRAME, 1, chord);
            assert_int_equal(opusenc_encode(e, pcm, FRAME, packet, sizeof(packet), &len), OK);
            assert_int_equal(opusdec_packet(d, packet, len, out + at, FRAME, &n), OK);
        }
        heard[music] = power_at(out + RATE / 2, RATE / 4, 15000);
        opusenc_free(&e);
        opusdec_free(&d);
    }
    assert_true(heard[1] > 3000); /* of 4000 */
    assert_true(heard[0] < 400);
}

/* Kilobits of one second of voice from `at` on. */
static double second_of(struct opusenc *e, size_t at)
{
    size_t bytes = 0;
    for (size_t i = 0; i < SECOND; i++) {
        int16_t pcm[FRAME];
        uint8_t packet[OPUSENC_PACKET_MAX];
        size_t len;
        fill(pcm, at + i * FRAME, FRAME, 1, voice);
        assert_int_equal(opusenc_encode(e, pcm, FRAME, packet, sizeof(packet), &len), OK);
        bytes += len;
    }
    return (double)bytes * 8 / 1000;
}

static void a_new_rate_is_kept_from_the_next_second_on(void **unused)
{
    (void)unused;
    struct opusenc *e = encoder((struct opusenc_conf){.channels = 1, .bps = 64000});
    const uint32_t rates[] = {64000, 16000, 96000, 12000, 32000};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        assert_int_equal(opusenc_set_rate(e, rates[i]), OK);
        const double kbps = second_of(e, i * RATE);
        assert_true(kbps < rates[i] / 1000.0 * 1.1);
        assert_true(kbps > rates[i] / 1000.0 * 0.7);
    }
    assert_int_equal(opusenc_set_rate(e, 5000), E_FORMAT);
    opusenc_free(&e);
}

static void silence_costs_nothing_with_dtx(void **unused)
{
    (void)unused;
    struct opusenc *e = encoder((struct opusenc_conf){.channels = 1, .bps = 32000, .dtx = true});
    const int16_t quiet[FRAME] = {0};
    size_t sent = 0;
    for (size_t i = 0; i < 2 * SECOND; i++) {
        uint8_t packet[OPUSENC_PACKET_MAX];
        size_t len = 0;
        assert_int_equal(opusenc_encode(e, quiet, FRAME, packet, sizeof(packet), &len), OK);
        sent += len > 0;
    }
    assert_in_range(sent, 1, 2 * SECOND / 3);

    opusenc_set_dtx(e, false);
    for (size_t i = 0; i < SECOND; i++) {
        uint8_t packet[OPUSENC_PACKET_MAX];
        size_t len = 0;
        assert_int_equal(opusenc_encode(e, quiet, FRAME, packet, sizeof(packet), &len), OK);
        assert_true(len > 2);
    }
    opusenc_free(&e);
}

/* A second of voice with every tenth packet lost from the tenth on; what stands in for it is
 * compared with what the packet itself would have given. */
static double of_lost_packets(bool fec, size_t samples, struct opusdec_stat *stat)
{
    static int16_t whole[2 * RATE];
    static int16_t holed[2 * RATE];
    static uint8_t packet[200][OPUSENC_PACKET_MAX];
    static size_t len[200];
    struct opusenc *e =
        encoder((struct opusenc_conf){.channels = 1, .bps = 32000, .fec = true, .loss = 20});
    struct opusdec *a = decoder(1);
    struct opusdec *b = decoder(1);
    const size_t packets = 2 * RATE / samples;
    for (size_t i = 0; i < packets; i++) {
        int16_t pcm[2880];
        size_t n;
        fill(pcm, i * samples, samples, 1, voice);
        assert_int_equal(opusenc_encode(e, pcm, samples, packet[i], sizeof(packet[i]), &len[i]),
                         OK);
        assert_int_equal(opusdec_packet(a, packet[i], len[i], whole + i * samples, samples, &n),
                         OK);
    }
    double sum = 0;
    size_t lost = 0;
    for (size_t i = 0; i + 1 < packets; i++) {
        int16_t *const out = holed + i * samples;
        size_t n;
        if (i % 10 != 9) {
            assert_int_equal(opusdec_packet(b, packet[i], len[i], out, samples, &n), OK);
            continue;
        }
        if (fec)
            assert_int_equal(opusdec_recover(b, packet[i + 1], len[i + 1], samples, out), OK);
        else
            assert_int_equal(opusdec_conceal(b, samples, false, out), OK);
        sum += snr(whole + i * samples, out, samples);
        lost++;
    }
    *stat = opusdec_stat(b);
    assert_int_equal(stat->recovered + stat->concealed, lost * samples);
    opusenc_free(&e);
    opusdec_free(&a);
    opusdec_free(&b);
    return sum / (double)lost;
}

static void a_pause_ends_for_a_moment_each_400_ms(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {960, 1920, 2880};
    static int16_t pcm[2880];
    uint32_t seed = 1;
    for (size_t k = 0; k < 2 * ARRAY_LEN(lengths); k++) {
        const size_t samples = lengths[k / 2];
        const bool fec = k % 2;
        struct opusenc *e = encoder((struct opusenc_conf){
            .channels = 1, .bps = 24000, .dtx = true, .fec = fec, .loss = fec ? 10 : 0});
        size_t pause = 0;
        size_t longest = 0;
        for (size_t at = 0; at < 20 * RATE; at += samples) {
            uint8_t packet[OPUSENC_PACKET_MAX];
            size_t len = 0;
            for (size_t i = 0; i < samples; i++) {
                seed = seed * 1103515245 + 12345;
                const int hum = (int)(seed >> 16 & 31) - 16;
                pcm[i] = (int16_t)(hum + ((at + i) % (3 * RATE) < 2 * RATE ? voice(at + i) : 0));
            }
            assert_int_equal(opusenc_encode(e, pcm, samples, packet, sizeof packet, &len), OK);
            pause = len ? 0 : pause + samples;
            longest = pause > longest ? pause : longest;
        }
        assert_in_range(longest, RATE / 8, RATE * 46 / 100);
        opusenc_free(&e);
    }
}

static void fec_gives_a_lost_packet_back_better_than_concealment(void **unused)
{
    (void)unused;
    struct opusdec_stat plc;
    struct opusdec_stat fec;
    const double invented = of_lost_packets(false, 960, &plc);
    const double recovered = of_lost_packets(true, 960, &fec);
    assert_int_equal(plc.recovered, 0);
    assert_true(fec.recovered > 3 * fec.concealed); /* none is sent along with a quiet frame */

    assert_true(recovered > invented + 6);
    assert_true(of_lost_packets(true, 2880, &fec) > of_lost_packets(false, 2880, &plc) + 3);
    assert_true(fec.recovered > 0);
}

static void without_a_copy_recovery_is_concealment_and_counted_so(void **unused)
{
    (void)unused;
    struct opusenc *e = encoder((struct opusenc_conf){.channels = 1, .bps = 64000, .music = true});
    struct opusdec *d = decoder(1);
    int16_t pcm[OPUSDEC_SAMPLES_MAX];
    uint8_t packet[OPUSENC_PACKET_MAX];
    size_t len;
    size_t n;
    fill(pcm, 0, FRAME, 1, chord);
    assert_int_equal(opusenc_encode(e, pcm, FRAME, packet, sizeof(packet), &len), OK);
    assert_int_equal(opusdec_packet(d, packet, len, pcm, FRAME, &n), OK);
    assert_int_equal(opusdec_recover(d, packet, len, FRAME, pcm), OK);
    assert_int_equal(opusdec_conceal(d, 2 * FRAME, true, pcm), OK); /* a pause is no loss */
    const struct opusdec_stat s = opusdec_stat(d);
    assert_int_equal(s.decoded, FRAME);
    assert_int_equal(s.recovered, 0);
    assert_int_equal(s.concealed, FRAME);
    opusenc_free(&e);
    opusdec_free(&d);
}

static void the_mode_changes_while_running(void **unused)
{
    (void)unused;
    struct opusenc *e = encoder((struct opusenc_conf){.channels = 2, .bps = 40000});
    struct opusdec *d = decoder(2);
    for (size_t i = 0; i < 3 * SECOND; i++) {
        int16_t pcm[2 * FRAME];
        uint8_t packet[OPUSENC_PACKET_MAX];
        size_t len;
        size_t n;
        opusenc_set_music(e, i / 25 % 2);
        opusenc_set_fec(e, i % 2);
        assert_int_equal(opusenc_set_loss(e, (unsigned)i % 30), OK);
        fill(pcm, i * FRAME, FRAME, 2, voice);
        assert_int_equal(opusenc_encode(e, pcm, FRAME, packet, sizeof(packet), &len), OK);
        struct opustoc toc;
        assert_true(opustoc_parse(packet, len, &toc));
        if (i / 25 % 2)
            assert_int_equal(toc.fec, false);
        assert_int_equal(opusdec_packet(d, packet, len, pcm, FRAME, &n), OK);
    }
    opusenc_free(&e);
    opusdec_free(&d);
}

static void wrong_settings_and_packets_are_refused(void **unused)
{
    (void)unused;
    const struct opusenc_conf wrong[] = {
        {.channels = 0, .bps = 32000},
        {.channels = 3, .bps = 32000},
        {.channels = 1, .bps = 5999},
        {.channels = 1, .bps = 600000},
        {.channels = 1, .bps = 32000, .loss = 101},
    };
    struct opusenc *e = NULL;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(opusenc_new(&e, &wrong[i]), E_FORMAT);
    struct opusdec *d = NULL;
    assert_int_equal(opusdec_new(&d, 0), E_FORMAT);

    e = encoder((struct opusenc_conf){.channels = 1, .bps = 32000});
    d = decoder(1);
    int16_t pcm[OPUSDEC_SAMPLES_MAX] = {0};
    uint8_t packet[OPUSENC_PACKET_MAX];
    size_t len;
    size_t n;
    assert_int_equal(opusenc_encode(e, pcm, 961, packet, sizeof(packet), &len), E_FORMAT);
    assert_int_equal(opusenc_encode(e, pcm, 960, packet, 2, &len), E_LIMIT);
    assert_int_equal(opusdec_packet(d, "", 0, pcm, 960, &n), E_FORMAT);
    assert_int_equal(opusdec_packet(d, "\xfd\1\2\3", 4, pcm, 5760, &n), E_FORMAT);
    assert_int_equal(opusdec_packet(d, "\xfc\1\2\3", 4, pcm, 959, &n), E_LIMIT);
    assert_int_equal(opusdec_conceal(d, 100, false, pcm), E_FORMAT);
    assert_int_equal(opusdec_conceal(d, 5880, false, pcm), E_FORMAT);
    assert_int_equal(opusdec_recover(d, "", 0, 0, pcm), E_FORMAT);
    opusenc_free(&e);
    opusdec_free(&d);
    opusenc_free(&e); /* NULL by now */
    opusdec_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_comes_back_in_every_packet_length),
        cmocka_unit_test(music_keeps_what_is_high),
        cmocka_unit_test(a_new_rate_is_kept_from_the_next_second_on),
        cmocka_unit_test(silence_costs_nothing_with_dtx),
        cmocka_unit_test(a_pause_ends_for_a_moment_each_400_ms),
        cmocka_unit_test(fec_gives_a_lost_packet_back_better_than_concealment),
        cmocka_unit_test(without_a_copy_recovery_is_concealment_and_counted_so),
        cmocka_unit_test(the_mode_changes_while_running),
        cmocka_unit_test(wrong_settings_and_packets_are_refused),
    };
    return cmocka_run_group_tests(tests, tune, NULL);
}
