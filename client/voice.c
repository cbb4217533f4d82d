/* voice.c - take, decode, conceal, stretch, mix. */
#include "client/voice.h"

#include "engine/wire/rtp.h"

#include <string.h>

#define HASTE_FROM (35 * USEC_MS) /* late */
#define HASTE_TO (10 * USEC_MS)
#define REST_FROM (-10 * USEC_MS)   /* early */
#define LAG_MOST USEC_SEC           /* more is not caught up with, but left out */
#define GAP_MOST (48u * 300)        /* samples invented while nothing comes; then it is silent */
#define PAUSE_MOST (48u * 1000)     /* after what was soft: a pause, most likely, with its noise */
#define QUIET_MOST (328.0 * 328.0)  /* -40 dBov */
#define QUIET_SURE (104.0 * 104.0)  /* -50 dBov */
#define QUIET_OVER_FLOOR 4          /* 6 dB */
#define FLOOR_RISES 1.01            /* with each packet */
#define FLOOR_LEAST 100.0           /* -70 dBov */
#define PACKET_MOST_TS (10 * 48000) /* a jump of the timestamps beyond is a new beginning */

enum err voice_init(struct voice *v, struct stats_voice *stat)
{
    memset(v, 0, sizeof(*v));
    v->stat = stat;
    v->packet = VOICE_STEP;
    v->floor = QUIET_MOST;
    enum err e = opusdec_new(&v->dec, 1);
    if (e == OK)
        e = stretch_new(&v->stretch);
    if (e != OK)
        voice_fini(v);
    return e;
}

void voice_fini(struct voice *v)
{
    stretch_free(&v->stretch);
    opusdec_free(&v->dec);
}

/* What waits is let go, and what comes next begins in its own time. */
static void stop(struct voice *v)
{
    stretch_release(v->stretch);
    while (stretch_get(v->stretch, v->pcm, VOICE_ROOM)) {
    }
    v->n = 0;
    v->playing = false;
    v->skips = false;
    v->haste = 0;
    v->gap = 0;
}

void voice_restart(struct voice *v)
{
    stop(v);
    v->any = false;
    if (v->stat)
        v->stat->delay = 0;
}

static usec time_of(size_t samples)
{
    return (usec)samples * 1000 / 48;
}

/* When what is decoded next will be heard. */
static usec heard_at(const struct voice *v, usec now)
{
    return now + time_of(v->n + stretch_held(v->stretch));
}

static void collect(struct voice *v)
{
    v->n += stretch_get(v->stretch, v->pcm + v->n, VOICE_ROOM - v->n);
}

/* n samples of raw[] go on to the loudspeaker. */
static void play(struct voice *v, float speed, size_t n)
{
    if (stretch_put(v->stretch, speed, v->raw, n) == OK) /* else there is no memory: a gap */
        collect(v);
}

usec voice_held(const struct voice *v, const struct recvtrack *t, usec now)
{
    uint32_t ts;
    if ((v->playing && !v->gap) || !recvtrack_peek(t, &ts))
        return v->playing ? v->held : USEC_NEVER;
    const usec due = jitter_due(&t->jitter, ts);
    return usec_max(heard_at(v, now), due) - due + t->jitter.delay;
}

static void count(const struct voice *v, usec at, size_t n, bool invented)
{
    if (v->stat)
        stats_voice_played(v->stat, at, n, invented);
}

/* A gap is over: was it a pause of the sender's, or did what came not come in time? */
static void end_gap(struct voice *v, usec at, bool pause)
{
    if (v->gap && !pause)
        count(v, at - time_of(v->gap), v->gap, true);
    else if (pause && v->stat)
        stats_voice_paused(v->stat, at);
    v->gap = 0;
}

/* Nothing is there, or not yet to be heard. False: it was so for too long. */
static bool bridge(struct voice *v)
{
    stretch_release(v->stretch);
    collect(v);
    if (v->n >= VOICE_STEP)
        return true;
    if (!v->playing || v->gap >= (v->quiet ? PAUSE_MOST : GAP_MOST)) {
        v->playing = false;
        v->haste = 0;
        return false;
    }
    if (opusdec_conceal(v->dec, VOICE_STEP, true, v->raw) != OK)
        memset(v->raw, 0, sizeof(v->raw[0]) * VOICE_STEP);
    v->gap += VOICE_STEP;
    play(v, 1, VOICE_STEP);
    return true;
}

static void put_lost(struct voice *v, const struct recvtrack_item *it, usec at)
{
    const size_t n = v->packet;
    const struct opusdec_stat before = opusdec_stat(v->dec);
    const enum err e = it->next ? opusdec_recover(v->dec, it->next, it->next_len, n, v->raw)
                                : opusdec_conceal(v->dec, n, false, v->raw);
    const struct opusdec_stat after = opusdec_stat(v->dec);
    if (e != OK)
        memset(v->raw, 0, n * sizeof(v->raw[0]));
    end_gap(v, at, false);
    count(v, at, n, e != OK || after.concealed != before.concealed);
    if (v->stat)
        v->stat->recovered += after.recovered - before.recovered;
    v->next_ts += (uint32_t)n;
    play(v, 1, n);
}

static double mean_square(const int16_t *pcm, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)pcm[i] * pcm[i];
    return n ? sum / (double)n : 0;
}

/* Between words more can be left out or repeated than within them. */
static bool is_quiet(struct voice *v, size_t n)
{
    const double power = mean_square(v->raw, n);
    v->floor = power < v->floor * FLOOR_RISES ? power : v->floor * FLOOR_RISES;
    v->floor = v->floor < FLOOR_LEAST ? FLOOR_LEAST : v->floor;
    return power < QUIET_SURE || (power < QUIET_MOST && power < v->floor * QUIET_OVER_FLOOR);
}

static void choose_haste(struct voice *v)
{
    if (v->lag > HASTE_FROM)
        v->haste = 1;
    else if (v->lag < REST_FROM)
        v->haste = -1;
    else if (v->haste > 0 ? v->lag <= HASTE_TO : v->lag >= 0)
        v->haste = 0;
}

static float speed(const struct voice *v)
{
    if (v->haste == 0)
        return 1;
    if (v->haste > 0)
        return v->quiet ? VOICE_QUIET_FAST : VOICE_FAST;
    return v->quiet ? VOICE_QUIET_SLOW : VOICE_SLOW;
}

static void note_delay(struct voice *v, const struct recvtrack *t, const struct recvtrack_item *it,
                       usec now, usec at, int64_t wall_us)
{
    v->lag = at - jitter_due(&t->jitter, it->ts);
    v->held = v->lag + t->jitter.delay;
    if (v->stat && it->wall_us)
        v->stat->delay = (usec)(wall_us - it->wall_us) + at - now;
}

/* Far too late, as after a way that kept all it had for seconds. */
static bool skip(struct voice *v, size_t n)
{
    v->skips = v->lag > LAG_MOST || (v->skips && v->lag > HASTE_TO);
    if (v->skips && v->stat)
        v->stat->skipped += n;
    return v->skips;
}

static void put_packet(struct voice *v, const struct recvtrack_item *it, usec at)
{
    size_t n = 0;
    const bool pause = v->any && it->seq == v->seq + 1 && ts_diff(it->ts, v->next_ts) > 0;
    if (opusdec_packet(v->dec, it->packet, it->len, v->raw, OPUSDEC_SAMPLES_MAX, &n) != OK)
        return;
    v->packet = n;
    v->any = true;
    v->seq = it->seq;
    v->playing = true;
    v->next_ts = it->ts + (uint32_t)n;
    end_gap(v, at, pause);
    if (skip(v, n))
        return;
    choose_haste(v);
    v->quiet = is_quiet(v, n);
    count(v, at, n, false);
    play(v, speed(v), n);
}

/* What follows on the last is wanted at once; what comes after a pause, or first, in its time. */
static bool wants(const struct voice *v, const struct recvtrack *t, usec at)
{
    uint32_t ts;
    if (!recvtrack_peek(t, &ts))
        return true; /* lost, perhaps */
    const int32_t pause = ts_diff(ts, v->next_ts);
    const bool follows = v->playing && v->any && pause <= 0 && pause > -PACKET_MOST_TS;
    return follows || jitter_due(&t->jitter, ts) <= at;
}

/* One packet more, or what stands for it. False: nothing is to be heard. */
static bool feed(struct voice *v, struct recvtrack *t, usec now, int64_t wall_us)
{
    struct recvtrack_item it;
    const usec at = heard_at(v, now);
    if (!t || !wants(v, t, at) || !recvtrack_take(t, at, &it))
        return bridge(v);
    if (!it.packet) {
        put_lost(v, &it, at);
        return true;
    }
    note_delay(v, t, &it, now, at, wall_us);
    put_packet(v, &it, at);
    return true;
}

static void count_rest(struct voice *v, const struct recvtrack *t)
{
    const struct stretch_stat s = stretch_stat(v->stretch);
    if (!v->stat)
        return;
    v->stat->left_out = s.left_out;
    v->stat->repeated = s.repeated;
    const uint64_t late = t ? t->jitter.late : 0; /* of this stream */
    v->stat->late += late > v->late ? late - v->late : 0;
    v->late = late;
}

void voice_mix(struct voice *v, struct recvtrack *t, usec now, int64_t wall_us,
               int32_t mix[VOICE_STEP])
{
    while (v->n < VOICE_STEP && feed(v, t, now, wall_us)) {
    }
    const size_t n = size_min(v->n, VOICE_STEP);
    for (size_t i = 0; i < n; i++)
        mix[i] += v->pcm[i];
    v->n -= n;
    memmove(v->pcm, v->pcm + n, v->n * sizeof(v->pcm[0]));
    count_rest(v, t);
}

void voice_limit(const int32_t mix[VOICE_STEP], int16_t out[VOICE_STEP])
{
    for (size_t i = 0; i < VOICE_STEP; i++) {
        const int32_t s = mix[i];
        out[i] = (int16_t)(s > INT16_MAX ? INT16_MAX : s < INT16_MIN ? INT16_MIN : s);
    }
}
