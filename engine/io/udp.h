/* udp.h - one unconnected socket of a worker: batches in, frames out. */
#pragma once

#include "engine/base/outq.h"
#include "engine/base/pkt.h"

struct udp_box;

struct udp {
    int fd;
    struct udp_box *box; /* packets of the pool that are filled next */
    struct addr local;   /* as bound, with the real port */
    bool no_gso;         /* the device refuses UDP_SEGMENT: never tried again */
    unsigned refused;    /* in a row, with EINVAL */
    uint64_t sent, send_errors, calls;
    uint64_t received, truncated, pool_empty;
};

#define UDP_BATCH 64

/* Binds. Address :: takes IPv4 too. E_IO: errno says why (EADDRINUSE: busy port). */
MUST_USE enum err udp_open(struct udp *u, const struct addr *local, int buffer_bytes);
void udp_close(struct udp *u); /* before the pool goes */

/* Takes up to UDP_BATCH datagrams into packets of the pool (at and from filled). Returns how many;
 * 0: nothing there. Oversized datagrams are dropped and counted; with an empty pool datagrams are
 * read and dropped, so that the kernel's queue does not go stale. */
size_t udp_recv(struct udp *u, usec now, struct pkt_pool *pool, struct pkt *out[UDP_BATCH]);

/* Sends all messages of the queue; those with more than one datagram by UDP_SEGMENT. Those that
 * the kernel refuses are counted, not repeated. */
void udp_send(struct udp *u, const struct outq *q);
