#include "engine/base/pkt.h"

#include <stdlib.h>

struct pkt_pool {
    struct pkt *free;
    size_t count;
    size_t in_use;
    struct pkt pkts[];
};

struct pkt_pool *pkt_pool_new(size_t count)
{
    if (count > (SIZE_MAX - sizeof(struct pkt_pool)) / sizeof(struct pkt))
        return NULL;
    struct pkt_pool *const pool = malloc(sizeof *pool + count * sizeof(struct pkt));
    if (!pool)
        return NULL;
    *pool = (struct pkt_pool){.count = count};
    /* Threaded back to front, so that packets are handed out in address order. The pages of a
     * large pool are touched only when they are used. */
    for (size_t i = count; i-- > 0;) {
        pool->pkts[i].pool = pool;
        pool->pkts[i].refs = 0;
        pool->pkts[i].next = pool->free;
        pool->free = &pool->pkts[i];
    }
    return pool;
}

void pkt_pool_free(struct pkt_pool **pool)
{
    if (!*pool)
        return;
    assert((*pool)->in_use == 0);
    free(*pool);
    *pool = NULL;
}

size_t pkt_pool_in_use(const struct pkt_pool *pool)
{
    return pool->in_use;
}

struct pkt *pkt_get(struct pkt_pool *pool)
{
    struct pkt *const p = pool->free;
    if (!p)
        return NULL;
    pool->free = p->next;
    pool->in_use++;
    p->next = NULL;
    p->refs = 1;
    p->len = 0;
    p->at = 0;
    p->rtp = (struct pkt_rtp){.level_db = 255};
    return p;
}

void pkt_unref(struct pkt **pp)
{
    struct pkt *const p = *pp;
    if (!p)
        return;
    *pp = NULL;
    assert(p->refs > 0);
    if (--p->refs > 0)
        return;
    struct pkt_pool *const pool = p->pool;
    p->next = pool->free;
    pool->free = p;
    assert(pool->in_use > 0);
    pool->in_use--;
}
