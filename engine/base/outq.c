#include "engine/base/outq.h"

#include <stdlib.h>
#include <string.h>

enum err outq_init(struct outq *q, size_t bytes, size_t msgs)
{
    *q = (struct outq){.cap = bytes, .max = msgs};
    q->buf = malloc(bytes);
    q->msgs = calloc(msgs, sizeof *q->msgs);
    if (q->buf && q->msgs)
        return OK;
    outq_fini(q);
    return E_NOMEM;
}

void outq_fini(struct outq *q)
{
    free(q->buf);
    free(q->msgs);
    *q = (struct outq){0};
}

void outq_clear(struct outq *q)
{
    q->used = 0;
    q->n = 0;
}

bool outq_has_room(const struct outq *q, size_t n)
{
    return q->n < q->max && n <= q->cap - q->used;
}

uint8_t *outq_reserve(struct outq *q, const struct addr *to, size_t max)
{
    if (!outq_has_room(q, max)) {
        q->dropped++;
        return NULL;
    }
    q->msgs[q->n] = (struct outq_msg){.to = *to, .off = (uint32_t)q->used};
    return q->buf + q->used;
}

void outq_commit(struct outq *q, size_t len)
{
    if (len == 0)
        return;
    assert(q->n < q->max && len <= q->cap - q->used && len <= UINT16_MAX);
    struct outq_msg *const m = &q->msgs[q->n++];
    m->len = (uint32_t)len;
    m->seg = (uint16_t)len;
    q->used += len;
}

uint8_t *outq_reserve_more(struct outq *q, const struct addr *to, size_t max)
{
    if (q->n == 0)
        return NULL;
    const struct outq_msg *const m = &q->msgs[q->n - 1];
    const bool open = m->len % m->seg == 0 && m->len / m->seg < OUTQ_SEGS;
    if (!open || max > q->cap - q->used || m->len + max > OUTQ_MSG_MAX || !addr_eq(&m->to, to))
        return NULL;
    return q->buf + q->used;
}

void outq_commit_more(struct outq *q, size_t len)
{
    assert(q->n > 0);
    struct outq_msg *const m = &q->msgs[q->n - 1];
    assert(len <= m->seg && len <= q->cap - q->used);
    m->len += (uint32_t)len;
    q->used += len;
}

bool outq_put(struct outq *q, const struct addr *to, const void *bytes, size_t len)
{
    uint8_t *const p = outq_reserve(q, to, len);
    if (!p)
        return false;
    memcpy(p, bytes, len);
    outq_commit(q, len);
    return true;
}
