/* events.c - one stream after the other, with the last id. */
#include "client/events.h"

#include "client/backoff.h"
#include "client/sse.h"
#include "client/timer.h"
#include "engine/io/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct events {
    struct net *net;
    struct events_conf conf;
    char *url, *token;
    struct lesson lesson;
    struct sse sse;
    struct backoff backoff;
    uint64_t call;
    usec began;   /* the last try */
    bool flowing; /* this stream has given something */
    GSource *timer;
};

static void on_bytes(void *user, const char *bytes, size_t len)
{
    struct events *const e = user;
    const char *const end = bytes + len;
    struct sse_event ev;
    bool changed = false;
    e->flowing = true;
    backoff_reset(&e->backoff);
    while (sse_next(&e->sse, &bytes, end, &ev))
        changed = lesson_event(&e->lesson, ev.name, ev.data, ev.len) || changed;
    if (changed && e->conf.changed)
        e->conf.changed(e->conf.user, &e->lesson);
}

static void on_end(void *user, const struct http_answer *a)
{
    struct events *const e = user;
    e->call = 0;
    if (a->status != 200)
        log_warn(e->net->log, "no events from the relay", "status=%ld why=%s", a->status, a->why);
    if (e->flowing && e->conf.lost)
        e->conf.lost(e->conf.user);
    e->flowing = false;
    g_source_set_ready_time(e->timer,
                            backoff_due(&e->backoff, &e->net->rng, e->began, clock_now()));
}

static gboolean connect_now(gpointer user)
{
    struct events *const e = user;
    char resume[SSE_NAME_MAX + 32];
    g_source_set_ready_time(e->timer, -1);
    if (e->call)
        return G_SOURCE_CONTINUE;
    e->began = clock_now();
    sse_restart(&e->sse);
    snprintf(resume, sizeof(resume), "Last-Event-ID: %s", e->sse.last_id);
    const struct http_request r = {
        .method = "GET",
        .url = e->url,
        .token = e->token,
        .header = e->sse.last_id[0] ? resume : NULL,
        .done = on_end,
        .data = on_bytes,
        .user = e,
    };
    e->call = http_start(e->net->http, &r);
    return G_SOURCE_CONTINUE;
}

enum err events_new(struct events **out, struct net *net, const struct events_conf *c)
{
    struct events *const e = calloc(1, sizeof(*e));
    *out = e;
    if (!e)
        return E_NOMEM;
    e->net = net;
    e->conf = *c;
    e->url = g_strdup_printf("%s/api/v1/lessons/%s/events", c->relay, c->lesson);
    e->token = g_strdup(c->token);
    lesson_init(&e->lesson);
    sse_init(&e->sse);
    e->timer = timer_new(net->ctx, connect_now, e);
    g_source_set_ready_time(e->timer, 0);
    (void)backoff_next(&e->backoff, &net->rng); /* the first try is this one */
    return OK;
}

void events_free(struct events **pe)
{
    struct events *const e = *pe;
    if (!e)
        return;
    http_cancel(e->net->http, e->call);
    g_source_destroy(e->timer);
    g_source_unref(e->timer);
    g_free(e->url);
    g_free(e->token);
    free(e);
    *pe = NULL;
}

const struct lesson *events_lesson(const struct events *e)
{
    return &e->lesson;
}
