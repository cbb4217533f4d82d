/* test_stills.c - slides as our own encoder sends them, and which stills are made of them. */
#include "codecs/vp8_enc.h"
#include "codecs/vp8_payload.h"
#include "engine/base/bytes.h"
#include "relay/library/package/stills.h"
#include "relay/library/package/view.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/journal/folder.h"
#include "tests/unit/test.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 640
#define HEIGHT 360
#define FPS 5
#define TICK (USEC_SEC / FPS)
#define LIMIT 1180u

/* From `at` on slide `text` is shown, with so many words added in the middle of an empty place. */
struct shown {
    usec at;
    unsigned text;
    unsigned words;
};

struct show {
    const struct shown *slide;
    size_t slides;
    usec end;
    usec key_gap; /* a key frame is asked for so often; 0: never */
    uint32_t bps;
};

static void paint(struct canvas *c, const struct shown *s)
{
    paint_slide(c, s->text);
    uint8_t *const box = c->bytes + (size_t)(HEIGHT / 2) * WIDTH + WIDTH / 4;
    for (int row = 0; row < 40; row++)
        memset(box + (ptrdiff_t)row * WIDTH, 235, WIDTH / 2);
    for (unsigned word = 0; word < s->words; word++)
        for (int row = 10; row < 28; row++)
            for (unsigned col = 0; col < 30; col += 6)
                memset(box + (ptrdiff_t)row * WIDTH + 10 + (size_t)word * 40 + col, 16, 3);
}

static enum err record(struct journal *j, const struct vp8enc_frame *f, usec at, uint32_t *seq)
{
    struct vp8cut cut;
    uint8_t body[LIMIT];
    uint8_t head[12] = {0x80};
    bool marker = false;
    enum err e = vp8cut_init(&cut, f->data, f->len, &f->desc, LIMIT) ? OK : E_FORMAT;
    for (size_t n; e == OK && (n = vp8cut_next(&cut, body, &marker)) > 0;) {
        head[1] = (uint8_t)((marker ? 0x80 : 0) | 96);
        put_be16(head + 2, (uint16_t)*seq);
        put_be32(head + 4, (uint32_t)(at * 9 / 100));
        const struct record_rtp p = {.ext_seq = (*seq)++,
                                     .level_db = 255,
                                     .head = head,
                                     .head_len = sizeof head,
                                     .body = body,
                                     .body_len = n};
        e = journal_rtp(j, at, 1, &p);
    }
    return e;
}

/* Encodes the show and records it. */
static void perform(const struct show *s, const char *dir)
{
    const struct vp8enc_conf conf = {.layers = 1,
                                     .size = {{WIDTH, HEIGHT, s->bps}},
                                     .fps = FPS,
                                     .temporal = 1,
                                     .content = VP8ENC_SLIDES};
    const struct record_track info = {
        .codec = "VP8", .source = "slides", .site = "S0", .pt = 96, .clock_rate = 90000};
    struct vp8enc *enc = NULL;
    struct canvas c;
    uint32_t number = 0;
    uint32_t seq = 1000;
    size_t now = 0;
    canvas_init(&c, WIDTH, HEIGHT);
    struct journal *j = folder_open(dir, 0, 0);
    assert_int_equal(vp8enc_new(&enc, &conf), OK);
    assert_int_equal(journal_track(j, 0, &info, &number), OK);
    for (usec at = 0; at < s->end; at += TICK) {
        struct vp8enc_out out = {0};
        while (now + 1 < s->slides && s->slide[now + 1].at <= at)
            now++;
        paint(&c, &s->slide[now]);
        if (s->key_gap && at % s->key_gap == 0)
            vp8enc_want_key(enc);
        assert_int_equal(vp8enc_encode(enc, &c.pic, at + TICK, &out), OK);
        if (out.n > 0)
            assert_int_equal(record(j, &out.frame[0], at, &seq), OK);
        assert_int_equal(journal_tick(j, at), OK);
    }
    assert_int_equal(journal_end(j, s->end), OK);
    journal_free(&j);
    vp8enc_free(&enc);
    canvas_fini(&c);
}

struct work {
    char journal[FOLDER_PATH];
    char out[FOLDER_PATH];
    struct tape tape;
    struct frames frames;
    struct stills stills;
};

static void start(struct work *w, const struct show *s)
{
    *w = (struct work){0};
    folder_make(w->journal);
    folder_make(w->out);
    perform(s, w->journal);
    assert_int_equal(tape_load(&w->tape, w->journal), OK);
    assert_int_equal(frames_add(&w->frames, &w->tape, &w->tape.stream[0], INT64_MAX), OK);
    assert_int_equal(stills_write(&w->stills, w->out, &w->frames), OK);
}

static void finish(struct work *w)
{
    stills_fini(&w->stills);
    frames_fini(&w->frames);
    tape_free(&w->tape);
    folder_remove(w->journal);
    folder_remove(w->out);
}

/* How like the painted slide the file is, in dB. */
static double likeness(const char *dir, const struct still *s, const struct shown *slide)
{
    char text[512];
    GstMapInfo map;
    struct canvas c;
    (void)snprintf(text, sizeof text,
                   "filesrc location=%s/%s ! webpdec ! videoconvert ! video/x-raw,format=I420 ! "
                   "appsink name=out sync=false",
                   dir, s->name);
    GstElement *const pipe = gst_parse_launch(text, NULL);
    assert_non_null(pipe);
    GstElement *const sink = gst_bin_get_by_name(GST_BIN(pipe), "out");
    (void)gst_element_set_state(pipe, GST_STATE_PLAYING);
    GstSample *const sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 10 * GST_SECOND);
    assert_non_null(sample);
    assert_true(gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ));
    assert_int_equal(map.size, i420_bytes(WIDTH, HEIGHT));
    const struct i420 got = i420_in(map.data, WIDTH, HEIGHT);
    canvas_init(&c, WIDTH, HEIGHT);
    paint(&c, slide);
    const double db = pictures_psnr(&got, &c.pic);
    canvas_fini(&c);
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    gst_sample_unref(sample);
    (void)gst_element_set_state(pipe, GST_STATE_NULL);
    gst_object_unref(sink);
    gst_object_unref(pipe);
    return db;
}

static void check(const struct show *s)
{
    struct work w;
    start(&w, s);
    assert_int_equal(w.stills.n, s->slides);
    for (size_t i = 0; i < s->slides; i++) {
        assert_true(llabs(w.stills.still[i].at - s->slide[i].at) <= TICK);
        assert_true(likeness(w.out, &w.stills.still[i], &s->slide[i]) > 27);
        if (i > 0) /* of this slide rather than of the one before */
            assert_true(likeness(w.out, &w.stills.still[i], &s->slide[i]) >
                        likeness(w.out, &w.stills.still[i], &s->slide[i - 1]));
    }
    finish(&w);
}

/* Large changes are key frames of the encoder's own, small ones are not. */
static const struct shown six[] = {
    {.at = 0, .text = 1},
    {.at = 7000000, .text = 2},
    {.at = 15400000, .text = 2, .words = 2},
    {.at = 22000000, .text = 2, .words = 3},
    {.at = 31000000, .text = 3, .words = 3},
    {.at = 38200000, .text = 3},
};

static void six_slides_are_six_stills_at_their_times(void **unused)
{
    (void)unused;
    check(&(struct show){.slide = six,
                         .slides = ARRAY_LEN(six),
                         .end = 45000000,
                         .key_gap = 6000000,
                         .bps = 600000});
}

static void without_asking_for_key_frames_as_well(void **unused)
{
    (void)unused;
    check(&(struct show){.slide = six, .slides = ARRAY_LEN(six), .end = 45000000, .bps = 600000});
}

static void a_change_and_a_key_frame_at_one_time_are_one_still(void **unused)
{
    (void)unused;
    static const struct shown slides[] = {
        {.at = 0, .text = 4}, {.at = 12000000, .text = 4, .words = 4}, {.at = 18000000, .text = 5}};
    check(&(struct show){.slide = slides,
                         .slides = ARRAY_LEN(slides),
                         .end = 24000000,
                         .key_gap = 6000000,
                         .bps = 600000});
}

static void a_slide_that_stays_costs_its_key_frames_only(void **unused)
{
    (void)unused;
    struct work w;
    static const struct shown one[] = {{.at = 0, .text = 7}};
    start(&w, &(struct show){
                  .slide = one, .slides = 1, .end = 120000000, .key_gap = 6000000, .bps = 200000});
    assert_int_equal(w.stills.n, 1);
    size_t keys = 0;
    size_t last = 0; /* key frame */
    for (size_t i = 0; i < w.frames.n; i++) {
        keys += w.frames.frame[i].key;
        last = w.frames.frame[i].key ? i : last;
    }
    assert_int_equal(keys, 20);

    assert_int_equal(w.stills.looked_at, keys + (w.frames.n - last - 1));
    assert_true(w.stills.looked_at < w.frames.n);
    finish(&w);
}

/* A film: each frame is another picture, for forty seconds. */
static void a_film_among_the_slides_has_few_stills(void **unused)
{
    (void)unused;
    struct work w;
    static struct shown film[200];
    for (unsigned i = 0; i < ARRAY_LEN(film); i++)
        film[i] = (struct shown){.at = i * TICK, .text = i};
    start(&w, &(struct show){
                  .slide = film, .slides = ARRAY_LEN(film), .end = 120000000, .bps = 20000000});
    assert_true(w.stills.n > 2 && w.stills.n < 8);
    for (size_t i = 1; i < w.stills.n; i++)
        assert_true(w.stills.still[i].at > w.stills.still[i - 1].at);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_slides_are_six_stills_at_their_times),
        cmocka_unit_test(without_asking_for_key_frames_as_well),
        cmocka_unit_test(a_change_and_a_key_frame_at_one_time_are_one_still),
        cmocka_unit_test(a_slide_that_stays_costs_its_key_frames_only),
        cmocka_unit_test(a_film_among_the_slides_has_few_stills),
    };
    const char *missing = NULL;
    gst_init(NULL, NULL);
    if (!stills_possible(&missing)) {
        (void)printf("1..0 # SKIP GStreamer has no %s here\n", missing);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
