#include "engine/media/speaker.h"

#define SILENCE 127.0
#define ON 80.0               /* louder than -47 dBov is speech */
#define OFF 70.0              /* below -57 dBov it has ended */
#define ATTACK (100.0 * 1000) /* time constants, us */
#define RELEASE (500.0 * 1000)
#define QUIET (200 * USEC_MS)       /* after so long without a packet (DTX) the level falls */
#define GAP_MAX (60 * USEC_MS)      /* between two packets of speech */
#define LOUDER 6.0                  /* dB, to take over from another … */
#define LONG_ENOUGH (300 * USEC_MS) /* … after speaking for so long */

void speaker_init(struct speaker *s)
{
    *s = (struct speaker){0};
}

static void judge(struct speaker *s, usec now)
{
    const bool speaking = s->level >= (s->speaking ? OFF : ON);
    if (speaking != s->speaking)
        s->since = now;
    s->speaking = speaking;
}

void speaker_input(struct speaker *s, usec now, uint8_t db)
{
    const double loudness = db < 127 ? SILENCE - db : 0;
    s->level = speaker_level(s, now);
    const double gone = (double)usec_max(0, usec_min(now - s->at, GAP_MAX));
    const double slowness = loudness > s->level ? ATTACK : RELEASE;
    s->level += (loudness - s->level) * gone / (slowness + gone);
    s->at = now;
    judge(s, now);
}

double speaker_level(const struct speaker *s, usec now)
{
    const usec quiet = now - s->at - QUIET;
    return quiet > 0 ? s->level * RELEASE / (RELEASE + 4.0 * (double)quiet) : s->level;
}

static bool speaks(const struct speaker *s, usec now)
{
    return s && s->speaking && speaker_level(s, now) >= OFF;
}

int speaker_loudest(struct speaker *const *s, size_t n, int current, usec now)
{
    assert(current < (int)n);
    const bool taken = current >= 0 && s[current];
    double best = taken ? speaker_level(s[current], now) + LOUDER : 0;
    int found = taken ? current : -1;
    for (size_t i = 0; i < n; i++) {
        if ((int)i == current || !speaks(s[i], now))
            continue;
        if (taken && now - s[i]->since < LONG_ENOUGH)
            continue;
        const double level = speaker_level(s[i], now);
        if (level > best) {
            best = level;
            found = (int)i;
        }
    }
    return found;
}
