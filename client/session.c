/* session.c - the states of a connection; whatever fails, the next try follows. */
#include "client/session.h"

#include "client/backoff.h"
#include "client/icelink.h"
#include "client/resume.h"
#include "client/timer.h"
#include "engine/io/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOL 16384 /* four layers and lines with their histories, and what is in the buffers */
#define GATHER_LIMIT (5 * USEC_SEC)
#define CONNECT_LIMIT (8 * USEC_SEC) /* libnice checks at 0, 0.5, 1.5, 3.5 and 7.5 s */
#define RELAY_AFTER (2500 * USEC_MS) /* UDP, and TCP on the port of HTTPS, have had their time */
#define RELAY_LIMIT (8 * USEC_SEC)   /* for TURN from then on */
#define LEAVE_LIMIT USEC_SEC
#define SILENCE (2 * USEC_SEC)
#define IN_FLIGHT (300 * USEC_MS) /* what a dead relay had sent may still arrive so late */
#define SILENCE_SUSPECT (1200 * USEC_MS)

enum state { WAITING, GATHERING, POSTING, CONNECTING, OPEN, LEAVING, LEFT };

struct session {
    struct net *net;
    struct session_conf conf;
    char *relay, *url, *token; /* copies of ours */
    GSource *timer;
    enum state state;
    usec since; /* in this state */
    usec began; /* the last try */
    usec retry_at;
    struct icelink *link;
    bool link_dead; /* ICE says so */
    bool by_udp;    /* is open, and goes by UDP */
    struct icelink_relays relays;
    bool relaying;         /* they are asked for this connection */
    struct resume *resume; /* looks for another one */
    struct rtc *rtc;
    struct nego nego;
    char offer[NEGO_SDP_MAX];
    char location[2 * HTTP_TEXT];
    uint64_t call;
    struct backoff backoff;
    const char *failed; /* to be dropped at the next turn, and why */
    bool ever_open;
    usec suspect_at;      /* 0 = trusted */
    struct rtc_stat past; /* of connections before this one */
};

enum err net_init(struct net *n, GMainContext *ctx, const char *ca_file, const struct log *log)
{
    uint8_t seed[32];
    memset(n, 0, sizeof(*n));
    n->ctx = ctx;
    n->log = log;
    n->ca = ca_file;
    enum err e = clock_seed(seed);
    if (e == OK)
        e = rng_init(&n->rng, seed);
    if (e == OK)
        e = dtls_cert_new(&n->cert);
    if (e == OK)
        e = outq_init(&n->out, 2u << 20, 2048);
    if (e == OK)
        e = http_new(&n->http, ctx, ca_file, &n->home);
    n->pool = pkt_pool_new(POOL);
    if (e == OK && n->pool)
        return OK;
    net_fini(n);
    return e == OK ? E_NOMEM : e;
}

void net_fini(struct net *n)
{
    http_free(&n->http);
    outq_fini(&n->out);
    dtls_cert_free(&n->cert);
    rng_fini(&n->rng);
    if (n->pool)
        pkt_pool_free(&n->pool);
}

static void set_state(struct session *s, enum state state)
{
    s->state = state;
    s->since = clock_now();
    g_source_set_ready_time(s->timer, 0);
}

/* Tears down happen in the session's own turn: never inside a call from libnice or libcurl. */
static void fail(struct session *s, const char *why)
{
    if (!s->failed)
        s->failed = why;
    g_source_set_ready_time(s->timer, 0);
}

static void send_datagrams(struct session *s, const struct outq_msg *m)
{
    const uint8_t *const bytes = s->net->out.buf + m->off;
    for (uint32_t at = 0; at < m->len; at += m->seg)
        icelink_send(s->link, bytes + at, size_min(m->seg, m->len - at));
}

void session_flush(struct session *s)
{
    for (size_t i = 0; i < s->net->out.n && s->link; i++)
        send_datagrams(s, &s->net->out.msgs[i]);
    outq_clear(&s->net->out);
}

static void give_items(struct session *s, usec now)
{
    struct recvtrack_item it;
    size_t line;
    if (s->state == OPEN && s->conf.turn)
        s->conf.turn(s->conf.user);
    while (s->state == OPEN && rtc_pull(s->rtc, now, &line, &it)) {
        if (s->conf.item)
            s->conf.item(s->conf.user, line, &it);
    }
}

static void schedule(struct session *s)
{
    usec next = s->rtc ? rtc_next(s->rtc) : USEC_NEVER;
    if (s->resume)
        next = usec_min(next, resume_next(s->resume));
    g_source_set_ready_time(s->timer, usec_min(next, clock_now() + 200 * USEC_MS));
}

static void on_received(void *user, const uint8_t *bytes, size_t len)
{
    struct session *const s = user;
    struct pkt *p = s->rtc && len <= PKT_CAP ? pkt_get(s->net->pool) : NULL;
    if (!p)
        return;
    const usec now = clock_now();
    memcpy(p->data, bytes, len);
    p->len = (uint16_t)len;
    p->at = now;
    rtc_input(s->rtc, now, clock_wall_us(), p, &s->net->out);
    pkt_unref(&p);
    session_flush(s);
    g_source_set_ready_time(s->timer, 0);
}

static void ask_relays(struct session *s)
{
    s->relaying = icelink_relay(s->link, &s->relays, s->net->log);
    if (s->relaying)
        log_info(s->net->log, "no direct way so far: TURN servers are asked", "way=%s",
                 s->conf.name);
}

static void on_relayed(void *user, size_t n)
{
    const struct session *const s = user;
    if (n == 0)
        log_warn(s->net->log, "no TURN server serves us: not reached, or it refuses us",
                 "way=%s servers=%zu first=%s", s->conf.name, s->relays.n,
                 s->relays.server[0].host);
}

static void on_link_failed(void *user)
{
    struct session *const s = user;
    if (s->state == OPEN)
        s->link_dead = true;
    else if (s->state == CONNECTING && (s->relaying || s->relays.n > 0))
        g_source_set_ready_time(s->timer, 0); /* TURN is left, or under way */
    else
        fail(s, "no way to the relay: ICE failed");
}

/* True: trying again will not help. */
static bool is_final(const struct session *s, const struct http_answer *a)
{
    if (strcmp(a->problem, "lesson-ended") == 0)
        return true;
    return !s->ever_open && a->status >= 400 && a->status < 500 && a->status != 408 &&
           a->status != 409 && a->status != 429;
}

static void take_location(struct session *s, const char *location)
{
    const bool whole = strncmp(location, "http", 4) == 0;
    snprintf(s->location, sizeof(s->location), "%s%s", whole ? "" : s->relay, location);
}

static void take_relays(struct session *s, const char *links)
{
    const char *const end = links + strlen(links);
    s->relays = (struct icelink_relays){.ca = s->net->ca};
    while (s->relays.n < ICELINK_RELAYS &&
           iceserver_next(&links, end, &s->relays.server[s->relays.n]))
        s->relays.n++;
}

static bool take_answer(struct session *s, const struct http_answer *a)
{
    struct nego_error e = {0};
    if (!nego_accept(&s->nego, a->body, a->len, &e)) {
        log_warn(s->net->log, "the relay's answer is not usable", "field=%s what=%s",
                 e.field ? e.field : "", e.what ? e.what : "");
        return false;
    }
    const struct rtc_conf c = {.nego = &s->nego, .cert = s->net->cert, .pool = s->net->pool};
    if (rtc_new(&s->rtc, &c, &s->net->rng, clock_now()) != OK)
        return false;
    for (size_t i = 0; i < s->conf.lines; i++)
        if (s->conf.line[i].still)
            rtc_still(s->rtc, i);
    return icelink_start(s->link, &s->nego.ice);
}

static void on_answer(void *user, const struct http_answer *a)
{
    struct session *const s = user;
    s->call = 0;
    if (a->status == 201) {
        take_location(s, a->location);
        take_relays(s, a->links);
        if (take_answer(s, a))
            set_state(s, CONNECTING);
        else
            fail(s, "the relay's answer is not usable");
        return;
    }
    log_warn(s->net->log, "the relay did not take us in", "way=%s status=%ld why=%s", s->conf.name,
             a->status, a->why);
    if (is_final(s, a) && s->conf.refused) {
        const bool over = s->ever_open && strcmp(a->problem, "lesson-ended") == 0;
        s->state = LEFT;
        s->conf.refused(s->conf.user, over ? NULL : a->why);
        return;
    }
    fail(s, "not taken in");
}

static void set_media(struct session *s)
{
    memset(&s->nego, 0, sizeof(s->nego));
    s->nego.n = s->conf.lines;
    for (size_t i = 0; i < s->conf.lines; i++) {
        const struct session_line *const l = &s->conf.line[i];
        struct nego_media *const m = &s->nego.media[i];
        m->audio = l->audio;
        m->send = s->conf.publish;
        m->recv = !s->conf.publish;
        m->codec = l->audio ? NEGO_OPUS : l->vp9 ? NEGO_VP9 : NEGO_VP8;
        m->layers = l->layers;
        for (size_t k = 0; k < l->layers; k++)
            snprintf(m->rid[k], sizeof(m->rid[k]), "%s", l->rid[k]);
    }
}

static void on_gathered(void *user)
{
    struct session *const s = user;
    if (s->state != GATHERING)
        return;
    struct nego_self self = {.fingerprint = dtls_cert_fingerprint(s->net->cert)};
    self.cands = icelink_candidates(s->link, self.cand, NEGO_CANDS);
    set_media(s);
    if (!nego_offer(&s->nego, &self, &s->net->rng, s->offer)) {
        fail(s, "the offer could not be written");
        return;
    }
    const struct http_request r = {
        .method = "POST",
        .url = s->url,
        .token = s->token,
        .type = "application/sdp",
        .body = s->offer,
        .done = on_answer,
        .user = s,
    };
    s->call = http_start(s->net->http, &r);
    set_state(s, POSTING);
}

static bool wants_tcp(void *user)
{
    const struct session *const s = user;
    return s->net->by_udp == 0;
}

static struct icelink_calls link_calls(struct session *s)
{
    return (struct icelink_calls){.gathered = on_gathered,
                                  .failed = on_link_failed,
                                  .relayed = on_relayed,
                                  .received = on_received,
                                  .wants_tcp = wants_tcp,
                                  .user = s};
}

static void begin(struct session *s)
{
    const struct icelink_calls calls = link_calls(s);
    set_state(s, GATHERING);
    s->began = s->since;
    const struct icelink_place place = {.loopback = http_on_this_machine(s->relay),
                                        .home = &s->net->home};
    if (icelink_new(&s->link, s->net->ctx, &place, &calls) != OK)
        fail(s, "no socket for ICE");
}

static void forget_at_relay(struct session *s)
{
    const struct http_request r = {.method = "DELETE", .url = s->location, .token = s->token};
    if (s->location[0])
        http_start(s->net->http, &r);
    s->location[0] = 0;
}

static void add_stat(struct session *s)
{
    struct rtc_stat now;
    session_stat(s, &now);
    s->past = now;
}

static void count_udp(struct session *s, bool by_udp)
{
    s->net->by_udp = s->net->by_udp - s->by_udp + by_udp;
    s->by_udp = by_udp;
}

static void tear_down(struct session *s)
{
    count_udp(s, false);
    http_cancel(s->net->http, s->call);
    s->call = 0;
    add_stat(s);
    resume_free(&s->resume);
    rtc_free(&s->rtc);
    icelink_free(&s->link);
    s->link_dead = false;
    s->relaying = false;
}

static void drop(struct session *s)
{
    const bool was_open = s->state == OPEN;
    log_info(s->net->log, "connection lost", "way=%s why=%s", s->conf.name, s->failed);
    s->failed = NULL;
    tear_down(s);
    forget_at_relay(s);
    s->suspect_at = 0;
    s->retry_at = backoff_due(&s->backoff, &s->net->rng, s->began, clock_now());
    set_state(s, WAITING);
    if (was_open && s->conf.open)
        s->conf.open(s->conf.user, false);
}

static void tell_path(const struct session *s, const char *what)
{
    char over[MULTIHOME_NAME];
    icelink_interface(s->link, over);
    log_info(s->net->log, what, "way=%s by=%s over=%s", s->conf.name,
             icelink_way_name(icelink_way(s->link)), over);
}

static void now_open(struct session *s)
{
    s->ever_open = true;
    set_state(s, OPEN);
    tell_path(s, "connected");
    count_udp(s, icelink_way(s->link) == ICELINK_UDP);
    if (s->conf.open)
        s->conf.open(s->conf.user, true);
}

static usec connect_limit(const struct session *s)
{
    return s->relaying ? RELAY_AFTER + RELAY_LIMIT : CONNECT_LIMIT;
}

static void check_peer(struct session *s, usec now)
{
    const enum peer_state p = rtc_state(s->rtc, now);
    if (p == PEER_FAILED)
        fail(s, rtc_why(s->rtc) ? rtc_why(s->rtc) : "DTLS failed");
    else if (p == PEER_CLOSED)
        fail(s, "the relay closed it");
    else if (p == PEER_OPEN && s->state == CONNECTING)
        now_open(s);
    else if (s->state == CONNECTING && now - s->since > connect_limit(s))
        fail(s, "not connected in time");
    else if (s->state == CONNECTING && !s->relaying && s->relays.n > 0 && !icelink_ready(s->link) &&
             now - s->since > RELAY_AFTER)
        ask_relays(s);
}

static void on_wake(void *user)
{
    struct session *const s = user;
    g_source_set_ready_time(s->timer, 0);
}

static void begin_resume(struct session *s, usec silent)
{
    const struct resume_conf c = {.net = s->net,
                                  .url = s->location,
                                  .token = s->token,
                                  .loopback = http_on_this_machine(s->relay),
                                  .tcp = icelink_way(s->link) != ICELINK_UDP,
                                  .relays =
                                      icelink_way(s->link) == ICELINK_TURN ? &s->relays : NULL,
                                  .agreed = &s->nego,
                                  .silent = s->link,
                                  .received = on_received,
                                  .wake = on_wake,
                                  .user = s};
    log_info(s->net->log, "nothing heard: looking for a path", "way=%s silent_ms=%lld",
             s->conf.name, (long long)(silent / USEC_MS));
    if (resume_new(&s->resume, &c) != OK)
        fail(s, "nothing heard from the relay");
    else if (s->conf.quiet)
        s->conf.quiet(s->conf.user);
}

static void take_path(struct session *s, usec now)
{
    const struct icelink_calls calls = link_calls(s);
    bool moved;
    icelink_free(&s->link);
    s->link = resume_take(s->resume, &s->nego, &calls, &moved);
    if (moved)
        rtc_other_way(s->rtc, now);
    count_udp(s, icelink_way(s->link) == ICELINK_UDP);
    s->link_dead = false;
    s->suspect_at = 0;
    s->since = now; /* it has its time to be heard */
    tell_path(s, "goes on over another path");
}

/* The old path stays in use all the while: if it only was interrupted, it is the quickest. */
static void go_on_resuming(struct session *s, usec now, bool heard)
{
    const enum resume_state state = resume_turn(s->resume, now);
    if (state == RESUME_READY)
        take_path(s, now);
    else if (state == RESUME_REFUSED)
        fail(s, "the relay is not reached, or does not know us any more");
    if (state == RESUME_READY || state == RESUME_REFUSED || (state == RESUME_GATHERS && heard))
        resume_free(&s->resume);
}

/* A relay that lives answers a publisher every second. A viewer may rightly hear nothing for long,
 * so its silence only counts when something else raised the suspicion, and it had the time to
 * refute it; where another interface can be tried that would be time lost. */
static bool suspect_silent(const struct session *s, usec now, usec silent)
{
    const usec wait = s->net->home.n > 1 ? 0 : SILENCE_SUSPECT / 2;
    return silent > SILENCE_SUSPECT && now - s->suspect_at > wait;
}

static void check_silence(struct session *s, usec now)
{
    const usec heard = rtc_heard(s->rtc);
    const usec silent = now - usec_max(heard, s->since);
    if (s->suspect_at && heard > s->suspect_at + IN_FLIGHT)
        s->suspect_at = 0;
    const bool lost = s->link_dead || (s->suspect_at ? suspect_silent(s, now, silent)
                                                     : s->conf.publish && silent > SILENCE);
    if (s->resume)
        go_on_resuming(s, now, !lost);
    else if (lost)
        begin_resume(s, silent);
    if (s->state == OPEN && now - s->since > 2 * USEC_SEC)
        backoff_reset(&s->backoff);
}

static void turn_connected(struct session *s, usec now)
{
    if (icelink_ready(s->link))
        rtc_tick(s->rtc, now, clock_wall_us(), &s->net->out);
    session_flush(s);
    check_peer(s, now);
    if (s->state == OPEN) {
        give_items(s, now);
        check_silence(s, now);
    }
    session_flush(s);
    schedule(s);
}

static gboolean turn(gpointer user)
{
    struct session *const s = user;
    const usec now = clock_now();
    g_source_set_ready_time(s->timer, -1);
    if (s->failed && s->state < LEAVING)
        drop(s);
    switch (s->state) {
    case WAITING:
        if (now >= s->retry_at)
            begin(s);
        else
            g_source_set_ready_time(s->timer, s->retry_at);
        break;
    case GATHERING:
        g_source_set_ready_time(s->timer, s->since + GATHER_LIMIT);
        if (now - s->since > GATHER_LIMIT)
            fail(s, "no candidates in time");
        break;
    case CONNECTING:
    case OPEN:
        turn_connected(s, now);
        break;
    case LEAVING:
        g_source_set_ready_time(s->timer, s->since + LEAVE_LIMIT);
        if (now - s->since >= LEAVE_LIMIT)
            set_state(s, LEFT);
        break;
    case POSTING:
    case LEFT:
    default:
        break;
    }
    if (s->failed)
        g_source_set_ready_time(s->timer, 0);
    return G_SOURCE_CONTINUE;
}

enum err session_new(struct session **out, struct net *net, const struct session_conf *c)
{
    struct session *const s = calloc(1, sizeof(*s));
    *out = s;
    if (!s)
        return E_NOMEM;
    s->net = net;
    s->conf = *c;
    s->url = g_strconcat(c->relay, c->path, NULL);
    s->token = g_strdup(c->token);
    s->relay = g_strdup(c->relay);
    s->timer = timer_new(net->ctx, turn, s);
    s->retry_at = clock_now() + backoff_next(&s->backoff, &net->rng);
    set_state(s, WAITING);
    return OK;
}

void session_free(struct session **ps)
{
    struct session *const s = *ps;
    if (!s)
        return;
    tear_down(s);
    g_source_destroy(s->timer);
    g_source_unref(s->timer);
    g_free(s->url);
    g_free(s->token);
    g_free(s->relay);
    free(s);
    *ps = NULL;
}

struct rtc *session_rtc(struct session *s)
{
    return s && s->state == OPEN && !s->failed ? s->rtc : NULL;
}

void session_stat(const struct session *s, struct rtc_stat *out)
{
    *out = s->past;
    if (!s->rtc)
        return;
    rtc_stat(s->rtc, out);
    out->bytes_in += s->past.bytes_in;
    out->bytes_out += s->past.bytes_out;
    out->repairs_sent += s->past.repairs_sent;
    out->keys_asked += s->past.keys_asked;
    out->fec_in += s->past.fec_in;
    out->fec_recovered += s->past.fec_recovered;
    out->fec_vain += s->past.fec_vain;
    out->fec_bad += s->past.fec_bad;
    out->asked += s->past.asked;
}

void session_suspect(struct session *s)
{
    if (s->state == OPEN && !s->suspect_at)
        s->suspect_at = clock_now();
}

static void on_left(void *user, const struct http_answer *a)
{
    (void)a;
    struct session *const s = user;
    s->call = 0;
    set_state(s, LEFT);
}

void session_leave(struct session *s)
{
    if (s->state >= LEAVING)
        return;
    if (s->rtc) {
        rtc_close(s->rtc, clock_now(), &s->net->out);
        session_flush(s);
    }
    tear_down(s);
    if (!s->location[0]) {
        set_state(s, LEFT);
        return;
    }
    const struct http_request r = {
        .method = "DELETE", .url = s->location, .token = s->token, .done = on_left, .user = s};
    set_state(s, LEAVING);
    s->call = http_start(s->net->http, &r);
}

bool session_left(const struct session *s)
{
    return s->state == LEFT;
}
