/* test_speaker.c - who speaks, and who takes over. */
#include "engine/media/speaker.h"
#include "tests/unit/test.h"

#define FRAME (20 * USEC_MS)
#define NOISE 62 /* dB below the loudest */
#define SPEECH 28
#define SHOUT 12

static struct speaker a, b, c;
static struct speaker *const all[] = {&a, NULL, &b, &c};
static usec now;

static int setup(void **unused)
{
    (void)unused;
    speaker_init(&a);
    speaker_init(&b);
    speaker_init(&c);
    now = 5 * USEC_SEC;
    return 0;
}

/* All three voices for so long. */
static void hear(usec how_long, uint8_t da, uint8_t db, uint8_t dc)
{
    for (const usec end = now + how_long; now < end; now += FRAME) {
        speaker_input(&a, now, da);
        speaker_input(&b, now, db);
        speaker_input(&c, now, dc);
    }
}

static int loudest(int current)
{
    return speaker_loudest(all, ARRAY_LEN(all), current, now);
}

static void in_silence_and_noise_nobody_speaks(void **unused)
{
    (void)unused;
    assert_int_equal(loudest(-1), -1);
    hear(2 * USEC_SEC, NOISE, 127, 100);
    assert_int_equal(loudest(-1), -1);
    assert_false(a.speaking);
}

static void one_who_speaks_is_heard_soon(void **unused)
{
    (void)unused;
    hear(USEC_SEC, NOISE, NOISE, NOISE);
    const usec began = now;
    while (loudest(-1) == -1) {
        hear(FRAME, NOISE, SPEECH, NOISE);
        assert_true(now - began < 300 * USEC_MS);
    }
    assert_int_equal(loudest(-1), 2);
    assert_true(b.speaking);
}

static void a_cough_takes_nothing_over(void **unused)
{
    (void)unused;
    hear(USEC_SEC, SPEECH, NOISE, NOISE);
    hear(160 * USEC_MS, SPEECH, NOISE, SHOUT);
    assert_int_equal(loudest(0), 0);
    hear(USEC_SEC, SPEECH, NOISE, NOISE);
    assert_int_equal(loudest(0), 0);
}

static void who_is_clearly_louder_for_some_time_takes_over(void **unused)
{
    (void)unused;
    hear(USEC_SEC, SPEECH, NOISE, NOISE);
    hear(USEC_SEC, SPEECH, SPEECH - 3, NOISE); /* not clearly */
    assert_int_equal(loudest(0), 0);
    hear(USEC_SEC, SPEECH, SHOUT, NOISE);
    assert_int_equal(loudest(0), 2);
    assert_int_equal(loudest(2), 2);
}

static void a_pause_for_breath_keeps_the_floor(void **unused)
{
    (void)unused;
    hear(USEC_SEC, SPEECH, NOISE, NOISE);
    hear(USEC_SEC, NOISE, NOISE, NOISE);
    assert_int_equal(loudest(0), 0);
    hear(600 * USEC_MS, NOISE, SPEECH, NOISE); /* then another begins */
    assert_int_equal(loudest(0), 2);
}

static void a_voice_that_sends_nothing_fades(void **unused)
{
    (void)unused;
    hear(USEC_SEC, SPEECH, 127, 127);
    const double level = speaker_level(&a, now);
    assert_true(level > 80);
    assert_true(speaker_level(&a, now + 100 * USEC_MS) >= level);
    assert_true(speaker_level(&a, now + 2 * USEC_SEC) < level / 4);
    now += 2 * USEC_SEC;
    assert_int_equal(loudest(-1), -1);
    assert_int_equal(loudest(0), 0); /* who had it keeps it until another speaks */
}

static void one_who_left_gives_way_at_once(void **unused)
{
    (void)unused;
    hear(300 * USEC_MS, NOISE, SPEECH, NOISE);
    assert_int_equal(speaker_loudest(all, ARRAY_LEN(all), 1, now), 2);
    assert_int_equal(speaker_loudest(all, 1, -1, now), -1);
    assert_int_equal(speaker_loudest(all, 0, -1, now), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(in_silence_and_noise_nobody_speaks, setup),
        cmocka_unit_test_setup(one_who_speaks_is_heard_soon, setup),
        cmocka_unit_test_setup(a_cough_takes_nothing_over, setup),
        cmocka_unit_test_setup(who_is_clearly_louder_for_some_time_takes_over, setup),
        cmocka_unit_test_setup(a_pause_for_breath_keeps_the_floor, setup),
        cmocka_unit_test_setup(a_voice_that_sends_nothing_fades, setup),
        cmocka_unit_test_setup(one_who_left_gives_way_at_once, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
