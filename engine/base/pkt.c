#include "engine/base/pkt.h"

#include <stdalign.h>
#include <stdlib.h>

struct pkt_pool {
    struct pkt *free;
    struct pkt *spent; /* aliases without references, whose origins are still here */
    size_t count;
    size_t fresh; /* of the packets, so many were never handed out: their pages are untouched */
    size_t each;
    size_t in_use;
    bool aliases;
    alignas(max_align_t) uint8_t room[];
};

static struct pkt_pool *pool_new(size_t count, size_t bytes)
{
    const size_t each = sizeof(struct pkt) + bytes;
    if (count > (SIZE_MAX - sizeof(struct pkt_pool)) / each)
        return NULL;
    struct pkt_pool *const pool = malloc(sizeof *pool + count * each);
    if (pool)
        *pool =
            (struct pkt_pool){.count = count, .fresh = count, .each = each, .aliases = bytes == 0};
    return pool;
}

struct pkt_pool *pkt_pool_new(size_t count)
{
    static_assert((sizeof(struct pkt) + PKT_CAP) % alignof(struct pkt) == 0,
                  "packets side by side");
    return pool_new(count, PKT_CAP);
}

struct pkt_pool *pkt_alias_pool_new(size_t count)
{
    return pool_new(count, 0);
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

size_t pkt_pool_size(const struct pkt_pool *pool)
{
    return pool->count;
}

size_t pkt_pool_left(const struct pkt_pool *pool)
{
    return pool->count - pool->in_use;
}

static struct pkt *unpack(struct pkt_pool *pool)
{
    if (!pool->fresh)
        return NULL;
    void *const at = pool->room + (pool->count - pool->fresh--) * pool->each;
    struct pkt *const p = at;
    *p = (struct pkt){.pool = pool, .data = pool->aliases ? NULL : (uint8_t *)(p + 1)};
    return p;
}

static struct pkt *take(struct pkt_pool *pool)
{
    struct pkt *p = pool->free;
    if (p)
        pool->free = p->next;
    else
        p = unpack(pool);
    if (!p)
        return NULL;
    pool->in_use++;
    p->next = NULL;
    p->refs = 1;
    return p;
}

struct pkt *pkt_get(struct pkt_pool *pool)
{
    assert(!pool->aliases);
    struct pkt *const p = take(pool);
    if (!p)
        return NULL;
    p->len = 0;
    p->at = 0;
    p->rtp = (struct pkt_rtp){.level_db = 255};
    return p;
}

static void put_back(struct pkt_pool *pool, struct pkt *p)
{
    p->next = pool->free;
    pool->free = p;
    assert(pool->in_use > 0);
    pool->in_use--;
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
    if (p->origin) {
        p->next = p->pool->spent;
        p->pool->spent = p;
        return;
    }
    put_back(p->pool, p);
}

struct pkt *pkt_alias(struct pkt_pool *pool, struct pkt *origin)
{
    assert(pool->aliases);
    struct pkt *const p = take(pool);
    if (!p)
        return NULL;
    p->origin = origin;
    p->data = origin->data;
    p->len = origin->len;
    p->at = origin->at;
    p->rtp = origin->rtp;
    return p;
}

struct pkt *pkt_pool_spent(struct pkt_pool *pool)
{
    struct pkt *const p = pool->spent;
    if (!p)
        return NULL;
    pool->spent = p->next;
    struct pkt *const origin = p->origin;
    p->origin = NULL;
    put_back(pool, p);
    return origin;
}
