/* pair.h - two peers, a room (controlling, DTLS client) and a relay (lite, DTLS server), on a link
 * with delay and loss, on a virtual clock. */
#pragma once

#include "engine/peer/peer.h"

#define PAIR_FLIGHT 64 /* datagrams on the way */

/* One datagram on the link. */
struct pair_dgram {
    usec at; /* arrival; 0 = free */
    bool to_relay;
    struct addr from;
    size_t len;
    uint8_t data[PKT_CAP];
};

/* What the last datagrams with media turned out to be. */
struct pair_got {
    size_t rtp, rtcp;
    size_t len;
    uint8_t data[PKT_CAP];
};

struct pair {
    struct peer *room, *relay;
    struct peer_conf room_conf, relay_conf;
    struct dtls_cert *room_cert, *relay_cert;
    struct addr room_addr, relay_addr;
    struct rng rng;
    struct pkt_pool *pool;
    struct outq out;
    usec now;
    usec delay;
    unsigned loss; /* percent, each way */
    bool silent;   /* nothing arrives at all */
    struct pair_got room_got, relay_got;
    uint16_t seq;   /* of who sends by hand; none may be sealed twice */
    size_t carried; /* datagrams put on the link */
    struct pair_dgram flight[PAIR_FLIGHT];
};

/* Configured, with certificates, not connected. Change the confs, then pair_start. */
void pair_init(struct pair *t, uint8_t seed);
enum err pair_start(struct pair *t);
void pair_fini(struct pair *t);

/* Runs both peers and the link up to `until`. */
void pair_run(struct pair *t, usec until);

/* One sealed RTP packet on the link, with `len` bytes of payload. False: not open, no room. */
bool pair_send_rtp(struct pair *t, bool to_relay, uint16_t seq, const void *payload, size_t len);
/* What a peer's call left in t->out goes on the link. */
void pair_flush(struct pair *t, bool to_relay);
/* A datagram from elsewhere, at once. */
enum peer_in pair_inject(struct pair *t, bool to_relay, const struct addr *from, const void *bytes,
                         size_t len);
