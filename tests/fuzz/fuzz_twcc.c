/* fuzz_twcc.c - any bytes as the body of a transport-wide feedback: refused, or written and read
 * again with the same times. */
#include "engine/wire/twcc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct twcc_feedback *f)
{
    static struct twcc_feedback back;
    static uint8_t buf[4096];
    struct writer w = writer_of(buf, sizeof buf);
    const size_t n = twcc_write(&w, 1, 2, f);
    assert(n <= f->n && !w.bad);
    if (n == 0)
        return;
    struct reader r = reader_of(buf, w.len);
    struct rtcp_item it;
    assert(rtcp_next(&r, &it) && it.kind == RTCP_TWCC && r.left == 0);
    assert(twcc_read(&back, &it) && back.n == n && back.base == f->base && back.count == f->count);
    const int64_t circle = INT64_C(64000) << 24; /* the reference time goes round */
    for (size_t i = 0; i < n; i++)
        assert((f->at[i] < 0) == (back.at[i] < 0) &&
               (f->at[i] < 0 || (f->at[i] - back.at[i]) % circle == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct twcc_feedback f;
    uint8_t *const p = malloc(size ? size : 1); /* exact */
    if (!p)
        return 0;
    if (size)
        memcpy(p, data, size);
    const struct rtcp_item it = {.kind = RTCP_TWCC, .body = p, .body_len = size};
    if (twcc_read(&f, &it)) {
        assert(f.n > 0 && f.n <= TWCC_MAX);
        for (size_t i = 0; i < f.n; i++)
            assert(f.at[i] >= -1);
        write_again(&f);
    }
    free(p);
    return 0;
}
