#include "engine/base/table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t h)
{
    h ^= h >> 30;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 27;
    h *= 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

static size_t slot_of(const struct table *t, const void *key)
{
    uint64_t h = t->seed;
    const uint8_t *p = key;
    for (size_t left = t->key_len; left > 0;) {
        uint64_t w = 0;
        const size_t n = size_min(left, sizeof w);
        memcpy(&w, p, n);
        h = mix(h ^ w);
        p += n;
        left -= n;
    }
    return (size_t)h & (t->cap - 1);
}

void table_init(struct table *t, size_t key_len, uint64_t seed)
{
    assert(key_len > 0 && key_len <= TABLE_KEY_MAX);
    *t = (struct table){.key_len = key_len, .seed = seed};
}

void table_fini(struct table *t)
{
    free(t->keys);
    free(t->values);
    *t = (struct table){.key_len = t->key_len};
}

/* The slot that holds the key, or the free slot where it belongs. */
static size_t find(const struct table *t, const void *key)
{
    size_t i = slot_of(t, key);
    while (t->values[i] && memcmp(t->keys + i * t->key_len, key, t->key_len) != 0)
        i = (i + 1) & (t->cap - 1);
    return i;
}

static void place(struct table *t, const void *key, void *value)
{
    const size_t i = find(t, key);
    if (!t->values[i])
        t->n++;
    memcpy(t->keys + i * t->key_len, key, t->key_len);
    t->values[i] = value;
}

static enum err grow(struct table *t)
{
    struct table bigger = {.key_len = t->key_len, .seed = t->seed, .cap = t->cap ? t->cap * 2 : 16};
    bigger.keys = calloc(bigger.cap, t->key_len);
    bigger.values = calloc(bigger.cap, sizeof *bigger.values);
    if (!bigger.keys || !bigger.values) {
        table_fini(&bigger);
        return E_NOMEM;
    }
    for (size_t i = 0; i < t->cap; i++)
        if (t->values[i])
            place(&bigger, t->keys + i * t->key_len, t->values[i]);
    free(t->keys);
    free(t->values);
    t->keys = bigger.keys;
    t->values = bigger.values;
    t->cap = bigger.cap;
    return OK;
}

enum err table_put(struct table *t, const void *key, void *value)
{
    assert(value);
    if (t->n * 4 >= t->cap * 3) {
        const enum err e = grow(t);
        if (e)
            return e;
    }
    place(t, key, value);
    return OK;
}

void *table_get(const struct table *t, const void *key)
{
    return t->cap ? t->values[find(t, key)] : NULL;
}

void *table_del(struct table *t, const void *key)
{
    if (!t->cap)
        return NULL;
    size_t hole = find(t, key);
    void *const value = t->values[hole];
    if (!value)
        return NULL;
    t->values[hole] = NULL;
    t->n--;
    /* Knuth 6.4 R: move back what the hole would hide. */
    for (size_t i = (hole + 1) & (t->cap - 1); t->values[i]; i = (i + 1) & (t->cap - 1)) {
        const size_t home = slot_of(t, t->keys + i * t->key_len);
        if (((i - home) & (t->cap - 1)) < ((i - hole) & (t->cap - 1)))
            continue;
        memcpy(t->keys + hole * t->key_len, t->keys + i * t->key_len, t->key_len);
        t->values[hole] = t->values[i];
        t->values[i] = NULL;
        hole = i;
    }
    return value;
}

void *table_each(const struct table *t, size_t *at)
{
    while (*at < t->cap) {
        void *const value = t->values[(*at)++];
        if (value)
            return value;
    }
    return NULL;
}
