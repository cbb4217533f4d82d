#include "tests/unit/journal/folder.h"

#include "tests/unit/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void folder_make(char path[FOLDER_PATH])
{
    const char *const shm = "/dev/shm"; /* in memory: syncing costs nothing */
    (void)snprintf(path, FOLDER_PATH, "%s/liangshi-XXXXXX", access(shm, W_OK) ? "/tmp" : shm);
    assert_non_null(mkdtemp(path));
}

static void file_path(char out[512], const char *path, const char *name)
{
    assert_true(snprintf(out, 512, "%s/%s", path, name) < 512);
}

void folder_remove(const char *path)
{
    DIR *const d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d));)
        if (f->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(d), f->d_name, 0), 0);
    (void)closedir(d);
    assert_int_equal(rmdir(path), 0);
}

uint8_t *folder_get(const char *path, const char *name, size_t *len)
{
    char file[512];
    file_path(file, path, name);
    FILE *const f = fopen(file, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *const p = malloc(*len + 1);
    assert_non_null(p);
    assert_int_equal(fread(p, 1, *len, f), *len);
    (void)fclose(f);
    return p;
}

void folder_put(const char *path, const char *name, const uint8_t *p, size_t len)
{
    char file[512];
    file_path(file, path, name);
    FILE *const f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

struct journal *folder_open(const char *path, int64_t clock, usec now)
{
    struct journal *j = NULL;
    const struct journal_conf conf = {.clock = clock, .wall_us = 1700000000000000 + clock};
    assert_int_equal(journal_open(&j, path, &conf, now), OK);
    return j;
}

void folder_event(struct journal *j, usec at, unsigned n)
{
    char text[64];
    const int len =
        snprintf(text, sizeof text, "event %u %.*s", n, (int)(n % 17), "LRLRLRLRLRLRLRLRL");
    assert_int_equal(journal_event(j, at, text, (size_t)len), OK);
}

size_t folder_events(const char *path, unsigned *out, size_t cap, struct jreader_stat *stat)
{
    struct jreader *r = NULL;
    struct record rec;
    size_t n = 0;
    int64_t last = 0;
    assert_int_equal(jreader_new(&r, path), OK);
    while (jreader_next(r, &rec)) {
        assert_true(rec.at >= last);
        last = rec.at;
        if (rec.type != RECORD_EVENT || n == cap)
            continue;
        char text[64];
        assert_true(rec.len < sizeof text);
        memcpy(text, rec.payload, rec.len);
        text[rec.len] = 0;
        assert_int_equal(strncmp(text, "event ", 6), 0);
        out[n++] = (unsigned)strtoul(text + 6, NULL, 10);
    }
    if (stat)
        *stat = jreader_stat(r);
    jreader_free(&r);
    return n;
}

size_t folder_gaps(const char *path, enum record_gap_reason reason, struct record_gap *gap)
{
    struct jreader *r = NULL;
    struct record rec;
    struct record_gap g;
    size_t n = 0;
    assert_int_equal(jreader_new(&r, path), OK);
    while (jreader_next(r, &rec)) {
        if (rec.type != RECORD_GAP)
            continue;
        assert_true(record_get_gap(&g, &rec));
        if (g.reason != reason)
            continue;
        *gap = g;
        n++;
    }
    jreader_free(&r);
    return n;
}
