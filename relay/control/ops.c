/* ops.c - for operators: who am I, tickets, health, readiness, metrics. */
#include "relay/control/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define TICKET_S 300
#define DISK_LOW (256u << 20) /* bytes; below it nothing new is promised */

void api_me(struct control *c, struct request *r)
{
    (void)c;
    char at[TIME_TEXT];
    const struct claims *const w = &r->claims;
    answer_json(r, 200,
                json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s, s:o}", "sub", w->sub, "name", w->name,
                          "role", role_name(w->role), "site", w->site[0] ? w->site : NULL, "lesson",
                          w->lesson[0] ? w->lesson : NULL, "expires_at",
                          text_time(w->exp * 1000, at), "can", role_can(w)));
}

void api_ticket(struct control *c, struct request *r)
{
    char token[TOKEN_CAP];
    struct claims t = r->claims;
    const int64_t now_s = c->wall_ms / 1000;
    if (!role_check(&r->claims, MAY_EVENTS, &r->problem))
        return;
    t.ticket = true;
    t.iat = now_s;
    t.exp = t.exp < now_s + TICKET_S ? t.exp : now_s + TICKET_S;
    if (auth_sign(c->conf.auth, &t, token)) {
        char at[TIME_TEXT];
        answer_json(
            r, 201,
            json_pack("{s:s, s:s}", "ticket", token, "expires_at", text_time(t.exp * 1000, at)));
    } else
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
}

void api_health(struct control *c, struct request *r)
{
    (void)c;
    answer_text(r, 200, "text/plain; charset=utf-8", "ok\n");
}

static const char *disk_check(const struct control *c, char text[128])
{
    struct statvfs fs;
    if (statvfs(c->conf.library_dir, &fs) != 0) {
        text_put(text, 128, "%s: %s", c->conf.library_dir, strerror(errno));
        return text;
    }
    const uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (left >= DISK_LOW)
        return "ok";
    text_put(text, 128, "%llu MiB left", (unsigned long long)(left >> 20));
    return text;
}

static bool recorder_is_well(const struct control *c)
{
    struct recorder_stat s = {0};
    if (c->conf.recorder)
        recorder_stat(c->conf.recorder, &s);
    return s.failing == 0;
}

void api_ready(struct control *c, struct request *r)
{
    char disk[128];
    const char *const trouble = catalogue_trouble(c->conf.catalogue);
    const char *const space = disk_check(c, disk);
    const bool hubs = c->waitings == 0;
    const bool recorder = recorder_is_well(c);
    const bool ready = !trouble && hubs && recorder && !c->stopping && strcmp(space, "ok") == 0;
    answer_json(r, ready ? 200 : 503,
                json_pack("{s:b, s:{s:s, s:s, s:s, s:s}}", "ready", ready, "checks", "catalogue",
                          trouble ? trouble : "ok", "media",
                          hubs ? "ok" : "a hub takes no commands", "recorder",
                          recorder ? "ok" : "a journal cannot be written", "disk", space));
}

/* Metrics */

struct page {
    char *text;
    size_t len;
    FILE *f;
};

static void lessons_part(struct control *c, FILE *f)
{
    size_t by_state[3] = {0};
    size_t members[2][4] = {{0}};
    size_t at = 0;
    for (const struct live *v; (v = table_each(&c->lives, &at));) {
        by_state[v->l->state]++;
        for (const struct session *s = v->sessions; s; s = s->next)
            members[s->play][s->state]++;
    }
    (void)fprintf(f, "# HELP liangshi_lessons Lessons in memory.\n# TYPE liangshi_lessons gauge\n");
    for (int i = 0; i < 3; i++)
        (void)fprintf(f, "liangshi_lessons{state=\"%s\"} %zu\n",
                      lesson_state_name((enum lesson_state)i), by_state[i]);
    static const char *const states[] = {"connecting", "open", "away", "gone"};
    (void)fprintf(f, "# HELP liangshi_members WHIP and WHEP connections.\n"
                     "# TYPE liangshi_members gauge\n");
    for (int play = 0; play < 2; play++)
        for (int i = 0; i < 3; i++)
            (void)fprintf(f, "liangshi_members{kind=\"%s\",state=\"%s\"} %zu\n",
                          play ? "play" : "publish", states[i], members[play][i]);
}

static void sites_part(struct control *c, FILE *f)
{
    size_t at = 0;
    (void)fprintf(f, "# HELP liangshi_member_kbps Of the last second, by site and direction.\n"
                     "# TYPE liangshi_member_kbps gauge\n"
                     "# HELP liangshi_member_loss Share of packets lost, likewise.\n"
                     "# TYPE liangshi_member_loss gauge\n");
    for (const struct live *v; (v = table_each(&c->lives, &at));)
        for (const struct session *s = v->sessions; s; s = s->next) {
            if (!s->has_stats || s->seat == SITE_NONE)
                continue;
            const char *const way = s->play ? "down" : "up";
            const unsigned kbps = s->play ? s->stats.out_kbps : s->stats.in_kbps;
            const unsigned loss = s->play ? s->stats.out_loss_ppt : s->stats.in_loss_ppt;
            const char *const form = "liangshi_member_%s{lesson=\"%s\",site=\"%s\",member=\"%u\","
                                     "direction=\"%s\"} ";
            (void)fprintf(f, form, "kbps", v->l->id, s->claims.site, s->id, way);
            (void)fprintf(f, "%u\n", kbps);
            (void)fprintf(f, form, "loss", v->l->id, s->claims.site, s->id, way);
            (void)fprintf(f, "%.3f\n", loss / 1000.0);
        }
}

static void counter(FILE *f, const char *name, const char *help, uint64_t v)
{
    (void)fprintf(f, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
                  (unsigned long long)v);
}

static void gauge(FILE *f, const char *name, const char *help, uint64_t v)
{
    (void)fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name,
                  (unsigned long long)v);
}

/* Who came to the ports of HTTP and HTTPS. */
static void gates_part(struct control *c, FILE *f)
{
    const struct gate_stat *const s = http_gate(c->http);
    const struct {
        const char *who;
        uint64_t n;
    } rows[] = {{"http", s->http},
                {"media", s->calls - c->count.calls_refused},
                {"unknown", c->count.calls_refused},
                {"bad", s->bad},
                {"late", s->late},
                {"crowded", s->crowded}};
    (void)fprintf(f, "# HELP liangshi_connections_total Taken in, by what their first bytes say.\n"
                     "# TYPE liangshi_connections_total counter\n");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        (void)fprintf(f, "liangshi_connections_total{kind=\"%s\"} %llu\n", rows[i].who,
                      (unsigned long long)rows[i].n);
}

static void control_part(struct control *c, FILE *f)
{
    const struct counters *const n = &c->count;
    (void)fprintf(f, "# HELP liangshi_http_requests_total Answers by their hundreds.\n"
                     "# TYPE liangshi_http_requests_total counter\n");
    for (int i = 1; i < 6; i++)
        (void)fprintf(f, "liangshi_http_requests_total{code=\"%dxx\"} %llu\n", i,
                      (unsigned long long)n->codes[i]);
    gauge(f, "liangshi_http_connections", "Open HTTP connections.", http_connections(c->http));
    gates_part(c, f);
    gauge(f, "liangshi_event_streams", "Readers of events.", c->readers);
    counter(f, "liangshi_events_total", "Kept events.", n->events);
    counter(f, "liangshi_joins_total", "WHIP and WHEP connections made.", n->joins);
    counter(f, "liangshi_takeovers_total", "Publishers replaced by their own restart.",
            n->takeovers);
    counter(f, "liangshi_commands_refused_total", "Commands that a full mailbox refused.",
            n->commands_refused);
    (void)fprintf(f,
                  "# HELP liangshi_packages_total Runs of the packager.\n"
                  "# TYPE liangshi_packages_total counter\n"
                  "liangshi_packages_total{result=\"ok\"} %llu\n"
                  "liangshi_packages_total{result=\"failed\"} %llu\n",
                  (unsigned long long)n->packaged, (unsigned long long)n->package_failures);
}

static void recorder_part(struct control *c, FILE *f)
{
    struct recorder_stat s = {0};
    if (c->conf.recorder)
        recorder_stat(c->conf.recorder, &s);
    gauge(f, "liangshi_recorder_lessons", "Journals that are written.", s.lessons);
    gauge(f, "liangshi_recorder_failing", "Of these, how many the disk refuses.", s.failing);
    counter(f, "liangshi_recorder_packets_total", "Packets in journals.", s.packets);
    counter(f, "liangshi_recorder_dropped_total", "Records that the disk did not take.", s.dropped);
    counter(f, "liangshi_recorder_missed_total", "Messages that hubs could not send.", s.missed);
    counter(f, "liangshi_recorder_errors_total", "Refused writes.", s.errors);
    gauge(f, "liangshi_recorder_worst_us", "Longest round of writing.",
          s.worst_us > 0 ? (uint64_t)s.worst_us : 0);
}

static void first_part(struct control *c, FILE *f)
{
    static const char *const le[] = {"0.05", "0.1", "0.2", "0.3", "0.5", "1", "2", "+Inf"};
    uint64_t sum = 0;
    (void)fprintf(f, "# HELP liangshi_first_keyframe_seconds From joining to the first key frame "
                     "sent.\n# TYPE liangshi_first_keyframe_seconds histogram\n");
    for (size_t i = 0; i < ARRAY_LEN(le); i++) {
        sum += c->count.first_bucket[i];
        (void)fprintf(f, "liangshi_first_keyframe_seconds_bucket{le=\"%s\"} %llu\n", le[i],
                      (unsigned long long)sum);
    }
    (void)fprintf(f,
                  "liangshi_first_keyframe_seconds_sum %.6f\n"
                  "liangshi_first_keyframe_seconds_count %llu\n",
                  (double)c->count.first_sum_us / 1e6, (unsigned long long)c->count.firsts);
}

static void workers_part(struct control *c, FILE *f)
{
    struct worker_stat s[CONTROL_WORKERS];
    for (size_t i = 0; i < c->conf.workers; i++)
        worker_stat(c->conf.worker[i], &s[i]);
    const struct {
        const char *name, *type;
        size_t at; /* of a uint64_t in struct worker_stat */
    } rows[] = {
        {"datagrams_total", "counter", offsetof(struct worker_stat, hub.datagrams)},
        {"unknown_total", "counter", offsetof(struct worker_stat, hub.unknown)},
        {"garbage_total", "counter", offsetof(struct worker_stat, hub.garbage)},
        {"rtp_in_total", "counter", offsetof(struct worker_stat, hub.rtp_in)},
        {"rtp_out_total", "counter", offsetof(struct worker_stat, hub.rtp_out)},
        {"rtx_out_total", "counter", offsetof(struct worker_stat, hub.repair[0])},
        {"rtx_not_yet_total", "counter", offsetof(struct worker_stat, hub.repair[1])},
        {"rtx_missed_total", "counter", offsetof(struct worker_stat, hub.repair[2])},
        {"rtx_refused_total", "counter", offsetof(struct worker_stat, hub.repair[3])},
        {"padding_out_total", "counter", offsetof(struct worker_stat, hub.padding_out)},
        {"red_filled_total", "counter", offsetof(struct worker_stat, hub.red_filled)},
        {"red_bad_total", "counter", offsetof(struct worker_stat, hub.red_bad)},
        {"red_out_total", "counter", offsetof(struct worker_stat, hub.red_out)},
        {"deps_total", "counter", offsetof(struct worker_stat, hub.deps)},
        {"deps_bad_total", "counter", offsetof(struct worker_stat, hub.deps_bad)},
        {"fec_out_total", "counter", offsetof(struct worker_stat, hub.fec_out)},
        {"fec_blocks_total", "counter", offsetof(struct worker_stat, hub.fec_blocks)},
        {"too_much_bytes_total", "counter", offsetof(struct worker_stat, hub.too_much)},
        {"pressed_total", "counter", offsetof(struct worker_stat, hub.pressed)},
        {"pli_out_total", "counter", offsetof(struct worker_stat, hub.pli_out)},
        {"pacer_full_total", "counter", offsetof(struct worker_stat, hub.pacer_full)},
        {"taps_lost_total", "counter", offsetof(struct worker_stat, hub.taps_lost)},
        {"notes_lost_total", "counter", offsetof(struct worker_stat, hub.notes_lost)},
        {"link_frames_lost_total", "counter", offsetof(struct worker_stat, link_frames_lost)},
        {"link_packets_lost_total", "counter", offsetof(struct worker_stat, link_packets_lost)},
        {"sent_total", "counter", offsetof(struct worker_stat, sent)},
        {"send_errors_total", "counter", offsetof(struct worker_stat, send_errors)},
        {"send_calls_total", "counter", offsetof(struct worker_stat, send_calls)},
        {"pool_empty_total", "counter", offsetof(struct worker_stat, pool_empty)},
        {"tcp_connections", "gauge", offsetof(struct worker_stat, tcp.open)},
        {"tcp_opened_total", "counter", offsetof(struct worker_stat, tcp.opened)},
        {"tcp_refused_total", "counter", offsetof(struct worker_stat, tcp.refused)},
        {"tcp_broken_total", "counter", offsetof(struct worker_stat, tcp.broken)},
        {"tcp_silent_total", "counter", offsetof(struct worker_stat, tcp.silent)},
        {"tcp_received_total", "counter", offsetof(struct worker_stat, tcp.received)},
        {"tcp_sent_total", "counter", offsetof(struct worker_stat, tcp.sent)},
        {"tcp_send_dropped_total", "counter", offsetof(struct worker_stat, tcp.send_dropped)},
        {"packets_in_use", "gauge", offsetof(struct worker_stat, packets_in_use)},
    };
    for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
        (void)fprintf(f, "# TYPE liangshi_media_%s %s\n", rows[k].name, rows[k].type);
        for (size_t i = 0; i < c->conf.workers; i++) {
            uint64_t v;
            memcpy(&v, (const char *)&s[i] + rows[k].at, sizeof v);
            (void)fprintf(f, "liangshi_media_%s{worker=\"%zu\"} %llu\n", rows[k].name, i,
                          (unsigned long long)v);
        }
    }
}

static bool may_read_metrics(struct control *c, struct request *r)
{
    if (request_is_local(r))
        return true;
    static const char bearer[] = "Bearer ";
    const char *const given = request_header(r, "Authorization");
    if (!given || strncmp(given, bearer, sizeof bearer - 1) != 0)
        return problem_set(&r->problem, P_NO_TOKEN, "Authorization", "from another machine");
    return auth_check(c->conf.auth, given + sizeof bearer - 1, c->wall_ms / 1000, &r->claims,
                      &r->problem) &&
           role_check(&r->claims, MAY_METRICS, &r->problem);
}

void api_metrics(struct control *c, struct request *r)
{
    struct page p = {0};
    if (!may_read_metrics(c, r))
        return;
    p.f = open_memstream(&p.text, &p.len);
    if (!p.f) {
        problem_set(&r->problem, P_INTERNAL, NULL, "no memory");
        return;
    }
    (void)fprintf(p.f, "# TYPE liangshi_build_info gauge\nliangshi_build_info{version=\"%s\"} 1\n",
                  LIANGSHI_VERSION);
    gauge(p.f, "liangshi_uptime_seconds", "Since the start of the relay.",
          (uint64_t)((c->now - c->started) / USEC_SEC));
    lessons_part(c, p.f);
    control_part(c, p.f);
    first_part(c, p.f);
    recorder_part(c, p.f);
    sites_part(c, p.f);
    workers_part(c, p.f);
    if (fclose(p.f) == 0)
        answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8", p.text);
    free(p.text);
}
