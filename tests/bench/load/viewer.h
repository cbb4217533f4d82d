/* viewer.h - one who receives: real ICE, DTLS and RTCP. Of most viewers' media only the header is
 * looked at; sampled ones decrypt all and check every byte. Sans IO. */
#pragma once

#include "engine/base/heap.h"
#include "engine/media/nack.h"
#include "engine/media/recvstat.h"
#include "engine/peer/nego.h"
#include "engine/peer/peer.h"
#include "tests/bench/load/port.h"
#include "tests/bench/load/spread.h"

enum viewer_state { VIEWER_IDLE, VIEWER_ASKED, VIEWER_CONNECTING, VIEWER_OPEN, VIEWER_FAILED };
enum viewer_kind { VIEWER_VOICE, VIEWER_VIDEO, VIEWER_KINDS };

/* A place in a stream: when a measured window began. */
struct viewer_mark {
    uint32_t highest;
    uint64_t received; /* with repairs */
    uint64_t bytes, duplicates;
};

struct viewer_line {
    uint8_t pt, rtx_pt, red_pt;
    struct recvstat stat;
    struct nack *nack; /* NULL: losses are not asked for */
    uint64_t rtx;      /* packets that came as RTX */
    struct viewer_mark mark;
};

/* What sampled viewers found, summed up over all of a kind; only within a window. */
struct viewer_found {
    bool on; /* a window is open */
    struct spread latency;
    uint64_t checked, bad_payload, out_of_order;
    unsigned tag_bytes; /* that sealing added to the newest packet: 16 with GCM, 10 with CM */
};

/* A sampled viewer's memory. */
struct viewer_sample {
    struct viewer_found *found;
    uint32_t count[VIEWER_KINDS]; /* running number of the newest packet */
};

struct viewer {
    struct port *port;
    struct addr addr;      /* of its own */
    struct heap_node node; /* when viewer_tick is due */
    enum viewer_state state;
    unsigned lesson;
    struct peer *peer;
    uint32_t ssrc;
    struct viewer_line line[VIEWER_KINDS];
    struct viewer_sample *sample; /* NULL: not a sampled one */
    bool member;
    usec asked_at, opened_at;
    usec report_at;
    usec rtcp_at; /* not before is a server's report opened again */
    usec key_at;  /* first packet of the first key frame; 0: none yet */
    /* The frame that comes in; one of more packets than a delta frame has is a key frame. */
    uint32_t frame_ts;
    unsigned frame_packets;
    usec frame_at;
    char session[256]; /* the server's name for it */
};

/* What a window brought, summed up over viewers. */
struct viewer_sum {
    uint64_t packets[VIEWER_KINDS];
    uint64_t bytes, duplicates, expected, rtx;
};

/* Signalling came to its end: it begins to connect. `nack`: it asks for what is lost. */
MUST_USE enum err viewer_start(struct viewer *v, const struct nego *n, const struct dtls_cert *cert,
                               struct rng *rng, bool nack, usec now);
void viewer_free(struct viewer *v);

/* A datagram came. `pool` lends a packet for what must be read whole. */
void viewer_input(struct viewer *v, const struct port_in *in, struct pkt_pool *pool,
                  struct outq *out);
void viewer_tick(struct viewer *v, usec now, struct outq *out);
usec viewer_next(const struct viewer *v);

/* What stands before a request in a compound (RFC 3550 6.1): Janus does without RFC 5506 and finds
 * the line that is meant by the report. */
void viewer_put_report(const struct viewer *v, enum viewer_kind kind, struct writer *w);

/* A window begins, or ends: then what it brought is added to `s`. `published` is how many packets
 * of each kind left for it in the window: who got far fewer was cut off, even if the numbers that
 * came have no hole. */
void viewer_mark(struct viewer *v);
void viewer_add(const struct viewer *v, const uint64_t published[VIEWER_KINDS],
                struct viewer_sum *s);
