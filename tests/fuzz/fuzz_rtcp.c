/* fuzz_rtcp.c - any bytes as an RTCP compound: read to its end or refused, always with progress. */
#include "engine/wire/rtcp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was asked for is asked for again in the same words, in as many pairs at most. */
static void write_again(const struct rtcp_item *it)
{
    static uint16_t seqs[16384];
    static uint16_t again[16384];
    static uint8_t buf[65536];
    const size_t n = rtcp_nack_list(it, seqs, ARRAY_LEN(seqs));
    for (size_t i = 1; i < n; i++)
        if ((uint16_t)(seqs[i] - seqs[i - 1] - 1) >= 0x7fff)
            return; /* not rising, which a writer needs */
    struct writer w = writer_of(buf, sizeof buf);
    struct rtcp_item back;
    rtcp_write_nack(&w, it->sender, it->media, seqs, n);
    struct reader r = reader_of(buf, w.len);
    assert(!w.bad && rtcp_next(&r, &back) && back.kind == RTCP_NACK);
    assert(back.body_len <= it->body_len);
    assert(rtcp_nack_list(&back, again, ARRAY_LEN(again)) == n);
    assert(memcmp(seqs, again, n * sizeof seqs[0]) == 0);
}

static void look_at(const struct rtcp_item *it, const uint8_t *p, size_t size)
{
    assert(it->kind <= RTCP_OTHER && it->reports <= RTCP_REPORTS);
    assert(it->body >= p && it->body + it->body_len <= p + size);
    assert(unix_us_of_ntp(ntp_of_unix_us((int64_t)(it->ntp >> 20))) == (int64_t)(it->ntp >> 20));
    if (it->kind == RTCP_NACK)
        write_again(it);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *const p = malloc(size ? size : 1);
    if (!p)
        return 0;
    if (size)
        memcpy(p, data, size);
    struct reader r = reader_of(p, size);
    struct rtcp_item it;
    size_t left = r.left;
    while (rtcp_next(&r, &it)) {
        assert(r.left <= left - 4);
        left = r.left;
        look_at(&it, p, size);
    }
    assert(r.bad || r.left == 0);
    free(p);
    return 0;
}
