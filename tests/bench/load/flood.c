#include "tests/bench/load/flood.h"

#include "engine/io/clock.h"
#include "engine/wire/rtcp.h"
#include "engine/wire/stun.h"

#include <stdlib.h>

#define FIRST_STRANGER (1u << 21) /* numbers of addresses above all sources' */
#define STRANGERS 60000u
#define PER_TURN 512u
#define BURST 16u /* packets of one stranger */
#define RECORDS 512u
#define ASKS_PER_SECOND 1000u
#define ASKED 128u /* packets that one NACK names */
#define MUTES 8192u

/* Somebody who begins a handshake and falls silent. */
struct mute {
    struct peer *peer; /* NULL once it has said hello */
    struct addr addr;
};

struct record {
    uint16_t len;
    uint8_t data[1500];
};

struct flood {
    struct load *l;
    struct port port;
    struct outq out;
    struct rng rng;
    usec started;
    uint64_t sent; /* packets, or requests to connect */
    struct record *record;
    uint64_t records;
    struct mute *mute;
    size_t mutes;
};

static struct source *victim(const struct flood *f)
{
    return &f->l->source[0];
}

static const struct addr *target(const struct flood *f)
{
    return &victim(f)->nego.ice.remote;
}

static struct addr stranger(struct flood *f)
{
    struct addr a = port_addr(&f->port, FIRST_STRANGER + rng_below(&f->rng, STRANGERS));
    if (f->l->o.server == LOAD_JANUS)
        a = victim(f)->addr; /* another port of it */
    a.port = f->port.number;
    return a;
}

static void put_garbage(struct flood *f)
{
    uint8_t bytes[1200];
    const size_t len = 20 + rng_below(&f->rng, sizeof bytes - 20);
    rng_bytes(&f->rng, bytes, len);
    (void)outq_put(&f->out, target(f), bytes, len);
}

/* A name that the server knows, and a password that it does not. */
static void put_stun(struct flood *f)
{
    char username[2 * ICE_CRED] = "";
    const char *const known = victim(f)->nego.ice.remote_ufrag;
    const size_t n = strlen(known);
    memcpy(username, known, n);
    memcpy(username + n, ":abcd", 6);
    struct stun_request rq = {.username = username,
                              .pwd = "thisisnotthepassword1234",
                              .priority = 1845501695,
                              .controlling = true,
                              .use_candidate = true};
    rng_bytes(&f->rng, rq.tid, sizeof rq.tid);
    uint8_t *const p = outq_reserve(&f->out, target(f), STUN_MSG_MAX);
    if (p)
        outq_commit(&f->out, stun_write_request(p, STUN_MSG_MAX, &rq));
}

static void put_record(struct flood *f)
{
    const uint64_t n = f->records < RECORDS ? f->records : RECORDS;
    const struct record *const r = n ? &f->record[rng_below(&f->rng, (uint32_t)n)] : NULL;
    if (r)
        (void)outq_put(&f->out, target(f), r->data, r->len);
}

/* How many are due since the beginning at so many a second; few at once. */
static unsigned due(const struct flood *f, usec now, unsigned rate)
{
    const uint64_t all = (uint64_t)(now - f->started) * rate / USEC_SEC;
    return all > f->sent ? (unsigned)(all - f->sent < PER_TURN ? all - f->sent : PER_TURN) : 0;
}

static void send_packets(struct flood *f, usec now)
{
    const enum load_flood kind = f->l->o.flood;
    const bool replay = kind == FLOOD_REPLAY;
    unsigned n = due(f, now, f->l->o.flood_rate);
    while (n > 0) {
        const unsigned some = n < BURST ? n : BURST;
        for (unsigned i = 0; i < some; i++) {
            if (kind == FLOOD_GARBAGE)
                put_garbage(f);
            else if (kind == FLOOD_STUN)
                put_stun(f);
            else
                put_record(f);
        }
        const struct addr from = replay ? victim(f)->addr : stranger(f);
        port_send(replay ? &victim(f)->port : &f->port, &from, &f->out);
        f->sent += some;
        n -= some;
    }
}

static struct viewer *bad_viewer(const struct load *l)
{
    for (size_t i = l->viewers; i-- > 0;)
        if (l->viewer[i].state == VIEWER_OPEN && l->viewer[i].lesson == 0)
            return &l->viewer[i];
    return NULL;
}

static void send_asks(struct flood *f, usec now)
{
    struct viewer *const v = bad_viewer(f->l);
    if (!v)
        return;
    const struct recvstat *const s = &v->line[VIEWER_VIDEO].stat;
    uint16_t seq[ASKED];
    for (unsigned i = 0; i < ASKED; i++)
        seq[i] = (uint16_t)(s->highest - ASKED + i);
    for (unsigned n = due(f, now, ASKS_PER_SECOND); n > 0; n--, f->sent++) {
        uint8_t buf[600];
        struct writer w = writer_of(buf, sizeof buf);
        if (f->l->o.flood == FLOOD_PLI)
            rtcp_write_pli(&w, v->ssrc, s->ssrc);
        else
            rtcp_write_nack(&w, v->ssrc, s->ssrc, seq, ASKED);
        if (!w.bad)
            (void)!peer_send_rtcp(v->peer, buf, w.len, &f->out);
    }
    port_send(v->port, &v->addr, &f->out);
}

static void ask_mutes(struct flood *f, usec now)
{
    for (unsigned n = due(f, now, f->l->o.join_rate); n > 0 && f->mutes < MUTES; n--) {
        struct mute *const m = &f->mute[f->mutes];
        m->addr = port_addr(&f->port, FIRST_STRANGER + (uint32_t)f->mutes);
        f->mutes++;
        f->sent++;
        if (!load_ask(f->l, JOIN_VIEW, 0, f->l->o.viewer_token, &m->addr, "", NULL))
            return;
    }
}

void flood_answered(struct flood *f, const struct join_job *job)
{
    struct mute *m = f->mute;
    while (m < f->mute + f->mutes && !addr_eq(&m->addr, &job->addr))
        m++;
    if (!job->ok || m == f->mute + f->mutes)
        return;
    struct peer_conf c = {
        .ice = job->nego.ice, .cert = f->l->cert, .dtls_server = job->nego.dtls_server};
    c.ice.controlling = true;
    memcpy(c.fingerprint, job->nego.fingerprint, sizeof c.fingerprint);
    if (f->l->o.server == LOAD_JANUS)
        memcpy(m->addr.ip, job->nego.ice.remote.ip, sizeof m->addr.ip);
    if (peer_new(&m->peer, &c, &f->rng, clock_now()) == OK) {
        peer_tick(m->peer, clock_now(), &f->out);
        port_send(&f->port, &m->addr, &f->out);
    }
}

static struct mute *mute_of(struct flood *f, const struct port_in *in)
{
    const uint32_t k = in->to - FIRST_STRANGER;
    return f->l->o.server == LOAD_RELAY && k < f->mutes && f->mute[k].peer ? &f->mute[k] : NULL;
}

/* The answer to its check brings the hello of the handshake out; then it is heard of no more. */
static void read_answers(struct flood *f)
{
    bool full;
    const size_t n = port_recv(&f->port, f->l->batch, true, &full);
    const struct port_in *const in = port_batch_in(f->l->batch);
    for (size_t i = 0; i < n && f->mute; i++) {
        struct mute *const m = mute_of(f, &in[i]);
        struct pkt *p = m && in[i].len <= PKT_CAP ? pkt_get(f->l->pool) : NULL;
        if (!p)
            continue;
        memcpy(p->data, in[i].data, in[i].len);
        p->len = (uint16_t)in[i].len;
        p->from = in[i].from;
        (void)peer_input(m->peer, in[i].at, p, &f->out);
        pkt_unref(&p);
        if (peer_addr(m->peer)->port)
            peer_free(&m->peer);
        port_send(&f->port, &m->addr, &f->out);
    }
}

static void turn(void *user, usec now)
{
    struct flood *const f = user;
    read_answers(f);
    switch (f->l->o.flood) {
    case FLOOD_GARBAGE:
    case FLOOD_STUN:
    case FLOOD_REPLAY:
        send_packets(f, now);
        break;
    case FLOOD_NACK:
    case FLOOD_PLI:
        send_asks(f, now);
        break;
    case FLOOD_DTLS:
        ask_mutes(f, now);
        break;
    case FLOOD_NONE:
        break;
    }
}

void flood_record(struct flood *f, const struct outq *q)
{
    for (size_t i = 0; i < q->n && f->l->o.flood == FLOOD_REPLAY; i++) {
        struct record *const r = &f->record[f->records++ % RECORDS];
        r->len = (uint16_t)size_min(q->msgs[i].len, sizeof r->data);
        memcpy(r->data, q->buf + q->msgs[i].off, r->len);
    }
}

enum err flood_start(struct flood **fp, struct load *l)
{
    struct flood *const f = *fp = calloc(1, sizeof *f);
    if (!f)
        return E_NOMEM;
    uint8_t seed[32];
    f->l = l;
    f->record = calloc(RECORDS, sizeof *f->record);
    f->mute = calloc(MUTES, sizeof *f->mute);
    f->port.fd = -1;
    enum err e = f->record && f->mute ? clock_seed(seed) : E_NOMEM;
    if (!e)
        e = rng_init(&f->rng, seed);
    if (!e)
        e = outq_init(&f->out, 1 << 20, 1024);
    if (!e)
        e = port_open(&f->port, false, false);
    if (!e && !bad_viewer(l))
        e = E_STATE;
    if (e) {
        (void)flood_stop(fp);
        return e;
    }
    f->started = clock_now();
    l->extra = turn;
    l->extra_user = f;
    return OK;
}

uint64_t flood_stop(struct flood **fp)
{
    struct flood *const f = *fp;
    if (!f)
        return 0;
    *fp = NULL;
    const uint64_t sent = f->sent;
    f->l->extra = NULL;
    for (size_t i = 0; i < f->mutes; i++)
        peer_free(&f->mute[i].peer);
    port_close(&f->port);
    outq_fini(&f->out);
    rng_fini(&f->rng);
    free(f->record);
    free(f->mute);
    free(f);
    return sent;
}
