/* worker.h - a thread with a hub, its sockets and its mailboxes: the only code that joins a hub to
 * the network and the clock. */
#pragma once

#include "engine/base/log.h"
#include "engine/io/tcp.h"
#include "relay/media/hub.h"

#define WORKER_ADDRS 4

struct worker;

struct worker_conf {
    struct hub_conf hub;
    struct addr local[WORKER_ADDRS]; /* one socket each */
    size_t locals;
    size_t packets;   /* of the pool: what is kept for repairs and the recorder, and in flight */
    int socket_bytes; /* socket buffers */
    enum log_level level;
    int log_fd;
};

/* Binds the sockets. On E_IO *bad is the address that could not be bound and errno says why. */
MUST_USE enum err worker_new(struct worker **w, const struct worker_conf *c, struct addr *bad);
/* Joins all workers of a process by links, as their hubs are configured, and starts their threads.
 * False: no memory, or no threads; worker_free all. */
MUST_USE bool worker_start(struct worker *const *w, size_t n);
/* Asks all to stop, waits, frees them; those may be NULL. Members are not told (they reconnect);
 * the recorder must have sent all packets home, which it does as long as it runs. */
void worker_free(struct worker **w, size_t n);

/* The real address of a socket (after a bind to port 0). */
struct addr worker_local(const struct worker *w, size_t i);

/* Control's side, one thread: send commands, wake, read notes. False: full, nothing happened and
 * the command still belongs to the caller. */
MUST_USE bool worker_command(struct worker *w, const struct cmd *c);
void worker_wake(struct worker *w);
MUST_USE bool worker_note(struct worker *w, struct note *n);
int worker_note_fd(const struct worker *w);

/* The recorder's side, one thread: takes messages, sends packets home. */
MUST_USE bool worker_tap(struct worker *w, struct tap_msg *t);
int worker_tap_fd(const struct worker *w);
void worker_home(struct worker *w, struct pkt *p);
void worker_home_wake(struct worker *w);

/* A copy of the hub's counters as of the last second; any thread. */
struct worker_stat {
    struct hub_stat hub;
    uint64_t sent, send_errors, send_calls;
    uint64_t received, truncated, pool_empty;
    uint64_t packets_in_use;
    uint64_t notes_refused, taps_refused;
    uint64_t link_frames_lost, link_packets_lost;
    struct tcp_stat tcp;
};
void worker_stat(struct worker *w, struct worker_stat *out);
