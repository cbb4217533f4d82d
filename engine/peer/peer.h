/* peer.h - one connection to one browser or room: ICE, DTLS and SRTP joined (RFC 8834 stack). */
#pragma once

#include "engine/base/outq.h"
#include "engine/base/pkt.h"
#include "engine/peer/dtls.h"
#include "engine/peer/ice.h"

enum peer_state { PEER_CONNECTING, PEER_OPEN, PEER_CLOSED, PEER_FAILED };

/* What a datagram turned out to be. */
enum peer_in { PEER_IN_NOTHING, PEER_IN_RTP, PEER_IN_RTCP };

struct peer_conf {
    struct ice_conf ice;
    bool no_ice; /* libnice does it (room client): `from` and `to` mean nothing */
    const struct dtls_cert *cert;
    bool dtls_server;
    bool no_rtp_in; /* the remote side only watches: media of it is dropped unread */
    char fingerprint[DTLS_FP_TEXT]; /* of the remote side */
};

/* Zero at once: it counts what was dropped and why. */
struct peer_stat {
    uint64_t rtp_in, rtp_bad; /* bad: forged, replayed, not RTP */
    uint64_t rtcp_in, rtcp_bad;
    uint64_t stun_bad;
    uint64_t early;     /* media outside of PEER_OPEN */
    uint64_t bytes_in;  /* of every kind, before opening */
    uint64_t bytes_out; /* handshake and RTCP; who seals media counts it himself */
};

struct peer;

/* The rng is used by peer_tick too and must outlive the peer. */
MUST_USE enum err peer_new(struct peer **p, const struct peer_conf *c, struct rng *rng, usec now);
void peer_free(struct peer **p); /* never sends */

/* Takes one datagram of any kind. STUN and DTLS are answered into `out`. RTP and RTCP are opened in
 * place (in->len becomes shorter, RTP is described in in->rtp) and belong to the caller. Media that
 * comes before the handshake is over is dropped. */
enum peer_in peer_input(struct peer *p, usec now, struct pkt *in, struct outq *out);
void peer_tick(struct peer *p, usec now, struct outq *out);
usec peer_next(const struct peer *p);

enum peer_state peer_state(const struct peer *p, usec now);
const char *peer_why(const struct peer *p);         /* why it failed; NULL if it did not */
const struct addr *peer_addr(const struct peer *p); /* where media goes; port 0 = not yet */
usec peer_heard(const struct peer *p);              /* last authentic datagram of any kind */
const struct peer_stat *peer_stat(const struct peer *p);

/* In state PEER_OPEN the sealing side, else NULL. Owned by the peer. */
struct seal *peer_seal(struct peer *p);

/* Seals a compound and puts it into `out`. False before PEER_OPEN, or no room. */
bool peer_send_rtcp(struct peer *p, const uint8_t *rtcp, size_t len, struct outq *out);

void peer_restart(struct peer *p, const struct ice_conf *c, usec now);
void peer_close(struct peer *p, usec now, struct outq *out); /* says goodbye (close_notify) */
