/* load.h - one run of the load: sources, viewers, and the loop that carries their packets. One
 * thread does all media; others do the signalling (join.h). */
#pragma once

#include "engine/io/loop.h"
#include "tests/bench/load/cost.h"
#include "tests/bench/load/join.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/source.h"
#include "tests/bench/load/viewer.h"

/* What one measured window brought. */
struct load_window {
    usec length;
    struct viewer_sum sum;
    uint64_t published[VIEWER_KINDS];
    struct viewer_found viewers, members; /* of the sampled ones */
    size_t died;                          /* viewers that were open once and are not at its end */
    uint64_t server_us, server_stat_us, client_us;
};

struct load {
    struct options o;
    struct dtls_cert *cert;
    struct rng rng;
    struct join *join;
    struct loop loop;
    struct port port; /* of all viewers that are not sampled */
    struct port_batch *batch;
    struct pkt_pool *pool;
    struct outq out;
    struct source *source;
    size_t sources;
    struct viewer *viewer; /* members first */
    struct port *sample_port;
    struct viewer **sampled; /* whose each of them is */
    struct viewer **by_port; /* Janus: whose the server's port is; of all port numbers */
    size_t viewers, samples;
    struct heap source_due, viewer_due;
    struct viewer_found found_viewers, found_members;
    struct cost cost;
    usec cost_at;
    bool watching;  /* sockets wake the loop; else they are looked at every POLL */
    bool whole;     /* whole packets are read */
    size_t waiting; /* answers of the signalling that are still to come */
    uint64_t rss_before, rss_after;
    struct load_window window, flooded;
    uint64_t rss_flooded;
    struct flood *flood; /* NULL: there is none now */
    uint64_t flood_sent;
    void (*extra)(void *user, usec now); /* called each turn; may be NULL */
    void *extra_user;
};

MUST_USE enum err load_init(struct load *l, const struct options *o);
void load_fini(struct load *l);

/* All of it: publish, join, settle, measure, leave. False: no lesson could be published; what
 * became of viewers is in the numbers. */
MUST_USE bool load_run(struct load *l);

/* Goes on for so long; for those who add traffic of their own. */
void load_spin(struct load *l, usec span);
/* Asks the signalling; `user` NULL: for flood. False: no memory. */
bool load_ask(struct load *l, enum join_kind kind, unsigned lesson, const char *token,
              const struct addr *from, const char *session, void *user);
/* Measures for o.seconds. */
void load_measure(struct load *l, struct load_window *w);
