/* pair.c - see pair.h */
#include "tests/unit/peer/pair.h"

#include "engine/base/bytes.h"
#include "engine/peer/seal.h"
#include "tests/sim/gettimeofday.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK(x)                                                                                   \
    do {                                                                                           \
        if (!(x))                                                                                  \
            abort();                                                                               \
    } while (0)

static void name(char *out, size_t cap, const char *text)
{
    snprintf(out, cap, "%s", text);
}

static void set_credentials(struct pair *t)
{
    struct ice_conf *const room = &t->room_conf.ice, *const relay = &t->relay_conf.ice;
    name(room->local_ufrag, ICE_CRED, "room");
    name(room->local_pwd, ICE_CRED, "the-password-of-the-room");
    name(relay->local_ufrag, ICE_CRED, "relay");
    name(relay->local_pwd, ICE_CRED, "the-password-of-the-relay");
    memcpy(room->remote_ufrag, relay->local_ufrag, ICE_CRED);
    memcpy(room->remote_pwd, relay->local_pwd, ICE_CRED);
    memcpy(relay->remote_ufrag, room->local_ufrag, ICE_CRED);
    memcpy(relay->remote_pwd, room->local_pwd, ICE_CRED);
    room->controlling = true;
    room->remote = t->relay_addr;
}

void pair_init(struct pair *t, uint8_t seed)
{
    const uint8_t seeds[32] = {seed};
    *t = (struct pair){.now = USEC_SEC, .delay = 10 * USEC_MS};
    sim_clock_set(t->now);
    CHECK(addr_parse(&t->room_addr, "192.0.2.1:4000"));
    CHECK(addr_parse(&t->relay_addr, "[2001:db8::2]:5000"));
    CHECK(rng_init(&t->rng, seeds) == OK);
    t->pool = pkt_pool_new(4);
    CHECK(t->pool && outq_init(&t->out, 65536, 64) == OK);
    CHECK(dtls_cert_new(&t->room_cert) == OK && dtls_cert_new(&t->relay_cert) == OK);
    t->room_conf.cert = t->room_cert;
    t->relay_conf.cert = t->relay_cert;
    t->relay_conf.dtls_server = true;
    name(t->room_conf.fingerprint, DTLS_FP_TEXT, dtls_cert_fingerprint(t->relay_cert));
    name(t->relay_conf.fingerprint, DTLS_FP_TEXT, dtls_cert_fingerprint(t->room_cert));
    set_credentials(t);
}

enum err pair_start(struct pair *t)
{
    enum err e = peer_new(&t->room, &t->room_conf, &t->rng, t->now);
    if (!e)
        e = peer_new(&t->relay, &t->relay_conf, &t->rng, t->now);
    return e;
}

void pair_fini(struct pair *t)
{
    peer_free(&t->room);
    peer_free(&t->relay);
    dtls_cert_free(&t->room_cert);
    dtls_cert_free(&t->relay_cert);
    CHECK(pkt_pool_in_use(t->pool) == 0);
    pkt_pool_free(&t->pool);
    outq_fini(&t->out);
    rng_fini(&t->rng);
}

static void put_on_link(struct pair *t, bool to_relay, const uint8_t *p, size_t len)
{
    t->carried++;
    if (t->silent || rng_below(&t->rng, 100) < t->loss)
        return;
    for (size_t i = 0; i < PAIR_FLIGHT; i++) {
        struct pair_dgram *const d = &t->flight[i];
        if (d->at)
            continue;
        d->at = t->now + t->delay;
        d->to_relay = to_relay;
        d->from = to_relay ? t->room_addr : t->relay_addr;
        d->len = len;
        memcpy(d->data, p, len);
        return;
    }
}

void pair_flush(struct pair *t, bool to_relay)
{
    for (size_t i = 0; i < t->out.n; i++) {
        const struct outq_msg *const m = &t->out.msgs[i];
        put_on_link(t, to_relay, t->out.buf + m->off, m->len);
    }
    outq_clear(&t->out);
}

enum peer_in pair_inject(struct pair *t, bool to_relay, const struct addr *from, const void *bytes,
                         size_t len)
{
    struct pkt *p = pkt_get(t->pool);
    CHECK(p && len <= PKT_CAP);
    memcpy(p->data, bytes, len);
    p->len = (uint16_t)len;
    p->from = *from;
    p->at = t->now;
    const enum peer_in in = peer_input(to_relay ? t->relay : t->room, t->now, p, &t->out);
    struct pair_got *const got = to_relay ? &t->relay_got : &t->room_got;
    got->rtp += in == PEER_IN_RTP;
    got->rtcp += in == PEER_IN_RTCP;
    if (in != PEER_IN_NOTHING) {
        got->len = p->len;
        memcpy(got->data, p->data, p->len);
    }
    pkt_unref(&p);
    pair_flush(t, !to_relay);
    return in;
}

static struct pair_dgram *first_arrival(struct pair *t)
{
    struct pair_dgram *first = NULL;
    for (size_t i = 0; i < PAIR_FLIGHT; i++)
        if (t->flight[i].at && (!first || t->flight[i].at < first->at))
            first = &t->flight[i];
    return first;
}

static void tick(struct pair *t)
{
    peer_tick(t->room, t->now, &t->out);
    pair_flush(t, true);
    peer_tick(t->relay, t->now, &t->out);
    pair_flush(t, false);
}

void pair_run(struct pair *t, usec until)
{
    for (;;) {
        struct pair_dgram *const d = first_arrival(t);
        const usec due = usec_min(peer_next(t->room), peer_next(t->relay));
        const usec next = d ? usec_min(d->at, due) : due;
        if (next > until)
            break;
        t->now = usec_max(t->now, next);
        sim_clock_set(t->now);
        if (!d || d->at > next) {
            tick(t);
            continue;
        }
        d->at = 0;
        pair_inject(t, d->to_relay, &d->from, d->data, d->len);
    }
    t->now = usec_max(t->now, until);
    sim_clock_set(t->now);
}

bool pair_send_rtp(struct pair *t, bool to_relay, uint16_t seq, const void *payload, size_t len)
{
    struct peer *const p = to_relay ? t->room : t->relay;
    struct seal *const seal = peer_seal(p);
    uint8_t out[PKT_CAP] = {0x80, 96};
    if (!seal)
        return false;
    put_be16(out + 2, seq);
    put_be32(out + 8, 0x1234);
    const size_t n = seal_rtp(seal, out, sizeof out,
                              &(struct seal_parts){.head = 12, .rest = payload, .rest_len = len});
    put_on_link(t, to_relay, out, n);
    return n > 0;
}
