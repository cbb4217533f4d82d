/* path.h - a simulated network path in one direction: rate, queue, delay, jitter, loss, seeded. */
#pragma once

#include "engine/base/addr.h"
#include "engine/base/rng.h"

/* Loss by two states (Gilbert 1960, Elliott 1963): good and bad, each with its own loss. With
 * to_bad 0 it is plain random loss of `loss_good`. */
struct path_conf {
    usec delay;
    usec jitter;      /* each datagram waits up to so much longer; order is kept */
    double loss_good; /* 0 … 1 */
    double loss_bad;
    double to_bad; /* chance per datagram of going good -> bad */
    double to_good;
    double duplicate;
    double reorder; /* chance of being held back by `reorder_by` */
    usec reorder_by;
    uint64_t bps; /* 0 = endless */
    usec queue;   /* longest wait in the queue before it drops */
};

struct datagram {
    usec at;
    uint64_t order; /* of two at the same time the first stays first */
    struct addr from, to;
    uint16_t len;
    uint8_t data[1504];
};

/* How a path changes in the course of time: the first step is at 0, the others later, in order. */
#define PATH_STEPS 16

struct path_step {
    usec at;
    struct path_conf conf;
    bool down;
};

struct path_plan {
    struct path_step steps[PATH_STEPS];
    size_t n;
};

struct path {
    struct path_conf conf;
    struct rng *rng;
    const struct path_plan *plan; /* NULL: conf stays as it is */
    size_t step;                  /* the next of the plan */
    usec began;                   /* the plan's 0 */
    bool bad;
    bool down;    /* an outage: everything is lost */
    usec free_at; /* when the sender's line is free again */
    usec last_at;
    uint64_t sent, lost;
    uint64_t full; /* of the lost, those that found the queue full */
};

void path_init(struct path *l, const struct path_conf *c, struct rng *rng);

/* From now on it is as the plan says, whose 0 is `now`; the plan is lent. */
void path_follow(struct path *l, const struct path_plan *plan, usec now);

/* Takes the steps whose time has come; path_pass does so too. */
void path_tick(struct path *l, usec now);

/* When a datagram of so many bytes, IP header included, arrives; how often it arrives (0 = lost,
 * 2 = twice). */
unsigned path_pass(struct path *l, usec now, size_t len, usec *at);

/* How long what comes now waits until its first bit is sent. */
usec path_queue(const struct path *l, usec now);

/* Everything in flight, by time of arrival. */
struct wire;
struct wire *wire_new(void);
void wire_free(struct wire **w);
void wire_put(struct wire *w, usec at, const struct addr *from, const struct addr *to,
              const uint8_t *data, size_t len);
usec wire_next(const struct wire *w);
/* The next that has arrived, or NULL; valid until the next call. */
const struct datagram *wire_get(struct wire *w, usec now);
