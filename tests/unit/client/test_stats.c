/* test_stats.c - freezes, silences, quantiles, and the object that tells them. */
#include "client/stats.h"
#include "tests/unit/test.h"

#include <jansson.h>
#include <string.h>

static void a_late_picture_is_a_freeze_and_a_steady_one_is_not(void **unused)
{
    (void)unused;
    struct stats_video v = {0};
    usec now = USEC_SEC;
    for (int i = 0; i < 100; i++, now += 40 * USEC_MS)
        stats_video_shown(&v, now, 1280, 720);
    now += 120 * USEC_MS; /* 160 ms after the one before: not yet */
    assert_int_equal(stats_video_shown(&v, now, 1280, 720), 0);
    assert_int_equal(v.freezes, 0);
    now += 400 * USEC_MS;
    assert_int_equal(stats_video_shown(&v, now, 1280, 720), 400 * USEC_MS);
    assert_int_equal(v.freezes, 1);
    assert_int_equal(v.frozen, 400 * USEC_MS);
    const double ratio = stats_video_freeze_ratio(&v, now);
    assert_true(ratio > 0.08 && ratio < 0.10);
    assert_true(stats_video_freeze_ratio(&v, now + 10 * USEC_SEC) > 0.6);
}

static void slides_at_five_pictures_a_second_do_not_freeze(void **unused)
{
    (void)unused;
    struct stats_video v = {0};
    for (usec now = 0; now < 20 * USEC_SEC; now += 200 * USEC_MS)
        stats_video_shown(&v, now, 1920, 1080);
    assert_int_equal(v.freezes, 0);
}

static void invented_sound_counts_and_the_longest_silence_is_kept(void **unused)
{
    (void)unused;
    struct stats_voice v = {0};
    for (int i = 0; i < 50; i++)
        stats_voice_played(&v, i * 20 * USEC_MS, 960, i >= 10 && i < 15);
    assert_int_equal(v.samples, 48000);
    assert_int_equal(v.concealed, 5 * 960);
    assert_int_equal(v.silence, 100 * USEC_MS);
}

static void quantiles_are_those_of_the_last_values(void **unused)
{
    (void)unused;
    struct stats_ring r = {0};
    int32_t v;
    assert_false(stats_ring_at(&r, 50, &v));
    for (int32_t i = 0; i < 1000; i++)
        stats_ring_add(&r, i < 488 ? 5000 : i - 488);
    assert_true(stats_ring_at(&r, 50, &v));
    assert_int_equal(v, 255);
    assert_true(stats_ring_at(&r, 95, &v));
    assert_int_equal(v, 485);
}

static void the_object_has_the_fields_of_the_contract(void **unused)
{
    (void)unused;
    struct stats s;
    stats_init(&s, 0);
    s.up.bytes = 125000;
    s.down.bytes = 250000;
    s.down.loss = 0.0125;
    s.rtt = 34567;
    for (usec now = 0; now < USEC_SEC; now += 40 * USEC_MS)
        stats_video_shown(stats_video_of(&s, "camera"), now, 1280, 720);
    stats_voice_played(&s.voice, 0, 48000, false);
    stats_ring_add(&s.delay, 111);
    stats_ring_add(&s.skew, -7);
    stats_turn(&s, USEC_SEC);
    char text[1024];
    assert_true(stats_json(&s, USEC_SEC, "now speaking", text, sizeof(text)) < (int)sizeof(text));
    json_t *const o = json_loads(text, 0, NULL);
    int rung, delay, skew, width;
    double t, rtt, up, down, loss, fps, freeze, concealed;
    assert_int_equal(
        json_unpack(o, "{s:F, s:i, s:F, s:{s:F}, s:{s:F, s:F}, s:{s:F}, s:{s:{s:F, s:i, s:F}}}",
                    "t_s", &t, "rung", &rung, "rtt_ms", &rtt, "up", "kbps", &up, "down", "kbps",
                    &down, "loss", &loss, "voice", "concealed_ratio", &concealed, "video", "camera",
                    "fps", &fps, "width", &width, "freeze_ratio", &freeze),
        0);
    assert_int_equal(json_unpack(o, "{s:{s:i}, s:i}", "delay_ms", "p95", &delay, "skew_ms", &skew),
                     0);
    assert_int_equal(rung, 4);
    assert_string_equal(json_string_value(json_object_get(o, "state")), "now speaking");
    assert_true(t == 1 && up == 1000 && down == 2000 && fps == 25 && freeze == 0);
    assert_true(rtt == 34.6 && loss == 0.0125 && concealed == 0);
    assert_int_equal(delay, 111);
    assert_int_equal(skew, -7);
    assert_int_equal(width, 1280);
    assert_null(json_object_get(o, "burnt_delay_ms"));
    json_decref(o);
}

static void the_rung_falls_with_what_is_still_seen(void **unused)
{
    (void)unused;
    struct stats s;
    stats_init(&s, 0);
    assert_int_equal(stats_rung(&s, 0), 1);
    stats_video_shown(stats_video_of(&s, "slides"), 0, 1920, 1080);
    assert_int_equal(stats_rung(&s, 0), 1);
    stats_video_shown(stats_video_of(&s, "camera"), 0, 320, 180);
    assert_int_equal(stats_rung(&s, 0), 2);
    stats_video_shown(stats_video_of(&s, "camera"), USEC_SEC, 640, 360);
    assert_int_equal(stats_rung(&s, USEC_SEC), 3);
    stats_video_shown(stats_video_of(&s, "board"), USEC_SEC, 1920, 1080);
    assert_int_equal(stats_rung(&s, USEC_SEC), 5);
    assert_int_equal(stats_rung(&s, 10 * USEC_SEC), 1);
}

static void the_line_for_people_is_never_longer_than_its_room(void **unused)
{
    (void)unused;
    struct stats s;
    stats_init(&s, 0);
    for (int i = 0; i < STATS_SOURCES; i++) {
        char name[64];
        memset(name, 'a' + i, sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        struct stats_video *const v = stats_video_of(&s, name);
        assert_non_null(v);
        stats_video_shown(v, 0, 640, 360);
    }
    assert_null(stats_video_of(&s, "one more"));
    char text[200];
    memset(text, 'z', sizeof(text));
    assert_int_equal(stats_line(&s, USEC_SEC, "now speaking", text, 100), 99);
    assert_int_equal(strlen(text), 99);
    assert_int_equal(text[100], 'z');
}

static void a_run_of_what_is_invented_is_one_concealment(void **unused)
{
    (void)unused;
    struct stats_voice v = {0};
    usec at = USEC_SEC;
    for (unsigned i = 0; i < 30; i++, at += 20 * USEC_MS)
        stats_voice_played(&v, at, 960, i % 10 >= 8);
    assert_int_equal(v.concealed, 6 * 960);
    assert_int_equal(v.gaps, 3);
    assert_int_equal(v.silence, 40 * USEC_MS);
    stats_voice_paused(&v, at + USEC_SEC); /* the sender said nothing */
    stats_voice_played(&v, at + USEC_SEC, 960, false);
    assert_int_equal(v.silence, 40 * USEC_MS);
}

static void time_apart_is_counted_from_picture_to_picture(void **unused)
{
    (void)unused;
    struct stats s;
    usec at = USEC_SEC;
    stats_init(&s, at);
    for (unsigned i = 0; i < 50; i++, at += 40 * USEC_MS)
        stats_skew(&s, at, i >= 10 && i < 20 ? -81 : i >= 30 && i < 40 ? 200 : 80);
    assert_int_equal(s.apart, 20 * 40 * USEC_MS);
    stats_skew(&s, at, 200);
    stats_skew(&s, at + 10 * USEC_SEC, 0); /* that it stood is a freeze, and counted as one */
    assert_int_equal(s.apart, 20 * 40 * USEC_MS + USEC_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_of_what_is_invented_is_one_concealment),
        cmocka_unit_test(time_apart_is_counted_from_picture_to_picture),
        cmocka_unit_test(a_late_picture_is_a_freeze_and_a_steady_one_is_not),
        cmocka_unit_test(slides_at_five_pictures_a_second_do_not_freeze),
        cmocka_unit_test(invented_sound_counts_and_the_longest_silence_is_kept),
        cmocka_unit_test(quantiles_are_those_of_the_last_values),
        cmocka_unit_test(the_object_has_the_fields_of_the_contract),
        cmocka_unit_test(the_rung_falls_with_what_is_still_seen),
        cmocka_unit_test(the_line_for_people_is_never_longer_than_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
