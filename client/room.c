/* room.c - one GLib main loop on the main thread; everything but coding happens here. */
#include "client/room.h"

#include "client/events.h"
#include "client/onlyone.h"
#include "client/output.h"
#include "client/play.h"
#include "client/publish.h"
#include "client/stats.h"
#include "client/timer.h"
#include "engine/io/clock.h"

#include <glib-unix.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SPEAK_EVERY (20 * USEC_MS)
#define LEAVE_AT_MOST 1500 /* ms */

struct room {
    const struct conf *conf;
    struct log log;
    GMainLoop *loop;
    struct net net;
    struct stats stats;
    struct output *output;
    struct publish *publish;
    struct play *play;
    struct events *events;
    GSource *speaker;
    usec speak_at;
    usec start;
    bool leaving;
    bool ever_open;
    int code;
};

static void complain(const char *why)
{
    fprintf(stderr, "liangshi-room: %s\n", why);
}

static gboolean end_loop(gpointer user)
{
    struct room *const r = user;
    g_main_loop_quit(r->loop);
    return G_SOURCE_REMOVE;
}

static gboolean end_when_left(gpointer user)
{
    struct room *const r = user;
    const bool up = !r->publish || session_left(publish_session(r->publish));
    const bool down = !r->play || session_left(play_session(r->play));
    if (!up || !down)
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(r->loop);
    return G_SOURCE_REMOVE;
}

static void leave(struct room *r, int code)
{
    if (r->leaving)
        return;
    r->leaving = true;
    r->code = code;
    if (r->publish)
        session_leave(publish_session(r->publish));
    if (r->play)
        session_leave(play_session(r->play));
    g_timeout_add(10, end_when_left, r);
    g_timeout_add(LEAVE_AT_MOST, end_loop, r);
}

static gboolean on_signal(gpointer user)
{
    leave(user, 0);
    return G_SOURCE_CONTINUE;
}

static gboolean on_time_up(gpointer user)
{
    struct room *const r = user;
    if (!r->ever_open)
        complain("the time is up and the relay was never reached");
    leave(r, r->ever_open ? 0 : 1);
    return G_SOURCE_REMOVE;
}

static void on_refused(void *user, const char *why)
{
    if (why)
        complain(why);
    leave(user, why ? 1 : 0);
}

/* When one of the two connections is lost, the other one may be too without knowing. */
static void on_quiet(void *user)
{
    struct room *const r = user;
    if (r->publish)
        session_suspect(publish_session(r->publish));
    if (r->play)
        session_suspect(play_session(r->play));
}

static void on_open(void *user, bool open)
{
    struct room *const r = user;
    r->ever_open = r->ever_open || open;
    if (!open)
        on_quiet(r);
}

static bool start_play(struct room *r, size_t points)
{
    const struct play_conf c = {.conf = r->conf,
                                .points = points,
                                .output = r->output,
                                .stats = &r->stats,
                                .open = on_open,
                                .quiet = on_quiet,
                                .refused = on_refused,
                                .user = r};
    return play_new(&r->play, &r->net, &c) == OK;
}

static void on_lesson(void *user, const struct lesson *l)
{
    struct room *const r = user;
    if (l->ended) {
        log_info(&r->log, "the lesson has ended", "lesson=%s", r->conf->lesson);
        leave(r, 0);
        return;
    }
    if (l->known && !r->play && !r->leaving && !start_play(r, l->points)) {
        complain("no memory to play the lesson");
        leave(r, 1);
    }
}

static gboolean on_speak(gpointer user)
{
    struct room *const r = user;
    const usec now = clock_now();
    r->log.wall_us = clock_wall_us();
    if (now - r->speak_at > 10 * SPEAK_EVERY)
        r->speak_at = now; /* the machine slept */
    for (; r->speak_at <= now; r->speak_at += SPEAK_EVERY) {
        if (r->play)
            play_speak(r->play, r->speak_at);
    }
    g_source_set_ready_time(r->speaker, r->speak_at);
    return G_SOURCE_CONTINUE;
}

static void gather_stats(struct room *r)
{
    struct rtc_stat up = {0};
    struct rtc_stat down = {0};
    if (r->publish)
        session_stat(publish_session(r->publish), &up);
    if (r->play)
        session_stat(play_session(r->play), &down);
    r->stats.up.bytes = up.bytes_out + down.bytes_out;
    r->stats.up.loss = up.loss_out;
    r->stats.down.bytes = down.bytes_in + up.bytes_in;
    r->stats.down.loss = down.loss_in;
    r->stats.repair = (struct stats_repair){.asked = down.asked,
                                            .fec = down.fec_in,
                                            .recovered = down.fec_recovered,
                                            .vain = down.fec_vain,
                                            .bad = down.fec_bad};
    r->stats.rtt = up.rtt;
    if (r->publish)
        r->stats.fec = publish_protect_voice(r->publish);
    struct rtc *const rtc = r->play ? session_rtc(play_session(r->play)) : NULL;
    if (rtc)
        rtc_set_rtt(rtc, up.rtt);
}

static void tell_stats(struct room *r, usec now)
{
    char text[4096];
    stats_turn(&r->stats, now);
    const char *const state = lesson_words(events_lesson(r->events));
    if (r->conf->json)
        stats_json(&r->stats, now, state, text, sizeof(text));
    else
        stats_line(&r->stats, now, state, text, sizeof(text));
    puts(text);
    (void)fflush(stdout); /* a reader who left stops no lesson */
}

static gboolean on_second(gpointer user)
{
    struct room *const r = user;
    char why[OUTPUT_WHY];
    gather_stats(r);
    tell_stats(r, clock_now());
    while (output_failed(r->output, why))
        log_error(&r->log, "a sink failed", "why=%s", why);
    return G_SOURCE_CONTINUE;
}

static void start_timers(struct room *r)
{
    r->speaker = timer_new(NULL, on_speak, r);
    r->speak_at = clock_now();
    g_source_set_priority(r->speaker, G_PRIORITY_HIGH);
    g_source_set_ready_time(r->speaker, 0);
    g_timeout_add(1000, on_second, r);
    g_unix_signal_add(SIGINT, on_signal, r);
    g_unix_signal_add(SIGTERM, on_signal, r);
    if (r->conf->seconds)
        g_timeout_add_seconds(r->conf->seconds, on_time_up, r);
}

static bool has_probe(const struct conf *c)
{
    return c->speaker.kind == SINK_SHOW || c->speaker.kind == SINK_PULSE ||
           c->speaker.kind == SINK_ALSA;
}

static bool start_media(struct room *r)
{
    char why[OUTPUT_WHY] = "no memory";
    const struct output_conf oc = {.display = &r->conf->display,
                                   .speaker = &r->conf->speaker,
                                   .start = r->start,
                                   .probe = has_probe(r->conf)};
    const struct publish_conf pc = {.conf = r->conf,
                                    .start = r->start,
                                    .probe = has_probe(r->conf) ? OUTPUT_PROBE : NULL,
                                    .open = on_open,
                                    .quiet = on_quiet,
                                    .refused = on_refused,
                                    .user = r};
    if (output_new(&r->output, &oc, why) == OK && publish_new(&r->publish, &r->net, &pc, why) == OK)
        return true;
    complain(why);
    return false;
}

static bool start_events(struct room *r)
{
    const struct events_conf c = {.relay = r->conf->relay,
                                  .lesson = r->conf->lesson,
                                  .token = r->conf->token,
                                  .changed = on_lesson,
                                  .lost = on_quiet,
                                  .user = r};
    return events_new(&r->events, &r->net, &c) == OK;
}

static void stop(struct room *r)
{
    events_free(&r->events);
    play_free(&r->play);
    publish_free(&r->publish);
    output_free(&r->output);
    if (r->speaker) {
        g_source_destroy(r->speaker);
        g_source_unref(r->speaker);
    }
    net_fini(&r->net);
    g_main_loop_unref(r->loop);
}

static void run(struct room *r)
{
    const bool net = net_init(&r->net, g_main_context_default(), r->conf->ca, &r->log) == OK;
    if (!net)
        complain("no memory, or no randomness from the system");
    if (net && start_media(r) && start_events(r)) {
        start_timers(r);
        g_main_loop_run(r->loop);
    }
}

int room_run(const struct conf *c)
{
    struct room r = {.conf = c, .code = 1};
    r.log = (struct log){.fd = STDERR_FILENO, .level = LOG_INFO, .part = "room"};
    r.log.wall_us = clock_wall_us();
    r.loop = g_main_loop_new(NULL, FALSE);
    r.start = clock_now();
    stats_init(&r.stats, r.start);
    const int lock = onlyone_enter(c);
    if (lock == -1)
        complain("this room already runs on this machine, with the same token");
    else
        run(&r);
    stop(&r);
    if (lock >= 0)
        close(lock);
    return r.code;
}
