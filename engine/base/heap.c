#include "engine/base/heap.h"

#include <stdlib.h>

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_fini(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

enum err heap_reserve(struct heap *h, size_t n)
{
    if (n <= h->cap)
        return OK;
    size_t cap = h->cap ? h->cap : 16;
    while (cap < n)
        cap *= 2;
    struct heap_node **const nodes = realloc(h->nodes, cap * sizeof *nodes);
    if (!nodes)
        return E_NOMEM;
    h->nodes = nodes;
    h->cap = cap;
    return OK;
}

static void put(struct heap *h, size_t i, struct heap_node *node)
{
    h->nodes[i] = node;
    node->pos = i + 1;
}

static void up(struct heap *h, size_t i)
{
    struct heap_node *const node = h->nodes[i];
    while (i > 0 && h->nodes[(i - 1) / 2]->at > node->at) {
        put(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(h, i, node);
}

static void down(struct heap *h, size_t i)
{
    struct heap_node *const node = h->nodes[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && h->nodes[child + 1]->at < h->nodes[child]->at)
            child++;
        if (h->nodes[child]->at >= node->at)
            break;
        put(h, i, h->nodes[child]);
        i = child;
    }
    put(h, i, node);
}

void heap_set(struct heap *h, struct heap_node *node, usec at)
{
    if (at == USEC_NEVER) {
        heap_del(h, node);
        return;
    }
    node->at = at;
    if (!node->pos) {
        assert(h->n < h->cap);
        put(h, h->n++, node);
    }
    up(h, node->pos - 1);
    down(h, node->pos - 1);
}

void heap_del(struct heap *h, struct heap_node *node)
{
    if (!node->pos)
        return;
    const size_t i = node->pos - 1;
    node->pos = 0;
    struct heap_node *const last = h->nodes[--h->n];
    if (last == node)
        return;
    put(h, i, last);
    up(h, i);
    down(h, last->pos - 1);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->n ? h->nodes[0] : NULL;
}

usec heap_next(const struct heap *h)
{
    return h->n ? h->nodes[0]->at : USEC_NEVER;
}
