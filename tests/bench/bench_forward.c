/* bench_forward.c - the whole way of a packet through a hub without sockets: one publisher, many
 * viewers, real DTLS and SRTP, a virtual clock. Counts the CPU time of forward and seal, or, under
 * callgrind, their instructions. */
#include "tests/bench/bench.h"
#include "tests/sim/gettimeofday.h"
#include "tests/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CALLGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_TOGGLE_COLLECT
#endif

#define NAME "bench_forward"
#define FRAME (40 * USEC_MS)
#define VOICE (20 * USEC_MS)
#define SETTLE (3 * USEC_SEC) /* handshakes, first key frame, pacers empty again */
#define SECONDS_MAX 20        /* viewers say nothing meanwhile: the hub would miss them after 30 */
#define VIDEO_BYTES 1040      /* of a payload: 25 frames of 7.3 such packets are 1.5 Mbit/s */
#define VOICE_BYTES 80
#define IN_MAX 256 /* datagrams of one step */

#define SEND_VIDEO 1 /* of the publisher's streams, the second */

struct counted {
    uint64_t in, out, messages, bytes;
    double cpu_us;
};

static struct nego_media line(bool audio, bool send)
{
    return (struct nego_media){
        .audio = audio, .send = send, .recv = !send, .codec = audio ? NEGO_OPUS : NEGO_VP8};
}

static struct world_bot *publisher(struct world *w, bool video, bool voice)
{
    static const struct path_conf perfect = {.delay = USEC_MS};
    const uint8_t source[NEGO_MEDIA] = {SRC_VOICE, SRC_CAMERA};
    const struct nego n = {.n = 2, .media = {line(true, true), line(false, true)}};
    struct world_bot *const b = world_join(w, "lead", SITE_LEAD, &n, source, NULL, &perfect);
    bot_sends(b->bot, 0, 0, TAG_LEAD_VOICE, voice ? VOICE : 3600 * USEC_SEC, 1, VOICE_BYTES);
    bot_sends(b->bot, 1, 0, TAG_CAMERA, video ? FRAME : 3600 * USEC_SEC, 7, VIDEO_BYTES);
    return b;
}

static void viewer(struct world *w)
{
    static const struct path_conf perfect = {.delay = USEC_MS};
    const struct slot slot[NEGO_MEDIA] = {{0}, {.kind = SLOT_SOURCE, .source = SRC_CAMERA}};
    const struct nego n = {.n = 2, .media = {line(true, false), line(false, false)}};
    (void)world_join(w, "viewer", SITE_NONE, &n, NULL, slot, &perfect);
}

static size_t watching(const struct world *w)
{
    size_t n = 0;
    for (size_t i = 1; i < w->n; i++)
        n += w->bots[i].bot->recv[0].packets > 0 || w->bots[i].bot->recv[1].packets > 0;
    return n;
}

static size_t copy_in(struct world *w, const struct addr *from, struct pkt *in[IN_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < w->out.n && n < IN_MAX; i++) {
        const struct outq_msg *const m = &w->out.msgs[i];
        struct pkt *const p = m->len <= PKT_CAP ? pkt_get(w->pool) : NULL;
        if (!p)
            bench_die(NAME, "the pool is empty");
        memcpy(p->data, w->out.buf + m->off, m->len);
        p->len = (uint16_t)m->len;
        p->from = *from;
        p->at = w->now;
        in[n++] = p;
    }
    outq_clear(&w->out);
    return n;
}

static void throw_away(struct outq *out, struct counted *c)
{
    c->messages += out->n;
    for (size_t i = 0; i < out->n; i++)
        c->bytes += out->msgs[i].len;
    outq_clear(out);
}

/* What a worker does with a batch, without its sockets. */
static void forward(struct world *w, struct pkt *in[IN_MAX], size_t n, struct counted *c)
{
    const uint64_t before = w->hub->stat.rtp_out;
    const double start = bench_cpu_us();
    CALLGRIND_TOGGLE_COLLECT;
    for (size_t i = 0; i < n; i++)
        hub_input(w->hub, w->now, in[i], &w->out);
    do {
        hub_tick(w->hub, w->now, &w->out);
        CALLGRIND_TOGGLE_COLLECT;
        throw_away(&w->out, c);
        CALLGRIND_TOGGLE_COLLECT;
    } while (hub_next(w->hub) == 0);
    CALLGRIND_TOGGLE_COLLECT;
    c->cpu_us += bench_cpu_us() - start;
    c->in += n;
    c->out += w->hub->stat.rtp_out - before;
}

static void forget_notes(struct world *w)
{
    struct note n;
    while (hub_note(w->hub, &n))
        ;
    struct tap_msg t;
    while (hub_tap(w->hub, &t))
        if (t.kind == TAP_RTP)
            hub_home(w->hub, t.pkt);
}

/* One turn of the publisher and of the hub. */
static void step(struct world *w, struct world_bot *lead, struct counted *c)
{
    struct pkt *in[IN_MAX];
    struct bot_stream *const video = &lead->bot->send[SEND_VIDEO];
    video->packets = video->picture_id % 3 == 2 ? 8 : 7;
    bot_tick(lead->bot, w->now, &w->out);
    const size_t n = copy_in(w, &lead->bot->addr, in);
    forward(w, in, n, c);
    forget_notes(w);
}

static void measure(struct world *w, struct world_bot *lead, unsigned seconds, struct counted *c)
{
    const usec end = w->now + seconds * USEC_SEC;
    while (w->now < end) {
        w->now =
            usec_min(usec_max(usec_min(bot_next(lead->bot), hub_next(w->hub)), w->now + 500), end);
        sim_clock_set(w->now);
        step(w, lead, c);
    }
}

static void report(const struct counted *c, unsigned viewers, bool json)
{
    const double out = c->out ? (double)c->out : 1;
    const double ns = c->cpu_us * 1e3 / out;
    const double per_message = c->messages ? (double)c->out / (double)c->messages : 0;
    if (json)
        (void)printf("{\"viewers\":%u,\"datagrams_in\":%llu,\"packets_out\":%llu,"
                     "\"messages\":%llu,\"bytes\":%llu,\"ns_per_packet\":%.1f}\n",
                     viewers, (unsigned long long)c->in, (unsigned long long)c->out,
                     (unsigned long long)c->messages, (unsigned long long)c->bytes, ns);
    else
        (void)printf("%u viewers: %llu datagrams in, %llu packets out, %.2f of a message, "
                     "%.1f ns of CPU per forwarded packet\n",
                     viewers, (unsigned long long)c->in, (unsigned long long)c->out, per_message,
                     ns);
}

struct args {
    unsigned viewers, seconds;
    bool json, video, voice;
};

static void run(const struct args *a)
{
    static struct world w;
    struct counted c = {0};
    world_init(&w, 1);
    world_state(&w, MODE_LECTURE, SITE_NONE, false);
    struct world_bot *const lead = publisher(&w, a->video, a->voice);
    for (unsigned i = 0; i < a->viewers; i++)
        viewer(&w);
    world_run(&w, w.now + SETTLE);
    const size_t watch = watching(&w);
    if (watch != a->viewers) {
        (void)fprintf(stderr, NAME ": only %zu of %u viewers get media\n", watch, a->viewers);
        exit(EXIT_FAILURE);
    }
    measure(&w, lead, a->seconds, &c);
    report(&c, a->viewers, a->json);
    outq_clear(&w.out);
    world_fini(&w);
}

static const char usage[] =
    "usage: bench_forward [--viewers N] [--seconds S] [--publish both|video|voice] [--json]\n"
    "  CPU time of a hub per forwarded packet: received, opened, forwarded, paced, sealed; not\n"
    "  sent. Only this part is collected under callgrind:\n"
    "    valgrind --tool=callgrind --collect-atstart=no bench_forward --viewers 100 --seconds 5\n"
    "  --viewers N   of one room (default 100)\n"
    "  --seconds S   of media, on a virtual clock (default 5)\n";

static bool take_publish(struct args *a, const char *what)
{
    a->video = strcmp(what, "voice") != 0;
    a->voice = strcmp(what, "video") != 0;
    return strcmp(what, "both") == 0 || a->video != a->voice;
}

static bool take(struct args *a, const char *flag, const char *value)
{
    if (strcmp(flag, "--viewers") == 0)
        a->viewers = bench_number(NAME, flag, value, 1, WORLD_BOTS - 1);
    else if (strcmp(flag, "--seconds") == 0)
        a->seconds = bench_number(NAME, flag, value, 1, SECONDS_MAX);
    else
        return strcmp(flag, "--publish") == 0 && value && take_publish(a, value);
    return true;
}

int main(int argc, char **argv)
{
    struct args a = {.viewers = 100, .seconds = 5, .video = true, .voice = true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            a.json = true;
            continue;
        }
        if (!take(&a, argv[i], argv[i + 1])) {
            (void)fputs(usage, stderr);
            return 2;
        }
        i++;
    }
    run(&a);
    return 0;
}
