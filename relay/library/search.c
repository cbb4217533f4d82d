#include "relay/library/search.h"

#include <string.h>

/* Length of a UTF-8 character by its first byte; the catalogue holds only valid text. */
static size_t char_len(const char *p)
{
    const unsigned char c = (unsigned char)*p;
    const size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return size_min(n, strlen(p));
}

static uint32_t code_point(const char *p, size_t len)
{
    const unsigned char *const u = (const unsigned char *)p;
    if (len == 1)
        return u[0];
    uint32_t c = u[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (u[i] & 0x3fu);
    return c;
}

/* Scripts written without spaces: Han with its extensions, kana, Hangul. */
static bool stands_alone(uint32_t c)
{
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) ||
           (c >= 0xac00 && c <= 0xd7af) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

struct text {
    char *out;
    size_t cap, len;
    bool cut;
};

static void put(struct text *t, const char *p, size_t len)
{
    if (t->cut || t->len + len >= t->cap) {
        t->cut = true;
        return;
    }
    memcpy(t->out + t->len, p, len);
    t->len += len;
    t->out[t->len] = 0;
}

bool search_spread(const char *text, char *out, size_t cap)
{
    struct text t = {.out = out, .cap = cap};
    out[0] = 0;
    for (const char *p = text; *p;) {
        const size_t len = char_len(p);
        const bool alone = stands_alone(code_point(p, len));
        put(&t, " ", alone);
        put(&t, p, len);
        put(&t, " ", alone);
        p += len;
    }
    return !t.cut;
}

static bool is_space(const char *p)
{
    return (unsigned char)*p <= ' ' || strncmp(p, "\xe3\x80\x80", 3) == 0; /* U+3000 */
}

/* One word as a quoted phrase. */
static const char *put_word(struct text *t, const char *p)
{
    put(t, "\"", 1);
    while (*p && !is_space(p)) {
        const size_t len = char_len(p);
        const bool alone = stands_alone(code_point(p, len));
        put(t, " ", alone);
        if (*p != '"')
            put(t, p, len);
        put(t, " ", alone);
        p += len;
    }
    put(t, "\"", 1);
    return p;
}

bool search_query(const char *typed, char *out, size_t cap)
{
    struct text t = {.out = out, .cap = cap};
    out[0] = 0;
    for (const char *p = typed; *p;) {
        if (is_space(p)) {
            p += char_len(p);
            continue;
        }
        put(&t, " ", t.len > 0);
        p = put_word(&t, p);
    }
    if (t.len > 0)
        put(&t, " *", 2);
    return t.len > 0 && !t.cut;
}
