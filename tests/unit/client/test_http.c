/* test_http.c - requests that are made and cancelled from inside of an answer. */
#include "client/http.h"
#include "tests/unit/test.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_S 20

/* /stream answers at once and stays open; /held never answers; all else is "ok". */
static gboolean on_connection(GThreadedSocketService *service, GSocketConnection *c,
                              GObject *source, gpointer user)
{
    (void)service;
    (void)source;
    (void)user;
    char text[4096] = "";
    size_t n = 0;
    GInputStream *const in = g_io_stream_get_input_stream(G_IO_STREAM(c));
    GOutputStream *const out = g_io_stream_get_output_stream(G_IO_STREAM(c));
    while (!strstr(text, "\r\n\r\n") && n < sizeof text - 1) {
        const gssize more = g_input_stream_read(in, text + n, sizeof text - 1 - n, NULL, NULL);
        if (more <= 0)
            return TRUE;
        n += (size_t)more;
        text[n] = 0;
    }
    const bool stream = strncmp(text, "GET /stream", 11) == 0;
    const bool held = strncmp(text, "GET /held", 9) == 0;
    const char *const answer =
        stream ? "HTTP/1.1 200 OK\r\n\r\nnews" : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    if (!held)
        (void)g_output_stream_write_all(out, answer, strlen(answer), NULL, NULL, NULL);
    if (held || stream) /* until the other side goes */
        (void)g_input_stream_read(in, text, 1, NULL, NULL);
    return TRUE;
}

struct world {
    GMainLoop *loop;
    GSocketService *service;
    struct http *http;
    struct multihome home;
    char base[64];
    char url[128]; /* of the request made last */
    uint64_t held;
    uint64_t again;
    unsigned streams, held_ends, oks;
};

static gboolean on_late(gpointer user)
{
    (void)user;
    fail_msg("nothing came within %d s", LIMIT_S);
    return G_SOURCE_REMOVE;
}

static void set_up(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->loop = g_main_loop_new(NULL, FALSE);
    w->service = g_threaded_socket_service_new(8);
    const guint16 port =
        g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(w->service), NULL, NULL);
    assert_int_not_equal(port, 0);
    g_signal_connect(w->service, "run", G_CALLBACK(on_connection), NULL);
    (void)snprintf(w->base, sizeof w->base, "http://127.0.0.1:%u", (unsigned)port);
    assert_int_equal(http_new(&w->http, g_main_context_default(), NULL, &w->home), OK);
}

static void run(struct world *w)
{
    const guint late = g_timeout_add_seconds(LIMIT_S, on_late, NULL);
    g_main_loop_run(w->loop);
    g_source_remove(late);
}

static void tear_down(struct world *w)
{
    http_free(&w->http);
    g_socket_service_stop(w->service);
    g_object_unref(w->service);
    g_main_loop_unref(w->loop);
}

static uint64_t get(struct world *w, const char *path,
                    void (*done)(void *, const struct http_answer *),
                    void (*data)(void *, const char *, size_t))
{
    (void)snprintf(w->url, sizeof w->url, "%s%s", w->base, path);
    const struct http_request r = {
        .method = "GET", .url = w->url, .done = done, .data = data, .user = w};
    return http_start(w->http, &r);
}

static void on_held(void *user, const struct http_answer *a)
{
    (void)a;
    ((struct world *)user)->held_ends++;
}

static void on_ok(void *user, const struct http_answer *a)
{
    struct world *const w = user;
    assert_int_equal(a->status, 200);
    assert_string_equal(a->body, "ok");
    w->oks++;
    g_main_loop_quit(w->loop);
}

static void on_news(void *user, const char *bytes, size_t len)
{
    struct world *const w = user;
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "news", 4);
    w->streams++;
    http_cancel(w->http, w->held);
    const uint64_t gone = get(w, "/ok", on_held, NULL); /* begun and given up in one breath */
    assert_int_not_equal(gone, 0);
    http_cancel(w->http, gone);
    w->again = get(w, "/ok", on_ok, NULL);
    assert_int_not_equal(w->again, 0);
}

/* The lesson's end comes by the stream of events while a connection is being made: that request is
 * given up and the goodbye sent, all from inside of libcurl's call for the stream's bytes. */
static void a_stream_may_end_and_begin_other_requests(void **unused)
{
    (void)unused;
    struct world w;
    set_up(&w);
    w.held = get(&w, "/held", on_held, NULL);
    assert_int_not_equal(w.held, 0);
    assert_int_not_equal(get(&w, "/stream", on_held, on_news), 0);
    run(&w);
    assert_int_equal(w.streams, 1);
    assert_int_equal(w.oks, 1);
    assert_int_equal(w.held_ends, 0);
    tear_down(&w);
}

static void on_news_stop(void *user, const char *bytes, size_t len)
{
    struct world *const w = user;
    (void)bytes;
    (void)len;
    w->streams++;
    http_cancel(w->http, w->held); /* itself */
    w->again = get(w, "/ok", on_ok, NULL);
}

static void a_stream_may_end_itself(void **unused)
{
    (void)unused;
    struct world w;
    set_up(&w);
    w.held = get(&w, "/stream", on_held, on_news_stop);
    run(&w);
    assert_int_equal(w.streams, 1);
    assert_int_equal(w.oks, 1);
    assert_int_equal(w.held_ends, 0);
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_may_end_and_begin_other_requests),
        cmocka_unit_test(a_stream_may_end_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
