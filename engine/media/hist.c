#include "engine/media/hist.h"

#include <stdlib.h>

enum err hist_init(struct hist *h, uint32_t size)
{
    assert(size > 0 && (size & (size - 1)) == 0);
    *h = (struct hist){.ring = calloc(size, sizeof(struct pkt *)), .size = size};
    return h->ring ? OK : E_NOMEM;
}

void hist_clear(struct hist *h)
{
    for (uint32_t i = 0; h->ring && i < h->size; i++)
        pkt_unref(&h->ring[i]);
    h->started = false;
    h->highest = 0;
}

void hist_fini(struct hist *h)
{
    hist_clear(h);
    free(h->ring);
    *h = (struct hist){0};
}

static struct pkt **place(const struct hist *h, uint32_t ext_seq)
{
    return &h->ring[ext_seq & (h->size - 1)];
}

void hist_put(struct hist *h, struct pkt *p)
{
    const uint32_t seq = p->rtp.ext_seq;
    if (!h->started || seq > h->highest)
        h->highest = seq;
    h->started = true;
    if (h->highest - seq >= h->size)
        return;
    struct pkt **const slot = place(h, seq);
    pkt_unref(slot);
    *slot = pkt_ref(p);
}

struct pkt *hist_get(const struct hist *h, uint32_t ext_seq)
{
    struct pkt *const p = *place(h, ext_seq);
    return p && p->rtp.ext_seq == ext_seq ? p : NULL;
}

void hist_expire(struct hist *h, usec before, uint32_t keep)
{
    for (uint32_t i = 0; i < h->size; i++)
        if (h->ring[i] && h->ring[i]->at < before && h->highest - h->ring[i]->rtp.ext_seq >= keep)
            pkt_unref(&h->ring[i]);
}
