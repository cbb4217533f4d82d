#include "tests/bench/load/cost.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_text(const char *path, char *out, size_t cap)
{
    FILE *const f = fopen(path, "re");
    if (!f)
        return false;
    const size_t n = fread(out, 1, cap - 1, f);
    out[n] = '\0';
    (void)fclose(f);
    return n > 0;
}

static size_t place_of(struct cost *c, unsigned tid)
{
    for (size_t k = 0; k < c->n; k++) {
        const size_t i = (c->hint + k) % c->n;
        if (c->tid[i] == tid)
            return i;
    }
    return c->n;
}

static void note(struct cost *c, unsigned tid, uint64_t ns)
{
    const size_t i = place_of(c, tid);
    if (i == COST_THREADS)
        return;
    if (i == c->n)
        c->tid[c->n++] = tid;
    c->ns[i] = ns > c->ns[i] ? ns : c->ns[i];
    c->hint = i + 1;
}

uint64_t cost_cpu_us(struct cost *c)
{
    char path[80], text[128];
    snprintf(path, sizeof path, "/proc/%u/task", c->pid);
    DIR *const d = c->pid ? opendir(path) : NULL;
    const struct dirent *e;
    while (d && (e = readdir(d)) != NULL) {
        const unsigned tid = (unsigned)strtoul(e->d_name, NULL, 10);
        snprintf(path, sizeof path, "/proc/%u/task/%u/schedstat", c->pid, tid);
        if (tid && read_text(path, text, sizeof text))
            note(c, tid, strtoull(text, NULL, 10));
    }
    if (d)
        (void)closedir(d);
    uint64_t ns = 0;
    for (size_t i = 0; i < c->n; i++)
        ns += c->ns[i];
    return ns / 1000;
}

uint64_t cost_stat_us(const struct cost *c)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", c->pid);
    if (!c->pid || !read_text(path, text, sizeof text))
        return 0;
    /* proc(5): utime and stime are the fields 14 and 15; the second one may contain blanks. */
    const char *at = strrchr(text, ')');
    for (int field = 2; at && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (!at)
        return 0;
    char *end = NULL;
    const uint64_t user = strtoull(at, &end, 10);
    const uint64_t kernel = strtoull(end, NULL, 10);
    return (user + kernel) * 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t cost_rss_kib(const struct cost *c)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%u/status", c->pid);
    if (!c->pid || !read_text(path, text, sizeof text))
        return 0;
    const char *const at = strstr(text, "VmRSS:");
    return at ? strtoull(at + 6, NULL, 10) : 0;
}
