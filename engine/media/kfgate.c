#include "engine/media/kfgate.h"

void kfgate_init(struct kfgate *g, usec gap)
{
    *g = (struct kfgate){.gap = gap};
}

void kfgate_want(struct kfgate *g)
{
    g->wanted = true;
}

void kfgate_served(struct kfgate *g)
{
    g->wanted = false;
}

usec kfgate_next(const struct kfgate *g)
{
    return g->wanted ? g->open_at : USEC_NEVER;
}

bool kfgate_poll(struct kfgate *g, usec now)
{
    if (now < kfgate_next(g))
        return false;

    g->open_at = now + g->gap;
    return true;
}
