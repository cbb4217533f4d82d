/* fuzz_sse.c - any bytes as a stream of events: cut anywhere, the same events come out. */
#include "client/sse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sum over all events, however many bytes arrive at a time. */
static uint64_t digest(const char *text, size_t size, size_t step)
{
    struct sse *const s = malloc(sizeof(*s));
    uint64_t sum = 0;
    if (!s)
        return 0;
    sse_init(s);
    for (size_t at = 0; at < size; at += step) {
        const char *p = text + at;
        struct sse_event e;
        while (sse_next(s, &p, text + size_min(at + step, size), &e)) {
            assert(strlen(e.name) < SSE_NAME_MAX && e.len <= SSE_DATA_MAX);
            for (size_t i = 0; i < e.len; i++)
                sum = sum * 31 + (unsigned char)e.data[i];
            sum = sum * 31 + strlen(e.name) + strlen(s->last_id);
        }
    }
    free(s);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size); /* exact, so that a read past the end is seen */
    if (!text)
        return 0;
    memcpy(text, data, size);
    assert(digest(text, size, 1) == digest(text, size, 7));
    assert(digest(text, size, 7) == digest(text, size, size + 1));
    free(text);
    return 0;
}
