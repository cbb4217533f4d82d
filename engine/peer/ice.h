/* ice.h - connectivity checks for one component: lite (RFC 8445 2.5), or a controlling side that
 * checks one known remote address (a test's peer, a load client, a link to a lite relay). */
#pragma once

#include "engine/base/outq.h"
#include "engine/base/rng.h"
#include "engine/wire/stun.h"

#define ICE_CRED 257
#define ICE_CANDS 16             /* of one side; the rest of a longer list is left out */
#define ICE_DEAD (30 * USEC_SEC) /* no consent for so long: failed (RFC 7675 5.1) */

struct ice_conf {
    bool controlling; /* sends checks to `remote`; else lite: answers only */
    char local_ufrag[ICE_CRED], local_pwd[ICE_CRED];
    char remote_ufrag[ICE_CRED], remote_pwd[ICE_CRED];
    struct addr remote; /* controlling: where to */
    /* For a full agent: all that the other side told, best first; of TCP where it takes connections
     * (RFC 6544 passive). */
    struct addr cand[ICE_CANDS];
    size_t cands;
};

struct ice {
    bool controlling;
    const char *local_ufrag, *local_pwd;
    const char *remote_ufrag, *remote_pwd; /* "" if lite: it checks nobody */
    char *texts;                           /* those four, one block */
    struct addr remote;
    uint64_t tie_breaker;
    struct addr selected; /* where our packets go; port 0 before the first good check */
    bool nominated;
    usec heard; /* last authenticated check or answer */
    usec next;  /* controlling: next check */
    usec sent;  /* controlling: when the check under way left */
    uint8_t tid[12];
    usec rtt; /* controlling: of the last answered check; 0 = none */
    unsigned tries;
};

MUST_USE enum err ice_init(struct ice *i, const struct ice_conf *c, struct rng *rng, usec now);
void ice_fini(struct ice *i);

/* A STUN message. True: it was authentic (the selected address may have changed: a member that
 * changes its network is followed at its next nominating check). */
bool ice_input(struct ice *i, usec now, const uint8_t *p, size_t len, const struct addr *from,
               struct outq *out);
void ice_tick(struct ice *i, usec now, struct rng *rng, struct outq *out);
usec ice_next(const struct ice *i);

/* New credentials of the remote side (ICE restart); the old address serves until the new check.
 * E_NOMEM: nothing has changed. */
MUST_USE enum err ice_restart(struct ice *i, const struct ice_conf *c, usec now);

bool ice_failed(const struct ice *i, usec now);
