#include "engine/peer/peer.h"

#include "engine/peer/seal.h"
#include "engine/wire/classify.h"
#include "engine/wire/rtp.h"

#include <stdlib.h>
#include <string.h>

struct peer {
    bool over; /* closed or failed: asked with every packet, so it stands here */
    bool no_ice;
    bool no_rtp_in;
    bool closed;     /* by us */
    const char *why; /* a failure that is not DTLS's own */
    struct ice ice;
    struct dtls *dtls;
    struct seal *seal; /* from the end of the handshake on */
    struct rng *rng;
    usec heard;
    struct peer_stat stat;
};

enum err peer_new(struct peer **pp, const struct peer_conf *c, struct rng *rng, usec now)
{
    struct peer *p = *pp = calloc(1, sizeof *p);
    if (!p)
        return E_NOMEM;
    p->no_ice = c->no_ice;
    p->no_rtp_in = c->no_rtp_in;
    p->rng = rng;
    p->heard = now;
    enum err e = ice_init(&p->ice, &c->ice, rng, now);
    if (!e)
        e = dtls_new(&p->dtls, c->cert, c->dtls_server, c->fingerprint);
    if (e)
        peer_free(pp);
    return e;
}

void peer_free(struct peer **pp)
{
    struct peer *const p = *pp;
    if (!p)
        return;
    *pp = NULL;
    ice_fini(&p->ice);
    dtls_free(&p->dtls);
    seal_free(&p->seal);
    free(p);
}

static bool ended(const struct peer *p)
{
    return p->over;
}

/* After everything that may end it. */
static void look(struct peer *p)
{
    const enum dtls_state d = dtls_state(p->dtls);
    p->over = p->closed || p->why || d == DTLS_CLOSED || d == DTLS_FAILED;
}

/* Before a check proved where the remote side is, nothing but answers to checks is sent: who names
 * another's address as his own cannot make us flood it. */
static bool connected(const struct peer *p)
{
    return p->no_ice || p->ice.selected.port != 0;
}

static void flush_dtls(struct peer *p, struct outq *out)
{
    for (;;) {
        uint8_t *const to = outq_reserve(out, &p->ice.selected, DTLS_MTU);
        const size_t n = to ? dtls_output(p->dtls, to, DTLS_MTU) : 0;
        if (n == 0)
            return;
        outq_commit(out, n);
        p->stat.bytes_out += n;
    }
}

static void open_seal(struct peer *p)
{
    enum seal_profile profile;
    struct seal_keys send, recv;
    enum err e = dtls_keys(p->dtls, &profile, &send, &recv);
    if (!e)
        e = seal_new(&p->seal, profile, &send, &recv, !p->no_rtp_in);
    if (e)
        p->why = "no memory for the keys of SRTP";
}

/* What follows from any news: the client's first flight, our answer, the keys. */
static void proceed(struct peer *p, usec now, struct outq *out)
{
    if (!connected(p) || p->closed)
        return;
    if (dtls_next(p->dtls) <= now)
        dtls_tick(p->dtls, now);
    flush_dtls(p, out);
    if (!p->seal && !p->why && dtls_state(p->dtls) == DTLS_OPEN)
        open_seal(p);
}

static bool take_stun(struct peer *p, usec now, const struct pkt *in, struct outq *out)
{
    if (!p->no_ice && ice_input(&p->ice, now, in->data, in->len, &in->from, out))
        return true;
    p->stat.stun_bad++;
    return false;
}

static bool take_rtp(struct peer *p, struct pkt *in)
{
    size_t len = in->len;
    if (!seal_open_rtp(p->seal, in->data, &len)) {
        p->stat.rtp_bad++;
        return false;
    }
    in->len = (uint16_t)len;
    const bool good = rtp_describe(in);
    *(good ? &p->stat.rtp_in : &p->stat.rtp_bad) += 1;
    return good;
}

static bool take_rtcp(struct peer *p, struct pkt *in)
{
    size_t len = in->len;
    const bool good = seal_open_rtcp(p->seal, in->data, &len);
    *(good ? &p->stat.rtcp_in : &p->stat.rtcp_bad) += 1;
    if (good)
        in->len = (uint16_t)len;
    return good;
}

static enum peer_in take_media(struct peer *p, usec now, struct pkt *in, enum wire_kind kind)
{
    if (!peer_seal(p)) {
        p->stat.early++;
        return PEER_IN_NOTHING;
    }
    if (!(kind == WIRE_RTP ? take_rtp(p, in) : take_rtcp(p, in)))
        return PEER_IN_NOTHING;
    p->heard = now;
    dtls_proved(p->dtls, now);
    return kind == WIRE_RTP ? PEER_IN_RTP : PEER_IN_RTCP;
}

enum peer_in peer_input(struct peer *p, usec now, struct pkt *in, struct outq *out)
{
    const enum wire_kind kind = wire_classify(in->data, in->len);
    p->stat.bytes_in += in->len;
    switch (kind) {
    case WIRE_RTP:
    case WIRE_RTCP:
        return take_media(p, now, in, kind);
    case WIRE_STUN:
        if (take_stun(p, now, in, out))
            p->heard = now;
        break;
    case WIRE_DTLS:
        if (connected(p) && !p->closed)
            dtls_input(p->dtls, now, in->data, in->len);
        break;
    case WIRE_UNKNOWN:
        return PEER_IN_NOTHING;
    }
    proceed(p, now, out);
    look(p);
    return PEER_IN_NOTHING;
}

static usec dead_at(const struct peer *p)
{
    return p->no_ice ? USEC_NEVER : p->ice.heard + ICE_DEAD + 1;
}

void peer_tick(struct peer *p, usec now, struct outq *out)
{
    if (ended(p))
        return;
    if (now >= dead_at(p)) {
        p->why = "no ICE check was heard for 30 seconds";
        p->over = true;
        return;
    }
    if (!p->no_ice)
        ice_tick(&p->ice, now, p->rng, out);
    proceed(p, now, out);
    look(p);
}

usec peer_next(const struct peer *p)
{
    if (ended(p))
        return USEC_NEVER;
    const usec dtls = connected(p) ? dtls_next(p->dtls) : USEC_NEVER;
    const usec ice = p->no_ice ? USEC_NEVER : usec_min(ice_next(&p->ice), dead_at(p));
    return usec_min(dtls, ice);
}

enum peer_state peer_state(const struct peer *p, usec now)
{
    if (p->closed || dtls_state(p->dtls) == DTLS_CLOSED)
        return PEER_CLOSED;
    if (ended(p) || now >= dead_at(p))
        return PEER_FAILED;
    return p->seal ? PEER_OPEN : PEER_CONNECTING;
}

const char *peer_why(const struct peer *p)
{
    return p->why ? p->why : dtls_why(p->dtls);
}

const struct addr *peer_addr(const struct peer *p)
{
    return &p->ice.selected;
}

usec peer_heard(const struct peer *p)
{
    return p->heard;
}

const struct peer_stat *peer_stat(const struct peer *p)
{
    return &p->stat;
}

struct seal *peer_seal(struct peer *p)
{
    return ended(p) ? NULL : p->seal;
}

bool peer_send_rtcp(struct peer *p, const uint8_t *rtcp, size_t len, struct outq *out)
{
    struct seal *const seal = peer_seal(p);
    if (!seal)
        return false;
    const size_t cap = len + SEAL_GROWTH;
    uint8_t *const to = outq_reserve(out, &p->ice.selected, cap);
    if (!to)
        return false;
    memcpy(to, rtcp, len);
    const size_t n = seal_rtcp(seal, to, len, cap);
    outq_commit(out, n);
    p->stat.bytes_out += n;
    return n > 0;
}

void peer_restart(struct peer *p, const struct ice_conf *c, usec now)
{
    if (ice_restart(&p->ice, c, now) != OK)
        p->why = "no memory for an ICE restart";
    look(p);
}

void peer_close(struct peer *p, usec now, struct outq *out)
{
    (void)now;
    if (ended(p))
        return;
    dtls_close(p->dtls);
    if (connected(p))
        flush_dtls(p, out);
    p->closed = p->over = true;
}
