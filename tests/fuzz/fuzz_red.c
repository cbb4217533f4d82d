/* fuzz_red.c - any bytes as a payload that repeats earlier ones: refused, or blocks that lie in it
 * one after the other, whose headers are written again as they were. */
#include "engine/wire/red.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct red *r, const uint8_t *p, size_t size)
{
    uint8_t heads[4 * RED_BLOCKS];
    assert(r->n >= 1 && r->n <= RED_BLOCKS);
    size_t at = 4 * (r->n - 1) + 1;
    assert(red_write(heads, sizeof heads, r) == at && memcmp(heads, p, at) == 0);
    assert(red_write(heads, at - 1, r) == 0);
    for (size_t i = 0; i < r->n; i++) {
        assert(r->block[i].data == p + at);
        at += r->block[i].len;
    }
    assert(at == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct red r;
    uint8_t *const p = malloc(size ? size : 1); /* exact */
    if (!p)
        return 0;
    if (size)
        memcpy(p, data, size);
    if (red_read(&r, p, size))
        check(&r, p, size);
    free(p);
    return 0;
}
