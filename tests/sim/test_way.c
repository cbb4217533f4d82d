/* test_way.c - one way and the estimates of those who send over it: alone on each rate, two sites
 * side by side, and beside a download. No hub, no crypto: an hour of it takes a second.
 * TRACE=1 tells of each second. */
#include "engine/media/bwe.h"
#include "tests/link/path.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#define K 1000u
#define IP 28            /* bytes around a datagram */
#define FLIGHT 4096      /* packets that are not reported on */
#define PACKET 1172      /* bytes of a picture's packet, without IP and UDP */
#define VOICE 125        /* of a voice's, which is 20 kbit/s */
#define VOICE_EVERY 60   /* steps */
#define STEP USEC_MS     /* from one look to the next */
#define REPORT_EVERY 100 /* steps */

static struct path way;
static struct rng rng;
static usec now;

/* Who sends as much as his estimate says: a voice, and pictures in what is left of it. */
struct sender {
    struct bwe bwe;
    usec arrives[FLIGHT]; /* by number; -1 = lost */
    uint16_t next, told;  /* numbers: of the next packet, and that the other side reported up to */
    double credit;        /* bytes */
    size_t probe;
    uint64_t probe_bps;
    uint8_t cluster;
    unsigned steps;
    uint64_t came, voice_lost, voices; /* bytes; packets */
    usec queue;                        /* sum of what its packets waited, one each step */
};

/* The other direction holds reports back for as long as the way. */
static void send_one(struct sender *s, size_t bytes, bool voice)
{
    usec at = -1;
    const unsigned times = path_pass(&way, now, bytes + IP, &at);
    s->arrives[s->next % FLIGHT] = times ? at : -1;
    bwe_sent(&s->bwe, now, s->next++, bytes, s->probe ? s->cluster : 0);
    s->probe -= size_min(s->probe, bytes);
    s->credit -= (double)(bytes + IP);
    s->came += times ? bytes + IP : 0;
    s->voices += voice;
    s->voice_lost += voice && !times;
}

static void report(struct sender *s)
{
    const usec seen = now - way.conf.delay;
    struct twcc_feedback f = {.base = s->told};
    size_t last = 0;
    for (size_t i = 0; (uint16_t)(s->told + i) != s->next && i < TWCC_MAX; i++) {
        f.at[i] = s->arrives[(uint16_t)(s->told + i) % FLIGHT];
        if (f.at[i] > seen)
            break;
        if (f.at[i] >= 0)
            last = i + 1;
    }
    f.n = last; /* what is missing behind the newest may still come */
    s->told = (uint16_t)(s->told + last);
    if (f.n > 0)
        bwe_feedback(&s->bwe, now, &f);
    bwe_tick(&s->bwe, now);
}

static void probe(struct sender *s)
{
    struct bwe_probe p;
    if (s->probe || !bwe_probe(&s->bwe, now, &p))
        return;
    s->probe = p.bytes;
    s->probe_bps = p.bps;
    s->cluster = p.cluster;
    s->credit = 0;
}

static void step(struct sender *s, uint64_t most)
{
    const uint64_t bps = bwe_bps(&s->bwe) < most ? bwe_bps(&s->bwe) : most;
    s->credit += (double)(s->probe ? s->probe_bps : bps) * STEP / (8.0 * USEC_SEC);
    if (s->steps % VOICE_EVERY == 0)
        send_one(s, VOICE, true);
    while (s->credit > 0)
        send_one(s, PACKET, false);
    if (++s->steps % REPORT_EVERY == 0) {
        report(s);
        probe(s);
    }
    s->queue += path_queue(&way, now);
}

/* A download: a window that grows by a packet each round trip and is halved by a loss (RFC 5681),
 * acknowledged packet by packet. */
struct download {
    usec back[FLIGHT]; /* when the news of each packet is here */
    bool lost[FLIGHT];
    uint32_t next, known;
    double window;
    uint32_t recover; /* one halving for all losses before it */
    uint64_t came;
};

static void download_step(struct download *d)
{
    while (d->known != d->next && d->back[d->known % FLIGHT] <= now) {
        if (!d->lost[d->known % FLIGHT]) {
            d->window += 1 / d->window;
            d->came += 1500;
        } else if (d->known >= d->recover) {
            d->window = d->window > 4 ? d->window / 2 : 2;
            d->recover = d->next;
        }
        d->known++;
    }
    while (d->next - d->known < (uint32_t)d->window && d->next - d->known < FLIGHT) {
        usec at = 0;
        const bool came = path_pass(&way, now, 1500, &at) > 0;
        d->lost[d->next % FLIGHT] = !came;
        d->back[d->next++ % FLIGHT] =
            (came ? at : now + path_queue(&way, now) + way.conf.delay) + way.conf.delay;
    }
}

static void sender_init(struct sender *s)
{
    const struct bwe_conf c = {.min_bps = 32 * K, .start_bps = 300 * K, .max_bps = 20000 * K};
    *s = (struct sender){.next = 65000, .told = 65000};
    assert_int_equal(bwe_init(&s->bwe, &c, now), OK);
}

static void begin(const struct path_conf *c, uint8_t seed)
{
    const uint8_t bytes[32] = {seed};
    assert_int_equal(rng_init(&rng, bytes), OK);
    path_init(&way, c, &rng);
    now = 10 * USEC_SEC;
}

static void run(struct sender *s, size_t n, struct download *d, usec time)
{
    for (const usec end = now + time; now < end; now += STEP) {
        for (size_t i = 0; i < n; i++)
            step(&s[i], UINT64_MAX);
        if (d)
            download_step(d);
        if (!getenv("TRACE") || now % USEC_SEC)
            continue;
        fprintf(stderr, "%4ld queue %4ld", (long)(now / USEC_SEC),
                (long)(path_queue(&way, now) / USEC_MS));
        for (size_t i = 0; i < n; i++) {
            const struct bwe *const b = &s[i].bwe;
            fprintf(
                stderr,
                " | est %5lu acked %5lu carried %5lu queue %4ld rtt %4ld loss %.2f/%.2f drain %d",
                bwe_bps(b) / K, b->acked / K, b->carried / K, (long)(b->queue / USEC_MS),
                (long)(b->rtt / USEC_MS), (double)b->loss, (double)b->own_loss, b->drains);
        }
        fprintf(stderr, "\n");
    }
}

static void from_now(struct sender *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s[i].came = s[i].voices = s[i].voice_lost = 0, s[i].queue = 0, s[i].steps = 0;
}

static long queue_ms(const struct sender *s, usec time)
{
    return (long)(s->queue / (time / STEP) / USEC_MS);
}

/* How much of it is used, and how long its packets wait for that. */
static void alone_on_each_rate(void **unused)
{
    (void)unused;
    static const struct path_conf ways[] = {
        {.bps = 64 * K, .delay = 100 * USEC_MS, .queue = 500 * USEC_MS, .loss_good = 0.01},
        {.bps = 82 * K, .delay = 158 * USEC_MS, .queue = 500 * USEC_MS, .loss_good = 0.013},
        {.bps = 245 * K, .delay = 158 * USEC_MS, .queue = 500 * USEC_MS, .loss_good = 0.013},
        {.bps = 1000 * K, .delay = 25 * USEC_MS, .queue = 300 * USEC_MS},
        {.bps = 3000 * K, .delay = 25 * USEC_MS, .queue = 300 * USEC_MS},
        {.bps = 3000 * K, .delay = 50 * USEC_MS, .queue = 300 * USEC_MS, .loss_good = 0.1},
    };
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct sender s;
        begin(&ways[i], 1);
        sender_init(&s);
        run(&s, 1, NULL, 60 * USEC_SEC);
        from_now(&s, 1);
        run(&s, 1, NULL, 120 * USEC_SEC);
        const double used = (double)s.came * 8 / 120 / (double)ways[i].bps;
        const long queue = queue_ms(&s, 120 * USEC_SEC);
        print_message("# alone on %lu kbit/s: %.0f %% used, queue %ld ms, voice lost %lu of %lu\n",
                      (unsigned long)(ways[i].bps / K), 100 * used, queue,
                      (unsigned long)s.voice_lost, (unsigned long)s.voices);
        assert_true(used >= 0.85);
        assert_true(queue <= (ways[i].bps < 100 * K ? 150 : 50));
        bwe_fini(&s.bwe);
        rng_fini(&rng);
    }
}

/* The one who came first has what there is, and must give half of it. */
static void two_sites_share_a_way(void **unused)
{
    (void)unused;
    static const uint64_t rates[] = {400 * K, 1000 * K, 3000 * K};
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        for (uint8_t seed = 1; seed <= 3; seed++) {
            struct sender s[2];
            begin(&(struct path_conf){.bps = rates[i],
                                      .delay = 40 * USEC_MS,
                                      .queue = 300 * USEC_MS,
                                      .loss_good = 0.002},
                  seed);
            sender_init(&s[0]);
            run(s, 1, NULL, 40 * USEC_SEC);
            sender_init(&s[1]);
            run(s, 2, NULL, 60 * USEC_SEC);
            from_now(s, 2);
            run(s, 2, NULL, 120 * USEC_SEC);
            const double more = (double)(s[0].came > s[1].came ? s[0].came : s[1].came);
            const double less = (double)(s[0].came > s[1].came ? s[1].came : s[0].came);
            print_message(
                "# two on %lu kbit/s, luck %u: %lu and %lu kbit/s, 1 : %.2f, queue %ld ms, "
                "voice lost %lu and %lu of %lu\n",
                (unsigned long)(rates[i] / K), seed, (unsigned long)(s[0].came / 15 / K),
                (unsigned long)(s[1].came / 15 / K), more / less, queue_ms(&s[0], 120 * USEC_SEC),
                (unsigned long)s[0].voice_lost, (unsigned long)s[1].voice_lost,
                (unsigned long)s[0].voices);
            assert_true(more / less <= 1.5);
            assert_true((more + less) * 8 / 120 >= 0.8 * (double)rates[i]);
            bwe_fini(&s[0].bwe);
            bwe_fini(&s[1].bwe);
            rng_fini(&rng);
        }
    }
}

/* The lesson was there first, or comes later; in the end the download is over. */
static void beside_a_download(void **unused)
{
    (void)unused;
    for (uint8_t seed = 1; seed <= 4; seed++) {
        struct sender s;
        static struct download d;
        begin(&(struct path_conf){.bps = 3000 * K,
                                  .delay = 40 * USEC_MS,
                                  .queue = 300 * USEC_MS,
                                  .jitter = 5 * USEC_MS},
              seed);
        sender_init(&s);
        d = (struct download){.window = 10};
        const bool later = seed % 2 == 0;
        run(&s, later ? 0 : 1, later ? &d : NULL, 20 * USEC_SEC);
        run(&s, 1, &d, 30 * USEC_SEC);
        from_now(&s, 1);
        d.came = 0;
        run(&s, 1, &d, 120 * USEC_SEC);
        const uint64_t bps = s.came / 15;
        print_message("# beside a download on 3000 kbit/s, luck %u, %s: %lu kbit/s, the download "
                      "%lu, queue %ld ms, voice lost %lu of %lu\n",
                      seed, later ? "second" : "first", (unsigned long)(bps / K),
                      (unsigned long)(d.came / 15 / K), queue_ms(&s, 120 * USEC_SEC),
                      (unsigned long)s.voice_lost, (unsigned long)s.voices);
        assert_true(later || bps >= 400 * K);
        assert_true(s.voice_lost <= s.voices / 100);
        assert_true(d.came / 15 >= 1000 * K);
        run(&s, 1, NULL, 15 * USEC_SEC);
        from_now(&s, 1);
        run(&s, 1, NULL, 20 * USEC_SEC);
        print_message("# when it is over: %lu kbit/s, queue %ld ms\n",
                      (unsigned long)(s.came * 2 / 5 / K), queue_ms(&s, 20 * USEC_SEC));
        assert_true(s.came * 2 / 5 >= 2000 * K);
        bwe_fini(&s.bwe);
        rng_fini(&rng);
    }
}

/* Another route: no queue, although each packet takes longer than ever before. */
static void a_way_that_gets_longer(void **unused)
{
    (void)unused;
    struct sender s;
    begin(&(struct path_conf){.bps = 3000 * K, .delay = 40 * USEC_MS, .queue = 300 * USEC_MS}, 1);
    sender_init(&s);
    run(&s, 1, NULL, 40 * USEC_SEC);
    way.conf.delay = 250 * USEC_MS;
    run(&s, 1, NULL, 60 * USEC_SEC);
    from_now(&s, 1);
    run(&s, 1, NULL, 20 * USEC_SEC);
    print_message("# 210 ms longer, a minute later: %lu kbit/s, queue %ld ms\n",
                  (unsigned long)(s.came * 2 / 5 / K), queue_ms(&s, 20 * USEC_SEC));
    assert_true(s.came * 2 / 5 >= 2000 * K);
    assert_true(queue_ms(&s, 20 * USEC_SEC) < 50);
    bwe_fini(&s.bwe);
    rng_fini(&rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_on_each_rate),
        cmocka_unit_test(two_sites_share_a_way),
        cmocka_unit_test(beside_a_download),
        cmocka_unit_test(a_way_that_gets_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
