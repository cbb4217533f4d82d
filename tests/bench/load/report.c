#include "tests/bench/load/report.h"

#include <jansson.h>
#include <stdlib.h>

static json_int_t whole(uint64_t v)
{
    return (json_int_t)v;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static json_t *percentiles(const struct spread *s, int64_t unit)
{
    return json_pack("{s:I, s:I, s:I}", "p50", (json_int_t)(spread_at(s, 0.5) / unit), "p99",
                     (json_int_t)(spread_at(s, 0.99) / unit), "max", (json_int_t)(s->max / unit));
}

/* What became of the viewers one by one. */
struct joins {
    size_t joined;
    struct spread open, key;
};

static void count_joins(const struct load *l, struct joins *j)
{
    for (size_t i = 0; i < l->viewers; i++) {
        const struct viewer *const v = &l->viewer[i];
        if (!v->opened_at)
            continue;
        j->joined++;
        spread_add(&j->open, v->opened_at - v->asked_at);
        if (v->key_at)
            spread_add(&j->key, v->key_at - v->asked_at);
    }
}

static json_t *put_joins(const struct load *l)
{
    static struct joins j; /* too big for a stack; once in a process */
    count_joins(l, &j);
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I}", "server",
                     l->o.server == LOAD_JANUS ? "janus" : "relay", "viewers", whole(l->o.viewers),
                     "joined", whole(j.joined), "failed", whole(l->viewers - j.joined), "died",
                     whole(l->window.died), "join_ms", percentiles(&j.open, 1000), "first_key_ms",
                     percentiles(&j.key, 1000), "first_keys", whole(j.key.n), "members",
                     whole(l->o.members));
}

static json_t *put_traffic(const struct load_window *w)
{
    const uint64_t *const p = w->sum.packets;
    const uint64_t packets = p[VIEWER_VIDEO] + p[VIEWER_VOICE];
    const uint64_t lost = w->sum.expected > packets ? w->sum.expected - packets : 0;
    const double seconds = (double)w->length / 1e6;
    return json_pack("{s:f, s:I, s:I, s:I, s:I, s:f, s:{s:I, s:I}, s:I, s:I, s:f, s:I}", "seconds",
                     seconds, "packets", whole(packets), "video_packets", whole(p[VIEWER_VIDEO]),
                     "voice_packets", whole(p[VIEWER_VOICE]), "bytes", whole(w->sum.bytes), "pps",
                     ratio((double)packets, seconds), "published", "video",
                     whole(w->published[VIEWER_VIDEO]), "voice", whole(w->published[VIEWER_VOICE]),
                     "expected", whole(w->sum.expected), "lost", whole(lost), "loss",
                     ratio((double)lost, (double)w->sum.expected), "repairs", whole(w->sum.rtx));
}

static json_t *put_checks(const struct load_window *w)
{
    const struct viewer_found *const a = &w->viewers, *const b = &w->members;
    json_t *const o =
        json_pack("{s:o, s:o, s:I, s:I, s:I, s:I}", "latency_us", percentiles(&a->latency, 1),
                  "members_latency_us", b->latency.n ? percentiles(&b->latency, 1) : json_null(),
                  "checked", whole(a->checked + b->checked), "bad_payload",
                  whole(a->bad_payload + b->bad_payload), "out_of_order",
                  whole(a->out_of_order + b->out_of_order), "duplicates", whole(w->sum.duplicates));
    return o;
}

static const char *profile_of(const struct load *l)
{
    const unsigned a = l->window.viewers.tag_bytes, b = l->window.members.tag_bytes;
    const unsigned tag = a ? a : b;
    if (tag == 0)
        return l->o.no_gcm ? "cm" : "gcm";
    return tag == 16 ? "gcm" : "cm";
}

static json_t *put_cost(const struct load *l)
{
    const struct load_window *const w = &l->window;
    const double packets = (double)(w->sum.packets[VIEWER_VIDEO] + w->sum.packets[VIEWER_VOICE]);
    size_t joined = 0;
    for (size_t i = 0; i < l->viewers; i++)
        joined += l->viewer[i].opened_at != 0;
    const double grown = (double)l->rss_after - (double)l->rss_before;
    uint64_t plis = 0, most = 0;
    for (size_t i = 0; i < l->sources; i++) {
        plis += l->source[i].plis;
        most = l->source[i].plis_second_max > most ? l->source[i].plis_second_max : most;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:I, s:f, s:s}", "plis", whole(plis),
                     "plis_per_second_max", whole(most), "server_cpu_us", whole(w->server_us),
                     "server_stat_us", whole(w->server_stat_us), "cpu_us_per_packet",
                     ratio((double)w->server_us, packets), "rss_kib_before", whole(l->rss_before),
                     "rss_kib_after", whole(l->rss_after), "kib_per_viewer",
                     ratio(grown, (double)joined), "client_cpu_us", whole(w->client_us),
                     "client_cpu_share", ratio((double)w->client_us, (double)w->length), "profile",
                     profile_of(l));
}

/* Sampled viewers without and with the flood. */
static json_t *put_flood(const struct load *l)
{
    const struct load_window *const w = &l->flooded;
    if (l->o.flood == FLOOD_NONE)
        return json_pack("{s:n}", "flood");
    uint64_t packets = 0;
    for (size_t i = 0; i < VIEWER_KINDS; i++)
        packets += w->sum.packets[i];
    const uint64_t lost = w->sum.expected > packets ? w->sum.expected - packets : 0;
    return json_pack("{s:{s:s, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I}}", "flood", "kind",
                     options_flood_name(l->o.flood), "sent", whole(l->flood_sent),
                     "latency_p99_us_without",
                     (json_int_t)spread_at(&l->window.viewers.latency, 0.99), "latency_p99_us_with",
                     (json_int_t)spread_at(&w->viewers.latency, 0.99), "loss_with",
                     ratio((double)lost, (double)w->sum.expected), "bad_payload",
                     whole(w->viewers.bad_payload + w->members.bad_payload), "died", whole(w->died),
                     "server_cpu_us_without", whole(l->window.server_us), "server_cpu_us_with",
                     whole(w->server_us), "rss_kib_without", whole(l->rss_after), "rss_kib_with",
                     whole(l->rss_flooded));
}

static bool join_into(json_t *all, json_t *part)
{
    const bool ok = all && part && json_object_update(all, part) == 0;
    json_decref(part);
    return ok;
}

bool report_write(const struct load *l, FILE *out)
{
    json_t *const all = put_joins(l);
    bool ok = join_into(all, put_traffic(&l->window));
    ok = join_into(all, put_checks(&l->window)) && ok;
    ok = join_into(all, put_cost(l)) && ok;
    ok = join_into(all, put_flood(l)) && ok;
    char *const text = ok ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    ok = text && fprintf(out, "%s\n", text) > 0 && fflush(out) == 0;
    free(text);
    json_decref(all);
    return ok;
}
