/* fuzz_first.c - any bytes at the port of HTTPS: however they are cut, they are told apart alike,
 * and never more of them is wanted than a check has. */
#include "relay/control/first.h"

#include "tests/fuzz/fingerprint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the gate reads; `step`: what one read brings at most. */
static enum first in_steps(const uint8_t *p, size_t size, size_t step, char ufrag[HUB_UFRAG])
{
    size_t n = 0;
    size_t want;
    for (;;) {
        uint8_t *const exact = malloc(n ? n : 1);
        if (!exact)
            return FIRST_BAD;
        memcpy(exact, p, n);
        const enum first f = first_look(exact, n, &want, ufrag);
        free(exact);
        if (f != FIRST_MORE)
            return f;
        assert(n == 0 ? want == 0 : want > 0 && n + want <= FIRST_MAX);
        const size_t came = size_min(size_min(step, want ? want : 1), size - n);
        if (came == 0)
            return FIRST_MORE;
        n += came;
    }
}

static void look_at(const uint8_t *p, size_t size)
{
    static const size_t steps[] = {1, 3, 64};
    char ufrag[HUB_UFRAG] = {0};
    const enum first whole = in_steps(p, size, SIZE_MAX, ufrag);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        char again[HUB_UFRAG] = {0};
        assert(in_steps(p, size, steps[i], again) == whole);
        assert(whole != FIRST_CALL || memcmp(again, ufrag, HUB_UFRAG) == 0);
    }
    assert(whole != FIRST_CALL || ufrag[0]);
}

/* All frames of it, one after the other: with progress, and never past the end. */
static void walk(const uint8_t *p, size_t size)
{
    size_t len;
    while (frame_read(p, size, 1500, &len) == FRAME_WHOLE) {
        assert(FRAME_HEAD + len <= size);
        p += FRAME_HEAD + len;
        size -= FRAME_HEAD + len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *const p = malloc(size + FRAME_HEAD);
    if (!p)
        return 0;
    put_be16(p, (uint16_t)size);
    if (size)
        memcpy(p + FRAME_HEAD, data, size);
    look_at(p + FRAME_HEAD, size);
    walk(p + FRAME_HEAD, size);
    if (size >= 28 && size <= STUN_MSG_MAX && size % 4 == 0) {
        put_fingerprint(p + FRAME_HEAD, size);
        look_at(p, FRAME_HEAD + size);
    }
    free(p);
    return 0;
}
