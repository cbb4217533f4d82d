/* bench_soak.c - does anything grow? A lesson on two hubs on the virtual clock, with real DTLS and
 * SRTP: people come, go and vanish every second, senders restart, the floor moves, packets are
 * lost, until so many packets were forwarded. */
#include "tests/bench/bench.h"
#include "tests/sim/world.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "bench_soak"
#define WATCHERS 240 /* discard what they get, half of them on the other hub */
#define TURNOVER 8   /* of them leave and join in a second */
#define LISTENERS 10 /* take it, lose some of it and ask again */
#define POINTS 2
#define TENTHS 10
#define WARM_UP 60 /* seconds before the first look: all watchers have been replaced twice */
#define CALM (12 * USEC_SEC) /* before each look, for handshakes to be put away */

#define FLOOR_EVERY 3 /* seconds */
#define POINT_EVERY 5
#define LISTENER_EVERY 7
#define LEAD_EVERY 11
#define VANISH_EVERY 41 /* longer than a hub waits for who is silent */

/* What may have grown between the first tenth and the end. */
#define GROWTH_RSS_KIB 4096 /* 16 for each bot: its pool is touched little by little */
#define GROWTH_HEAP_KIB 512 /* it swings by 100; 10000 joins of 50 bytes would show */
#define GROWTH_PACKETS 256
#define GROWTH_MAPS 1 /* a bot more, who vanished */

#define MAP_BYTES (1 << 20)

static const struct path_conf clean = {.delay = 5000};
static const struct path_conf lossy = {
    .delay = 20000, .jitter = 5000, .loss_good = 0.02, .reorder = 0.001, .reorder_by = 8000};

struct soak {
    struct world world;
    struct world_bot *lead, *point[POINTS], *watcher[WATCHERS], *listener[LISTENERS], *vanished;
    unsigned second;
    unsigned joins;
    uint64_t wrong; /* of those who have left: packets that were not what was sent */
};

struct look {
    long rss_kib, heap_kib, maps, packets; /* maps: blocks of more than MAP_BYTES */
};

static struct world_bot *join_watcher(struct soak *s, size_t i)
{
    s->joins++;
    s->world.elsewhere = i % 2;
    struct world_bot *const b = world_plays(&s->world, SITE_NONE, &clean);
    s->world.elsewhere = false;
    b->deaf = true;
    return b;
}

static struct world_bot *join_listener(struct soak *s, size_t i)
{
    s->joins++;
    s->world.elsewhere = i % 2;
    struct world_bot *const b = world_plays(&s->world, SITE_NONE, &lossy);
    s->world.elsewhere = false;
    return b;
}

static void leave(struct soak *s, struct world_bot *b)
{
    s->wrong += b->bot->wrong;
    world_leave(&s->world, b);
}

static void begin(struct soak *s)
{
    world_init(&s->world, 1);
    world_spread(&s->world);
    world_state(&s->world, MODE_LECTURE, SITE_NONE, true);
    s->lead = world_lead(&s->world, &lossy);
    for (uint8_t i = 0; i < POINTS; i++)
        s->point[i] = world_point(&s->world, (uint8_t)(i + 1), &lossy);
    for (size_t i = 0; i < WATCHERS; i++)
        s->watcher[i] = join_watcher(s, i);
    for (size_t i = 0; i < LISTENERS; i++)
        s->listener[i] = join_listener(s, i);
}

/* One vanishes without a word; who vanished before has been missed by now. */
static void vanish(struct soak *s, size_t i)
{
    if (s->vanished)
        leave(s, s->vanished);
    s->vanished = s->listener[i];
    s->vanished->bot->silent = true;
    s->listener[i] = join_listener(s, i);
}

static void come_and_go(struct soak *s)
{
    const unsigned t = ++s->second;
    for (size_t i = 0; i < TURNOVER; i++) {
        const size_t w = (t * TURNOVER + i) % WATCHERS;
        leave(s, s->watcher[w]);
        s->watcher[w] = join_watcher(s, w);
    }
    if (t % FLOOR_EVERY == 0)
        world_state(&s->world, t % 2 ? MODE_LECTURE : MODE_INTERACT,
                    t % 4 == 3 ? SITE_NONE : (uint8_t)(1 + t % POINTS), true);
    if (t % POINT_EVERY == 0) {
        const uint8_t p = (uint8_t)(t / POINT_EVERY % POINTS);
        leave(s, s->point[p]);
        s->point[p] = world_point(&s->world, (uint8_t)(p + 1), &lossy);
    }
    if (t % LISTENER_EVERY == 0) {
        const size_t i = t / LISTENER_EVERY % LISTENERS;
        leave(s, s->listener[i]);
        s->listener[i] = join_listener(s, i);
    }
    if (t % LEAD_EVERY == 0) {
        leave(s, s->lead);
        s->lead = world_lead(&s->world, &lossy);
    }
    if (t % VANISH_EVERY == 0)
        vanish(s, t / VANISH_EVERY % LISTENERS);
}

static uint64_t forwarded(const struct soak *s)
{
    return s->world.hub->stat.rtp_out + s->world.away->stat.rtp_out;
}

static long rss_kib(void)
{
    long pages = 0;
    FILE *const f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        bench_die(NAME, "/proc/self/statm");
    (void)fclose(f);
    return pages * 4;
}

static struct look look(struct soak *s)
{
    world_run(&s->world, s->world.now + CALM);
    (void)malloc_trim(0);
    const struct mallinfo2 heap = mallinfo2();
    return (struct look){.rss_kib = rss_kib(),
                         .heap_kib = (long)(heap.uordblks / 1024),
                         .maps = (long)heap.hblks,
                         .packets = (long)pkt_pool_in_use(s->world.pool)};
}

static void print(const struct soak *s, unsigned tenth, const struct look *l)
{
    (void)printf("%3u %%  %11llu packets  %7u s  %6u joins  %7ld KiB resident  %7ld KiB of heap  "
                 "%5ld packets kept\n",
                 tenth * 100 / TENTHS, (unsigned long long)forwarded(s),
                 (unsigned)(s->world.now / USEC_SEC), s->joins, l->rss_kib, l->heap_kib,
                 l->packets);
    (void)fflush(stdout);
}

static bool grew(const char *what, long first, long last, long may)
{
    if (last - first > may)
        (void)printf("%s grew from %ld to %ld, by more than %ld\n", what, first, last, may);
    return last - first > may;
}

static uint64_t wrong(const struct soak *s)
{
    uint64_t n = s->wrong;
    for (size_t i = 0; i < s->world.n; i++)
        n += s->world.bots[i].bot ? s->world.bots[i].bot->wrong : 0;
    return n;
}

static bool served(const struct soak *s)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        const struct bot_recv *const camera = &s->listener[i]->bot->recv[PLAY_CAMERA];
        if (s->world.now - camera->last_at < USEC_SEC)
            continue;
        (void)printf("listener %zu has no picture\n", i);
        return false;
    }
    return true;
}

/* Everything ended: what is left of the pool was lost. */
static size_t end(struct soak *s)
{
    world_command(&s->world, &(struct cmd){.kind = CMD_ROOM_CLOSE, .room = WORLD_ROOM});
    world_run(&s->world, s->world.now + USEC_SEC);
    return pkt_pool_in_use(s->world.pool);
}

static bool run(uint64_t packets)
{
    static struct soak s;
    struct look first = {0};
    struct look last = {0};
    begin(&s);
    for (unsigned tenth = 1; tenth <= TENTHS; tenth++) {
        do {
            come_and_go(&s);
            world_run(&s.world, s.world.now + USEC_SEC);
        } while (forwarded(&s) < packets / TENTHS * tenth || s.second < WARM_UP);
        last = look(&s);
        if (tenth == 1)
            first = last;
        print(&s, tenth, &last);
    }
    bool good = served(&s);
    good = !grew("resident KiB", first.rss_kib, last.rss_kib, GROWTH_RSS_KIB) && good;
    good = !grew("KiB of heap", first.heap_kib, last.heap_kib, GROWTH_HEAP_KIB) && good;
    good = !grew("large blocks", first.maps, last.maps, GROWTH_MAPS) && good;
    good = !grew("packets kept", first.packets, last.packets, GROWTH_PACKETS) && good;
    good = !grew("wrong packets", 0, (long)wrong(&s), 0) && good;
    good = !grew("packets lost to the pool", 0, (long)end(&s), 0) && good;
    world_fini(&s.world);
    return good;
}

static const char usage[] =
    "usage: bench_soak [--packets N]\n"
    "  Forwards N packets (default 10000000) and fails if memory or packets in use have grown\n"
    "  since the first tenth of them, or the first minute if that is longer.\n";

int main(int argc, char **argv)
{
    unsigned packets = 10000000;
    if (argc == 3 && strcmp(argv[1], "--packets") == 0)
        packets = bench_number(NAME, argv[1], argv[2], 100000, 4000000000u);
    else if (argc != 1) {
        (void)fputs(usage, stderr);
        return 2;
    }
    /* A bot's pool is some MiB: mapped, it comes and goes whole and splits no heap. */
    (void)mallopt(M_MMAP_THRESHOLD, MAP_BYTES);
    return run(packets) ? 0 : EXIT_FAILURE;
}
