/* worker.h - a thread with a hub, its sockets and its mailboxes: the only code that joins a hub to
 * the network and the clock. */
#pragma once

#include "engine/base/log.h"
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

/* Binds the sockets and starts the thread. On E_IO *bad is the address that could not be bound and
 * errno says why. */
MUST_USE enum err worker_start(struct worker **w, const struct worker_conf *c, struct addr *bad);
/* Asks it to stop, waits, frees. Members are not told (they reconnect); the recorder must have sent
 * all packets home, which it does as long as it runs. */
void worker_stop(struct worker **w);

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
};
void worker_stat(struct worker *w, struct worker_stat *out);
