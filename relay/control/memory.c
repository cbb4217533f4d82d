/* memory.c - what people took who joined or have left goes back to the system: a handshake takes
 * 70 KiB for some seconds, and malloc keeps what it once had. */
#include "relay/control/core.h"

#include "engine/io/clock.h"

#include <malloc.h>

#define CALM (10 * USEC_SEC) /* since the last of a wave; handshakes are put away after five */
#define GAP (30 * USEC_SEC)  /* between two, and as long a wave that does not end is waited for */
#define WORTH 16             /* connections made or ended; fewer are not worth the locks */

void memory_moved(struct control *c)
{
    struct memory *const m = &c->memory;
    if (m->moved++ == 0)
        m->since = c->now;
    m->due = usec_max(usec_min(c->now + CALM, m->since + GAP), m->done + GAP);
}

usec memory_next(const struct control *c)
{
    return c->memory.moved >= WORTH ? c->memory.due : USEC_NEVER;
}

/* 10 ms for 600 viewers. Media threads do not notice unless somebody joins or leaves just then: for
 * packets they allocate nothing. */
void memory_turn(struct control *c)
{
    if (c->now < memory_next(c))
        return;
    const usec begin = clock_now();
    const bool any = malloc_trim(0) != 0;
    c->memory.moved = 0;
    c->memory.done = c->now;
    log_debug(c->log, "memory went back to the system", "any=%d took_us=%lld", any,
              (long long)(clock_now() - begin));
}
