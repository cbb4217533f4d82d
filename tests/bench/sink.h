/* sink.h - receivers of a benchmark: plain UDP sockets on loopback that another process empties, so
 * that its time is not the sender's. */
#pragma once

#include "engine/base/base.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/types.h>

#define SINK_SOCKETS 64

struct sink {
    struct sockaddr_in addr[SINK_SOCKETS];
    uint64_t sent, lost; /* as the sender counts them in sink_settle */
    pid_t pid;
    atomic_uint_fast64_t *received; /* shared with the process */
};

/* Starts the process on that CPU. NULL: errno says why. It dies with its parent. */
struct sink *sink_start(unsigned cpu);
void sink_stop(struct sink **s);

/* Waits until n datagrams more have been taken out of the sockets; what is not there soon is lost.
 */
void sink_settle(struct sink *s, uint64_t n);

/* The share that was lost. */
double sink_loss(const struct sink *s);
