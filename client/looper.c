/* looper.c - rounds end to end. */
#include "client/looper.h"

void looper_init(struct looper *l, usec start, usec length)
{
    *l = (struct looper){.start = start, .length = length};
}

usec looper_due(struct looper *l, usec pos, usec duration)
{
    l->items++;
    l->seen = usec_max(l->seen, pos + duration);
    return l->start + pos;
}

void looper_again(struct looper *l)
{
    const usec length = l->length ? l->length : l->seen;
    l->start += usec_max(length, LOOPER_SHORTEST);
    l->seen = 0;
    l->items = 0;
    l->round++;
}
