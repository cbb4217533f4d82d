/* multihome.h - a machine with several network interfaces that lead to the relay, such as a private
 * network and a mobile one: which of them is to be used. Only the choice, on the caller's clock;
 * interfaces.h knows what there is. */
#pragma once

#include "engine/base/base.h"

#define MULTIHOME_MAX 8
#define MULTIHOME_NAME 16 /* of an interface, with its 0: IFNAMSIZ */

#define MULTIHOME_PATIENCE (2500 * USEC_MS) /* a request has so long while there is another way */
#define MULTIHOME_SILENCE (6 * USEC_SEC)    /* a suspicion counts so long */
#define MULTIHOME_HOLD (30 * USEC_SEC)      /* not used for so long, doubled each time … */
#define MULTIHOME_HOLDS 4                   /* … so often at most */
#define MULTIHOME_STEADY (60 * USEC_SEC)    /* works so long: its failures are forgotten */

struct multihome_way {
    char name[MULTIHOME_NAME];
    usec silent_until; /* media over it fell silent: perhaps it, perhaps the relay */
    usec bad_until;    /* it failed */
    usec bad_at;       /* either, last */
    usec works_since;  /* after a failure; 0: not yet */
    unsigned fails;
};

/* Zeroed is empty: with fewer than two interfaces there is nothing to choose. */
struct multihome {
    struct multihome_way way[MULTIHOME_MAX]; /* preferred first */
    size_t n;
};

struct multihome_choice {
    const char *name; /* "": as the routing table says */
    usec patience;    /* for an answer; 0: as long as ever */
    bool fresh;       /* it has failed before: no connection of then is to be trusted */
};

/* What there is now, preferred first. What is known of those that stay is kept. */
void multihome_set(struct multihome *m, const char names[][MULTIHOME_NAME], size_t n);

/* The first that is good; when none is, the one whose failure is the longest ago. */
struct multihome_choice multihome_choose(const struct multihome *m, usec now);
/* Neither silent nor failed lately. An unknown name is not good. */
bool multihome_good(const struct multihome *m, const char *name, usec now);

/* Unknown names are passed over by all of these. */
void multihome_silent(struct multihome *m, const char *name, usec now);
void multihome_failed(struct multihome *m, const char *name, usec now);
void multihome_worked(struct multihome *m, const char *name, usec now);
/* The relay itself is why nothing is heard: no interface is suspected any more. */
void multihome_trust(struct multihome *m);
