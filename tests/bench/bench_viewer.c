/* bench_viewer.c - what one viewer costs the relay in memory, by owner: bench_viewer [viewers].
 *
 * A lesson on the virtual clock with real DTLS and SRTP: one sender, N viewers of one voice and one
 * picture each. Only what is allocated inside calls to the hub counts, by the bytes that malloc
 * really takes; the linker leads those calls, and the ones that tell the owner, through here
 * (--wrap). */
#include "engine/media/pacer.h"
#include "engine/peer/seal.h"
#include "relay/media/forward.h"
#include "relay/media/member.h"
#include "tests/sim/world.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define HEAD 8              /* malloc's own, before each block */
#define LIVE_MAX (1u << 20) /* blocks of the hub; power of two */
#define WATCH (30 * USEC_SEC)
#define LIMIT (48.0 * 1024) /* bytes of a viewer that watches */

enum owner { NOBODY, HUB, TABLE, MEMBER, SUB, PACER, PEER, DTLS, SEAL, OWNERS };

static const char *const names[OWNERS] = {
    "",      "hub",  "tables",           "member and join", "sub",
    "pacer", "peer", "dtls and OpenSSL", "seal and libsrtp"};

static enum owner owner; /* of what is allocated now */
static int64_t bytes[OWNERS];
static int64_t blocks[OWNERS];

static struct {
    void *p;
    enum owner owner;
    size_t size;
} live[LIVE_MAX];
static size_t live_n;

static size_t home(const void *p)
{
    return ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 40 & (LIVE_MAX - 1);
}

static void own(void *p, enum owner who)
{
    if (!p || who == NOBODY)
        return;
    size_t i = home(p);
    while (live[i].p)
        i = (i + 1) & (LIVE_MAX - 1);
    live_n++;
    live[i].p = p;
    live[i].owner = who;
    live[i].size = malloc_usable_size(p) + HEAD;
    bytes[who] += (int64_t)live[i].size;
    blocks[who]++;
}

/* Returns whose it was. */
static enum owner disown(const void *p)
{
    if (live_n == 0) /* and a sanitizer may not be ready to look into the table */
        return NOBODY;
    size_t i = home(p);
    while (live[i].p && live[i].p != p)
        i = (i + 1) & (LIVE_MAX - 1);
    if (!live[i].p)
        return NOBODY;
    const enum owner who = live[i].owner;
    bytes[who] -= (int64_t)live[i].size;
    blocks[who]--;
    live[i].p = NULL;
    live_n--;
    for (i = (i + 1) & (LIVE_MAX - 1); live[i].p; i = (i + 1) & (LIVE_MAX - 1)) {
        const size_t from = i;
        size_t to = home(live[from].p);
        void *const moved = live[from].p;
        live[from].p = NULL;
        while (live[to].p)
            to = (to + 1) & (LIVE_MAX - 1);
        live[to] = live[from];
        live[to].p = moved;
    }
    return who;
}

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

/* dlsym may allocate before it has told us where the allocator is. */
static _Alignas(16) unsigned char early[16384];
static size_t early_used;

static void look_up(void *function, const char *name)
{
    void *const found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    memcpy(function, &found, sizeof found);
}

static bool ready(void)
{
    static bool looking;
    if (real_free)
        return true;
    if (looking)
        return false;
    looking = true;
    look_up(&real_malloc, "malloc");
    look_up(&real_calloc, "calloc");
    look_up(&real_realloc, "realloc");
    look_up(&real_free, "free");
    return true;
}

static void *early_alloc(size_t n)
{
    const size_t start = early_used;
    if (n > sizeof early - start)
        return NULL;
    early_used += (n + 15) & ~(size_t)15;
    return early + start;
}

#define PUBLIC __attribute__((visibility("default")))

PUBLIC void *malloc(size_t n)
{
    if (!ready())
        return early_alloc(n);
    void *const p = real_malloc(n);
    own(p, owner);
    return p;
}

PUBLIC void *calloc(size_t n, size_t size)
{
    if (!ready())
        return early_alloc(n * size);
    void *const p = real_calloc(n, size);
    own(p, owner);
    return p;
}

PUBLIC void *realloc(void *old, size_t n)
{
    if (!ready())
        return old ? NULL : early_alloc(n);
    const enum owner was = old ? disown(old) : owner;
    void *const p = real_realloc(old, n);
    own(p, was);
    return p;
}

PUBLIC void free(void *p)
{
    const unsigned char *const byte = p;
    if (!p || (byte >= early && byte < early + sizeof early) || !ready())
        return;
    (void)disown(p);
    real_free(p);
}

/* ---- who is at work ---- */

static enum owner enter(enum owner who)
{
    const enum owner was = owner;
    /* Tests' own peers come by here too: only what happens inside the hub counts. */
    if (who == HUB || was != NOBODY)
        owner = who;
    return was;
}

#define WRAP(who, name, params, ...)                                                               \
    enum err __real_##name params;                                                                 \
    enum err __wrap_##name params;                                                                 \
    enum err __wrap_##name params                                                                  \
    {                                                                                              \
        const enum owner was = enter(who);                                                         \
        const enum err e = __real_##name(__VA_ARGS__);                                             \
        owner = was;                                                                               \
        return e;                                                                                  \
    }

#define WRAP_VOID(who, name, params, ...)                                                          \
    void __real_##name params;                                                                     \
    void __wrap_##name params;                                                                     \
    void __wrap_##name params                                                                      \
    {                                                                                              \
        const enum owner was = enter(who);                                                         \
        __real_##name(__VA_ARGS__);                                                                \
        owner = was;                                                                               \
    }

#define WRAP_SIZE(who, name, params, ...)                                                          \
    size_t __real_##name params;                                                                   \
    size_t __wrap_##name params;                                                                   \
    size_t __wrap_##name params                                                                    \
    {                                                                                              \
        const enum owner was = enter(who);                                                         \
        const size_t n = __real_##name(__VA_ARGS__);                                               \
        owner = was;                                                                               \
        return n;                                                                                  \
    }

#define WRAP_BOOL(who, name, params, ...)                                                          \
    bool __real_##name params;                                                                     \
    bool __wrap_##name params;                                                                     \
    bool __wrap_##name params                                                                      \
    {                                                                                              \
        const enum owner was = enter(who);                                                         \
        const bool ok = __real_##name(__VA_ARGS__);                                                \
        owner = was;                                                                               \
        return ok;                                                                                 \
    }

WRAP(HUB, hub_new, (struct hub * *h, const struct hub_conf *c, struct log *l), h, c, l)
WRAP_BOOL(HUB, hub_input, (struct hub * h, usec now, struct pkt *p, struct outq *o), h, now, p, o)
WRAP_VOID(HUB, hub_tick, (struct hub * h, usec now, struct outq *o), h, now, o)
WRAP(TABLE, table_put, (struct table * t, const void *key, void *v), t, key, v)
WRAP(MEMBER, member_new,
     (struct member * *m, struct room *r, member_id id, struct cmd_join *j, usec now), m, r, id, j,
     now)
WRAP(SUB, sub_new, (struct sub * *s, struct member *m, uint8_t line, const struct slot *slot), s, m,
     line, slot)
WRAP(PEER, peer_new, (struct peer * *p, const struct peer_conf *c, struct rng *rng, usec now), p, c,
     rng, now)
WRAP(DTLS, dtls_new, (struct dtls * *d, const struct dtls_cert *c, bool server, const char *print),
     d, c, server, print)
WRAP_VOID(DTLS, dtls_input, (struct dtls * d, usec now, const uint8_t *p, size_t len), d, now, p,
          len)
WRAP_VOID(DTLS, dtls_tick, (struct dtls * d, usec now), d, now)
WRAP(SEAL, seal_new,
     (struct seal * *s, enum seal_profile profile, const struct seal_keys *a,
      const struct seal_keys *b, bool rtp_in),
     s, profile, a, b, rtp_in)
WRAP_SIZE(SEAL, seal_rtp,
          (struct seal * s, uint8_t *out, size_t cap, size_t head, size_t patched,
           const uint8_t *rest, size_t rest_len),
          s, out, cap, head, patched, rest, rest_len)
WRAP_SIZE(SEAL, seal_rtcp, (struct seal * s, uint8_t *buf, size_t len, size_t cap), s, buf, len,
          cap)
WRAP_BOOL(SEAL, seal_open_rtp, (struct seal * s, uint8_t *buf, size_t *len), s, buf, len)
WRAP_BOOL(SEAL, seal_open_rtcp, (struct seal * s, uint8_t *buf, size_t *len), s, buf, len)

enum err __real_pacer_init(struct pacer *p, uint32_t size, uint64_t bps, uint32_t burst);
enum err __wrap_pacer_init(struct pacer *p, uint32_t size, uint64_t bps, uint32_t burst);
enum err __wrap_pacer_init(struct pacer *p, uint32_t size, uint64_t bps, uint32_t burst)
{
    const enum owner was = enter(PACER);
    const enum err e = __real_pacer_init(p, size, bps, burst);
    owner = was;
    return e;
}

/* What control hands over belongs to the hub from here on. */
void __real_hub_command(struct hub *h, usec now, const struct cmd *c, struct outq *out);
void __wrap_hub_command(struct hub *h, usec now, const struct cmd *c, struct outq *out);
void __wrap_hub_command(struct hub *h, usec now, const struct cmd *c, struct outq *out)
{
    if (c->kind == CMD_MEMBER_ADD)
        own(c->join, MEMBER);
    const enum owner was = enter(HUB);
    __real_hub_command(h, now, c, out);
    owner = was;
}

/* ---- the lesson ---- */

static const struct path_conf link_of_all = {.delay = 10000, .loss_good = 0.01};

static struct world_bot *watch(struct world *w)
{
    const struct slot slot[NEGO_MEDIA] = {[1] = {.kind = SLOT_SOURCE, .source = SRC_CAMERA}};
    const struct nego n = {.n = 2,
                           .media = {{.audio = true, .recv = true, .codec = NEGO_OPUS},
                                     {.recv = true, .codec = NEGO_VP8}}};
    return world_join(w, "viewer", SITE_NONE, &n, NULL, slot, &link_of_all);
}

/* Returns the sum of one viewer. */
static double print(size_t viewers, const int64_t *before, const int64_t *blocks_before)
{
    double sum = 0;
    double sum_blocks = 0;
    printf("%-20s %10s %8s\n", "owner", "bytes", "blocks");
    for (int i = HUB; i < OWNERS; i++) {
        const double each = (double)(bytes[i] - before[i]) / (double)viewers;
        const double n = (double)(blocks[i] - blocks_before[i]) / (double)viewers;
        printf("%-20s %10.0f %8.1f\n", names[i], each, n);
        sum += each;
        sum_blocks += n;
    }
    printf("%-20s %10.0f %8.1f   %.1f KiB of one viewer, of %zu\n", "all", sum, sum_blocks,
           sum / 1024, viewers);
    return sum;
}

int main(int argc, char **argv)
{
    static struct world w;
    const size_t viewers = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100;
    if (viewers == 0 || viewers > WORLD_BOTS - 2) {
        fprintf(stderr, "usage: bench_viewer [viewers, up to %d]\n", WORLD_BOTS - 2);
        return 2;
    }
    world_init(&w, 1);
    world_lead(&w, &link_of_all);
    /* The first viewer brings what is allocated once: tables, the libraries' own. Then it settles.
     */
    const struct world_bot *const first = watch(&w);
    world_run(&w, w.now + 10 * USEC_SEC);
    int64_t before[OWNERS];
    int64_t blocks_before[OWNERS];
    memcpy(before, bytes, sizeof before);
    memcpy(blocks_before, blocks, sizeof blocks_before);

    for (size_t i = 0; i < viewers; i++) {
        (void)watch(&w);
        world_run(&w, w.now + 20 * USEC_MS);
    }
    world_run(&w, w.now + USEC_SEC);
    printf("just joined:\n");
    (void)print(viewers, before, blocks_before);
    world_run(&w, w.now + WATCH);
    printf("\nafter %d seconds of watching:\n", (int)(WATCH / USEC_SEC));
    const double sum = print(viewers, before, blocks_before);

    size_t served = 0;
    for (size_t i = 0; i < w.n; i++)
        served += w.bots[i].bot->recv[1].packets > 100;
    if (first->state != MEMBER_OPEN || served < viewers) {
        fprintf(stderr, "only %zu of %zu viewers saw the picture\n", served, viewers);
        return 1;
    }
    world_fini(&w);
    if (sum > LIMIT)
        fprintf(stderr, "that is above the limit of %.0f KiB\n", LIMIT / 1024);
    return sum > LIMIT;
}
