#include "engine/media/nack.h"

#include <string.h>

#define REORDER (5 * USEC_MS)      /* so long a packet may be late before it is asked for, */
#define REORDER_MAX (40 * USEC_MS) /* or as late as this stream's packets overtake each other */
#define REORDER_FADE 512           /* packets in order until most of that is forgotten */
#define OUTAGE_GAP 32u             /* missing after a pause: more than the start of a new slide */
#define RTT_START (100 * USEC_MS)
#define AGAIN_MIN (20 * USEC_MS) /* a request needs this long even in one building */
#define ECHO (20 * USEC_MS)      /* from a first request to its double */
#define ECHO_FROM (80 * USEC_MS) /* round trip; under it asking again is as quick */
#define HALF_MORE (10 * USEC_MS) /* than half a round trip, so that an answer is given */
#define LOSSY 0.05F              /* share from which requests and answers are lost too */
#define LOSS_MEMORY 1024.0F      /* packets */

void nack_init(struct nack *n, usec deadline)
{
    memset(n, 0, sizeof *n);
    n->rtt = RTT_START;
    n->deadline = deadline;
    n->wait = REORDER;
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

/* One gap of so many before a packet that came. */
static void learn_loss(struct nack *n, uint32_t gap)
{
    const float seen = (float)gap + 1;
    const float part = seen < LOSS_MEMORY ? seen / LOSS_MEMORY : 1;
    n->loss += ((float)gap / seen - n->loss) * part;
}

/* Packets highest + 1 … before - 1 did not come. */
static void miss(struct nack *n, usec now, uint32_t before)
{
    const uint32_t gap = before - n->highest - 1;
    learn_loss(n, gap);
    const bool outage = gap >= OUTAGE_GAP && now - n->at > n->deadline;
    if (n->n + gap > NACK_MAX || outage) {
        /* So much cannot be repaired one by one in time: a key frame makes it good. */
        give_up_all(n);
        n->overflow = true;
        if (gap > NACK_MAX || outage) {
            n->given_up += gap <= NACK_GAP_MAX ? gap : 0;
            return;
        }
    }
    const usec due = now + n->wait + n->hold;
    for (uint32_t seq = n->highest + 1; seq != before; seq++)
        n->list[n->n++] = (struct nack_entry){.ext_seq = seq, .since = now, .due = due};
}

/* From request to answer. After a third one nobody knows which was answered. */
static void learn_answer(struct nack *n, usec took)
{
    const usec off = took > n->took ? took - n->took : n->took - took;
    n->vary = n->took ? n->vary + (off - n->vary) / 4 : took / 8;
    n->took = n->took ? n->took + (took - n->took) / 8 : took;
}

static void learn(struct nack *n, usec now, const struct nack_entry *e, bool repair)
{
    const usec late = now - e->since;
    if (repair && e->tries > 0 && e->tries <= 2)
        learn_answer(n, usec_max(now - e->asked_at, 1));
    if (repair)
        return;
    n->loss -= n->loss / LOSS_MEMORY; /* it only was overtaken */
    if (late <= REORDER_MAX)
        n->wait = usec_max(n->wait, usec_min(late + late / 4, REORDER_MAX));
}

static void came(struct nack *n, usec now, uint32_t ext_seq, bool repair)
{
    for (size_t i = 0; i < n->n && n->list[i].ext_seq <= ext_seq; i++) {
        if (n->list[i].ext_seq != ext_seq)
            continue;
        learn(n, now, &n->list[i], repair);
        n->repaired += n->list[i].tries > 0;
        drop(n, i);
        return;
    }
}

void nack_input(struct nack *n, usec now, uint32_t ext_seq, bool repair)
{
    if (n->started && ext_seq <= n->highest) {
        came(n, now, ext_seq, repair);
        return;
    }
    n->wait -= (n->wait - REORDER) / REORDER_FADE;
    if (n->started)
        miss(n, now, ext_seq);
    n->started = true;
    n->highest = ext_seq;
    n->at = now;
}

/* What answers take here and vary by; until one was seen a round trip and a quarter, because the
 * answer waits in a pacer. */
static usec answer_time(const struct nack *n)
{
    const usec answer = n->took ? n->took + 2 * n->vary : n->rtt + n->rtt / 4;
    return usec_max(usec_max(answer, n->rtt), AGAIN_MIN);
}

/* On a way that loses much the first request goes twice, close together: it may be lost like
 * anything else, and an answer is not given twice within half a round trip. Whatever was still lost
 * holds everything up, so from then on an answer is asked for each half of a round trip: two are on
 * their way at a time. Elsewhere an answer that does not come waits in a queue, and asking more
 * often would fill it. */
static usec again_after(const struct nack *n, unsigned tries)
{
    const bool echo = n->rtt >= ECHO_FROM;
    if (n->loss < LOSSY)
        return answer_time(n);
    if (tries == 1)
        return echo ? ECHO : answer_time(n);
    if (tries == 2 && echo)
        return answer_time(n) - ECHO;
    return usec_max(n->rtt / 2 + HALF_MORE, AGAIN_MIN);
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
            e.asked_at = e.tries++ ? e.asked_at : now;
            e.due = now + again_after(n, e.tries);
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
