/* test_stretch.c - speech faster and slower: as fast as was asked, pitch kept, no clicks. */
#include "codecs/stretch.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE 48000
#define FRAME 960
#define SECONDS 4
#define LONGEST (SECONDS * RATE * 2 + 5000)
#define TAU 6.283185307179586

static int16_t in[SECONDS * RATE];
static int16_t out[LONGEST];

static void fill_sine(double hz)
{
    for (size_t t = 0; t < ARRAY_LEN(in); t++)
        in[t] = (int16_t)(8000 * sin(TAU * hz * (double)t / RATE));
}

/* A glottis that glides from 110 to 190 Hz and back in each second, through three formants, in
 * syllables. */
static void fill_voice(void)
{
    double phase = 0;
    for (size_t t = 0; t < ARRAY_LEN(in); t++) {
        const double s = (double)t / RATE;
        phase += TAU * (150 - 40 * cos(TAU * s)) / RATE;
        double v = 0;
        for (int h = 1; h <= 20; h++)
            v += sin(h * phase + h * h) / (1 + fabs(h - 4.0));
        in[t] = (int16_t)(3000 * (0.55 + 0.45 * sin(TAU * 3.1 * s)) * v);
    }
}

static size_t drain(struct stretch *s, size_t n)
{
    size_t got;
    while ((got = stretch_get(s, out + n, size_min(LONGEST - n, 1000))) > 0)
        n += got;
    return n;
}

/* All of `in` at this speed, the last second as it is; returns what came out. */
static size_t play(float speed)
{
    struct stretch *s = NULL;
    size_t n = 0;
    assert_int_equal(stretch_new(&s), OK);
    for (size_t at = 0; at + FRAME <= ARRAY_LEN(in); at += FRAME) {
        const float now = at < (SECONDS - 1) * RATE ? speed : 1;
        assert_int_equal(stretch_put(s, now, in + at, FRAME), OK);
        assert_true(stretch_held(s) <= STRETCH_HELD_MOST);
        assert_true(now != 1 || stretch_held(s) == 0);
        n = drain(s, n);
    }
    const struct stretch_stat stat = stretch_stat(s);
    assert_int_equal(ARRAY_LEN(in) + stat.repeated - stat.left_out, n);
    stretch_free(&s);
    assert_null(s);
    return n;
}

static int steepest(const int16_t *pcm, size_t n)
{
    int most = 0;
    for (size_t i = 1; i < n; i++)
        most = abs(pcm[i] - pcm[i - 1]) > most ? abs(pcm[i] - pcm[i - 1]) : most;
    return most;
}

/* The pitch around sample `at` by the highest normalized autocorrelation between 80 and 400 Hz. */
static double pitch_at(const int16_t *pcm, size_t at)
{
    double best = 0;
    size_t period = 0;
    for (size_t lag = RATE / 400; lag <= RATE / 80; lag++) {
        double xy = 0;
        double xx = 1;
        double yy = 1;
        for (size_t i = 0; i < 1500; i++) {
            const double x = pcm[at + i];
            const double y = pcm[at + i + lag];
            xy += x * y;
            xx += x * x;
            yy += y * y;
        }
        const double c = xy / sqrt(xx * yy);
        if (c > best * 1.02) { /* not a multiple of it */
            best = c;
            period = lag;
        }
    }
    return (double)RATE / (double)period;
}

static const float speeds[] = {0.67F, 0.87F, 1, 1.15F, 1.5F};

static void it_is_as_fast_as_was_asked(void **unused)
{
    (void)unused;
    fill_voice();
    for (size_t k = 0; k < ARRAY_LEN(speeds); k++) {
        const double want = (SECONDS - 1) * RATE / (double)speeds[k] + RATE;
        assert_true(fabs((double)play(speeds[k]) - want) < 0.03 * want);
    }
    assert_int_equal(play(1), ARRAY_LEN(in));
    assert_memory_equal(in, out, sizeof in);
}

static void a_sine_keeps_its_pitch_and_gets_no_clicks(void **unused)
{
    (void)unused;
    for (double hz = 90; hz < 1000; hz *= 1.7) {
        fill_sine(hz);
        const int own = steepest(in, ARRAY_LEN(in));
        for (size_t k = 0; k < ARRAY_LEN(speeds); k++) {
            const size_t n = play(speeds[k]);
            unsigned crossings = 0;
            for (size_t i = RATE / 10; i < n - RATE / 10; i++)
                crossings += (out[i - 1] < 0) != (out[i] < 0);
            const double heard = crossings / 2.0 / ((double)n / RATE - 0.2);
            assert_true(fabs(heard - hz) < 0.02 * hz);
            assert_true(steepest(out, n) <= own + own / 50 + 2);
        }
    }
}

static void a_voice_keeps_its_pitch_and_gets_no_clicks(void **unused)
{
    (void)unused;
    fill_voice();
    const int own = steepest(in, ARRAY_LEN(in));
    for (size_t k = 0; k < ARRAY_LEN(speeds); k++) {
        const size_t n = play(speeds[k]);
        assert_true(steepest(out, n) <= own + own / 50 + 2);
        /* Lowest and highest of each second, which the glide goes through. */
        double low = 1000;
        double high = 0;
        for (size_t at = RATE / 4; at + RATE / 5 < n; at += RATE / 50) {
            const double hz = pitch_at(out, at);
            low = hz < low ? hz : low;
            high = hz > high ? hz : high;
        }
        assert_true(fabs(low - 110) < 0.02 * 110);
        assert_true(fabs(high - 190) < 0.02 * 190);
    }
}

static void what_was_held_comes_out_when_it_is_released(void **unused)
{
    (void)unused;
    struct stretch *s = NULL;
    fill_voice();
    assert_int_equal(stretch_new(&s), OK);
    stretch_release(s);
    assert_int_equal(stretch_get(s, out, 100), 0);
    assert_int_equal(stretch_put(s, 0.87F, in, FRAME), OK);
    assert_int_equal(drain(s, 0), 0);
    assert_int_equal(stretch_held(s), FRAME);
    stretch_release(s);
    assert_int_equal(drain(s, 0), FRAME);
    assert_memory_equal(in, out, FRAME * sizeof in[0]);
    assert_int_equal(stretch_held(s), 0);
    assert_int_equal(stretch_stat(s).left_out + stretch_stat(s).repeated, 0);
    stretch_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_as_fast_as_was_asked),
        cmocka_unit_test(a_sine_keeps_its_pitch_and_gets_no_clicks),
        cmocka_unit_test(a_voice_keeps_its_pitch_and_gets_no_clicks),
        cmocka_unit_test(what_was_held_comes_out_when_it_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
