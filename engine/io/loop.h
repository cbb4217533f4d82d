/* loop.h - waiting for descriptors and for a time, on epoll. No callbacks: the owner asks what is
 * ready and goes on. */
#pragma once

#include "engine/base/base.h"

enum loop_want { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop_ready {
    uint64_t tag; /* the owner's name for the descriptor */
    bool readable, writable, hangup;
};

struct loop {
    int epoll;
};

MUST_USE enum err loop_init(struct loop *l);
void loop_fini(struct loop *l);

/* Adds a descriptor or changes what is wanted of it; want 0 keeps it known but silent. */
MUST_USE enum err loop_set(struct loop *l, int fd, unsigned want, uint64_t tag);
void loop_del(struct loop *l, int fd);

/* Waits until something is ready or `until` (USEC_NEVER: for ever; a past time: looks only).
 * Returns how many of out[] are filled; a signal ends the wait early with 0. */
size_t loop_wait(struct loop *l, usec now, usec until, struct loop_ready *out, size_t cap);
