/* fuzz_sdp.c - any text as a session description: what is read writes back to a stable text. */
#include "engine/wire/sdp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sdp s, again;
static char once[4 * SDP_TEXT_MAX], twice[4 * SDP_TEXT_MAX];

static void look_up_everything(void)
{
    for (size_t i = 0; i < s.medias; i++) {
        const struct sdp_media *const m = &s.media[i];
        assert(m->fmts <= SDP_FMTS && m->ssrcs <= SDP_SSRCS && m->rids <= SDP_RIDS);
        assert(m->cands <= SDP_CANDS);
        for (size_t k = 0; k < m->fmts; k++) {
            assert(sdp_fmt_of_pt(m, m->fmt[k].pt));
            (void)sdp_fmt_named(m, m->fmt[k].name);
            assert(sdp_fmtp_int(&m->fmt[k], "apt") >= -1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp_error e;
    char *const text = malloc(size ? size : 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    const bool good = sdp_read(&s, text, size, &e);
    free(text);
    assert(good || e.what);
    if (!good)
        return 0;
    look_up_everything();

    const size_t n = sdp_write(&s, once, sizeof once);
    assert(n > 0 && strlen(once) == n);
    if (n > SDP_TEXT_MAX)
        return 0;
    assert(sdp_read(&again, once, n, &e));
    assert(sdp_write(&again, twice, sizeof twice) == n && strcmp(once, twice) == 0);
    return 0;
}
