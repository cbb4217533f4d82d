/* oom.c - an allocator that fails when it is told to, and the walk over all places to fail. */
#include "tests/unit/oom.h"

#include "tests/unit/test.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define LIVE_MAX 65536 /* power of two; allocations of ours alive at one time in a scene */
#define WALK_MAX 100000

/* Where our own code begins and ends in this process (the linker's names). */
extern const char __executable_start[];
extern const char etext[];

static struct {
    bool armed; /* allocations are counted and may fail */
    bool libraries;
    bool failed;
    size_t fail_at;
    size_t seen;
    size_t lost; /* allocations that found no place in live[] */
    size_t live_n;
    void *live[LIVE_MAX];
} walk;

static size_t allocations;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

/* dlsym may allocate before it has told us where the allocator is. */
static _Alignas(16) unsigned char early[16384];
static size_t early_used;

static bool is_early(const void *p)
{
    return (const unsigned char *)p >= early && (const unsigned char *)p < early + sizeof early;
}

static void *early_alloc(size_t n)
{
    const size_t start = early_used;
    if (n > sizeof early - start)
        return NULL;
    early_used += (n + 15) & ~(size_t)15;
    return early + start;
}

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

static bool is_ours(const void *caller)
{
    return (const char *)caller >= __executable_start && (const char *)caller < etext;
}

/* True if this allocation must fail. */
static bool fails(bool ours)
{
    if (ours)
        allocations++;
    if (!walk.armed || !(ours || walk.libraries))
        return false;
    if (walk.seen++ != walk.fail_at)
        return false;
    walk.failed = true;
    return true;
}

static size_t home(const void *p)
{
    return ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 40 & (LIVE_MAX - 1);
}

static void *born(void *p, bool ours)
{
    if (!p || !ours || !walk.armed)
        return p;
    if (walk.live_n >= LIVE_MAX / 2) {
        walk.lost++;
        return p;
    }
    size_t i = home(p);
    while (walk.live[i])
        i = (i + 1) & (LIVE_MAX - 1);
    walk.live[i] = p;
    walk.live_n++;
    return p;
}

static void died(const void *p)
{
    if (!p || !walk.live_n)
        return;
    size_t i = home(p);
    while (walk.live[i] && walk.live[i] != p)
        i = (i + 1) & (LIVE_MAX - 1);
    if (!walk.live[i])
        return;
    walk.live[i] = NULL;
    walk.live_n--;
    for (i = (i + 1) & (LIVE_MAX - 1); walk.live[i]; i = (i + 1) & (LIVE_MAX - 1)) {
        void *const moved = walk.live[i];
        walk.live[i] = NULL;
        size_t to = home(moved);
        while (walk.live[to])
            to = (to + 1) & (LIVE_MAX - 1);
        walk.live[to] = moved;
    }
}

#define PUBLIC __attribute__((visibility("default")))

static void *allocate(size_t n, bool ours)
{
    if (!ready())
        return early_alloc(n);
    return fails(ours) ? NULL : born(real_malloc(n), ours);
}

PUBLIC void *malloc(size_t n)
{
    return allocate(n, is_ours(__builtin_return_address(0)));
}

PUBLIC void *calloc(size_t n, size_t size)
{
    const bool ours = is_ours(__builtin_return_address(0));
    if (!ready())
        return early_alloc(n * size);
    return fails(ours) ? NULL : born(real_calloc(n, size), ours);
}

PUBLIC void *realloc(void *old, size_t n)
{
    const bool ours = is_ours(__builtin_return_address(0));
    if (!ready())
        return old ? NULL : early_alloc(n);
    if (fails(ours))
        return NULL;
    died(old);
    return born(real_realloc(old, n), ours);
}

PUBLIC void free(void *p)
{
    if (!p || is_early(p) || !ready())
        return;
    died(p);
    real_free(p);
}

static char *copy_of(const char *text, size_t n, bool ours)
{
    char *const copy = allocate(n + 1, ours);
    if (!copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}

/* glibc's own would take what we duplicate for a library's allocation. */
PUBLIC char *strndup(const char *text, size_t max)
{
    return copy_of(text, strnlen(text, max), is_ours(__builtin_return_address(0)));
}

PUBLIC char *strdup(const char *text)
{
    return copy_of(text, strlen(text), is_ours(__builtin_return_address(0)));
}

static enum err run(oom_scene *scene, void *arg, size_t fail_at)
{
    memset(walk.live, 0, sizeof walk.live);
    walk.live_n = walk.lost = walk.seen = 0;
    walk.fail_at = fail_at;
    walk.failed = false;
    walk.armed = true;
    const enum err e = scene(arg);
    walk.armed = false;
    if (walk.lost)
        fail_msg("more than %d allocations alive at once", LIVE_MAX / 2);
    if (walk.live_n)
        fail_msg("with allocation %zu failing, %zu were not freed", fail_at, walk.live_n);
    return e;
}

static size_t walk_through(oom_scene *scene, void *arg, bool libraries)
{
    walk.libraries = libraries;
    enum err e = run(scene, arg, SIZE_MAX);
    if (e)
        fail_msg("the scene fails with all the memory it wants: %s", err_name(e));

    for (size_t n = 0; n < WALK_MAX; n++) {
        e = run(scene, arg, n);
        if (e != OK && !(e == E_NOMEM && walk.failed))
            fail_msg("with allocation %zu failing, the scene says \"%s\"", n, err_name(e));
        if (!walk.failed)
            return n;
    }
    fail_msg("the scene makes more than %d allocations", WALK_MAX);
    return 0;
}

size_t oom_walk(oom_scene *scene, void *arg)
{
    return walk_through(scene, arg, false);
}

size_t oom_walk_all(oom_scene *scene, void *arg)
{
    return walk_through(scene, arg, true);
}

size_t oom_allocations(void)
{
    return allocations;
}
