/* fuzz_stun.c - any bytes as a STUN message: refused, or a binding message with sound fields. */
#include "engine/wire/classify.h"
#include "engine/wire/stun.h"
#include "tests/fuzz/fingerprint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    if (len == size && size >= 28 && size <= STUN_MSG_MAX) {
        put_fingerprint(p, size);
        read_it(p, size);
    }
    free(p);
    return 0;
}
