/* test_capture.c - real GStreamer: a file is made, played round and round, shown into another file,
 * and read back. */
#include "client/capture.h"
#include "client/output.h"
#include "client/screen.h"
#include "client/testcard.h"
#include "client/timecode.h"
#include "engine/io/clock.h"
#include "tests/unit/test.h"

#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/var/tmp/liangshi-capture-XXXXXX";
static char clip[64], shown[64], still[64];

/* Runs a pipeline to its end. */
static void make(const char *chain)
{
    GstElement *const p = gst_parse_launch(chain, NULL);
    assert_non_null(p);
    GstBus *const bus = gst_element_get_bus(p);
    gst_element_set_state(p, GST_STATE_PLAYING);
    GstMessage *const m =
        gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    assert_true(m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS);
    gst_message_unref(m);
    gst_element_set_state(p, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(p);
}

static int make_files(void **unused)
{
    (void)unused;
    char chain[512];
    gst_init(NULL, NULL);
    assert_non_null(mkdtemp(dir));
    snprintf(clip, sizeof(clip), "%s/clip.mkv", dir);
    snprintf(shown, sizeof(shown), "%s/shown.mkv", dir);
    snprintf(still, sizeof(still), "%s/still.png", dir);
    snprintf(chain, sizeof(chain),
             "matroskamux name=m ! filesink location=%s "
             "videotestsrc num-buffers=20 ! video/x-raw,width=320,height=180,framerate=25/1 ! "
             "vp8enc deadline=1 ! m. "
             "audiotestsrc num-buffers=40 samplesperbuffer=960 ! audio/x-raw,rate=48000 ! "
             "opusenc ! m.",
             clip);
    make(chain);
    snprintf(chain, sizeof(chain),
             "videotestsrc num-buffers=1 ! video/x-raw,width=320,height=180 ! pngenc ! "
             "filesink location=%s",
             still);
    make(chain);
    return 0;
}

static int remove_files(void **unused)
{
    (void)unused;
    unlink(clip);
    unlink(shown);
    unlink(still);
    return rmdir(dir);
}

static struct capture *open_file(const char *path, enum capture_what what, bool burn)
{
    struct conf_source s = {.kind = SOURCE_FILE};
    char why[CAPTURE_WHY];
    struct capture *c;
    snprintf(s.arg, sizeof(s.arg), "%s", path);
    const struct capture_conf conf = {
        .source = &s, .what = what, .burn = burn, .start = clock_now()};
    if (capture_new(&c, &conf, why) != OK)
        fail_msg("%s", why);
    return c;
}

static void a_file_is_looped_at_its_own_pace_without_a_break(void **unused)
{
    (void)unused;
    struct capture *c = open_file(clip, CAPTURE_CAMERA, true);
    struct capture_picture p;
    usec first = 0;
    usec last = 0;
    for (int i = 0; i < 50; i++) { /* two and a half rounds */
        assert_true(capture_picture(c, &p));
        first = first ? first : p.when.at;
        if (last)
            assert_in_range(p.when.at - last, 10 * USEC_MS, 200 * USEC_MS);
        last = p.when.at;
        const struct i420 v = picture_view(&p.pic);
        int64_t ms;
        assert_true(timecode_read(&v, &ms));
        assert_true(llabs(ms - p.when.wall_us / 1000) <= 1);
    }
    assert_in_range(last - first, 49 * 40 * USEC_MS - 80 * USEC_MS,
                    49 * 40 * USEC_MS + 200 * USEC_MS);
    capture_free(&c);
}

static void a_slide_has_the_time_of_its_coming(void **unused)
{
    (void)unused;
    struct capture *c = open_file(still, CAPTURE_SLIDES, true);
    struct capture_picture p;
    int64_t first = 0;
    for (int i = 0; i < 5; i++) {
        assert_true(capture_picture(c, &p));
        const struct i420 v = picture_view(&p.pic);
        int64_t ms;
        assert_true(timecode_read(&v, &ms));
        first = first ? first : p.when.wall_us / 1000;
        assert_int_equal(ms, first);
    }
    capture_free(&c);
}

static void its_sound_has_no_gap_either(void **unused)
{
    (void)unused;
    struct capture *c = open_file(clip, CAPTURE_VOICE, false);
    struct capture_sound s;
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(capture_sound(c, &s));
        assert_int_equal(s.ts, i * 960);
    }
    capture_free(&c);
}

static void a_still_picture_is_a_source_like_any_other(void **unused)
{
    (void)unused;
    struct capture *c = open_file(still, CAPTURE_BOARD, true);
    struct capture_picture p;
    int64_t last = 0;
    for (int i = 0; i < 4; i++) {
        int64_t ms;
        assert_true(capture_picture(c, &p));
        const struct i420 v = picture_view(&p.pic);
        assert_true(timecode_read(&v, &ms));
        assert_true(ms > last);
        last = ms;
    }
    capture_free(&c);
}

static void what_cannot_be_read_is_named(void **unused)
{
    (void)unused;
    struct conf_source s = {.kind = SOURCE_FILE, .arg = "/no/such/film.mkv"};
    char why[CAPTURE_WHY];
    struct capture *c;
    const struct capture_conf conf = {.source = &s, .what = CAPTURE_CAMERA};
    assert_int_equal(capture_new(&c, &conf, why), E_IO);
    assert_string_equal(why, "/no/such/film.mkv: No such file or directory");
    snprintf(s.arg, sizeof(s.arg), "/etc/passwd");
    assert_int_equal(capture_new(&c, &conf, why), E_IO);
    assert_non_null(strstr(why, "/etc/passwd"));
}

static void a_waiting_source_can_be_stopped(void **unused)
{
    (void)unused;
    struct conf_source s = {.kind = SOURCE_TEST};
    char why[CAPTURE_WHY];
    struct capture *c;
    const struct capture_conf conf = {.source = &s, .what = CAPTURE_CAMERA, .start = clock_now()};
    struct capture_picture p;
    assert_int_equal(capture_new(&c, &conf, why), OK);
    assert_true(capture_picture(c, &p));
    assert_int_equal(p.when.wall_us % 40000, 0);
    capture_stop(c);
    assert_false(capture_picture(c, &p));
    capture_free(&c);
}

static void what_is_shown_can_be_read_back_from_its_file(void **unused)
{
    (void)unused;
    static const char *const names[] = {"camera"};
    struct conf_sink sink = {.kind = SINK_FILE};
    char why[OUTPUT_WHY];
    struct output *o;
    struct screen *s;
    struct testcard *t;
    int16_t pcm[960] = {0};
    snprintf(sink.arg, sizeof(sink.arg), "%s", shown);
    const usec start = clock_now();
    const struct output_conf oc = {.display = &sink, .speaker = &sink, .start = start};
    assert_int_equal(output_new(&o, &oc, why), OK);
    assert_int_equal(screen_new(&s, o, names, 1), OK);
    assert_int_equal(testcard_new(&t, 640, 360), OK);
    for (usec at = 0; at < USEC_SEC; at += 20 * USEC_MS) {
        const struct picture p = testcard_draw(t, at);
        const struct i420 v = picture_view(&p);
        if (at % (40 * USEC_MS) == 0)
            screen_put(s, 0, &v, start + at);
        output_sound(o, pcm, 960, start + at);
    }
    screen_free(&s);
    output_free(&o);
    testcard_free(&t);

    struct capture *c = open_file(shown, CAPTURE_CAMERA, false);
    struct capture_picture p;
    for (int i = 0; i < 20; i++) {
        int64_t ms;
        assert_true(capture_picture(c, &p));
        const struct i420 v = picture_view(&p.pic);
        assert_true(timecode_read(&v, &ms));
        assert_int_equal(ms, i * 40);
    }
    capture_free(&c);
    c = open_file(shown, CAPTURE_VOICE, false);
    capture_free(&c);
}

static void tiles_share_the_screen_without_overlap(void **unused)
{
    (void)unused;
    static const char *const lesson[] = {"camera", "slides", "floor"};
    static const char *const wall[] = {"wall/1", "wall/2", "wall/3"};
    static const char *const *const sets[] = {lesson, wall};
    for (unsigned mask = 1; mask < 16; mask++) {
        const char *const *const names = sets[mask >> 3];
        const bool on[3] = {mask & 1, mask & 2, mask & 4};
        bool used[12][16] = {{false}};
        for (size_t i = 0; i < 3; i++) {
            const struct screen_box b = screen_place(names, on, 3, i, 1280, 720);
            assert_int_equal(b.w > 0, on[i]);
            for (int y = 0; y < 12; y++) {
                for (int x = 0; x < 16; x++) {
                    const int px = x * 80 + 40;
                    const int py = y * 60 + 30;
                    if (px < b.x || px >= b.x + b.w || py < b.y || py >= b.y + b.h)
                        continue;
                    assert_false(used[y][x]);
                    used[y][x] = true;
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_looped_at_its_own_pace_without_a_break),
        cmocka_unit_test(a_slide_has_the_time_of_its_coming),
        cmocka_unit_test(its_sound_has_no_gap_either),
        cmocka_unit_test(a_still_picture_is_a_source_like_any_other),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(a_waiting_source_can_be_stopped),
        cmocka_unit_test(what_is_shown_can_be_read_back_from_its_file),
        cmocka_unit_test(tiles_share_the_screen_without_overlap),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
