#include "relay/media/worker.h"

#include "engine/io/clock.h"
#include "engine/io/loop.h"
#include "engine/io/mailbox.h"
#include "engine/io/tcp.h"
#include "engine/io/thread.h"
#include "engine/io/udp.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS 4096 /* a thousand lessons that begin at once */
#define NOTES 4096
#define TAPS 16384
/* What is sent in one step, about a hundred packets. Between steps new packets are looked for: what
 * comes for the lesson's own sites does not wait until all observers have theirs. */
#define OUT_BYTES (128u << 10)
#define OUT_MSGS 512
#define ROUNDS 4 /* batches of one socket before others get their turn */

#define LINK_BOX 2048
#define LINK_TURN 256 /* messages of one link before others get their turn */
#define STATS_WAIT (100 * USEC_MS)
/* While no media flows nothing is urgent: what comes is taken every few milliseconds, as a network
 * card moderates its interrupts, or a thousand members would wake the thread a thousand times. */
#define QUIET_AFTER (500 * USEC_MS)
#define QUIET_REST (5 * USEC_MS)
#define AGAIN USEC_MS /* until the next try of what a full mailbox refused */

enum tag {
    TAG_COMMAND,
    TAG_HOME,
    TAG_SOCKET,
    TAG_LINK = TAG_SOCKET + WORKER_ADDRS,
    TAG_TCP = TAG_LINK + LINK_HUBS, /* and all after it */
};

/* From one worker to another: messages of its hub's link, and packets that go home. */
struct way {
    struct mailbox *msgs;
    struct mailbox *home; /* every packet there is fits; nobody is woken for it */
    struct link_msg held; /* refused by a full mailbox; goes first */
    bool holds;
};

struct worker {
    struct worker_conf conf;
    struct hub *hub;
    struct log log;
    struct pkt_pool *pool;
    struct outq out;
    struct loop loop;
    struct udp udp[WORKER_ADDRS];
    size_t udps;
    struct tcp *tcp; /* NULL until the first member comes by TCP */
    struct mailbox *commands, *notes, *taps, *home;
    struct tap_msg held_tap; /* refused by a full mailbox; goes first */
    bool holds_tap;
    struct note held_note;
    bool holds_note;
    usec notes_at;  /* control is woken then, if not before */
    uint64_t media; /* packets of media, as of media_at */
    usec media_at;
    struct way to[LINK_HUBS];          /* ours, by the other's number */
    const struct way *from[LINK_HUBS]; /* the others' to us */
    atomic_bool stop;
    struct thread *thread;
    usec stat_at;
    pthread_mutex_t stat_lock; /* once a second; never on the packet path */
    struct worker_stat stat;
};

static enum err open_sockets(struct worker *w, struct addr *bad)
{
    for (size_t i = 0; i < w->conf.locals; i++) {
        *bad = w->conf.local[i];
        if (udp_open(&w->udp[i], bad, w->conf.socket_bytes))
            return E_IO;
        w->udps++;
        if (loop_set(&w->loop, w->udp[i].fd, LOOP_READ, TAG_SOCKET + i))
            return E_IO;
    }
    return OK;
}

/* Every packet there is fits: sending home never fails. */
static enum err home_new(struct mailbox **m, const struct worker *owner)
{
    size_t n = 1;
    while (n < owner->conf.packets)
        n *= 2;
    return mailbox_new(m, n, sizeof(struct pkt *));
}

static enum err open_mailboxes(struct worker *w)
{
    enum err e = mailbox_new(&w->commands, COMMANDS, sizeof(struct cmd));
    if (!e)
        e = mailbox_new(&w->notes, NOTES, sizeof(struct note));
    if (!e)
        e = mailbox_new(&w->taps, TAPS, sizeof(struct tap_msg));
    if (!e)
        e = home_new(&w->home, w);
    if (!e)
        e = loop_set(&w->loop, mailbox_fd(w->commands), LOOP_READ, TAG_COMMAND);
    if (!e)
        e = loop_set(&w->loop, mailbox_fd(w->home), LOOP_READ, TAG_HOME);
    return e;
}

static void take_home(struct worker *w)
{
    struct pkt *p = NULL;
    while (mailbox_recv(w->home, &p))
        hub_home(w->hub, p);
}

static void take_link(struct worker *w, usec now, size_t from)
{
    struct link_msg m;
    for (int i = 0; i < LINK_TURN && mailbox_recv(w->from[from]->msgs, &m); i++) {
        if (link_input(w->hub, now, from, &m))
            continue;
        const bool room = mailbox_send(w->to[from].home, &m.pkt);
        assert(room);
    }
}

static void take_lent(struct worker *w)
{
    struct pkt *p = NULL;
    for (size_t i = 0; i < w->conf.hub.hubs; i++)
        while (w->from[i] && mailbox_take(w->from[i]->home, &p))
            pkt_unref(&p);
}

static void flush(struct worker *w, struct udp *u)
{
    udp_send(u, &w->out);
    outq_clear(&w->out);
}

/* A message goes out by the socket of the first address that fits its family. One socket bound to
 * :: serves both and is the usual case. */
static struct udp *socket_for(struct worker *w, const struct addr *to)
{
    static const uint8_t any[16] = {0};
    for (size_t i = 0; i < w->udps; i++) {
        const bool wild = memcmp(w->udp[i].local.ip, any, sizeof any) == 0;
        if (wild || addr_is_v4(&w->udp[i].local) == addr_is_v4(to))
            return &w->udp[i];
    }
    return &w->udp[0];
}

static void send_out(struct worker *w)
{
    if (w->tcp)
        tcp_send(w->tcp, &w->out);
    if (w->udps == 1) {
        flush(w, &w->udp[0]);
        return;
    }
    struct outq part = w->out;
    for (size_t i = 0; i < w->out.n; i++) {
        part.msgs = &w->out.msgs[i];
        part.n = 1;
        udp_send(socket_for(w, &w->out.msgs[i].to), &part);
    }
    outq_clear(&w->out);
}

static void step(struct worker *w, usec now)
{
    hub_tick(w->hub, now, &w->out);
    send_out(w);
}

static void take_datagrams(struct worker *w, struct udp *u)
{
    struct pkt *got[UDP_BATCH];
    for (int round = 0; round < ROUNDS; round++) {
        const usec now = clock_now();
        const size_t n = udp_recv(u, now, w->pool, got);
        for (size_t i = 0; i < n; i++)
            hub_input(w->hub, now, got[i], &w->out);
        if (n)
            step(w, now);
        if (n < UDP_BATCH)
            return;
    }
}

static void take_frames(struct worker *w, size_t slot)
{
    const usec now = clock_now();
    if (!tcp_read(w->tcp, slot))
        return;
    for (struct pkt *p; (p = tcp_next(w->tcp, now, w->pool)) != NULL;) {
        const struct addr from = p->from;
        if (hub_input(w->hub, now, p, &w->out))
            tcp_heard(w->tcp, &from, now);
    }
    step(w, now);
}

static bool may_call(struct worker *w)
{
    return w->tcp || tcp_new(&w->tcp, &w->loop, TAG_TCP, 2 * w->conf.hub.max_members,
                             rng_u64(&w->hub->rng)) == OK;
}

static void take_call(struct worker *w, usec now, struct cmd *c)
{
    struct cmd_call *const call = c->call;
    const struct tcp_call t = {.fd = call->fd,
                               .from = call->from,
                               .owner = c->member,
                               .bytes = call->bytes,
                               .len = call->len};
    size_t slot;
    if (!may_call(w)) {
        log_error(&w->log, "no memory for connections by TCP", "worker=%zu", w->conf.hub.self);
    } else if (tcp_add(w->tcp, now, &t, &slot)) {
        call->fd = -1;
        take_frames(w, slot);
    }
    cmd_drop(c);
}

static void take_commands(struct worker *w, usec now)
{
    struct cmd c;
    while (mailbox_recv(w->commands, &c)) {
        if (c.kind == CMD_CALL)
            take_call(w, now, &c);
        else
            hub_command(w->hub, now, &c, &w->out);
    }
}

/* False: the other side is slow, something is left. */
static bool hand_link(struct worker *w, size_t to)
{
    struct way *const way = &w->to[to];
    while (way->holds || link_next(w->hub, to, &way->held)) {
        way->holds = !mailbox_send(way->msgs, &way->held);
        if (way->holds)
            break;
    }
    for (struct pkt *p; (p = link_spent(w->hub, to)) != NULL;) {
        const bool room = mailbox_send(way->home, &p);
        assert(room);
    }
    mailbox_wake(way->msgs);
    return !way->holds;
}

static bool hand_links(struct worker *w)
{
    bool all = true;
    for (size_t i = 0; i < w->conf.hub.hubs; i++)
        if (w->to[i].msgs)
            all &= hand_link(w, i);
    return all;
}

/* Who comes and goes is told at once; figures of the last second wait for each other. */
static void hand_notes(struct worker *w, usec now)
{
    while (w->holds_note || hub_note(w->hub, &w->held_note)) {
        w->holds_note = !mailbox_send(w->notes, &w->held_note);
        const usec wake = w->held_note.kind == NOTE_STATS ? now + STATS_WAIT : now;
        w->notes_at = usec_min(w->notes_at, wake);
        if (w->holds_note)
            break;
    }
    if (now < w->notes_at)
        return;
    mailbox_wake(w->notes);
    w->notes_at = USEC_NEVER;
}

static void hand_taps(struct worker *w)
{
    while (w->holds_tap || hub_tap(w->hub, &w->held_tap)) {
        w->holds_tap = !mailbox_send(w->taps, &w->held_tap);
        if (w->holds_tap)
            break;
    }
    mailbox_wake(w->taps);
}

static void publish_stat(struct worker *w, usec now)
{
    if (now < w->stat_at)
        return;
    w->stat_at = now + USEC_SEC;
    struct worker_stat s = {.hub = w->hub->stat,
                            .packets_in_use = pkt_pool_in_use(w->pool),
                            .notes_refused = mailbox_refused(w->notes),
                            .taps_refused = mailbox_refused(w->taps)};
    for (size_t i = 0; i < w->conf.hub.hubs; i++)
        link_lost(w->hub, i, &s.link_frames_lost, &s.link_packets_lost);
    if (w->tcp) {
        tcp_sweep(w->tcp, now);
        s.tcp = *tcp_stat(w->tcp);
    }
    for (size_t i = 0; i < w->udps; i++) {
        s.sent += w->udp[i].sent;
        s.send_errors += w->udp[i].send_errors;
        s.send_calls += w->udp[i].calls;
        s.received += w->udp[i].received;
        s.truncated += w->udp[i].truncated;
        s.pool_empty += w->udp[i].pool_empty;
    }
    pthread_mutex_lock(&w->stat_lock);
    w->stat = s;
    pthread_mutex_unlock(&w->stat_lock);
}

static void serve_tcp(struct worker *w, const struct loop_ready *r)
{
    if (r->writable)
        tcp_flush(w->tcp, r->tag - TAG_TCP);
    if (r->readable || r->hangup)
        take_frames(w, r->tag - TAG_TCP);
}

static void serve(struct worker *w, const struct loop_ready *r, usec now)
{
    const uint64_t tag = r->tag;
    if (tag == TAG_COMMAND)
        take_commands(w, now);
    else if (tag == TAG_HOME)
        take_home(w);
    else if (tag >= TAG_TCP)
        serve_tcp(w, r);
    else if (tag >= TAG_LINK)
        take_link(w, now, tag - TAG_LINK);
    else
        take_datagrams(w, &w->udp[tag - TAG_SOCKET]);
}

static void rest_if_quiet(struct worker *w, usec now, usec until)
{
    const uint64_t media = w->hub->stat.rtp_in + w->hub->stat.rtp_out;
    if (w->media != media) {
        w->media = media;
        w->media_at = now;
    }
    if (now - w->media_at > QUIET_AFTER)
        clock_rest(usec_min(until, now + QUIET_REST));
}

static void body(void *arg)
{
    struct worker *const w = arg;
    struct loop_ready ready[WORKER_ADDRS + LINK_HUBS + 2];
    bool linked = true;
    while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
        usec now = clock_now();
        usec until = usec_min(hub_next(w->hub), usec_min(w->stat_at, w->notes_at));
        if (!linked)
            until = usec_min(until, now + AGAIN);
        rest_if_quiet(w, now, until);
        const size_t n = loop_wait(&w->loop, now, until, ready, ARRAY_LEN(ready));
        now = clock_now();
        w->log.wall_us = clock_wall_us();
        take_lent(w);
        for (size_t i = 0; i < n; i++)
            serve(w, &ready[i], now);
        step(w, clock_now());
        hand_notes(w, now);
        hand_taps(w);
        linked = hand_links(w);
        publish_stat(w, now);
    }
}

/* What is on its way to us, by mailboxes that we own. */
static void empty_mailboxes(struct worker *w)
{
    struct tap_msg t;
    struct cmd c;
    if (w->holds_tap && w->held_tap.kind == TAP_RTP)
        hub_home(w->hub, w->held_tap.pkt);
    while (w->taps && mailbox_recv(w->taps, &t))
        if (t.kind == TAP_RTP)
            hub_home(w->hub, t.pkt);
    if (w->home)
        take_home(w);
    while (w->commands && mailbox_recv(w->commands, &c))
        cmd_drop(&c);
}

/* What is on its way to others: our packets, and theirs that go home. */
static void empty_way(struct way *way)
{
    struct link_msg m;
    struct pkt *p = NULL;
    if (way->holds && way->held.kind == LINK_RTP)
        pkt_unref(&way->held.pkt);
    while (way->msgs && mailbox_take(way->msgs, &m))
        if (m.kind == LINK_RTP)
            pkt_unref(&m.pkt);
    while (way->home && mailbox_take(way->home, &p))
        pkt_unref(&p);
    mailbox_free(&way->msgs);
    mailbox_free(&way->home);
}

/* After it no packet of any worker is held here. */
static void let_go(struct worker *w)
{
    empty_mailboxes(w);
    hub_free(&w->hub, clock_now());
    for (size_t i = 0; i < LINK_HUBS; i++)
        empty_way(&w->to[i]);
}

static void destroy(struct worker **wp)
{
    struct worker *const w = *wp;
    for (size_t i = 0; i < w->udps; i++)
        udp_close(&w->udp[i]);
    tcp_free(&w->tcp);
    mailbox_free(&w->commands);
    mailbox_free(&w->notes);
    mailbox_free(&w->taps);
    mailbox_free(&w->home);
    outq_fini(&w->out);
    loop_fini(&w->loop);
    pkt_pool_free(&w->pool);
    (void)pthread_mutex_destroy(&w->stat_lock);
    free(w);
    *wp = NULL;
}

static enum err prepare(struct worker *w, struct addr *bad)
{
    enum err e = loop_init(&w->loop);
    if (!e)
        e = open_sockets(w, bad);
    if (!e)
        e = open_mailboxes(w);
    if (!e)
        e = outq_init(&w->out, OUT_BYTES, OUT_MSGS);
    if (!e && !(w->pool = pkt_pool_new(w->conf.packets)))
        e = E_NOMEM;
    if (!e)
        e = hub_new(&w->hub, &w->conf.hub, &w->log);
    return e;
}

enum err worker_new(struct worker **wp, const struct worker_conf *c, struct addr *bad)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w)
        return E_NOMEM;
    w->conf = *c;
    w->loop.epoll = -1;
    w->notes_at = USEC_NEVER;
    w->log = (struct log){.fd = c->log_fd, .level = c->level, .part = "media"};
    (void)pthread_mutex_init(&w->stat_lock, NULL);
    const enum err e = prepare(w, bad);
    if (e) {
        const int why = errno;
        worker_free(&w, 1);
        errno = why;
        return e;
    }
    *wp = w;
    return OK;
}

static bool join(struct worker *from, struct worker *to)
{
    struct way *const way = &from->to[to->conf.hub.self];
    to->from[from->conf.hub.self] = way;
    return mailbox_new(&way->msgs, LINK_BOX, sizeof(struct link_msg)) == OK &&
           home_new(&way->home, to) == OK &&
           loop_set(&to->loop, mailbox_fd(way->msgs), LOOP_READ, TAG_LINK + from->conf.hub.self) ==
               OK;
}

bool worker_start(struct worker *const *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (i != k && !join(w[i], w[k]))
                return false;
    for (size_t i = 0; i < n; i++)
        if (thread_start(&w[i]->thread, "media", body, w[i]) != OK)
            return false;
    return true;
}

static void halt(struct worker *w)
{
    const struct cmd nudge = {.kind = CMD_ROOM_CLOSE}; /* of no room */
    if (!w->thread)
        return;
    atomic_store_explicit(&w->stop, true, memory_order_release);
    if (worker_command(w, &nudge)) /* a full mailbox has woken it already */
        worker_wake(w);
    thread_join(&w->thread);
}

void worker_free(struct worker **w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (w[i])
            halt(w[i]);
    for (size_t i = 0; i < n; i++)
        if (w[i])
            let_go(w[i]);
    for (size_t i = 0; i < n; i++)
        if (w[i])
            destroy(&w[i]);
}

struct addr worker_local(const struct worker *w, size_t i)
{
    assert(i < w->udps);
    return w->udp[i].local;
}

bool worker_command(struct worker *w, const struct cmd *c)
{
    return mailbox_send(w->commands, c);
}

void worker_wake(struct worker *w)
{
    mailbox_wake(w->commands);
}

bool worker_note(struct worker *w, struct note *n)
{
    return mailbox_recv(w->notes, n);
}

int worker_note_fd(const struct worker *w)
{
    return mailbox_fd(w->notes);
}

bool worker_tap(struct worker *w, struct tap_msg *t)
{
    return mailbox_recv(w->taps, t);
}

int worker_tap_fd(const struct worker *w)
{
    return mailbox_fd(w->taps);
}

void worker_home(struct worker *w, struct pkt *p)
{
    const bool room = mailbox_send(w->home, &p);
    assert(room); /* larger than all that can be lent */
}

void worker_home_wake(struct worker *w)
{
    mailbox_wake(w->home);
}

void worker_stat(struct worker *w, struct worker_stat *out)
{
    pthread_mutex_lock(&w->stat_lock);
    *out = w->stat;
    pthread_mutex_unlock(&w->stat_lock);
}
