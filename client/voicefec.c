/* voicefec.c - three steps, with a way back. */
#include "client/voicefec.h"

#define NEEDED_FOR (10 * USEC_SEC)

/* libopus 1.3.1 codes no copies at 5 per cent and less if that costs bandwidth, and more than 15
 * let it cut packets of 40 ms in two, of which the second would carry the copy of the first. */
static const struct {
    double begin, end;
    uint8_t percent;
} steps[] = {{0, 0, 0}, {0.02, 0.01, 10}, {0.08, 0.05, 15}};

static uint8_t needed(const struct voicefec *f, double lack)
{
    size_t n = 0;
    while (n + 1 < ARRAY_LEN(steps)) {
        const bool has = f->percent >= steps[n + 1].percent;
        if (lack <= (has ? steps[n + 1].end : steps[n + 1].begin))
            break;
        n++;
    }
    return steps[n].percent;
}

unsigned voicefec_follow(struct voicefec *f, usec now, double lack)
{
    const uint8_t percent = needed(f, lack);
    if (percent < f->percent && now - f->needed_at < NEEDED_FOR)
        return f->percent;
    f->percent = percent;
    f->needed_at = now;
    return percent;
}
