#include "engine/media/nack.h"

#include <string.h>

#define REORDER (5 * USEC_MS) /* so long a packet may be late before it is asked for */
#define RTT_START (100 * USEC_MS)
#define AGAIN_MIN (20 * USEC_MS) /* a request needs this long even in one building */

void nack_init(struct nack *n, usec deadline)
{
    memset(n, 0, sizeof *n);
    n->rtt = RTT_START;
    n->deadline = deadline;
}

void nack_rtt(struct nack *n, usec rtt)
{
    n->rtt = usec_max(rtt, 0);
}

static void drop(struct nack *n, size_t i)
{
    n->n--;
    memmove(&n->list[i], &n->list[i + 1], (n->n - i) * sizeof n->list[0]);
}

static void give_up_all(struct nack *n)
{
    n->given_up += n->n;
    n->n = 0;
}

/* Packets highest + 1 … before - 1 did not come. */
static void miss(struct nack *n, usec now, uint32_t before)
{
    const uint32_t gap = before - n->highest - 1;
    if (n->n + gap > NACK_MAX) {
        /* So much cannot be repaired one by one in time: a key frame makes it good. */
        give_up_all(n);
        n->overflow = true;
        if (gap > NACK_MAX) {
            n->given_up += gap <= NACK_GAP_MAX ? gap : 0;
            return;
        }
    }
    for (uint32_t seq = n->highest + 1; seq != before; seq++)
        n->list[n->n++] = (struct nack_entry){.ext_seq = seq, .since = now, .due = now + REORDER};
}

static void came(struct nack *n, uint32_t ext_seq)
{
    for (size_t i = 0; i < n->n && n->list[i].ext_seq <= ext_seq; i++) {
        if (n->list[i].ext_seq != ext_seq)
            continue;
        n->repaired += n->list[i].tries > 0;
        drop(n, i);
        return;
    }
}

void nack_input(struct nack *n, usec now, uint32_t ext_seq)
{
    if (n->started && ext_seq <= n->highest) {
        came(n, ext_seq);
        return;
    }
    if (n->started)
        miss(n, now, ext_seq);
    n->started = true;
    n->highest = ext_seq;
}

/* A round trip and a quarter: the answer waits in a pacer, and round trips vary. */
static usec again_after(const struct nack *n)
{
    return usec_max(n->rtt + n->rtt / 4, AGAIN_MIN);
}

/* The last request was in vain too, or what comes now comes too late to be shown. */
static bool is_hopeless(const struct nack *n, const struct nack_entry *e, usec now)
{
    return now - e->since >= n->deadline || (e->tries >= NACK_TRIES && now >= e->due);
}

size_t nack_poll(struct nack *n, usec now, uint16_t *out, size_t cap)
{
    size_t asked = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n->n; i++) {
        struct nack_entry e = n->list[i];
        if (is_hopeless(n, &e, now)) {
            n->given_up++;
            continue;
        }
        if (e.due <= now && asked < cap) {
            out[asked++] = (uint16_t)e.ext_seq;
            e.tries++;
            e.due = now + again_after(n);
        }
        n->list[kept++] = e;
    }
    n->n = kept;
    n->asked += asked;
    return asked;
}

usec nack_next(const struct nack *n)
{
    usec next = USEC_NEVER;
    for (size_t i = 0; i < n->n; i++) {
        const struct nack_entry *const e = &n->list[i];
        next = usec_min(next, usec_min(e->due, e->since + n->deadline));
    }
    return next;
}
