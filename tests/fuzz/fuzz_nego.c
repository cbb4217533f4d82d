/* fuzz_nego.c - any text as an offer, an answer or a fragment: refused with a reason, or answered
 * with something that a browser of ours accepts. The first byte chooses. */
#include "engine/peer/nego.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FP                                                                                         \
    "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD" \
    ":EF"

static struct nego n, offered;
static struct nego_error e;
static char written[NEGO_SDP_MAX];
static struct sdp s;

static void check_answer(void)
{
    struct sdp_error why;
    assert(sdp_read(&s, written, strlen(written), &why));
    assert(s.medias == n.n);
    size_t live = 0;
    for (size_t i = 0; i < n.n; i++) {
        const struct nego_media *const l = &n.media[i];
        assert(l->refused == (s.media[i].port == 0));
        assert(l->refused ? !l->send && !l->recv : l->codec != NEGO_NONE);
        assert(l->layers <= NEGO_LAYERS);
        assert(!l->red_pt || (l->audio && l->red_pt != l->pt && l->red_pt != l->rtx_pt));
        live += !l->refused;
    }
    assert(live > 0);
}

static void make_offer(const struct nego_self *self, struct rng *rng)
{
    offered = (struct nego){.n = 3};
    offered.media[0] = (struct nego_media){.audio = true, .send = true};
    offered.media[1] = (struct nego_media){.send = true, .layers = 3, .rid = {"q", "h", "f"}};
    offered.media[2] = (struct nego_media){.recv = true};
    assert(nego_offer(&offered, self, rng, written));
}

static void play(unsigned what, const char *text, size_t len, struct rng *rng)
{
    const struct nego_self self = {.fingerprint = FP, .lite = what < 2};
    switch (what) {
    case 0:
    case 1:
        if (nego_answer(&n, text, len, what ? NEGO_PLAY : NEGO_PUBLISH, &self, rng, written, &e))
            check_answer();
        else
            assert(e.field && e.what);
        return;
    case 2:
        make_offer(&self, rng);
        assert(nego_accept(&offered, text, len, &e) || (e.field && e.what));
        return;
    default:
        make_offer(&self, rng);
        assert(nego_restart(&offered, text, len, &self, rng, written, &e) || (e.field && e.what));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32];
    struct rng rng;
    if (size == 0 || rng_init(&rng, seed))
        return 0;
    char *const text = malloc(size > 1 ? size - 1 : 1);
    if (text) {
        memcpy(text, data + 1, size - 1);
        play(data[0] % 4, text, size - 1, &rng);
    }
    free(text);
    rng_fini(&rng);
    return 0;
}
