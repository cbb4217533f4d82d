#include "engine/media/arrival.h"

#include <string.h>

#define FIRST_CYCLE 65536u
#define INTERVAL (100 * USEC_MS)
#define INTERVAL_BUSY (50 * USEC_MS)
#define BUSY 50 /* packets in one feedback: that is 500 in a second, about 5 Mbit/s */

void arrival_init(struct arrival *a)
{
    memset(a, 0, sizeof *a);
    a->interval = INTERVAL;
}

static void note(struct arrival *a, usec now, uint32_t seq)
{
    a->seq[seq % ARRIVAL_RING] = seq;
    a->at[seq % ARRIVAL_RING] = now;
}

/* Numbers older than the ring cannot be told any more. */
static uint32_t oldest(const struct arrival *a)
{
    return a->highest - ARRIVAL_RING + 1;
}

static void begin(struct arrival *a, usec now, uint32_t seq)
{
    a->highest = a->reported = seq;
    a->due = now + a->interval;
    a->started = true;
    note(a, now, seq);
}

void arrival_input(struct arrival *a, usec now, uint16_t seq)
{
    if (!a->started) {
        begin(a, now, FIRST_CYCLE + seq);
        return;
    }
    const uint16_t ahead = (uint16_t)(seq - (uint16_t)a->highest);
    const int16_t d = (int16_t)ahead;
    if (d >= ARRIVAL_RING || d <= -ARRIVAL_RING) {
        /* Nobody loses so many in a row: the sender has begun anew. */
        begin(a, now, a->highest + ahead);
        return;
    }
    const uint32_t ext = d < 0 ? a->highest - (uint32_t)-d : a->highest + ahead;
    if (a->seq[ext % ARRIVAL_RING] == ext)
        return; /* the second of its kind */
    if (d > 0)
        a->highest = ext;
    note(a, now, ext);
    /* It was reported as lost: the next report takes that back. */
    if (ext < a->reported)
        a->reported = ext;
    if (a->reported < oldest(a))
        a->reported = oldest(a);
}

usec arrival_next(const struct arrival *a)
{
    return a->started && a->reported <= a->highest ? a->due : USEC_NEVER;
}

static void fill(const struct arrival *a, struct twcc_feedback *f)
{
    f->base = (uint16_t)a->reported;
    f->count = a->count;
    f->n = size_min(a->highest - a->reported + 1, TWCC_MAX);
    for (size_t i = 0; i < f->n; i++) {
        const uint32_t seq = a->reported + (uint32_t)i;
        f->at[i] = a->seq[seq % ARRIVAL_RING] == seq ? a->at[seq % ARRIVAL_RING] : -1;
    }
}

bool arrival_poll(struct arrival *a, usec now, struct writer *w, uint32_t sender, uint32_t media)
{
    if (now < arrival_next(a))
        return false;
    struct twcc_feedback f;
    fill(a, &f);
    const size_t n = twcc_write(w, sender, media, &f);
    if (n == 0)
        return false;
    a->reported += (uint32_t)n;
    a->count++;
    a->interval = n > BUSY ? INTERVAL_BUSY : INTERVAL;
    if (a->reported > a->highest) /* else the rest goes at once */
        a->due = now + a->interval;
    return true;
}
