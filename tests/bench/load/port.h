/* port.h - one UDP socket for thousands of clients of a load, so that one system call takes
 * hundreds of packets. A server that has one port for all tells its clients apart by their
 * addresses: each of ours has its own of 127.x.y.z, and a packet says to which it went, or is sent
 * from, by IP_PKTINFO. A server that has a port for each (Janus) is known by that. */
#pragma once

#include "engine/base/outq.h"

#define PORT_BATCH 256
#define PORT_SHORT 384u /* bytes kept of each packet when whole ones are not wanted */
#define PORT_WHOLE 1504u
#define PORT_GRO_BATCH 128
#define PORT_GRO_WHOLE 65536u
#define PORT_BUFFER (64 << 20)

struct port {
    int fd;
    uint16_t number;
    bool gro;
    bool stamped;     /* arrival as the kernel saw it */
    uint64_t lost_to; /* datagrams that went to no client of ours */
};

/* One datagram; the bytes stay until the next port_recv with the same batch. */
struct port_in {
    uint32_t to; /* number of the client by the address it went to, see port_addr */
    struct addr from;
    usec at;          /* monotonic; for a stamped port when the kernel took it */
    uint8_t *data;    /* `kept` bytes of it, the rest was not copied */
    size_t kept, len; /* len: as it was on the way */
};

/* Room for what one call takes, shared by all ports. */
struct port_batch;

MUST_USE enum err port_batch_new(struct port_batch **b, bool gro);
void port_batch_free(struct port_batch **b);

/* `stamped` costs the machine a clock reading per packet: for those whose delay is measured. */
MUST_USE enum err port_open(struct port *p, bool stamped, bool gro);
void port_close(struct port *p);

/* The address of client `number`: from 127.100.0.1 on. */
struct addr port_addr(const struct port *p, uint32_t number);

/* Takes what is there, at most a batch; returns how many of port_batch_in there are now. With
 * `whole` false only PORT_SHORT bytes of each are copied: enough for all but media and handshakes.
 * `full`: there may be more. */
size_t port_recv(struct port *p, struct port_batch *b, bool whole, bool *full);
struct port_in *port_batch_in(struct port_batch *b);

/* Sends and empties the queue, from an IPv4 address of this machine. Linux refuses to send from a
 * loopback address to another machine; see also load.c on how `from` is chosen. */
void port_send(struct port *p, const struct addr *from, struct outq *q);
