#include "engine/media/meter.h"

void meter_init(struct meter *m, usec window, uint8_t up, uint8_t down)
{
    *m = (struct meter){.window = window, .up = up, .down = down};
}

static void close_window(struct meter *m, usec now)
{
    const usec took = now - m->since;
    const uint64_t is = (uint64_t)m->bytes * 8 * (uint64_t)USEC_SEC / (uint64_t)took;
    const uint32_t bps = is > UINT32_MAX ? UINT32_MAX : (uint32_t)is;
    if (m->bps == 0)
        m->bps = bps;
    else if (bps > m->bps)
        m->bps += (bps - m->bps) >> m->up;
    else
        m->bps -= (m->bps - bps) >> m->down;
    m->since = now;
    m->bytes = 0;
}

void meter_add(struct meter *m, usec now, size_t bytes)
{
    if (m->since == 0)
        m->since = now;
    m->bytes += (uint32_t)size_min(bytes, UINT32_MAX - m->bytes);
    if (now > m->since && now - m->since >= m->window)
        close_window(m, now);
}
