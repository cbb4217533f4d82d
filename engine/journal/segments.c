#include "engine/journal/segments.h"

#include "engine/journal/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS 6
#define SUFFIX ".journal"

void segments_name(char out[SEGMENTS_NAME], uint32_t index)
{
    (void)snprintf(out, SEGMENTS_NAME, "%06u" SUFFIX, (unsigned)index);
}

static bool index_of_name(const char *name, uint32_t *index)
{
    if (strlen(name) != DIGITS + strlen(SUFFIX) || strcmp(name + DIGITS, SUFFIX) != 0)
        return false;
    uint32_t n = 0;
    for (int i = 0; i < DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        n = n * 10 + (uint32_t)(name[i] - '0');
    }
    *index = n;
    return true;
}

enum err segments_dir(int *fd, const char *dir)
{
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? E_IO : OK;
}

void segments_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static enum err add(struct segments *s, size_t *cap, uint32_t index)
{
    if (s->n == *cap) {
        const size_t more = *cap ? *cap * 2 : 16;
        uint32_t *const p = realloc(s->index, more * sizeof *p);
        if (!p)
            return E_NOMEM;
        s->index = p;
        *cap = more;
    }
    s->index[s->n++] = index;
    return OK;
}

static int by_index(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

enum err segments_list(struct segments *s, int dir_fd)
{
    *s = (struct segments){0};
    const int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const d = own < 0 ? NULL : fdopendir(own);
    if (!d) {
        if (own >= 0)
            (void)close(own);
        return E_IO;
    }
    enum err e = OK;
    size_t cap = 0;
    uint32_t index = 0;
    for (const struct dirent *f; e == OK && (f = readdir(d));)
        if (index_of_name(f->d_name, &index))
            e = add(s, &cap, index);
    (void)closedir(d);
    if (e != OK)
        segments_free(s);
    else if (s->n > 1)
        qsort(s->index, s->n, sizeof *s->index, by_index);
    return e;
}

void segments_free(struct segments *s)
{
    free(s->index);
    *s = (struct segments){0};
}

enum err segments_map(int dir_fd, uint32_t index, const uint8_t **p, size_t *len)
{
    char name[SEGMENTS_NAME];
    segments_name(name, index);
    *p = NULL;
    *len = 0;
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        segments_close(&fd);
        return E_IO;
    }
    enum err e = OK;
    if (st.st_size > 0) {
        void *const m = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (m == MAP_FAILED) {
            e = E_IO;
        } else {
            *p = m;
            *len = (size_t)st.st_size;
        }
    }
    segments_close(&fd);
    return e;
}

void segments_unmap(const uint8_t *p, size_t len)
{
    union {
        const uint8_t *in;
        void *out;
    } u = {.in = p}; /* munmap takes what mmap gave */
    if (p)
        (void)munmap(u.out, len);
}

size_t segments_seek(const uint8_t *p, size_t len, size_t from, uint64_t *budget)
{
    struct record r;
    size_t size = 0;
    while (from<len && * budget> 0) {
        const uint8_t *const q = memchr(p + from, 'L', len - from);
        if (!q)
            return len;
        from = (size_t)(q - p);
        if (record_read(&r, q, len - from, &size) == RECORD_GOOD)
            return from;
        from++;
        *budget -= size < *budget ? size : *budget;
    }
    return len;
}
