/* fuzz_depdesc.c - any bytes as dependency descriptors of one stream, each with its length before
 * it: refused, or read within bounds. */
#include "engine/wire/video.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_structure(const struct depdesc_structure *s)
{
    assert(s->templates >= 1 && s->templates <= DEPDESC_TEMPLATES && s->offset < 64);
    assert(s->targets >= 1 && s->targets <= DEPDESC_TARGETS && s->chains <= s->targets);
    assert(s->sids >= 1 && s->sids <= DEPDESC_SIDS);
    for (unsigned i = 0; i < s->targets; i++) {
        assert(s->target_sid[i] < s->sids && s->target_tid[i] < 8);
        assert(s->protected_by[i] == 0 || s->protected_by[i] < s->chains);
    }
    for (unsigned i = 0; i < s->templates; i++)
        assert(s->template[i].sid < s->sids && s->template[i].refs <= DEPDESC_REFS);
}

static void check(struct depdesc_structure *s, const uint8_t *p, size_t n)
{
    const struct depdesc_structure before = *s;
    struct depdesc d;
    if (!depdesc_parse(p, n, s, &d)) {
        assert(memcmp(&before, s, sizeof before) == 0);
        return;
    }
    check_structure(s);
    assert(n >= 3 && d.sid < s->sids && d.tid < 8 && d.refs <= DEPDESC_REFS);
    assert(!d.has_structure || d.has_active);
    assert(s->targets == 32 || d.active >> s->targets == 0);
    for (unsigned i = 0; i < d.refs; i++)
        assert(d.fdiff[i] >= 1 && d.fdiff[i] <= 4096);
}

static void check_video(struct video_deps *v, const uint8_t *p, size_t n, uint32_t seq)
{
    struct video_desc d = {.has_pid = true, .pid_long = true, .len = 3};
    d.picture_id = (uint16_t)(seq & 0x7fff);
    if (!video_desc_deps(v, p, n, seq, &d))
        return;
    assert(d.refs <= VP9_REFS && d.sid < DEPDESC_SIDS && v->sids <= DEPDESC_SIDS);
    assert(!d.key || (d.start && d.refs == 0));
    for (unsigned i = 0; i < d.refs; i++)
        assert(d.ref[i] > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct depdesc_structure s = {0};
    struct video_deps *const v = calloc(1, sizeof *v);
    for (uint32_t seq = 1; v && size > 0; seq++) {
        const size_t n = data[0] < size ? data[0] : size - 1;
        uint8_t *const block = malloc(n ? n : 1); /* exact, so that a read past it is seen */
        if (!block)
            break;
        memcpy(block, data + 1, n);
        check(&s, block, n);
        check_video(v, block, n, n & 1 ? seq : seq - 2); /* some come late */
        free(block);
        data += 1 + n;
        size -= 1 + n;
    }
    free(v);
    return 0;
}
