#include "tests/bench/load/load.h"

#include "engine/io/clock.h"
#include "tests/bench/load/flood.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define FIRST_SOURCE (1u << 20) /* number of the first source, above all viewers' */
#define POLL (2 * USEC_MS)      /* how often sockets are looked at while nothing joins */
#define BATCHES 16              /* taken from one socket before the others have their turn */
#define COST_EVERY (4 * USEC_SEC)
#define PATIENCE (15 * USEC_SEC)
#define OUT_BYTES (512u * 1024)
#define OUT_MSGS 1024
#define TAG_JOIN UINT64_MAX

static enum err init_viewers(struct load *l)
{
    const unsigned n = l->o.viewers;
    const size_t samples = size_min(l->o.sample, n);
    const unsigned lessons = options_lessons(&l->o);
    l->viewers = n + l->o.members;
    l->viewer = calloc(l->viewers, sizeof *l->viewer);
    l->sample_port = calloc(samples + l->o.members + 1, sizeof *l->sample_port);
    l->sampled = calloc(samples + l->o.members + 1, sizeof *l->sampled);
    l->by_port = calloc(65536, sizeof *l->by_port);
    if (!l->viewer || !l->sample_port || !l->sampled || !l->by_port)
        return E_NOMEM;
    enum err e = heap_reserve(&l->viewer_due, l->viewers);
    for (size_t i = 0; i < l->viewers && !e; i++) {
        struct viewer *const v = &l->viewer[i];
        v->lesson = (unsigned)(i % lessons);
        v->port = &l->port;
        v->member = i < l->o.members;
        /* The middles of `samples` equal parts of all viewers. */
        const size_t k = i - l->o.members;
        const bool chosen = !v->member && samples && k * samples / n != (k + 1) * samples / n;
        if (!v->member && !chosen)
            continue;
        v->sample = calloc(1, sizeof *v->sample);
        if (!v->sample)
            return E_NOMEM;
        v->sample->found = v->member ? &l->found_members : &l->found_viewers;
        v->port = &l->sample_port[l->samples];
        l->sampled[l->samples] = v;
        e = port_open(v->port, true, l->o.gro);
        l->samples += !e;
    }
    for (size_t i = 0; i < l->viewers && !e; i++)
        l->viewer[i].addr = port_addr(l->viewer[i].port, (uint32_t)i);
    return e;
}

static enum err init_sources(struct load *l)
{
    const size_t n = options_lessons(&l->o);
    l->source = calloc(n, sizeof *l->source);
    if (!l->source)
        return E_NOMEM;
    enum err e = heap_reserve(&l->source_due, n);
    for (size_t i = 0; i < n && !e; i++) {
        struct source *const s = &l->source[i];
        s->port.fd = -1;
        l->sources++;
        e = source_init(s, (unsigned)i, l->o.voice, l->o.video,
                        l->o.key_every ? (usec)l->o.key_every * USEC_SEC : USEC_NEVER);
        if (!e)
            e = port_open(&s->port, false, false);
        s->addr = port_addr(&s->port, FIRST_SOURCE + (uint32_t)i);
    }
    return e;
}

static enum err init_tools(struct load *l)
{
    uint8_t seed[32];
    enum err e = clock_seed(seed);
    if (!e)
        e = rng_init(&l->rng, seed);
    if (!e)
        e = dtls_cert_new(&l->cert);
    if (!e && l->o.no_gcm)
        e = dtls_cert_without_gcm(l->cert);
    if (!e)
        e = loop_init(&l->loop);
    if (!e)
        e = port_batch_new(&l->batch, l->o.gro);
    if (!e)
        e = outq_init(&l->out, OUT_BYTES, OUT_MSGS);
    if (!e)
        e = port_open(&l->port, false, l->o.gro);
    l->pool = pkt_pool_new(64);
    return e ? e : l->pool ? OK : E_NOMEM;
}

enum err load_init(struct load *l, const struct options *o)
{
    *l = (struct load){.o = *o, .cost = {.pid = o->pid}, .whole = true, .loop.epoll = -1};
    l->port.fd = -1;
    heap_init(&l->source_due);
    heap_init(&l->viewer_due);
    enum err e = init_tools(l);
    if (!e)
        e = init_sources(l);
    if (!e)
        e = init_viewers(l);
    if (!e)
        e = join_new(&l->join, &l->o, l->cert);
    if (!e)
        e = loop_set(&l->loop, join_fd(l->join), LOOP_READ, TAG_JOIN);
    return e;
}

void load_fini(struct load *l)
{
    join_free(&l->join);
    for (size_t i = 0; i < l->viewers && l->viewer; i++)
        viewer_free(&l->viewer[i]);
    for (size_t i = 0; i < l->samples; i++)
        port_close(&l->sample_port[i]);
    for (size_t i = 0; i < l->sources; i++) {
        source_fini(&l->source[i]);
        port_close(&l->source[i].port);
    }
    port_close(&l->port);
    heap_fini(&l->source_due);
    heap_fini(&l->viewer_due);
    free(l->viewer);
    free(l->sample_port);
    free(l->sampled);
    free(l->by_port);
    free(l->source);
    outq_fini(&l->out);
    pkt_pool_free(&l->pool);
    port_batch_free(&l->batch);
    loop_fini(&l->loop);
    dtls_cert_free(&l->cert);
    rng_fini(&l->rng);
}

static struct viewer *find(struct load *l, const struct port *p, const struct port_in *in)
{
    if (p != &l->port)
        return l->sampled[p - l->sample_port];
    if (l->o.server == LOAD_JANUS)
        return l->by_port[in->from.port];
    struct viewer *const v = in->to < l->viewers ? &l->viewer[in->to] : NULL;
    return v && v->port == p ? v : NULL;
}

static void take(struct load *l, struct port *p, const struct port_in *in)
{
    struct viewer *const v = find(l, p, in);
    if (!v) {
        p->lost_to++;
        return;
    }
    viewer_input(v, in, l->pool, &l->out);
    /* Media alone changes no deadline, but where losses are asked for. */
    if (l->out.n || l->o.nack || v->state != VIEWER_OPEN) {
        port_send(p, &v->addr, &l->out);
        heap_set(&l->viewer_due, &v->node, viewer_next(v));
    }
}

static void read_viewers(struct load *l, struct port *p, bool whole)
{
    bool full = true;
    for (unsigned k = 0; full && k < BATCHES; k++) {
        const size_t n = port_recv(p, l->batch, whole, &full);
        const struct port_in *const in = port_batch_in(l->batch);
        for (size_t i = 0; i < n; i++)
            take(l, p, &in[i]);
    }
}

static void read_source(struct load *l, struct source *s)
{
    bool full = true;
    for (unsigned k = 0; full && k < BATCHES; k++) {
        const size_t n = port_recv(&s->port, l->batch, true, &full);
        const struct port_in *const in = port_batch_in(l->batch);
        for (size_t i = 0; i < n; i++) {
            source_input(s, &in[i], l->pool, &l->out);
            port_send(&s->port, &s->addr, &l->out);
        }
        if (n)
            heap_set(&l->source_due, &s->node, source_next(s));
    }
}

static void read_all(struct load *l)
{
    for (size_t i = 0; i < l->sources; i++)
        read_source(l, &l->source[i]);
    for (size_t i = 0; i < l->samples; i++)
        read_viewers(l, &l->sample_port[i], true);
    read_viewers(l, &l->port, l->whole);
}

static struct source *source_of(struct heap_node *n)
{
    return (struct source *)(void *)((char *)n - offsetof(struct source, node));
}

static struct viewer *viewer_of(struct heap_node *n)
{
    return (struct viewer *)(void *)((char *)n - offsetof(struct viewer, node));
}

static void tick_sources(struct load *l)
{
    for (struct heap_node *n; (n = heap_first(&l->source_due)) && n->at <= clock_now();) {
        struct source *const s = source_of(n);
        source_tick(s, clock_now(), clock_wall_us(), &l->out);
        if (l->flood && s == l->source)
            flood_record(l->flood, &l->out);
        port_send(&s->port, &s->addr, &l->out);
        heap_set(&l->source_due, n, source_next(s));
    }
}

static void tick(struct load *l)
{
    tick_sources(l);
    const usec now = clock_now();
    for (struct heap_node *n; (n = heap_first(&l->viewer_due)) && n->at <= now;) {
        struct viewer *const v = viewer_of(n);
        viewer_tick(v, now, &l->out);
        port_send(v->port, &v->addr, &l->out);
        heap_set(&l->viewer_due, n, usec_max(viewer_next(v), now + 1));
        if (heap_next(&l->source_due) <= now)
            tick_sources(l);
    }
    if (l->cost_at <= now && l->cost.pid) {
        (void)cost_cpu_us(&l->cost);
        l->cost_at = now + COST_EVERY;
    }
    if (l->extra)
        l->extra(l->extra_user, now);
}

static void complain(const struct join_job *job)
{
    static unsigned said; /* the media thread's; the first ones tell all */
    if (said++ < 5)
        fprintf(stderr, "bench_load: %s: %s\n", job->kind == JOIN_PUBLISH ? "publish" : "join",
                job->why);
}

/* libnice sends by one interface, from which 127.x.y.z cannot be reached: then ours is the address
 * that the server itself has. Who sends from the address that he sends to stays in the machine. */
static void choose_address(const struct load *l, struct addr *ours, const struct addr *remote)
{
    if (l->o.server == LOAD_JANUS)
        memcpy(ours->ip, remote->ip, sizeof ours->ip);
}

static void viewer_answered(struct load *l, struct viewer *v, const struct join_job *job)
{
    memcpy(v->session, job->session, sizeof v->session);
    v->asked_at = job->asked_at;
    if (!job->ok || v->state != VIEWER_ASKED ||
        viewer_start(v, &job->nego, l->cert, &l->rng, l->o.nack, clock_now()) != OK) {
        v->state = VIEWER_FAILED;
        return;
    }
    choose_address(l, &v->addr, &job->nego.ice.remote);
    if (v->port == &l->port)
        l->by_port[job->nego.ice.remote.port] = v;
    heap_set(&l->viewer_due, &v->node, viewer_next(v));
}

static void source_answered(struct load *l, struct source *s, const struct join_job *job)
{
    memcpy(s->session, job->session, sizeof s->session);
    choose_address(l, &s->addr, &job->nego.ice.remote);
    if (job->ok && source_start(s, &job->nego, l->cert, &l->rng, clock_now()) == OK)
        heap_set(&l->source_due, &s->node, source_next(s));
}

static void take_answers(struct load *l)
{
    struct join_job *job;
    while ((job = join_done(l->join)) != NULL) {
        l->waiting--;
        if (!job->ok && job->kind != JOIN_LEAVE)
            complain(job);
        if (job->kind == JOIN_PUBLISH)
            source_answered(l, job->user, job);
        if (job->kind == JOIN_VIEW && !job->user && l->flood)
            flood_answered(l->flood, job);
        if (job->kind == JOIN_VIEW && job->user)
            viewer_answered(l, job->user, job);
        free(job);
    }
}

/* One turn of the loop, at the latest until `until`. */
static void turn(struct load *l, usec until)
{
    const usec now = clock_now();
    const usec due = usec_min(heap_next(&l->source_due), heap_next(&l->viewer_due));
    usec at = usec_min(until, due);
    if (!l->watching)
        at = usec_min(until, now + POLL);
    struct loop_ready ready[16];
    (void)loop_wait(&l->loop, now, usec_min(at, now + 20 * USEC_MS), ready, ARRAY_LEN(ready));
    read_all(l);
    tick(l);
    take_answers(l);
}

/* While connections come up the sockets wake us, so that a handshake waits for nobody; afterwards
 * no sender has to wake us for each packet. */
static void watch(struct load *l, bool on)
{
    if (on == l->watching)
        return;
    l->watching = on;
    for (size_t i = 0; i <= l->samples + l->sources; i++) {
        const int fd = i < l->samples                ? l->sample_port[i].fd
                       : i < l->samples + l->sources ? l->source[i - l->samples].port.fd
                                                     : l->port.fd;
        if (!on)
            loop_del(&l->loop, fd);
        else if (loop_set(&l->loop, fd, LOOP_READ, i) != OK)
            fprintf(stderr, "bench_load: a socket cannot be watched\n");
    }
}

void load_spin(struct load *l, usec span)
{
    const usec end = clock_now() + span;
    while (clock_now() < end)
        turn(l, end);
}

bool load_ask(struct load *l, const struct join_job *what)
{
    struct join_job *const job = malloc(sizeof *job);
    if (!job)
        return false;
    *job = *what;
    l->waiting++;
    join_ask(l->join, job);
    return true;
}

/* Some of them were refused: more of waiting changes nothing. */
static bool refused(const struct load *l)
{
    for (size_t i = 0; i < l->sources && !l->waiting; i++)
        if (!l->source[i].peer)
            return true;
    return false;
}

static size_t open_sources(const struct load *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->sources; i++)
        n += source_open(&l->source[i], clock_now());
    return n;
}

static bool publish(struct load *l)
{
    char why[200];
    if (!join_begin(l->join, why, sizeof why)) {
        fprintf(stderr, "bench_load: %s\n", why);
        return false;
    }
    for (size_t i = 0; i < l->sources; i++) {
        struct source *const s = &l->source[i];
        const struct join_job what = {.kind = JOIN_PUBLISH,
                                      .lesson = (unsigned)i,
                                      .token = l->o.lead_token,
                                      .addr = s->addr,
                                      .user = s};
        if (!load_ask(l, &what))
            return false;
    }
    const usec end = clock_now() + PATIENCE;
    while (clock_now() < end && open_sources(l) < l->sources && !refused(l))
        turn(l, end);
    if (open_sources(l) < l->sources) {
        fprintf(stderr, "bench_load: %zu of %zu lessons could be published\n", open_sources(l),
                l->sources);
        return false;
    }
    return true;
}

static const char *token_of(const struct load *l, const struct viewer *v)
{
    return v->member ? l->o.member_token : l->o.viewer_token;
}

static void ask_viewer(struct load *l, struct viewer *v)
{
    const struct join_job what = {.kind = JOIN_VIEW,
                                  .lesson = v->lesson,
                                  .token = token_of(l, v),
                                  .addr = v->addr,
                                  .user = v};
    v->state = load_ask(l, &what) ? VIEWER_ASKED : VIEWER_FAILED;
}

static size_t count(const struct load *l, enum viewer_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < l->viewers; i++)
        n += l->viewer[i].state == state;
    return n;
}

static void tell(const struct load *l, const char *what)
{
    fprintf(stderr, "bench_load: %-8s %zu of %zu viewers open, %zu failed\n", what,
            count(l, VIEWER_OPEN), l->viewers, count(l, VIEWER_FAILED));
}

static void give_up_rest(struct load *l)
{
    for (size_t i = 0; i < l->viewers; i++)
        if (l->viewer[i].state != VIEWER_OPEN)
            l->viewer[i].state = VIEWER_FAILED;
}

static void join_all(struct load *l)
{
    const usec start = clock_now();
    usec end = start + (usec)l->viewers * USEC_SEC / l->o.join_rate + PATIENCE;
    usec told = start;
    size_t asked = 0;
    for (usec now = start; now < end; now = clock_now()) {
        const usec due = start + (usec)asked * USEC_SEC / l->o.join_rate;
        if (asked < l->viewers && due <= now) {
            ask_viewer(l, &l->viewer[asked++]);
            continue;
        }
        if (asked == l->viewers && count(l, VIEWER_OPEN) + count(l, VIEWER_FAILED) == l->viewers)
            break;
        turn(l, asked < l->viewers ? usec_min(due, end) : end);
        if (clock_now() - told < 2 * USEC_SEC)
            continue;
        told = clock_now();
        tell(l, "joining");
    }
    give_up_rest(l);
    tell(l, "joined");
}

static uint64_t own_cpu_us(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Since the sources' counters stood at before[]. */
static void add_all(struct load *l, struct load_window *w, uint64_t (*before)[VIEWER_KINDS])
{
    uint64_t published[LOAD_LESSONS][VIEWER_KINDS];
    for (size_t i = 0; i < l->sources; i++) {
        const struct source *const s = &l->source[i];
        published[i][VIEWER_VOICE] = s->voice.count - before[i][VIEWER_VOICE];
        published[i][VIEWER_VIDEO] = s->video.count - before[i][VIEWER_VIDEO];
        for (size_t k = 0; k < VIEWER_KINDS; k++)
            w->published[k] += published[i][k];
    }
    for (size_t i = 0; i < l->viewers; i++)
        if (l->viewer[i].opened_at) {
            viewer_add(&l->viewer[i], published[l->viewer[i].lesson], &w->sum);
            w->died += l->viewer[i].state != VIEWER_OPEN;
        }
}

static void switch_found(struct load *l, bool on)
{
    l->found_viewers = (struct viewer_found){.on = on, .tag_bytes = l->found_viewers.tag_bytes};
    l->found_members = (struct viewer_found){.on = on, .tag_bytes = l->found_members.tag_bytes};
}

void load_measure(struct load *l, struct load_window *w)
{
    uint64_t before[LOAD_LESSONS][VIEWER_KINDS] = {{0}};
    *w = (struct load_window){0};
    for (size_t i = 0; i < l->viewers; i++)
        viewer_mark(&l->viewer[i]);
    for (size_t i = 0; i < l->sources; i++) {
        before[i][VIEWER_VOICE] = l->source[i].voice.count;
        before[i][VIEWER_VIDEO] = l->source[i].video.count;
    }
    switch_found(l, true);
    const usec start = clock_now();
    const uint64_t own = own_cpu_us(), server = cost_cpu_us(&l->cost);
    const uint64_t stat = cost_stat_us(&l->cost);
    load_spin(l, (usec)l->o.seconds * USEC_SEC);
    w->server_us = cost_cpu_us(&l->cost) - server;
    w->server_stat_us = cost_stat_us(&l->cost) - stat;
    w->client_us = own_cpu_us() - own;
    w->length = clock_now() - start;
    w->viewers = l->found_viewers;
    w->members = l->found_members;
    add_all(l, w, before);
    switch_found(l, false);
}

static void ask_to_leave(struct load *l, const char *token, const struct addr *addr,
                         const char session[256])
{
    if (!session[0])
        return;
    struct join_job what = {.kind = JOIN_LEAVE, .token = token, .addr = *addr};
    memcpy(what.session, session, sizeof what.session);
    (void)load_ask(l, &what);
}

static void leave(struct load *l)
{
    for (size_t i = 0; i < l->viewers; i++) {
        const struct viewer *const v = &l->viewer[i];
        ask_to_leave(l, token_of(l, v), &v->addr, v->session);
    }
    const usec end = clock_now() + PATIENCE;
    while (l->waiting && clock_now() < end)
        turn(l, end);
    for (size_t i = 0; i < l->sources; i++)
        ask_to_leave(l, l->o.lead_token, &l->source[i].addr, l->source[i].session);
    while (l->waiting && clock_now() < end)
        turn(l, end);
}

/* The same again while somebody is hostile. */
static void suffer(struct load *l)
{
    if (flood_start(&l->flood, l) != OK) {
        fprintf(stderr, "bench_load: the flood could not begin\n");
        return;
    }
    load_measure(l, &l->flooded);
    l->rss_flooded = cost_rss_kib(&l->cost);
    l->flood_sent = flood_stop(&l->flood);
    tell(l, "flooded");
}

bool load_run(struct load *l)
{
    watch(l, true);
    if (!publish(l))
        return false;
    load_spin(l, USEC_SEC);
    l->rss_before = cost_rss_kib(&l->cost);
    join_all(l);
    watch(l, false);
    l->whole = l->o.nack || l->o.gro;
    load_spin(l, (usec)l->o.settle * USEC_SEC);
    load_measure(l, &l->window);
    l->rss_after = cost_rss_kib(&l->cost); /* what a handshake took is back by now */
    tell(l, "measured");
    if (l->o.flood != FLOOD_NONE)
        suffer(l);
    watch(l, true);
    leave(l);
    return true;
}
