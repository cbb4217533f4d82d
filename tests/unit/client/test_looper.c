/* test_looper.c - a file's rounds and a microphone's pieces are one continuous time. */
#include "client/chunker.h"
#include "client/looper.h"
#include "client/testcard.h"
#include "client/timecode.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define FRAME (40 * USEC_MS)

static void rounds_follow_each_other_without_a_gap(void **unused)
{
    (void)unused;
    struct looper l;
    looper_init(&l, 1000, 0);
    usec last = 1000 - FRAME;
    for (int round = 0; round < 5; round++) {
        for (usec pos = 0; pos < 10 * FRAME; pos += FRAME) {
            const usec due = looper_due(&l, pos, FRAME);
            assert_int_equal(due, last + FRAME);
            last = due;
        }
        looper_again(&l);
    }
    assert_int_equal(l.round, 5);
}

static void picture_and_sound_of_one_file_stay_together_for_ever(void **unused)
{
    (void)unused;
    struct looper picture;
    struct looper sound;
    looper_init(&picture, 0, 10 * FRAME + 7);
    looper_init(&sound, 0, 10 * FRAME + 7);
    for (int round = 0; round < 1000; round++) {
        assert_int_equal(looper_due(&picture, 0, FRAME), looper_due(&sound, 0, 20 * USEC_MS));
        looper_due(&sound, 10 * FRAME, 5); /* its track is longer than the picture's */
        looper_again(&picture);
        looper_again(&sound);
    }
}

static void an_empty_file_does_not_spin(void **unused)
{
    (void)unused;
    struct looper l;
    looper_init(&l, 0, 0);
    for (int i = 0; i < 100; i++)
        looper_again(&l);
    assert_int_equal(l.start, 100 * LOOPER_SHORTEST);
}

static void ramp(int16_t *pcm, int64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pcm[i] = (int16_t)((at + (int64_t)i) % 30000);
}

static void pieces_of_any_length_become_chunks_in_a_row(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {1, 441, 960, 1024, 4096, 7};
    struct chunker *const c = calloc(1, sizeof(*c));
    int16_t pcm[4096];
    int64_t at = 5000;
    int64_t want = 5000;
    chunker_init(c);
    for (int i = 0; i < 600; i++) {
        const size_t n = lengths[i % 6];
        ramp(pcm, at, n);
        chunker_put(c, at, pcm, n);
        at += (int64_t)n;
        int64_t number;
        for (const int16_t *out; (out = chunker_get(c, &number)) != NULL;) {
            assert_int_equal(number, want);
            assert_int_equal(out[0], want % 30000);
            assert_int_equal(out[959], (want + 959) % 30000);
            want += 960;
        }
    }
    assert_true(at - want < 960);
    free(c);
}

static void a_hole_is_silence_and_an_overlap_is_left_out(void **unused)
{
    (void)unused;
    struct chunker *const c = calloc(1, sizeof(*c));
    int16_t pcm[4800];
    int64_t number;
    chunker_init(c);
    ramp(pcm, 0, 960);
    chunker_put(c, 0, pcm, 960);
    ramp(pcm, 2880, 960);
    chunker_put(c, 2880, pcm, 960); /* two chunks are missing */
    ramp(pcm, 1920, 4800);
    chunker_put(c, 1920, pcm, 4800); /* the first two are known */
    for (int64_t want = 0; want < 6720; want += 960) {
        const int16_t *const out = chunker_get(c, &number);
        assert_non_null(out);
        assert_int_equal(number, want);
        const bool hole = want == 960 || want == 1920;
        assert_int_equal(out[100], hole ? 0 : (want + 100) % 30000);
    }
    assert_null(chunker_get(c, &number));
    chunker_put(c, INT64_C(1) << 40, pcm, 960); /* the clock jumped */
    assert_non_null(chunker_get(c, &number));
    assert_int_equal(number, INT64_C(1) << 40);
    free(c);
}

static int brightness(const struct picture *p)
{
    return p->plane[0][(p->height / 8) * p->stride[0] + p->width / 8];
}

static void the_card_flashes_when_it_beeps_and_shows_the_time(void **unused)
{
    (void)unused;
    struct testcard *t;
    int16_t pcm[960];
    assert_int_equal(testcard_new(&t, 640, 360), OK);
    for (int64_t us = INT64_C(1790000000) * 1000000; us % 2000000 < 1960000; us += 20000) {
        const struct picture p = testcard_draw(t, us);
        const struct i420 v = picture_view(&p);
        int64_t ms;
        assert_true(timecode_read(&v, &ms));
        assert_int_equal(ms, us / 1000);
        testcard_beep(us, pcm, 960);
        int peak = 0;
        for (int i = 0; i < 960; i++)
            peak = pcm[i] > peak ? pcm[i] : peak;
        const bool now = us % 1000000 < 100000;
        assert_int_equal(brightness(&p) > 200, now);
        assert_int_equal(peak > 5000, now);
    }
    testcard_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_follow_each_other_without_a_gap),
        cmocka_unit_test(picture_and_sound_of_one_file_stay_together_for_ever),
        cmocka_unit_test(an_empty_file_does_not_spin),
        cmocka_unit_test(pieces_of_any_length_become_chunks_in_a_row),
        cmocka_unit_test(a_hole_is_silence_and_an_overlap_is_left_out),
        cmocka_unit_test(the_card_flashes_when_it_beeps_and_shows_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
