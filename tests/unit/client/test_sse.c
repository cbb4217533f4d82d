/* test_sse.c - events come out whole however the stream is cut. */
#include "client/sse.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char stream_text[] = ": hello\r\n"
                                  "retry: 1500\n"
                                  "id: 7\nevent: mode\ndata: {\"mode\":\n"
                                  "data: \"interact\"}\r\n\r\n"
                                  "event: nothing\n\n"
                                  "id: 8\ndata:plain\r\r";

/* Writes what comes out as "name|data|id;" in order. */
static void take_all(struct sse *s, const char *text, size_t step, char *out, size_t cap)
{
    const char *const end = text + strlen(text);
    size_t at = 0;
    out[0] = 0;
    while (text < end) {
        const char *const stop = text + size_min(step, (size_t)(end - text));
        struct sse_event e;
        while (sse_next(s, &text, stop, &e))
            at += (size_t)snprintf(out + at, cap - at, "%s|%s|%s;", e.name, e.data, s->last_id);
    }
}

static void events_are_the_same_however_the_bytes_arrive(void **unused)
{
    (void)unused;
    for (size_t step = 1; step < sizeof(stream_text); step++) {
        struct sse *const s = malloc(sizeof(*s));
        char out[256];
        sse_init(s);
        take_all(s, stream_text, step, out, sizeof(out));
        assert_string_equal(out, "mode|{\"mode\":\n\"interact\"}|7;message|plain|8;");
        assert_int_equal(s->retry_ms, 1500);
        free(s);
    }
}

static void half_an_event_is_forgotten_with_its_connection_but_the_id_stays(void **unused)
{
    (void)unused;
    struct sse *const s = malloc(sizeof(*s));
    char out[256];
    sse_init(s);
    take_all(s, "id: 3\ndata: a\n\nid: 4\ndata: half", 100, out, sizeof(out));
    sse_restart(s);
    assert_string_equal(s->last_id, "3");
    take_all(s, "data: b\n\n", 100, out, sizeof(out));
    assert_string_equal(out, "message|b|3;");
    free(s);
}

static void what_is_too_long_is_dropped_and_the_next_event_is_whole(void **unused)
{
    (void)unused;
    struct sse *const s = malloc(sizeof(*s));
    char *const text = malloc(4 * SSE_LINE_MAX);
    char out[256];
    sse_init(s);
    const int n = sprintf(text, "data: ");
    memset(text + n, 'x', SSE_LINE_MAX);
    strcpy(text + n + SSE_LINE_MAX, "\n\ndata: short\n\n");
    take_all(s, text, 1000, out, sizeof(out));
    assert_string_equal(out, "message|short|;");
    assert_int_equal(s->dropped, 1);
    free(text);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_the_bytes_arrive),
        cmocka_unit_test(half_an_event_is_forgotten_with_its_connection_but_the_id_stays),
        cmocka_unit_test(what_is_too_long_is_dropped_and_the_next_event_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
