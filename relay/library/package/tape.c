/* tape.c - reads a journal once, in order, and fits the clocks. */
#include "relay/library/package/tape.h"

#include "engine/base/bytes.h"
#include "engine/wire/rtcp.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define STREAMS_MAX 4096u
#define RATE_MIN 1000u /* of RTP clocks; anything else is nonsense */
#define RATE_MAX 1000000u

#define AT_MAX (36 * 3600 * USEC_SEC) /* no lesson is longer, absences included */
#define REPORT_SPAN (500 * USEC_MS)   /* reports need not be nearer than this */
#define REPORT_REACH (30 * USEC_SEC)  /* reports that have a say in one place */
#define LEAST_SPAN (10 * USEC_SEC)    /* of all arrivals in so long, the quickest counts */
#define OFFSET_REACH (120 * USEC_SEC) /* quickest ones that have a say in one place */
#define JUMP (300.0 * USEC_MS)        /* a clock was set */
#define SAME_CLOCK (250.0 * USEC_MS)  /* streams of one site this near have one clock */
#define TRUST (5 * USEC_SEC)          /* what arrives is not older or newer than this */

/* Makes room for one more of `size` bytes in a growing array. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    const size_t more = *cap ? *cap * 2 : 16;
    void *const p = realloc(array, more * size);
    if (p)
        *cap = more;
    return p;
}

static struct tape_stream *stream_of(const struct tape *t, uint32_t number)
{
    for (size_t i = t->streams; i-- > 0;)
        if (t->stream[i].number == number)
            return &t->stream[i];
    return NULL;
}

static enum tape_codec codec_of(const char *name)
{
    if (strcasecmp(name, "opus") == 0)
        return TAPE_OPUS;
    if (strcasecmp(name, "VP8") == 0)
        return TAPE_VP8;
    return strcasecmp(name, "VP9") == 0 ? TAPE_VP9 : TAPE_OTHER;
}

static enum err take_track(struct tape *t, const struct record *r)
{
    struct record_track info;
    const bool good = record_get_track(&info, r) && info.clock_rate >= RATE_MIN &&
                      info.clock_rate <= RATE_MAX && t->streams < STREAMS_MAX &&
                      !stream_of(t, r->track);
    if (!good) {
        t->ignored++;
        return OK;
    }
    void *const p = grow(t->stream, t->streams, &t->streams_cap, sizeof *t->stream);
    if (!p)
        return E_NOMEM;
    t->stream = p;
    t->stream[t->streams++] = (struct tape_stream){.info = info,
                                                   .number = r->track,
                                                   .codec = codec_of(info.codec),
                                                   .opened = r->at,
                                                   .group = SIZE_MAX};
    return OK;
}

/* RTP timestamps with roll-overs: the one nearest to the last. */
static int64_t unroll(struct tape_stream *s, uint32_t ts)
{
    const int64_t last = s->any_ts ? s->last_ts : (int64_t)ts + ((int64_t)1 << 33);
    return last + (int32_t)(ts - (uint32_t)last);
}

static int64_t ts_usec(const struct tape_stream *s, int64_t ts)
{
    const int64_t rate = s->info.clock_rate;
    return ts / rate * USEC_SEC + ts % rate * USEC_SEC / rate;
}

static enum err take_packet(struct tape *t, const struct record *r)
{
    struct record_rtp p;
    struct tape_stream *const s = stream_of(t, r->track);
    if (!s || !record_get_rtp(&p, r) || p.body_len > UINT16_MAX) {
        t->ignored++;
        return OK;
    }
    if (p.body_len == 0) /* a padding probe */
        return OK;
    void *const m = grow(s->packet, s->packets, &s->cap, sizeof *s->packet);
    if (!m)
        return E_NOMEM;
    s->packet = m;
    s->last_ts = unroll(s, be32(p.head + 4));
    s->any_ts = true;
    const int64_t ts = ts_usec(s, s->last_ts);
    s->packet[s->packets++] = (struct tape_packet){.body = p.body,
                                                   .len = (uint16_t)p.body_len,
                                                   .marker = (p.head[1] & 0x80) != 0,
                                                   .level_db = p.level_db,
                                                   .ext_seq = p.ext_seq,
                                                   .ts = ts,
                                                   .at = r->at};
    return curve_add(&s->arrivals, ts, (double)(r->at - ts));
}

/* The clock of the sender of a report: one of the site's that shows about this offset, or anew. */
static enum err find_group(struct tape *t, struct tape_stream *s, double offset)
{
    for (size_t i = t->groups; i-- > 0;) {
        const struct tape_group *const g = &t->group[i];
        if (g->site_no == s->info.site_no && fabs(g->last_offset - offset) < SAME_CLOCK) {
            s->group = i;
            return OK;
        }
    }
    void *const p = grow(t->group, t->groups, &t->groups_cap, sizeof *t->group);
    if (!p)
        return E_NOMEM;
    t->group = p;
    s->group = t->groups;
    t->group[t->groups++] = (struct tape_group){.site_no = s->info.site_no};
    return OK;
}

static enum err take_report(struct tape *t, const struct record *r)
{
    struct record_sr sr;
    struct tape_stream *const s = stream_of(t, r->track);
    if (!s || !record_get_sr(&sr, r) || sr.ntp == 0) {
        t->ignored++;
        return OK;
    }
    if (!s->any_ts) /* its timestamp cannot be placed before the first packet */
        return OK;
    const int64_t ts = ts_usec(s, unroll(s, sr.ts));
    const int64_t ntp = unix_us_of_ntp(sr.ntp);
    const double offset = (double)(r->at - ntp);
    enum err e = curve_add(&s->reports, ts, (double)(ntp - ts));
    if (e == OK && s->group == SIZE_MAX)
        e = find_group(t, s, offset);
    if (e != OK)
        return e;
    t->group[s->group].last_offset = offset;
    return curve_add(&t->group[s->group].offsets, ntp, offset);
}

static enum err take_event(struct tape *t, const struct record *r)
{
    void *const p = grow(t->event, t->events, &t->events_cap, sizeof *t->event);
    if (!p)
        return E_NOMEM;
    t->event = p;
    t->event[t->events++] =
        (struct tape_event){.at = r->at, .json = (const char *)r->payload, .len = r->len};
    return OK;
}

static enum err take_gap(struct tape *t, const struct record *r)
{
    struct record_gap g;
    if (!record_get_gap(&g, r)) {
        t->ignored++;
        return OK;
    }
    void *const p = grow(t->gap, t->gaps, &t->gaps_cap, sizeof *t->gap);
    if (!p)
        return E_NOMEM;
    t->gap = p;
    t->gap[t->gaps++] = (struct tape_gap){.at = r->at, .gap = g};
    return OK;
}

static enum err take(struct tape *t, const struct record *r)
{
    if (r->at > AT_MAX) {
        t->ignored++;
        return OK;
    }
    t->end = usec_max(t->end, r->at);
    t->closed = false;
    switch ((enum record_type)r->type) {
    case RECORD_TRACK:
        return take_track(t, r);
    case RECORD_RTP:
        return take_packet(t, r);
    case RECORD_SR:
        return take_report(t, r);
    case RECORD_EVENT:
        return take_event(t, r);
    case RECORD_GAP:
        return take_gap(t, r);
    case RECORD_CLOSE:
        t->closed = true;
        return OK;
    case RECORD_TRACK_END:
        return OK;
    case RECORD_TYPES:
    default: /* of a newer version */
        t->ignored++;
        return OK;
    }
}

static int by_seq(const void *a, const void *b)
{
    const struct tape_packet *const p = a;
    const struct tape_packet *const q = b;
    return (p->ext_seq > q->ext_seq) - (p->ext_seq < q->ext_seq);
}

/* Most streams came in order; those with repairs did not. */
static void sort_packets(struct tape_stream *s)
{
    bool sorted = true;
    for (size_t i = 1; sorted && i < s->packets; i++)
        sorted = s->packet[i - 1].ext_seq < s->packet[i].ext_seq;
    if (sorted)
        return;
    qsort(s->packet, s->packets, sizeof *s->packet, by_seq);
    size_t kept = 1;
    for (size_t i = 1; i < s->packets; i++)
        if (s->packet[i].ext_seq != s->packet[kept - 1].ext_seq)
            s->packet[kept++] = s->packet[i];
    s->packets = kept;
}

static enum err fit_clocks(struct tape *t)
{
    enum err e = OK;
    for (size_t i = 0; e == OK && i < t->streams; i++) {
        struct tape_stream *const s = &t->stream[i];
        sort_packets(s);
        curve_least(&s->arrivals, LEAST_SPAN);
        e = curve_smooth(&s->arrivals, OFFSET_REACH, JUMP);
        curve_least(&s->reports, REPORT_SPAN);
        if (e == OK)
            e = curve_smooth(&s->reports, REPORT_REACH, JUMP);
    }
    for (size_t i = 0; e == OK && i < t->groups; i++) {
        curve_least(&t->group[i].offsets, LEAST_SPAN);
        e = curve_smooth(&t->group[i].offsets, OFFSET_REACH, JUMP);
    }
    return e;
}

enum err tape_load(struct tape *t, const char *dir)
{
    *t = (struct tape){0};
    enum err e = jreader_new(&t->reader, dir);
    struct record r;
    while (e == OK && jreader_next(t->reader, &r))
        e = take(t, &r);
    if (e == OK)
        e = fit_clocks(t);
    return e;
}

void tape_free(struct tape *t)
{
    for (size_t i = 0; i < t->streams; i++) {
        free(t->stream[i].packet);
        curve_fini(&t->stream[i].reports);
        curve_fini(&t->stream[i].arrivals);
    }
    for (size_t i = 0; i < t->groups; i++)
        curve_fini(&t->group[i].offsets);
    free(t->stream);
    free(t->group);
    free(t->event);
    free(t->gap);
    jreader_free(&t->reader);
    *t = (struct tape){0};
}

static bool plausible(const struct tape_packet *p, int64_t time)
{
    return time - p->at < TRUST && p->at - time < TRUST;
}

int64_t tape_time(const struct tape *t, const struct tape_stream *s, const struct tape_packet *p)
{
    if (s->reports.n > 0) {
        const int64_t ntp = curve_at(&s->reports, p->ts);
        const int64_t time = curve_at(&t->group[s->group].offsets, ntp);
        if (plausible(p, time))
            return usec_max(time, 0);
    }
    const int64_t time = curve_at(&s->arrivals, p->ts);
    return usec_max(plausible(p, time) ? time : p->at, 0);
}
