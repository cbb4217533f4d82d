/* table.h - a hash table from keys of one fixed length to pointers. */
#pragma once

#include "engine/base/base.h"

#define TABLE_KEY_MAX 64

/* Embedded; keys are copied in, values are the caller's and are not NULL. */
struct table {
    size_t key_len;
    size_t cap; /* power of two; 0 before the first put */
    size_t n;
    uint64_t seed; /* random, so that nobody outside can choose colliding keys */
    uint8_t *keys;
    void **values;
};

void table_init(struct table *t, size_t key_len, uint64_t seed);
void table_fini(struct table *t);

/* Adds or replaces. E_NOMEM leaves the table as it was. */
MUST_USE enum err table_put(struct table *t, const void *key, void *value);
void *table_get(const struct table *t, const void *key);
/* The value that was there, or NULL. */
void *table_del(struct table *t, const void *key);

/* Walks all values: start with *at = 0; NULL at the end. No put or del meanwhile. */
void *table_each(const struct table *t, size_t *at);
