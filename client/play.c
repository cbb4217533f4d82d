/* play.c - items to screens and voices; lip sync. */
#include "client/play.h"

#include "client/lipsync.h"
#include "client/screen.h"
#include "client/show.h"
#include "client/voice.h"
#include "engine/io/clock.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOK_SMOOTH 16 /* pictures */
#define AWAY_LONG USEC_SEC

struct picture_line {
    struct play *owner;
    size_t line; /* of the connection */
    char name[64];
    struct show *show;
    GSource *told;
    struct stats_video *stat;
    int64_t burnt_at; /* time in the picture shown last, 0 = none */
    usec took;        /* by decoding and showing, smoothed */
    uint64_t late;    /* packets of the stream, as last looked at */
};

struct play {
    struct play_conf conf;
    struct net *net;
    struct session *session;
    struct screen *screen;
    struct voice voice[PLAY_VOICES];
    size_t voices;
    struct picture_line picture[PLAY_PICTURES];
    size_t pictures;
};

/* The voice that a room is there to hear: a point the lead's, the lead the point's that speaks. */
static size_t main_voice(const struct play *p)
{
    return p->conf.conf->profile == CONF_LEAD ? 1 : 0;
}

static bool is_people(const char *name)
{
    return strcmp(name, "slides") != 0 && strcmp(name, "board") != 0;
}

/* The picture of the one who is heard on the first line; NULL: there is none. */
static const struct picture_line *speaking(const struct play *p)
{
    return p->conf.conf->profile == CONF_POINT && p->pictures ? &p->picture[0] : NULL;
}

/* What was away for long has come back: the log tells how long a class saw or heard nothing. */
static void note_back(const struct play *p, const char *what, usec away)
{
    if (away > AWAY_LONG)
        log_info(p->net->log, what, "away_ms=%lld", (long long)(away / USEC_MS));
}

/* A slide has the time of its coming, and counts when it is seen first; the first of all may have
 * stood for long. */
static void note_burnt(struct picture_line *l, const struct show_note *n)
{
    struct stats *const s = l->owner->conf.stats;
    if (is_people(l->name))
        stats_ring_add(&s->burnt, n->burnt_ms);
    else if (l->burnt_at && n->burnt_at > l->burnt_at)
        stats_ring_add(&s->slides, n->burnt_ms);
    l->burnt_at = n->burnt_at;
}

static void note_picture(struct picture_line *l, const struct show_note *n)
{
    struct stats *const s = l->owner->conf.stats;
    const usec away = l->stat ? stats_video_shown(l->stat, n->at, n->width, n->height) : 0;
    if (is_people(l->name))
        note_back(l->owner, "the picture is back", away);
    if (n->has_burnt)
        note_burnt(l, n);
    l->took += (n->took - l->took) / TOOK_SMOOTH;
    if (!n->has_delay || !is_people(l->name))
        return;
    stats_ring_add(&s->delay, n->delay_ms);
    if (l == speaking(l->owner) && l->owner->voice[0].playing && s->voice.delay)
        stats_skew(s, n->at, (int32_t)(s->voice.delay / USEC_MS) - n->delay_ms);
}

static void note_late(struct picture_line *l, const struct recvtrack *t)
{
    const uint64_t late = t ? t->jitter.late : 0; /* of this stream */
    if (l->stat && late > l->late)
        l->stat->late += late - l->late;
    l->late = late;
}

static gboolean on_told(gint fd, GIOCondition what, gpointer user)
{
    (void)fd;
    (void)what;
    struct picture_line *const l = user;
    struct rtc *const rtc = session_rtc(l->owner->session);
    struct show_note n;
    while (show_told(l->show, &n)) {
        if (n.shown)
            note_picture(l, &n);
        if (rtc)
            rtc_want_key(rtc, l->line, n.wants_key);
    }
    note_late(l, rtc ? rtc_recv(rtc, l->line) : NULL);
    return G_SOURCE_CONTINUE;
}

static void on_item(void *user, size_t line, const struct recvtrack_item *it)
{
    struct play *const p = user;
    if (line >= p->voices && line - p->voices < p->pictures)
        show_put(p->picture[line - p->voices].show, &it->frame, it->wall_us);
}

static void on_open(void *user, bool open)
{
    struct play *const p = user;
    for (size_t i = 0; i < p->voices; i++)
        voice_restart(&p->voice[i]);
    if (p->conf.open)
        p->conf.open(p->conf.user, open);
}

static void on_quiet(void *user)
{
    struct play *const p = user;
    p->conf.quiet(p->conf.user);
}

static void on_refused(void *user, const char *why)
{
    struct play *const p = user;
    p->conf.refused(p->conf.user, why);
}

static void add_picture(struct play *p, const char *name)
{
    struct picture_line *const l = &p->picture[p->pictures++];
    l->owner = p;
    snprintf(l->name, sizeof(l->name), "%s", name);
    l->stat = stats_video_of(p->conf.stats, name);
}

static void plan(struct play *p)
{
    const size_t shown = size_min(p->conf.points, 3);
    if (p->conf.conf->profile == CONF_POINT) {
        p->voices = 2;
        add_picture(p, "camera");
        add_picture(p, "slides");
        add_picture(p, "floor");
        return;
    }
    p->voices = 1 + (shown ? shown : 1);
    for (size_t i = 1; i <= shown; i++) {
        char name[16];
        snprintf(name, sizeof(name), "wall/%zu", i);
        add_picture(p, name);
    }
}

static enum err open_pictures(struct play *p)
{
    const char *names[PLAY_PICTURES];
    for (size_t i = 0; i < p->pictures; i++)
        names[i] = p->picture[i].name;
    enum err e = screen_new(&p->screen, p->conf.output, names, p->pictures);
    for (size_t i = 0; i < p->pictures && e == OK; i++) {
        struct picture_line *const l = &p->picture[i];
        l->line = p->voices + i;
        e = show_new(&l->show, p->screen, i);
        if (e != OK)
            break;
        l->told = g_unix_fd_source_new(show_fd(l->show), G_IO_IN);
        g_source_set_callback(l->told, G_SOURCE_FUNC(on_told), l, NULL);
        g_source_attach(l->told, p->net->ctx);
    }
    return e;
}

static enum err open_voices(struct play *p)
{
    enum err e = OK;
    for (size_t i = 0; i < p->voices && e == OK; i++)
        e = voice_init(&p->voice[i], i == main_voice(p) ? &p->conf.stats->voice : NULL);
    return e;
}

/* Before every picture, so that after a gap none runs ahead of the voice. */
static void keep_together(void *user)
{
    struct play *const p = user;
    struct rtc *const rtc = session_rtc(p->session);
    const struct picture_line *const l = speaking(p);
    const struct recvtrack *const heard = rtc ? rtc_recv(rtc, 0) : NULL;
    const struct recvtrack *const seen = rtc && l ? rtc_recv(rtc, l->line) : NULL;
    struct lipsync_line voice;
    struct lipsync_line picture;
    if (!heard || !seen || !recvtrack_least(heard, &voice.least) ||
        !recvtrack_least(seen, &picture.least))
        return;
    voice.need = heard->jitter.own;
    picture.need = seen->jitter.own;
    picture.least += l->took;
    const usec held = voice_held(&p->voice[0], heard, clock_now());
    const struct lipsync at_least = lipsync(&voice, held, &picture);
    rtc_floor(rtc, 0, at_least.voice);
    rtc_floor(rtc, l->line, at_least.picture);
}

static enum err connect_all(struct play *p)
{
    const struct conf *const c = p->conf.conf;
    GString *const path = g_string_new("/whep/");
    g_string_append_printf(path, "%s?slots=", c->lesson);
    struct session_conf sc = {.name = "play",
                              .relay = c->relay,
                              .token = c->token,
                              .lines = p->voices + p->pictures,
                              .turn = keep_together,
                              .item = on_item,
                              .open = on_open,
                              .quiet = on_quiet,
                              .refused = on_refused,
                              .user = p};
    for (size_t i = 0; i < p->voices; i++)
        sc.line[i].audio = true;
    for (size_t i = 0; i < p->pictures; i++)
        sc.line[p->voices + i].still = !is_people(p->picture[i].name);
    for (size_t i = 0; i < p->pictures; i++)
        g_string_append_printf(path, "%s%s", i ? "," : "", p->picture[i].name);
    sc.path = path->str;
    const enum err e = session_new(&p->session, p->net, &sc);
    g_string_free(path, TRUE);
    return e;
}

enum err play_new(struct play **out, struct net *net, const struct play_conf *c)
{
    struct play *const p = calloc(1, sizeof(*p));
    *out = p;
    if (!p)
        return E_NOMEM;
    p->net = net;
    p->conf = *c;
    plan(p);
    enum err e = open_voices(p);
    if (e == OK)
        e = open_pictures(p);
    if (e == OK)
        e = connect_all(p);
    if (e != OK)
        play_free(out);
    return e;
}

void play_free(struct play **pp)
{
    struct play *const p = *pp;
    if (!p)
        return;
    session_free(&p->session);
    for (size_t i = 0; i < p->pictures; i++) {
        if (p->picture[i].told) {
            g_source_destroy(p->picture[i].told);
            g_source_unref(p->picture[i].told);
        }
        show_free(&p->picture[i].show);
    }
    for (size_t i = 0; i < p->voices; i++)
        voice_fini(&p->voice[i]);
    screen_free(&p->screen);
    free(p);
    *pp = NULL;
}

struct session *play_session(struct play *p)
{
    return p->session;
}

/* One voice for 20 ms. */
static void speak(struct play *p, struct rtc *rtc, size_t line, usec now, int32_t mix[VOICE_STEP])
{
    const struct stats_voice *const heard = p->voice[line].stat;
    const usec before = heard ? heard->heard : 0;
    voice_mix(&p->voice[line], rtc ? rtc_recv(rtc, line) : NULL, now, clock_wall_us(), mix);
    if (before)
        note_back(p, "the voice is back", heard->heard - before);
}

void play_speak(struct play *p, usec now)
{
    struct rtc *const rtc = session_rtc(p->session);
    int32_t mix[VOICE_STEP] = {0};
    int16_t pcm[VOICE_STEP];
    for (size_t i = 0; i < p->voices; i++)
        speak(p, rtc, i, now, mix);
    voice_limit(mix, pcm);
    output_sound(p->conf.output, pcm, VOICE_STEP, now);
}
