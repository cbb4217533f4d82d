/* bytes.h - bounds-checked cursors over bytes in network order. */
#pragma once

#include "engine/base/base.h"

#include <string.h>

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t be24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | be24(p + 1);
}

static inline uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_be24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 16);
    put_be16(p + 1, (uint16_t)v);
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
    put_be16(p, (uint16_t)(v >> 16));
    put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
    put_be32(p, (uint32_t)(v >> 32));
    put_be32(p + 4, (uint32_t)v);
}

/* Reads from left to right. A read past the end returns 0 or NULL and sets `bad`, which stays
 * set: a parser may read a whole structure and look at `bad` once. */
struct reader {
    const uint8_t *p;
    size_t left;
    bool bad;
};

static inline struct reader reader_of(const void *p, size_t len)
{
    return (struct reader){.p = p, .left = len};
}

/* The next n bytes, or NULL. The bytes belong to the buffer that the reader was made of. */
static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *const p = r->p;
    r->p += n;
    r->left -= n;
    return p;
}

static inline uint8_t read_u8(struct reader *r)
{
    const uint8_t *const p = read_bytes(r, 1);
    return p ? *p : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
    const uint8_t *const p = read_bytes(r, 2);
    return p ? be16(p) : 0;
}

static inline uint32_t read_u24(struct reader *r)
{
    const uint8_t *const p = read_bytes(r, 3);
    return p ? be24(p) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
    const uint8_t *const p = read_bytes(r, 4);
    return p ? be32(p) : 0;
}

static inline uint64_t read_u64(struct reader *r)
{
    const uint8_t *const p = read_bytes(r, 8);
    return p ? be64(p) : 0;
}

/* Writes from left to right into a buffer of the caller's. A write past the end writes nothing
 * and sets `bad`, which stays set. */
struct writer {
    uint8_t *p;
    size_t len; /* written so far */
    size_t cap;
    bool bad;
};

static inline struct writer writer_of(void *p, size_t cap)
{
    return (struct writer){.p = p, .cap = cap};
}

/* Room for n bytes that the caller fills, or NULL. */
static inline uint8_t *write_space(struct writer *w, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    uint8_t *const p = w->p + w->len;
    w->len += n;
    return p;
}

static inline void write_bytes(struct writer *w, const void *src, size_t n)
{
    uint8_t *const p = write_space(w, n);
    if (p && n)
        memcpy(p, src, n);
}

static inline void write_u8(struct writer *w, uint8_t v)
{
    uint8_t *const p = write_space(w, 1);
    if (p)
        *p = v;
}

static inline void write_u16(struct writer *w, uint16_t v)
{
    uint8_t *const p = write_space(w, 2);
    if (p)
        put_be16(p, v);
}

static inline void write_u24(struct writer *w, uint32_t v)
{
    uint8_t *const p = write_space(w, 3);
    if (p)
        put_be24(p, v);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
    uint8_t *const p = write_space(w, 4);
    if (p)
        put_be32(p, v);
}

static inline void write_u64(struct writer *w, uint64_t v)
{
    uint8_t *const p = write_space(w, 8);
    if (p)
        put_be64(p, v);
}
