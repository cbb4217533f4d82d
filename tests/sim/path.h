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

struct path {
    struct path_conf conf;
    struct rng *rng;
    bool bad;
    bool down;    /* an outage: everything is lost */
    usec free_at; /* when the sender's line is free again */
    usec last_at;
    uint64_t sent, lost;
};

void path_init(struct path *l, const struct path_conf *c, struct rng *rng);

/* When a datagram of so many bytes arrives; how often it arrives (0 = lost, 2 = twice). */
unsigned path_pass(struct path *l, usec now, size_t len, usec *at);

/* Everything in flight, by time of arrival. */
struct wire;
struct wire *wire_new(void);
void wire_free(struct wire **w);
void wire_put(struct wire *w, usec at, const struct addr *from, const struct addr *to,
              const uint8_t *data, size_t len);
usec wire_next(const struct wire *w);
/* The next that has arrived, or NULL; valid until the next call. */
const struct datagram *wire_get(struct wire *w, usec now);
