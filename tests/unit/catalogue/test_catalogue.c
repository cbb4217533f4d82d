/* test_catalogue.c - what is kept comes back, and a file that is no catalogue is refused. */
#include "tests/unit/test.h"

#include "relay/library/catalogue.h"
#include "tests/unit/control/school.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static int set_up(void **unused)
{
    (void)unused;
    text_put(path, sizeof path, "/tmp/liangshi-catalogue-XXXXXX");
    const int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **unused)
{
    (void)unused;
    static const char *const more[] = {"-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        char file[80];
        text_put(file, sizeof file, "%s%s", path, more[i]);
        (void)unlink(file);
    }
    return unlink(path);
}

static struct catalogue *open_it(void)
{
    char why[256];
    struct catalogue *c;
    if (catalogue_open(&c, path, why) != OK)
        fail_msg("%s", why);
    return c;
}

static void keep(struct catalogue *c, struct lesson *l, const char *kind)
{
    const struct event e = {.id = ++l->last_event,
                            .at_ms = 5000,
                            .clock_ms = lesson_clock(l, 0),
                            .kind = kind,
                            .data = json_pack("{s:s}", "text", kind)};
    assert_int_equal(catalogue_save(c, l, &e), OK);
    json_decref(e.data);
}

static void a_lesson_comes_back_as_it_was(void **unused)
{
    (void)unused;
    struct catalogue *c = open_it();
    struct lesson *l = school_lesson();
    keep(c, l, "lesson");
    assert_true(lesson_start(l, 1000, 0));
    assert_true(lesson_set_mode(l, MODE_INTERACT));
    json_t *const by = json_pack("{s:s}", "sub", "li");
    assert_true(lesson_hand(l, 2, true, 77, by));
    json_decref(by);
    assert_true(lesson_give(l, 1, 88));
    keep(c, l, "floor");
    lesson_free(&l);
    catalogue_close(&c);

    c = open_it();
    assert_int_equal(catalogue_lesson(c, "L7", &l), OK);
    assert_int_equal(l->state, LESSON_RUNNING);
    assert_int_equal(l->mode, MODE_INTERACT);
    assert_int_equal(l->floor, 1);
    assert_true(l->site[2].hand);
    assert_int_equal(l->site[2].hand_ms, 77);
    assert_string_equal(json_string_value(json_object_get(l->site[2].hand_by, "sub")), "li");
    assert_false(l->site[1].hand);
    assert_int_equal(l->site[1].last_floor_ms, 88);
    assert_int_equal(l->last_event, 2);
    lesson_free(&l);
    assert_int_equal(catalogue_lesson(c, "none", &l), E_STATE);
    catalogue_close(&c);
}

static void events_come_back_in_order(void **unused)
{
    (void)unused;
    struct catalogue *c = open_it();
    struct lesson *l = school_lesson();
    keep(c, l, "mark");
    keep(c, l, "mode");
    keep(c, l, "mark");
    json_t *const all = json_array();
    json_t *const marks = json_array();
    assert_int_equal(catalogue_events(c, "L7", 1, 10, all), OK);
    assert_int_equal(json_array_size(all), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 0), "id")), 2);
    assert_int_equal(catalogue_newest(c, "L7", "mark", 1, marks), OK);
    assert_int_equal(json_array_size(marks), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(marks, 0), "id")), 3);
    json_decref(all);
    json_decref(marks);
    lesson_free(&l);
    catalogue_close(&c);
}

static void an_event_that_is_refused_leaves_nothing(void **unused)
{
    (void)unused;
    struct catalogue *c = open_it();
    struct lesson *l = school_lesson();
    keep(c, l, "lesson");
    assert_true(lesson_set_mode(l, MODE_INTERACT));
    const struct event twice = {
        .id = 1, .at_ms = 1, .clock_ms = -1, .kind = "mode", .data = json_object()};
    assert_int_not_equal(catalogue_save(c, l, &twice), OK);
    assert_non_null(catalogue_trouble(c));
    json_decref(twice.data);
    lesson_free(&l);
    assert_int_equal(catalogue_lesson(c, "L7", &l), OK);
    assert_int_equal(l->mode, MODE_LECTURE);
    keep(c, l, "mode");
    assert_null(catalogue_trouble(c));
    lesson_free(&l);
    catalogue_close(&c);
}

static void two_characters_find_a_recording(void **unused)
{
    (void)unused;
    int64_t total;
    struct catalogue *c = open_it();
    struct lesson *l = school_lesson();
    keep(c, l, "lesson");
    const struct resource r = {.id = "L7", .lesson = "L7", .state = RES_READY};
    const struct resource_text t = {"草原上的歌", "王老师", ""};
    assert_int_equal(catalogue_resource_save(c, &r), OK);
    assert_int_equal(catalogue_index(c, "L7", &t), OK);
    static const char *const found[] = {"草原", "上的", "王老师", "草原 王", ""};
    for (size_t i = 0; i < ARRAY_LEN(found); i++) {
        const struct resource_query q = {.typed = found[i], .limit = 10};
        json_t *const ids = json_array();
        assert_int_equal(catalogue_resources(c, &q, ids, &total), OK);
        assert_int_equal(total, 1);
        assert_int_equal(json_array_size(ids), 1);
        json_decref(ids);
    }
    static const char *const lost[] = {"原草", "李", "\"", "NOT", "title:草", "草*原"};
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        const struct resource_query q = {.typed = lost[i], .limit = 10};
        json_t *const ids = json_array();
        assert_int_equal(catalogue_resources(c, &q, ids, &total), OK);
        if (total != (i == 5 ? 1 : 0)) /* the star is a sign, not a character */
            fail_msg("%s: %d", lost[i], (int)total);
        json_decref(ids);
    }
    lesson_free(&l);
    catalogue_close(&c);
}

static void a_file_that_is_no_catalogue_is_refused(void **unused)
{
    (void)unused;
    char why[256];
    struct catalogue *c;
    const int fd = open(path, O_WRONLY);
    for (int i = 0; i < 100; i++)
        assert_int_equal(write(fd, "this is a poem, not a database\n", 31), 31);
    (void)close(fd);
    assert_int_equal(catalogue_open(&c, path, why), E_FORMAT);
    assert_non_null(strstr(why, "damaged"));
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_lesson_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_come_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_event_that_is_refused_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_characters_find_a_recording, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_catalogue_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
