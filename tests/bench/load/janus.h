/* janus.h - the signalling of Janus' videoroom plugin over HTTP, so that another server can be
 * measured by the same means. One session, a handle for each connection. Blocks. */
#pragma once

#include "tests/bench/load/join.h"
#include "tests/bench/load/web.h"

struct janus;

/* Makes the session and the rooms `o->room` and following, and starts the thread that fetches
 * events. False: `why`. */
MUST_USE bool janus_new(struct janus **j, const struct options *o, const struct dtls_cert *cert,
                        char *why, size_t cap);
/* Ends the session, and with it whatever is still connected. */
void janus_free(struct janus **j);

/* What thread `worker` (below JOIN_THREADS) needs; one job at a time for each. */
struct janus_worker {
    unsigned worker;
    struct web *web;
    struct rng *rng;
    struct web_answer answer;
    char text[NEGO_SDP_MAX];
};
void janus_do(struct janus *j, struct janus_worker *w, struct join_job *job);
