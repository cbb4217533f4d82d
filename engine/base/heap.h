/* heap.h - deadlines in order: who is due next among many. */
#pragma once

#include "engine/base/base.h"

/* Embedded in whatever has a deadline. Zero before the first heap_set. */
struct heap_node {
    usec at;
    size_t pos; /* 1-based place in the heap; 0 = not in it */
};

struct heap {
    struct heap_node **nodes; /* nodes[0] is the earliest */
    size_t n;
    size_t cap;
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h);

/* Room for n nodes in all, so that heap_set cannot fail up to there. */
MUST_USE enum err heap_reserve(struct heap *h, size_t n);

/* Puts the node in, or moves it; USEC_NEVER takes it out. */
void heap_set(struct heap *h, struct heap_node *node, usec at);
void heap_del(struct heap *h, struct heap_node *node);

/* The earliest node, or NULL. It stays in. */
struct heap_node *heap_first(const struct heap *h);
usec heap_next(const struct heap *h);
