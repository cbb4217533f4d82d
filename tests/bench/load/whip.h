/* whip.h - our relay's signalling: WHIP to publish, WHEP to play (docs/http-api.md). Blocks. */
#pragma once

#include "tests/bench/load/join.h"
#include "tests/bench/load/web.h"

/* One thread's things. */
struct whip {
    const struct options *o;
    const struct dtls_cert *cert;
    struct web *web;
    struct rng *rng;
    struct web_answer answer;
    char text[NEGO_SDP_MAX];
};

/* Does what the job says and fills it. */
void whip_do(struct whip *w, struct join_job *job);
