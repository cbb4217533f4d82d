/* stats.c - quantiles, freezes, silences, and the two ways of telling them. */
#include "client/stats.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_LATELY (3 * USEC_SEC)
#define STILL_LATELY (30 * USEC_SEC) /* slides may stand for long */

void stats_ring_add(struct stats_ring *r, int32_t v)
{
    r->v[r->n++ % STATS_SAMPLES] = v;
}

static int compare(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a;
    const int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

bool stats_ring_at(const struct stats_ring *r, unsigned percent, int32_t *v)
{
    int32_t sorted[STATS_SAMPLES];
    const size_t n = size_min(r->n, STATS_SAMPLES);
    if (n == 0)
        return false;
    memcpy(sorted, r->v, n * sizeof(sorted[0]));
    qsort(sorted, n, sizeof(sorted[0]), compare);
    *v = sorted[(n - 1) * percent / 100];
    return true;
}

static bool is_freeze(const struct stats_video *v, usec gap)
{
    return v->mean && gap > usec_max(3 * v->mean, v->mean + 150 * USEC_MS);
}

usec stats_video_shown(struct stats_video *v, usec now, unsigned width, unsigned height)
{
    v->width = width;
    v->height = height;
    if (v->frames++ == 0) {
        v->first = now;
        v->last = now;
        return 0;
    }
    const usec gap = now - v->last;
    v->last = now;
    if (is_freeze(v, gap)) {
        v->freezes++;
        v->frozen += gap;
        return gap;
    }
    v->mean = v->mean ? v->mean + (gap - v->mean) / 16 : gap;
    return 0;
}

usec stats_video_frozen(const struct stats_video *v, usec now)
{
    const bool open = v->frames && is_freeze(v, now - v->last);
    return v->frozen + (open ? now - v->last : 0);
}

double stats_video_freeze_ratio(const struct stats_video *v, usec now)
{
    if (!v->frames || now <= v->first)
        return 0;
    return (double)stats_video_frozen(v, now) / (double)(now - v->first);
}

void stats_voice_played(struct stats_voice *v, usec at, size_t samples, bool invented)
{
    const usec len = (usec)samples * USEC_SEC / 48000;
    v->samples += samples;
    v->gaps += invented && !v->in_gap;
    v->in_gap = invented;
    if (invented) {
        v->concealed += samples;
        return;
    }
    if (v->heard)
        v->silence = usec_max(v->silence, at - v->heard);
    v->heard = usec_max(v->heard, at + len);
}

void stats_voice_paused(struct stats_voice *v, usec at)
{
    if (v->heard)
        v->heard = usec_max(v->heard, at);
}

void stats_init(struct stats *s, usec now)
{
    memset(s, 0, sizeof(*s));
    s->started = now;
    s->told = now;
    s->span = USEC_SEC;
}

struct stats_video *stats_video_of(struct stats *s, const char *name)
{
    for (size_t i = 0; i < s->videos; i++) {
        if (strcmp(s->video[i].name, name) == 0)
            return &s->video[i];
    }
    if (s->videos == STATS_SOURCES || strlen(name) >= sizeof(s->video[0].name))
        return NULL;
    struct stats_video *const v = &s->video[s->videos++];
    strcpy(v->name, name);
    return v;
}

void stats_skew(struct stats *s, usec now, int32_t ms)
{
    stats_ring_add(&s->skew, ms);
    if (s->apart_at)
        s->apart += usec_min(now - s->apart_at, USEC_SEC); /* a picture that stands is a freeze */
    s->apart_at = ms > STATS_SKEW_MOST || ms < -STATS_SKEW_MOST ? now : 0;
}

static unsigned rung_of(const struct stats_video *v)
{
    if (strcmp(v->name, "slides") == 0)
        return 1;
    if (strcmp(v->name, "board") == 0 && v->height >= 1080)
        return 5;
    return v->height >= 720 ? 4 : v->height >= 360 ? 3 : 2;
}

unsigned stats_rung(const struct stats *s, usec now)
{
    unsigned best = 1;
    for (size_t i = 0; i < s->videos; i++) {
        const struct stats_video *const v = &s->video[i];
        const usec lately = strcmp(v->name, "slides") == 0 ? STILL_LATELY : SEEN_LATELY;
        const unsigned rung = rung_of(v);
        if (v->frames && now - v->last < lately && rung > best)
            best = rung;
    }
    return best;
}

static void turn_way(struct stats_way *w, usec passed)
{
    w->kbps = (double)(w->bytes - w->bytes_prior) * 8000.0 / (double)passed;
    w->bytes_prior = w->bytes;
}

void stats_turn(struct stats *s, usec now)
{
    const usec passed = usec_max(now - s->told, 1);
    turn_way(&s->up, passed);
    turn_way(&s->down, passed);
    s->told = now;
    s->span = passed;
}

static double rounded(double v, double steps)
{
    return (double)(int64_t)(v * steps + (v < 0 ? -0.5 : 0.5)) / steps;
}

static json_t *quantiles(const struct stats_ring *r)
{
    int32_t p50;
    int32_t p95;
    if (!stats_ring_at(r, 50, &p50) || !stats_ring_at(r, 95, &p95))
        return NULL;
    return json_pack("{s:i, s:i}", "p50", p50, "p95", p95);
}

static json_t *way(const struct stats_way *w)
{
    return json_pack("{s:f, s:f}", "kbps", rounded(w->kbps, 10), "loss", rounded(w->loss, 10000));
}

static json_t *repair(const struct stats_repair *r)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "asked", (json_int_t)r->asked, "fec",
                     (json_int_t)r->fec, "recovered", (json_int_t)r->recovered, "vain",
                     (json_int_t)r->vain, "bad", (json_int_t)r->bad);
}

static json_t *video(struct stats_video *v, usec now, double seconds)
{
    const double fps = (double)(v->frames - v->frames_prior) / seconds;
    v->frames_prior = v->frames;
    return json_pack("{s:f, s:i, s:i, s:f, s:I, s:I, s:I}", "fps", rounded(fps, 10), "width",
                     (int)v->width, "height", (int)v->height, "freeze_ratio",
                     rounded(stats_video_freeze_ratio(v, now), 10000), "frozen_ms",
                     (json_int_t)(stats_video_frozen(v, now) / USEC_MS), "freezes",
                     (json_int_t)v->freezes, "late_packets", (json_int_t)v->late);
}

static double concealed_ratio(const struct stats_voice *v)
{
    return v->samples ? (double)v->concealed / (double)v->samples : 0;
}

static usec longest_silence(const struct stats_voice *v, usec now)
{
    const usec open = v->heard && now > v->heard ? now - v->heard : 0;
    return usec_max(v->silence, open);
}

static json_int_t ms_of(uint64_t samples)
{
    return (json_int_t)(samples / 48);
}

static json_t *voice(const struct stats_voice *v, usec now)
{
    json_t *const o = json_pack(
        "{s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "concealed_ratio",
        rounded(concealed_ratio(v), 10000), "longest_silence_ms",
        (json_int_t)(longest_silence(v, now) / USEC_MS), "played_ms", ms_of(v->samples),
        "concealed_ms", ms_of(v->concealed), "concealments", (json_int_t)v->gaps, "recovered_ms",
        ms_of(v->recovered), "repeated_ms", ms_of(v->repeated), "left_out_ms", ms_of(v->left_out),
        "skipped_ms", ms_of(v->skipped), "late_packets", (json_int_t)v->late);
    if (o && v->delay)
        json_object_set_new(o, "delay_ms", json_integer((json_int_t)(v->delay / USEC_MS)));
    return o;
}

/* Absent rather than invented: what is not known yet is not in the object. */
static void set_known(json_t *o, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(o, key, value);
}

int stats_json(struct stats *s, usec now, const char *state, char *out, size_t cap)
{
    json_t *const o = json_object();
    json_t *const videos = json_object();
    const double seconds = (double)s->span / 1e6;
    set_known(o, "t_s", json_real(rounded((double)(now - s->started) / 1e6, 10)));
    set_known(o, "rung", json_integer(stats_rung(s, now)));
    set_known(o, "state", json_string(state));
    if (s->rtt)
        set_known(o, "rtt_ms", json_real(rounded((double)s->rtt / 1e3, 10)));
    set_known(o, "up", way(&s->up));
    set_known(o, "fec_percent", json_integer((json_int_t)s->fec));
    set_known(o, "down", way(&s->down));
    set_known(o, "repair", repair(&s->repair));
    set_known(o, "voice", voice(&s->voice, now));
    for (size_t i = 0; i < s->videos; i++)
        set_known(videos, s->video[i].name, video(&s->video[i], now, seconds));
    set_known(o, "video", videos);
    set_known(o, "delay_ms", quantiles(&s->delay));
    set_known(o, "burnt_delay_ms", quantiles(&s->burnt));
    set_known(o, "slides_delay_ms", quantiles(&s->slides));
    int32_t skew;
    if (stats_ring_at(&s->skew, 50, &skew))
        set_known(o, "skew_ms", json_integer(skew));
    set_known(o, "apart_ms", json_integer((json_int_t)(s->apart / USEC_MS)));
    const size_t len = json_dumpb(o, out, cap, JSON_COMPACT | JSON_REAL_PRECISION(10));
    if (len < cap)
        out[len] = 0;
    json_decref(o);
    return (int)len;
}

/* Where the next piece goes, after one that snprintf said has n characters. */
static int add(size_t cap, int at, int n)
{
    return n < 0 ? at : (int)size_min((size_t)at + (size_t)n, cap ? cap - 1 : 0);
}

int stats_line(struct stats *s, usec now, const char *state, char *out, size_t cap)
{
    int at = add(cap, 0,
                 snprintf(out, cap, "%6.0f s  rung %u  up %5.0f kbit/s  down %5.0f kbit/s",
                          (double)(now - s->started) / 1e6, stats_rung(s, now), s->up.kbps,
                          s->down.kbps));
    at = add(cap, at,
             snprintf(out + at, cap - (size_t)at, "  loss %.1f/%.1f %%  rtt %.0f ms",
                      s->up.loss * 100, s->down.loss * 100, (double)s->rtt / 1e3));
    for (size_t i = 0; i < s->videos; i++) {
        struct stats_video *const v = &s->video[i];
        if (!v->frames)
            continue;
        at = add(cap, at,
                 snprintf(out + at, cap - (size_t)at, "  %s %ux%u %.0f fps %u freezes", v->name,
                          v->width, v->height,
                          (double)(v->frames - v->frames_prior) * 1e6 / (double)s->span,
                          v->freezes));
        v->frames_prior = v->frames;
    }
    int32_t delay;
    if (stats_ring_at(&s->delay, 50, &delay))
        at = add(cap, at, snprintf(out + at, cap - (size_t)at, "  delay %d ms", delay));
    return add(cap, at, snprintf(out + at, cap - (size_t)at, "  %s", state));
}
