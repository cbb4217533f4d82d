/* fuzz_stun.c - any bytes as a STUN message: refused, or a binding message with sound fields. */
#include "engine/base/bytes.h"
#include "engine/wire/classify.h"
#include "engine/wire/stun.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fuzzer cannot guess a CRC: it gets a right one in a second try. */
static void put_fingerprint(uint8_t *p, size_t len)
{
    if (len < 28)
        return;
    put_be16(p + 2, (uint16_t)(len - 20));
    put_be32(p + 4, 0x2112a442);
    put_be32(p + len - 8, 0x80280004);
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len - 8; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    put_be32(p + len - 4, ~crc ^ 0x5354554eu);
}

static void read_it(const uint8_t *p, size_t len)
{
    struct stun_msg m;
    const bool whole = stun_read(&m, p, len);
    const bool ours = stun_check_integrity(p, len, "VOkJxbRl1RmTxUk/WvJxBt");
    assert(!ours || (whole && m.has_integrity));
    if (!whole)
        return;
    assert(wire_classify(p, len) == WIRE_STUN);
    assert(strlen(m.username) < sizeof m.username);
    assert(!(m.controlling && m.controlled));
    assert(m.error < 700);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t len = size & ~(size_t)3;
    uint8_t *const p = calloc(1, size ? size : 1); /* exact: a read past the end is seen */
    if (!p)
        return 0;
    if (size)
        memcpy(p, data, size);
    read_it(p, size);
    if (len == size && size <= STUN_MSG_MAX) {
        put_fingerprint(p, size);
        read_it(p, size);
    }
    free(p);
    return 0;
}
