/* chunker.c - samples in a row, by their numbers. */
#include "client/chunker.h"

#include <string.h>

void chunker_init(struct chunker *c)
{
    c->n = 0;
    c->first = 0;
    c->any = false;
}

static void restart(struct chunker *c, int64_t at)
{
    c->any = true;
    c->first = at;
    c->n = 0;
}

static void append(struct chunker *c, const int16_t *pcm, size_t n)
{
    const size_t room = CHUNKER_ROOM - c->n;
    const size_t take = size_min(n, room);
    if (pcm)
        memcpy(c->pcm + c->n, pcm, take * sizeof(*pcm));
    else
        memset(c->pcm + c->n, 0, take * sizeof(*pcm));
    c->n += take;
}

void chunker_put(struct chunker *c, int64_t at, const int16_t *pcm, size_t n)
{
    int64_t off = at - (c->first + (int64_t)c->n);
    if (!c->any || off > CHUNKER_ROOM || off < -(int64_t)CHUNKER_ROOM) {
        restart(c, at);
        off = 0;
    }
    if (off > CHUNKER_SLACK) {
        append(c, NULL, (size_t)off);
    } else if (off < -CHUNKER_SLACK) {
        const size_t skip = size_min((size_t)-off, n);
        pcm += skip;
        n -= skip;
    }
    append(c, pcm, n);
}

const int16_t *chunker_get(struct chunker *c, int64_t *at)
{
    if (c->n < CHUNKER_SAMPLES)
        return NULL;
    *at = c->first;
    memcpy(c->out, c->pcm, sizeof(c->out));
    c->n -= CHUNKER_SAMPLES;
    c->first += CHUNKER_SAMPLES;
    memmove(c->pcm, c->pcm + CHUNKER_SAMPLES, c->n * sizeof(c->pcm[0]));
    return c->out;
}
