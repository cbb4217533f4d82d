/* test_route.c - which call a method and a path name. */
#include "tests/unit/test.h"

#include "relay/control/route.h"

#include <string.h>

static enum problem_kind find(struct route *r, const char *method, const char *path)
{
    struct problem p = {.kind = P_NONE};
    const bool found = route_find(r, method, path, &p);
    assert_int_equal(found, p.kind == P_NONE);
    return p.kind;
}

static void paths_name_calls_and_their_parts(void **unused)
{
    (void)unused;
    struct route r;
    assert_int_equal(find(&r, "POST", "/api/v1/lessons/L7/polls/12/votes"), P_NONE);
    assert_int_equal(r.call, CALL_POLL_VOTE);
    assert_string_equal(r.id, "L7");
    assert_int_equal(r.number, 12);
    assert_int_equal(find(&r, "PUT", "/whep/L7/abcdefghij0123456789xy/slots"), P_NONE);
    assert_int_equal(r.call, CALL_SLOTS_PUT);
    assert_true(r.play);
    assert_string_equal(r.session, "abcdefghij0123456789xy");
    assert_int_equal(find(&r, "GET", "/media/12-ab/L7/a/b.webm"), P_NONE);
    assert_int_equal(r.call, CALL_MEDIA);
    assert_string_equal(r.file, "a/b.webm");
    assert_int_equal(find(&r, "HEAD", "/js/api.js"), P_NONE);
    assert_int_equal(r.call, CALL_PAGE);
    assert_string_equal(r.file, "js/api.js");
}

static void a_wrong_method_is_told_the_right_ones(void **unused)
{
    (void)unused;
    struct route r;
    assert_int_equal(find(&r, "DELETE", "/api/v1/lessons"), P_WRONG_METHOD);
    assert_non_null(strstr(r.allow, "POST"));
    assert_non_null(strstr(r.allow, "GET"));
    assert_int_equal(find(&r, "POST", "/index.html"), P_WRONG_METHOD);
    assert_int_equal(find(&r, "OPTIONS", "/whip/L7"), P_NONE);
    assert_int_equal(r.call, CALL_OPTIONS);
}

static void what_is_not_there_is_not_found(void **unused)
{
    (void)unused;
    static const char *const bad[] = {
        "/api/v1/none",
        "/api/",
        "/api/v1/lessons/",
        "/api/v1/lessons/a b",
        "/whip/",
        "/whip/L7/x/y",
        "/api/v1/lessons/L/polls/-1/votes",
        "/api/v1/lessons/L/polls/1x/votes",
        "/api/v1/lessons/123456789012345678901234567890123",
        "/media/g",
        "x",
        "",
    };
    struct route r;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(find(&r, "GET", bad[i]), P_NOT_FOUND);
}

static void files_stay_in_their_folder(void **unused)
{
    (void)unused;
    assert_true(route_file_ok("index.html"));
    assert_true(route_file_ok("js/pages/lead.js"));
    static const char *const bad[] = {"",   "..",   "../x", "a/../b", "a//b", "/a",
                                      "a/", ".git", "a/.b", ".",      "a\\b"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(route_file_ok(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_name_calls_and_their_parts),
        cmocka_unit_test(a_wrong_method_is_told_the_right_ones),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(files_stay_in_their_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
