/* publish.c - sources to lines, coded pieces to packets. */
#include "client/publish.h"

#include "client/keep.h"
#include "client/ladder.h"
#include "client/uplink.h"
#include "client/voicefec.h"
#include "engine/io/clock.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIVIDE_EVERY (500 * USEC_MS)
#define UP_AFTER (3 * USEC_SEC) /* a step down */
#define HOLD_MS 250             /* what waits longer than this is enough */

struct line {
    struct publish *owner;
    const char *flag; /* for messages */
    const char *name; /* of the source, in the request */
    enum capture_what what;
    const struct conf_source *source;
    struct feed *feed;
    GSource *ready;
    bool vp9;            /* as layers of one stream */
    bool held;           /* its pictures are left out */
    struct voicefec fec; /* of a voice */
};

struct publish {
    struct publish_conf conf;
    struct net *net;
    struct session *session;
    struct line line[PUBLISH_SOURCES];
    size_t n;
    struct keep *keep; /* NULL: no own copy is wanted */
    struct uplink_line plan[PUBLISH_SOURCES];
    uint64_t divided; /* the way that it was made for */
    usec divide_at;
    usec up_at; /* nothing gets more before */
};

static size_t stream_of(size_t line, size_t layer)
{
    return line * NEGO_LAYERS + layer;
}

static void send_piece(const struct line *l, struct rtc *rtc, size_t line, const struct feed_out *o)
{
    struct outq *const out = &l->owner->net->out;
    const usec now = clock_now();
    if (o->audio) {
        const struct sendtrack_sound s = {.data = o->data,
                                          .len = o->piece[0].len,
                                          .ts = o->ts,
                                          .level = o->level,
                                          .marker = o->first,
                                          .when = o->when};
        rtc_voice(rtc, now, line, &s, out);
        return;
    }
    for (size_t i = 0; i < o->n; i++) {
        const struct feed_piece *const p = &o->piece[i];
        const struct sendtrack_frame f = {.data = o->data + p->off,
                                          .len = p->len,
                                          .desc = p->desc,
                                          .vp9 = p->vp9 ? &p->vp9_desc : NULL,
                                          .last = p->last,
                                          .when = o->when};
        rtc_picture(rtc, now, line, p->layer, &f, out);
    }
}

/* What was sent goes into the room's own copy, oldest first. */
static void keep_sent(struct publish *p, struct rtc *rtc, size_t line)
{
    struct pkt *sent[SENDTRACK_KEPT];
    const struct nego_media *const m = rtc_media(rtc, line);
    size_t n = 0;
    if (!p->keep)
        return;
    while (n < SENDTRACK_KEPT && (sent[n] = rtc_sent(rtc)) != NULL)
        n++;
    while (n--) {
        for (size_t k = 0; k < NEGO_LAYERS; k++) {
            if (m->ssrc[k] == sent[n]->rtp.ssrc)
                keep_packet(p->keep, stream_of(line, k), sent[n]);
        }
        pkt_unref(&sent[n]);
    }
    keep_wake(p->keep);
}

static void keep_tracks(struct publish *p, struct rtc *rtc)
{
    rtc_keep(rtc);
    for (size_t i = 0; i < p->n; i++) {
        const struct nego_media *const m = rtc_media(rtc, i);
        for (size_t k = 0; k < rtc_layers(rtc, i); k++) {
            struct record_track t = {.site_no = p->conf.conf->profile == CONF_LEAD ? 0 : 255,
                                     .layer = (uint8_t)k,
                                     .pt = m->pt,
                                     .channels = m->audio ? 1 : 0,
                                     .clock_rate = m->audio ? 48000 : 90000,
                                     .ssrc = m->ssrc[k],
                                     .abs_capture_id = m->ext.id[RTP_EXT_ABS_CAPTURE],
                                     .level_id = m->ext.id[RTP_EXT_AUDIO_LEVEL]};
            g_strlcpy(t.codec,
                      m->audio               ? "opus"
                      : m->codec == NEGO_VP9 ? "VP9"
                                             : "VP8",
                      sizeof(t.codec));
            g_strlcpy(t.source, m->audio ? "voice" : p->line[i].name, sizeof(t.source));
            g_strlcpy(t.rid, m->layers ? m->rid[k] : "", sizeof(t.rid));
            keep_track(p->keep, stream_of(i, k), &t);
        }
    }
}

/* That are coded: of VP9 all are in one stream. */
static size_t layers_of(const struct line *l, const struct rtc *rtc, size_t i)
{
    const size_t taken = rtc_layers(rtc, i);
    return l->vp9 && taken ? ladder_layers(l->what) : taken;
}

static size_t level_sum(const struct publish *p)
{
    size_t sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += p->plan[i].level;
    return sum;
}

static void divide(struct publish *p, struct rtc *rtc, usec now)
{
    struct uplink_line was[PUBLISH_SOURCES];
    const size_t before = level_sum(p);
    memcpy(was, p->plan, sizeof was);
    for (size_t i = 0; i < p->n; i++)
        p->plan[i].layers = layers_of(&p->line[i], rtc, i);
    rtc_wants(rtc, uplink_wanted(p->plan, p->n));
    const unsigned rung = uplink_divide(rtc_way(rtc), p->plan, p->n);
    rtc_riders(rtc, rung >= UPLINK_RIDERS_FROM ? RED_RIDERS : 0);
    if (before && level_sum(p) > before && now < p->up_at) {
        memcpy(p->plan, was, sizeof was);
        return;
    }
    if (level_sum(p) < before)
        p->up_at = now + UP_AFTER;
    for (size_t i = 0; i < p->n; i++)
        feed_set_rates(p->line[i].feed, p->plan[i].bps, p->plan[i].voice_ms);
}

/* What cannot leave is not coded: frames are given up before sizes, and a face before a slide. */
static void hold_back(struct publish *p, struct rtc *rtc)
{
    const uint64_t way = rtc_way(rtc);
    for (size_t i = 0; i < p->n; i++) {
        struct line *const l = &p->line[i];
        const bool still = l->what == CAPTURE_SLIDES || l->what == CAPTURE_BOARD;
        const size_t bytes = rtc_waiting(rtc, true) + (still ? 0 : rtc_waiting(rtc, false));
        const bool hold = l->what != CAPTURE_VOICE && (uint64_t)bytes * 8 * 1000 > way * HOLD_MS;
        if (hold != l->held)
            feed_hold(l->feed, hold);
        l->held = hold;
    }
}

static void follow_way(struct publish *p, struct rtc *rtc)
{
    const usec now = clock_now();
    const uint64_t way = rtc_way(rtc);
    const uint64_t moved = way > p->divided ? way - p->divided : p->divided - way;
    if (now >= p->divide_at || moved > p->divided / 16) {
        p->divide_at = now + DIVIDE_EVERY;
        p->divided = way;
        divide(p, rtc, now);
    }
    hold_back(p, rtc);
}

static gboolean on_ready(gint fd, GIOCondition what, gpointer user)
{
    (void)fd;
    (void)what;
    struct line *const l = user;
    struct rtc *const rtc = session_rtc(l->owner->session);
    const size_t line = (size_t)(l - l->owner->line);
    for (struct feed_out *o; (o = feed_take(l->feed)) != NULL; free(o)) {
        if (!rtc)
            continue;
        send_piece(l, rtc, line, o);
        keep_sent(l->owner, rtc, line);
    }
    if (!rtc)
        return G_SOURCE_CONTINUE;
    if (rtc_key_asked(rtc, line))
        feed_want_key(l->feed);
    follow_way(l->owner, rtc);
    session_flush(l->owner->session);
    return G_SOURCE_CONTINUE;
}

static void on_quiet(void *user)
{
    struct publish *const p = user;
    p->conf.quiet(p->conf.user);
}

static void on_refused(void *user, const char *why)
{
    struct publish *const p = user;
    p->conf.refused(p->conf.user, why);
}

/* Nothing is coded while nobody takes it. */
static void on_open(void *user, bool open)
{
    struct publish *const p = user;
    struct rtc *const rtc = session_rtc(p->session);
    if (open && rtc && p->keep)
        keep_tracks(p, rtc);
    p->divide_at = 0;
    for (size_t i = 0; i < p->n; i++) {
        p->plan[i] = (struct uplink_line){.what = p->line[i].what};
        if (open && rtc && (p->line[i].what == CAPTURE_SLIDES || p->line[i].what == CAPTURE_BOARD))
            rtc_still(rtc, i);
    }
    if (open && rtc)
        follow_way(p, rtc);
    for (size_t i = 0; i < p->n; i++)
        feed_activate(p->line[i].feed, open && rtc ? layers_of(&p->line[i], rtc, i) : 0);
    if (p->conf.open)
        p->conf.open(p->conf.user, open);
}

static void add_line(struct publish *p, const char *flag, const char *name, enum capture_what what,
                     const struct conf_source *source)
{
    if (source->kind == SOURCE_NONE)
        return;
    p->line[p->n++] =
        (struct line){.owner = p, .flag = flag, .name = name, .what = what, .source = source};
}

static void plan_lines(struct publish *p)
{
    const struct conf *const c = p->conf.conf;
    const bool lead = c->profile == CONF_LEAD;
    add_line(p, "--mic", "", CAPTURE_VOICE, &c->mic);
    add_line(p, "--camera", lead ? "camera" : "class", lead ? CAPTURE_CAMERA : CAPTURE_CLASS,
             &c->camera);
    for (size_t i = 0; i < p->n; i++)
        p->line[i].vp9 = c->vp9 && p->line[i].what == CAPTURE_CAMERA;
    add_line(p, "--slides", "slides", CAPTURE_SLIDES, &c->slides);
    add_line(p, "--board", "board", CAPTURE_BOARD, &c->board);
}

static bool wants_echo_cancel(const struct publish *p)
{
    const enum source_kind k = p->conf.conf->mic.kind;
    return p->conf.conf->echo_cancel || k == SOURCE_PULSE || k == SOURCE_ALSA ||
           k == SOURCE_PIPEWIRE;
}

static enum err open_line(struct publish *p, struct line *l, char why[CAPTURE_WHY])
{
    char what[CAPTURE_WHY];
    const struct capture_conf c = {
        .source = l->source,
        .what = l->what,
        .burn = p->conf.conf->burn_time,
        .probe = wants_echo_cancel(p) ? p->conf.probe : NULL,
        .start = p->conf.start,
    };
    const enum err e = feed_new(&l->feed, &c, rng_u32(&p->net->rng), l->vp9, p->net->log, what);
    if (e != OK) {
        g_snprintf(why, CAPTURE_WHY, "%s %s", l->flag, e == E_IO ? what : err_name(e));
        return e;
    }
    l->ready = g_unix_fd_source_new(feed_fd(l->feed), G_IO_IN);
    g_source_set_callback(l->ready, G_SOURCE_FUNC(on_ready), l, NULL);
    g_source_attach(l->ready, p->net->ctx);
    return OK;
}

/* The same after a restart of this program on this machine, so that it takes over from itself. */
static void client_key(const struct conf *c, char out[80])
{
    char host[64] = "";
    gethostname(host, sizeof(host) - 1);
    for (char *p = host; *p; p++)
        *p = g_ascii_isalnum(*p) || *p == '-' || *p == '.' ? *p : '-';
    snprintf(out, 80, "room-%.5s-%.50s", c->profile == CONF_LEAD ? "lead" : "point", host);
}

static char *whip_path(const struct publish *p)
{
    char key[80];
    client_key(p->conf.conf, key);
    GString *const s = g_string_new("/whip/");
    g_string_append_printf(s, "%s?client=%s&sources=", p->conf.conf->lesson, key);
    const char *comma = "";
    for (size_t i = 0; i < p->n; i++) {
        if (p->line[i].what == CAPTURE_VOICE)
            continue;
        g_string_append_printf(s, "%s%s", comma, p->line[i].name);
        comma = ",";
    }
    return g_string_free(s, FALSE);
}

static enum err connect_all(struct publish *p)
{
    const struct conf *const c = p->conf.conf;
    char *const path = whip_path(p);
    struct session_conf sc = {.name = "publish",
                              .relay = c->relay,
                              .token = c->token,
                              .path = path,
                              .publish = true,
                              .lines = p->n,
                              .open = on_open,
                              .quiet = on_quiet,
                              .refused = on_refused,
                              .user = p};
    for (size_t i = 0; i < p->n; i++) {
        struct session_line *const l = &sc.line[i];
        l->audio = p->line[i].what == CAPTURE_VOICE;
        l->vp9 = p->line[i].vp9;
        l->layers = l->vp9 ? 0 : ladder_layers(p->line[i].what);
        for (size_t k = 0; k < l->layers; k++)
            l->rid[k] = ladder_rid(p->line[i].what, k);
    }
    const enum err e = session_new(&p->session, p->net, &sc);
    g_free(path);
    return e;
}

static enum err open_keep(struct publish *p, char why[CAPTURE_WHY])
{
    const char *const dir = p->conf.conf->journal;
    if (!dir[0])
        return OK;
    const enum err e = keep_new(&p->keep, dir, p->net->log);
    if (e != OK)
        g_snprintf(why, CAPTURE_WHY, "--journal %s: %s", dir,
                   e == E_IO      ? strerror(errno)
                   : e == E_STATE ? "another program writes there"
                                  : err_name(e));
    return e;
}

enum err publish_new(struct publish **out, struct net *net, const struct publish_conf *c,
                     char why[CAPTURE_WHY])
{
    struct publish *const p = calloc(1, sizeof(*p));
    *out = p;
    g_snprintf(why, CAPTURE_WHY, "no memory");
    if (!p)
        return E_NOMEM;
    p->net = net;
    p->conf = *c;
    plan_lines(p);
    enum err e = open_keep(p, why);
    for (size_t i = 0; i < p->n && e == OK; i++)
        e = open_line(p, &p->line[i], why);
    if (e == OK)
        e = connect_all(p);
    if (e != OK)
        publish_free(out);
    return e;
}

void publish_free(struct publish **pp)
{
    struct publish *const p = *pp;
    if (!p)
        return;
    session_free(&p->session);
    for (size_t i = 0; i < p->n; i++) {
        if (p->line[i].ready) {
            g_source_destroy(p->line[i].ready);
            g_source_unref(p->line[i].ready);
        }
        feed_free(&p->line[i].feed);
    }
    keep_free(&p->keep);
    free(p);
    *pp = NULL;
}

struct session *publish_session(struct publish *p)
{
    return p->session;
}

unsigned publish_protect_voice(struct publish *p)
{
    unsigned percent = 0;
    struct rtc *const rtc = session_rtc(p->session);
    for (size_t i = 0; i < p->n && rtc; i++) {
        struct line *const l = &p->line[i];
        if (l->what != CAPTURE_VOICE)
            continue;
        percent = voicefec_follow(&l->fec, clock_now(), rtc_lack(rtc, i));
        feed_set_loss(l->feed, percent);
    }
    return percent;
}
