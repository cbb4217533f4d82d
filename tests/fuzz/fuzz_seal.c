/* fuzz_seal.c - any bytes as SRTP or SRTCP: refused. The same bytes as a plain packet: sealed they
 * open to themselves, once, and with a bit turned not at all. */
#include "engine/base/bytes.h"
#include "engine/peer/seal.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 1400

static const struct seal_keys keys = {.key = "sixteen bytes :)", .salt = "fourteen bytes"};

struct ends {
    struct seal *out, *in;
};

static bool opens(struct ends *e, bool rtcp, const uint8_t *p, size_t len, const uint8_t *plain,
                  size_t plain_len)
{
    uint8_t *const exact = malloc(len ? len : 1); /* a read past the end is seen */
    size_t n = len;
    bool good = false;
    if (!exact)
        return false;
    memcpy(exact, p, len);
    good = rtcp ? seal_open_rtcp(e->in, exact, &n) : seal_open_rtp(e->in, exact, &n);
    if (good && plain)
        assert(n == plain_len && memcmp(exact, plain, n) == 0);
    free(exact);
    return good;
}

/* Where the payload of a packet begins, by RFC 3550 5.1 and 5.3.1; 0: it is none. */
static size_t head_of(const uint8_t *p, size_t len)
{
    size_t head = 12;
    if (len < head)
        return 0;
    head += 4u * (p[0] & 15);
    if (p[0] & 0x10) {
        if (len < head + 4)
            return 0;
        head += 4 + 4u * be16(p + head + 2);
    }
    return head <= len ? head : 0;
}

static size_t sealed(struct ends *e, bool rtcp, const uint8_t *p, size_t len,
                     uint8_t out[MOST + SEAL_GROWTH])
{
    memcpy(out, p, len);
    if (rtcp)
        return seal_rtcp(e->out, out, len, MOST + SEAL_GROWTH);
    const size_t head = head_of(p, len);
    const struct seal_parts parts = {.head = head, .rest = p + head, .rest_len = len - head};
    return head ? seal_rtp(e->out, out, MOST + SEAL_GROWTH, &parts) : 0;
}

static void try(struct ends *e, uint8_t turned, bool rtcp, const uint8_t *p, size_t len)
{
    uint8_t out[MOST + SEAL_GROWTH];
    assert(!opens(e, rtcp, p, len, NULL, 0));
    const size_t n = sealed(e, rtcp, p, len, out);
    if (n == 0)
        return;
    out[turned % n] ^= 1;
    assert(!opens(e, rtcp, out, n, NULL, 0));
    out[turned % n] ^= 1;
    assert(opens(e, rtcp, out, n, p, len));
    assert(!opens(e, rtcp, out, n, NULL, 0)); /* a replay */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ends e = {0};
    if (size < 2 || size - 2 > MOST)
        return 0;
    const enum seal_profile profile = data[0] & 1 ? SEAL_AES_CM_128_SHA1_80 : SEAL_AES_128_GCM;
    if (seal_new(&e.out, profile, &keys, &keys, true) == OK &&
        seal_new(&e.in, profile, &keys, &keys, true) == OK)
        try(&e, data[1], data[0] & 2, data + 2, size - 2);
    seal_free(&e.out);
    seal_free(&e.in);
    return 0;
}
