/* test_package.c - journals of made lessons through the packager, and what came out. */
#include "tests/unit/journal/folder.h"
#include "tests/unit/package/maker.h"
#include "tests/unit/package/webm_read.h"
#include "tests/unit/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
    char journal[FOLDER_PATH];
    char out[FOLDER_PATH + 8];
};

static void make_place(struct place *p)
{
    folder_make(p->journal);
    (void)snprintf(p->out, sizeof p->out, "%s.out", p->journal);
}

static void leave_place(const struct place *p)
{
    if (access(p->out, F_OK) == 0)
        folder_remove(p->out);
    folder_remove(p->journal);
}

/* The program's exit code; what it says goes nowhere. */
static int run(const char *journal, const char *out)
{
    char line[1024];
    (void)snprintf(line, sizeof line, "'%s' --journal '%s' --out '%s' 2>/dev/null",
                   getenv("LIANGSHI_PACKAGE"), journal, out);
    const int status = system(line);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static char *in(const struct place *p, const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", p->out, name);
    return path;
}

static json_t *manifest(const struct place *p)
{
    json_t *const j = json_load_file(in(p, "manifest.json"), 0, NULL);
    assert_non_null(j);
    return j;
}

static const json_t *track(const json_t *m, const char *file)
{
    const json_t *const list = json_object_get(m, "tracks");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *const t = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(t, "file")), file) == 0)
            return t;
    }
    return NULL;
}

static long long number(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

/* Time of the first key picture, and of the first marked sound, at or after `from`. */
static int64_t flash(const struct webm_read *w, int64_t from)
{
    for (size_t i = 0; i < w->blocks; i++)
        if (w->block[i].key && w->block[i].ms >= from)
            return w->block[i].ms;
    fail_msg("no key picture after %lld ms", (long long)from);
    return 0;
}

static int64_t beep(const struct webm_read *w, int64_t from)
{
    for (size_t i = 0; i < w->blocks; i++)
        if (w->block[i].bytes == MAKER_BEEP && w->block[i].ms >= from)
            return w->block[i].ms;
    fail_msg("no marked sound after %lld ms", (long long)from);
    return 0;
}

static void check_skew(const struct place *p, int64_t seconds, int64_t limit_ms, int64_t error_ms)
{
    struct webm_read video;
    struct webm_read audio;
    webm_read(&video, in(p, "camera-0.webm"));
    webm_read(&audio, in(p, "voice.webm"));
    for (int64_t s = 0; s + 8 < seconds; s += 4) {
        /* looked for from two seconds before, so that an error of either sign is seen */
        const int64_t from = s == 0 ? 0 : s * 1000 - 2000;
        const int64_t f = flash(&video, from);
        const int64_t b = beep(&audio, from);
        assert_true(llabs(f - b) <= limit_ms);
        assert_true(llabs(f - s * 1000 - 30) <= error_ms);
    }
    webm_read_free(&video);
    webm_read_free(&audio);
}

static void skew_stays_small_for_half_an_hour_of_drifting_clocks(void **unused)
{
    (void)unused;
    struct place p;
    make_place(&p);
    const struct maker_conf c = {.dir = p.journal,
                                 .seconds = 1800,
                                 .camera_layers = 1,
                                 .audio_ppm = 100,
                                 .video_ppm = -100,
                                 .wall_ppm = 50,
                                 .reports = true,
                                 .jitter_ms = 60};
    assert_true(maker_write(&c));
    assert_int_equal(run(p.journal, p.out), 0);
    check_skew(&p, 1800, 5, 40);
    leave_place(&p);
}

static void without_sender_reports_arrival_tells_the_time(void **unused)
{
    (void)unused;
    struct place p;
    make_place(&p);
    const struct maker_conf c = {
        .dir = p.journal, .seconds = 300, .camera_layers = 1, .audio_ppm = 200, .jitter_ms = 40};
    assert_true(maker_write(&c));
    assert_int_equal(run(p.journal, p.out), 0);
    check_skew(&p, 300, 40, 40);
    leave_place(&p);
}

static void check_file(const struct place *p, const json_t *t)
{
    struct webm_read w;
    webm_read(&w, in(p, json_string_value(json_object_get(t, "file"))));
    assert_true(w.blocks > 0);
    for (size_t i = 1; i < w.blocks; i++)
        assert_true(w.block[i].ms >= w.block[i - 1].ms);
    const bool sound = strcmp(json_string_value(json_object_get(t, "codec")), "opus") == 0;
    assert_true(w.longest_cluster_ms <= (sound ? 1000 : 30000));
    assert_int_equal(w.clusters_without_key, 0);
    assert_true(w.cues > 0 && w.cues_hit);
    const json_t *const index = json_object_get(t, "index");
    const json_t *const head = json_object_get(t, "head");
    assert_int_equal(json_integer_value(json_array_get(index, 0)), w.cues_from);
    assert_int_equal(json_integer_value(json_array_get(index, 1)), w.cues_to);
    assert_int_equal(json_integer_value(json_array_get(head, 1)) + 1, w.first_cluster);
    assert_true(llabs((long long)w.duration_ms - number(t, "end_ms")) <= 1);
    webm_read_free(&w);
}

static void a_lesson_becomes_a_whole_resource(void **unused)
{
    (void)unused;
    struct place p;
    make_place(&p);
    const struct maker_conf c = {.dir = p.journal,
                                 .seconds = 70,
                                 .points = 2,
                                 .camera_layers = 3,
                                 .slides = true,
                                 .reports = true,
                                 .segment = 300000};
    assert_true(maker_write(&c));
    assert_int_equal(run(p.journal, p.out), 0);
    assert_int_equal(run(p.journal, p.out), 0); /* again, over the first */
    json_t *const m = manifest(&p);
    const json_t *const tracks = json_object_get(m, "tracks");
    assert_int_equal(json_array_size(tracks), 1 + 3 + 1 + 2 * 2 + 1);
    for (size_t i = 0; i < json_array_size(tracks); i++)
        check_file(&p, json_array_get(tracks, i));
    assert_string_equal(json_string_value(json_object_get(m, "camera")), "camera.mpd");
    assert_string_equal(json_string_value(json_object_get(m, "slides")), "slides.mpd");
    assert_string_equal(json_string_value(json_object_get(json_object_get(m, "lesson"), "title")),
                        "A lesson");
    assert_int_equal(json_array_size(json_object_get(m, "views")), 4);
    assert_int_equal(json_array_size(json_object_get(m, "marks")), 1);
    assert_true(number(m, "duration_ms") >= 70000 && number(m, "duration_ms") < 70100);
    const json_t *const stills = json_object_get(m, "stills");
    if (json_is_null(json_object_get(m, "stills_missing_element"))) {
        assert_int_equal(json_array_size(stills), 2);
        assert_int_equal(number(json_array_get(stills, 1), "at_ms") / 1000, 60);
        assert_int_equal(access(in(&p, "poster.jpg"), R_OK), 0);
    }
    assert_int_equal(access(in(&p, "site-A.mpd"), R_OK), 0);
    assert_int_equal(access(in(&p, "marks.vtt"), R_OK), 0);
    json_decref(m);
    leave_place(&p);
}

/* A has the floor from 20 s to 50 s. */
static void the_floor_is_the_voice_of_who_has_it(void **unused)
{
    (void)unused;
    struct place p;
    make_place(&p);
    const struct maker_conf c = {
        .dir = p.journal, .seconds = 70, .points = 2, .camera_layers = 1, .reports = true};
    assert_true(maker_write(&c));
    assert_int_equal(run(p.journal, p.out), 0);
    struct webm_read w;
    webm_read(&w, in(&p, "floor.webm"));
    size_t heard = 0;
    for (size_t i = 0; i < w.blocks; i++) {
        const bool silent = w.block[i].bytes == 3;
        const int64_t ms = w.block[i].ms;
        heard += !silent;
        if (ms < 19900 || ms > 50200)
            assert_true(silent);
        if (ms > 20200 && ms < 49900)
            assert_false(silent);
        if (i > 0)
            assert_true(ms - w.block[i - 1].ms < 40); /* less than a packet is missing */
    }
    assert_true(heard > 1400);
    assert_true(w.duration_ms > 69900);
    webm_read_free(&w);
    leave_place(&p);
}

static void lost_packets_cost_pictures_but_no_broken_ones(void **unused)
{
    (void)unused;
    struct place p;
    make_place(&p);
    const struct maker_conf c = {
        .dir = p.journal, .seconds = 60, .camera_layers = 1, .reports = true, .lose_one_in = 50};
    assert_true(maker_write(&c));
    assert_int_equal(run(p.journal, p.out), 0);
    json_t *const m = manifest(&p);
    const json_t *const t = track(m, "camera-0.webm");
    assert_true(number(t, "holes") > 0);
    assert_true(number(t, "frames") > 200 && number(t, "frames") < 1480);
    json_decref(m);
    leave_place(&p);
}

static void a_damaged_journal_is_packaged_as_far_as_it_goes(void **unused)
{
    (void)unused;
    struct place p;
    size_t len = 0;
    make_place(&p);
    const struct maker_conf c = {
        .dir = p.journal, .seconds = 60, .points = 1, .camera_layers = 1, .reports = true};
    assert_true(maker_write(&c));
    uint8_t *const bytes = folder_get(p.journal, "000000.journal", &len);
    memset(bytes + len / 3, 0x55, 5000);
    for (size_t i = len / 2; i < len / 2 + 200000 && i < len; i += 5000)
        bytes[i] ^= 0xff;
    folder_put(p.journal, "000000.journal", bytes, len - 11);
    assert_int_equal(run(p.journal, p.out), 0);
    json_t *const m = manifest(&p);
    assert_true(number(json_object_get(m, "journal"), "holes") > 3);
    assert_true(number(json_object_get(m, "journal"), "torn_bytes") > 0);
    assert_true(number(track(m, "camera-0.webm"), "frames") > 500);
    assert_true(number(track(m, "voice.webm"), "frames") > 2000);
    json_decref(m);
    /* only noise */
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    folder_put(p.journal, "000000.journal", bytes, len);
    assert_int_equal(run(p.journal, p.out), 0);
    free(bytes);
    leave_place(&p);
}

static void wrong_usage_and_missing_journals_have_their_codes(void **unused)
{
    (void)unused;
    struct place p;
    char line[512];
    make_place(&p);
    assert_int_equal(run(p.journal, p.out), 1);
    assert_int_equal(run("/nowhere", p.out), 1);
    assert_int_equal(access(p.out, F_OK), -1);
    (void)snprintf(line, sizeof line, "'%s' --frob 2>/dev/null", getenv("LIANGSHI_PACKAGE"));
    assert_int_equal(WEXITSTATUS(system(line)), 2);
    (void)snprintf(line, sizeof line, "'%s' --out x 2>/dev/null", getenv("LIANGSHI_PACKAGE"));
    assert_int_equal(WEXITSTATUS(system(line)), 2);
    (void)snprintf(line, sizeof line, "'%s' --version >/dev/null", getenv("LIANGSHI_PACKAGE"));
    assert_int_equal(WEXITSTATUS(system(line)), 0);
    leave_place(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lesson_becomes_a_whole_resource),
        cmocka_unit_test(skew_stays_small_for_half_an_hour_of_drifting_clocks),
        cmocka_unit_test(without_sender_reports_arrival_tells_the_time),
        cmocka_unit_test(the_floor_is_the_voice_of_who_has_it),
        cmocka_unit_test(lost_packets_cost_pictures_but_no_broken_ones),
        cmocka_unit_test(a_damaged_journal_is_packaged_as_far_as_it_goes),
        cmocka_unit_test(wrong_usage_and_missing_journals_have_their_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
