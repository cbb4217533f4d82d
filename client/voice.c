/* voice.c - decode, conceal, queue, mix. */
#include "client/voice.h"

#include <string.h>

enum err voice_init(struct voice *v, struct stats_voice *stat)
{
    memset(v, 0, sizeof(*v));
    v->stat = stat;
    v->packet = VOICE_STEP;
    return opusdec_new(&v->dec, 1);
}

void voice_fini(struct voice *v)
{
    opusdec_free(&v->dec);
}

void voice_restart(struct voice *v)
{
    v->any = false;
    v->n = 0;
    v->playing = false;
    v->has_delay = false;
}

static void drop_oldest(struct voice *v, size_t n)
{
    v->n -= n;
    memmove(v->pcm, v->pcm + n, v->n * sizeof(v->pcm[0]));
}

/* Room for n more samples; what has waited too long goes. */
static int16_t *room_for(struct voice *v, size_t n)
{
    if (v->n + n > VOICE_ROOM)
        drop_oldest(v, v->n + n - VOICE_ROOM);
    return v->pcm + v->n;
}

static void keep(struct voice *v, usec now, size_t n, bool invented)
{
    const usec at = now + (usec)v->n * 1000 / 48;
    v->n += n;
    if (v->stat)
        stats_voice_played(v->stat, at, n, invented);
    if (v->n > VOICE_MOST)
        drop_oldest(v, v->n - VOICE_KEEP);
}

static void put_lost(struct voice *v, const struct recvtrack_item *it, usec now)
{
    const size_t n = v->packet;
    int16_t *const at = room_for(v, n);
    const struct opusdec_stat before = opusdec_stat(v->dec);
    const enum err e = it->next ? opusdec_recover(v->dec, it->next, it->next_len, n, at)
                                : opusdec_conceal(v->dec, n, false, at);
    if (e != OK)
        memset(at, 0, n * sizeof(*at));
    keep(v, now, n, e != OK || opusdec_stat(v->dec).concealed != before.concealed);
    v->next_ts += (uint32_t)n;
}

/* The sender said nothing for a while (DTX): the numbers are in order, the time stamps jump. */
static void bridge_pause(struct voice *v, uint32_t ts, usec now)
{
    const int32_t gap = ts_diff(ts, v->next_ts);
    if (!v->any || gap <= 0 || gap > (int32_t)OPUSDEC_SAMPLES_MAX || gap % 120)
        return;
    int16_t *const at = room_for(v, (size_t)gap);
    if (v->n == 0 && opusdec_conceal(v->dec, (size_t)gap, true, at) == OK)
        keep(v, now, (size_t)gap, false);
}

static void note_delay(struct voice *v, const struct recvtrack_item *it, int64_t wall_us)
{
    if (!it->wall_us)
        return;
    const double us = (double)(wall_us - it->wall_us) + (double)v->n * 1000.0 / 48;
    v->delay_us = v->has_delay ? v->delay_us + (us - v->delay_us) / 16 : us;
    v->has_delay = true;
}

void voice_put(struct voice *v, const struct recvtrack_item *it, usec now, int64_t wall_us)
{
    size_t n = 0;
    if (!it->packet) {
        put_lost(v, it, now);
        return;
    }
    bridge_pause(v, it->ts, now);
    note_delay(v, it, wall_us);
    int16_t *const at = room_for(v, OPUSDEC_SAMPLES_MAX);
    if (opusdec_packet(v->dec, it->packet, it->len, at, OPUSDEC_SAMPLES_MAX, &n) != OK)
        return;
    v->packet = n;
    v->any = true;
    v->next_ts = it->ts + (uint32_t)n;
    keep(v, now, n, false);
}

void voice_mix(struct voice *v, int32_t mix[VOICE_STEP])
{
    if (!v->playing)
        v->playing = v->n >= VOICE_STEP;
    if (!v->playing)
        return;
    const size_t n = size_min(v->n, VOICE_STEP);
    for (size_t i = 0; i < n; i++)
        mix[i] += v->pcm[i];
    drop_oldest(v, n);
    v->playing = n == VOICE_STEP;
}

void voice_limit(const int32_t mix[VOICE_STEP], int16_t out[VOICE_STEP])
{
    for (size_t i = 0; i < VOICE_STEP; i++) {
        const int32_t s = mix[i];
        out[i] = (int16_t)(s > INT16_MAX ? INT16_MAX : s < INT16_MIN ? INT16_MIN : s);
    }
}
