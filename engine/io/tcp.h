/* tcp.h - a worker's connections that carry datagrams in frames: for peers whose firewall lets no
 * UDP through. To the rest of the house each is an address with proto ADDR_TCP. */
#pragma once

#include "engine/base/outq.h"
#include "engine/base/pkt.h"
#include "engine/io/loop.h"

#define TCP_QUEUE (64u << 10) /* bytes that wait for one slow peer: one burst of its pacer */
#define TCP_SMALL 400         /* voice, checks, reports: they may fill the queue's last eighth */
#define TCP_IDLE (30 * USEC_SEC)
#define TCP_PER_OWNER 8 /* connections of one member; a further one replaces the most silent */

struct tcp;

struct tcp_stat {
    uint64_t open;         /* now */
    uint64_t opened;       /* ever */
    uint64_t refused;      /* too many at once, or no memory */
    uint64_t broken;       /* closed by us: a frame longer than is taken */
    uint64_t silent;       /* closed by us: nothing useful for TCP_IDLE, or replaced */
    uint64_t received;     /* datagrams */
    uint64_t pool_empty;   /* of these, dropped */
    uint64_t sent;         /* datagrams that went out or wait in a queue */
    uint64_t send_dropped; /* whole datagrams: the queue is full, or the connection has gone */
};

/* At most `max` connections, known to the loop by tag, tag + 1, …; the loop outlives it. */
MUST_USE enum err tcp_new(struct tcp **t, struct loop *loop, uint64_t tag, size_t max,
                          uint64_t seed);
void tcp_free(struct tcp **t); /* closes all */

/* A connection, and the bytes that were read of it already: at most one datagram in its frame. */
struct tcp_call {
    int fd;
    struct addr from;
    uint32_t owner;
    const uint8_t *bytes;
    size_t len;
};

/* True: the descriptor is ours now. One from the same address before it is closed. */
MUST_USE bool tcp_add(struct tcp *t, usec now, const struct tcp_call *call, size_t *slot);

/* Reads once. False: it has gone. Else take all that came with tcp_next before the next call to
 * this module: a packet (at and from filled) or NULL for no more. */
MUST_USE bool tcp_read(struct tcp *t, size_t slot);
struct pkt *tcp_next(struct tcp *t, usec now, struct pkt_pool *pool);

/* What came from there was of use: the connection stays. */
void tcp_heard(struct tcp *t, const struct addr *from, usec now);

/* Takes the messages to addresses of TCP out of the queue and sends them, in order. Whole
 * datagrams are dropped when a peer is slow; no call waits. */
void tcp_send(struct tcp *t, struct outq *q);

/* The connection takes more. */
void tcp_flush(struct tcp *t, size_t slot);

/* Closes those of which nothing useful was heard for long; about once a second. */
void tcp_sweep(struct tcp *t, usec now);

const struct tcp_stat *tcp_stat(const struct tcp *t);
