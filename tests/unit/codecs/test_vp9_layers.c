/* test_vp9_layers.c - whatever layers of a real VP9 stream a viewer is given, and however often
 * that changes: what it decodes is bit for bit what the same layers are when nothing is left out.
 */
#include "codecs/vp9_dec.h"
#include "engine/base/rng.h"
#include "engine/media/pick.h"
#include "tests/unit/codecs/pictures.h"
#include "tests/unit/codecs/svc.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define W 320
#define H 192
#define PICTURES 150
#define VIEWERS 5

/* The film once, and what each of its pictures is at each size. */
struct film {
    struct svc_conf conf;
    struct svc_picture picture[PICTURES];
    uint64_t hash[PICTURES][SVC_SIDS];
    uint8_t tid[PICTURES];
    bool key[PICTURES];
};

struct parcel {
    uint8_t bytes[SVC_SIDS * SVC_FRAME_MAX];
    size_t len;
};

static bool describe(const struct svc_frame *f, struct video_desc *d)
{
    return f->made && video_desc_vp9(f->payload, f->len, d);
}

static void add(struct parcel *all, const struct svc_frame *f, const struct video_desc *d)
{
    memcpy(all->bytes + all->len, f->payload + d->len, f->len - d->len);
    all->len += f->len - d->len;
}

/* Straight: all layers up to one, of every picture. */
static void watch_whole(struct film *f, unsigned sid)
{
    static struct parcel p;
    struct svc_view *const v = svc_view_new(-1);
    for (size_t i = 0; i < PICTURES; i++) {
        p.len = 0;
        for (unsigned k = 0; k <= sid; k++) {
            struct video_desc d = {0};
            assert_true(describe(&f->picture[i].layer[k], &d));
            assert_int_equal(d.sid, k);
            add(&p, &f->picture[i].layer[k], &d);
            f->tid[i] = d.tid;
            f->key[i] = k == 0 ? d.key : f->key[i];
        }
        f->hash[i][sid] = svc_view_show(v, p.bytes, p.len);
        assert_true(f->hash[i][sid] != 0);
    }
    svc_view_free(v);
}

static struct film *shot(const struct svc_conf *c)
{
    struct film *const f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct svc *const s = svc_new(c);
    f->conf = *c;
    for (size_t i = 0; i < PICTURES; i++)
        svc_next(s, i % 41 == 0, &f->picture[i]);
    svc_free(s);
    for (unsigned sid = 0; sid < c->sids; sid++)
        watch_whole(f, sid);
    return f;
}

struct viewer {
    struct pick pick;
    uint8_t sids, tid; /* that it may have */
    unsigned shown;
    unsigned since_change;
    uint8_t top, fast; /* the highest that it got since */
};

/* What a room shows of it: 0 = nothing. */
static uint64_t decoded(struct vp9dec *dec, const struct film *f, size_t i, const struct parcel *p)
{
    struct vp8frame one = {.data = p->bytes, .len = p->len, .key = f->key[i], .vp9 = true};
    struct i420 pic;
    assert_true(describe(&f->picture[i].layer[0], &one.video));
    return vp9dec_put(dec, &one, &pic) == VP8DEC_PICTURE ? picture_hash(&pic) : 0;
}

/* One picture; returns how many of its spatial layers went out. */
static unsigned give(struct viewer *v, const struct film *f, size_t i, struct parcel *p)
{
    unsigned layers = 0;
    bool ended = false;
    p->len = 0;
    for (unsigned k = 0; k < f->conf.sids; k++) {
        struct video_desc d = {0};
        assert_true(describe(&f->picture[i].layer[k], &d));
        const struct pkt_rtp in = {
            .ts = (uint32_t)i * 3600 - 9000, .key = f->key[i], .marker = k + 1 == f->conf.sids};
        if (!pick_takes(&v->pick, &in, &d, v->sids, v->tid))
            continue;
        assert_int_equal(k, layers); /* none without those below */
        assert_false(ended);
        ended = pick_ends(&v->pick, &in, &d);
        add(p, &f->picture[i].layer[k], &d);
        layers++;
    }
    assert_true(layers == 0 || ended);
    return layers;
}

static void change(struct viewer *v, const struct film *f, struct rng *r)
{
    v->sids = (uint8_t)(1 + rng_below(r, f->conf.sids));
    v->tid = (uint8_t)rng_below(r, f->conf.tids);
    v->since_change = 0;
    v->top = v->fast = 0;
}

/* `key`: a key picture came since it may have what it may have. */
static void check(const struct viewer *v, const struct film *f, size_t i, unsigned layers, bool key)
{
    assert_true(layers <= v->sids && (layers == 0 || f->tid[i] <= v->tid));
    assert_true(layers > 0 || f->tid[i] > 0); /* the base always */
    if (key)                                  /* all that it may have, after a key picture */
        assert_int_equal(f->tid[i] <= v->tid ? v->sids : 0, layers);
    if (v->since_change > 4) /* and all temporal layers after a round of them */
        assert_int_equal(f->tid[i] <= v->tid, layers > 0);
}

static void watch(const struct film *f, struct rng *r, unsigned every)
{
    static struct parcel p;
    struct viewer v = {.sids = (uint8_t)f->conf.sids, .tid = (uint8_t)(f->conf.tids - 1)};
    struct svc_view *const view = svc_view_new(-1);
    struct vp9dec *dec = NULL;
    bool key = true;
    assert_int_equal(vp9dec_new(&dec, 1), OK);
    pick_begin(&v.pick);
    for (size_t i = 0; i < PICTURES; i++) {
        if (i > 0 && rng_below(r, every) == 0) {
            change(&v, f, r);
            key = false;
        }
        key |= f->key[i];
        const unsigned layers = give(&v, f, i, &p);
        v.since_change++;
        check(&v, f, i, layers, key);
        if (layers == 0)
            continue;
        assert_true(svc_view_show(view, p.bytes, p.len) == f->hash[i][layers - 1]);
        assert_true(decoded(dec, f, i, &p) == f->hash[i][layers - 1]);
        v.shown++;
    }
    assert_true(v.shown >= PICTURES / (1u << (f->conf.tids - 1)));
    svc_view_free(view);
    vp9dec_free(&dec);
}

/* Whole pictures are lost beside those that are left out: what is shown is never another picture,
 * and after a key picture everything is shown again. */
static void lose(const struct film *f, struct rng *r)
{
    static struct parcel p;
    struct viewer v = {.sids = (uint8_t)f->conf.sids, .tid = (uint8_t)(f->conf.tids - 1)};
    struct vp9dec *dec = NULL;
    bool whole = true;
    unsigned shown = 0;
    assert_int_equal(vp9dec_new(&dec, 1), OK);
    pick_begin(&v.pick);
    for (size_t i = 0; i < PICTURES; i++) {
        if (rng_below(r, 20) == 0)
            change(&v, f, r);
        const unsigned layers = give(&v, f, i, &p);
        if (layers == 0)
            continue;
        if (rng_below(r, 12) == 0) {
            whole = false;
            continue;
        }
        whole |= f->key[i];
        const uint64_t hash = decoded(dec, f, i, &p);
        assert_true(hash == 0 || hash == f->hash[i][layers - 1]);
        assert_true(hash != 0 || !whole);
        shown += hash != 0;
    }
    assert_true(shown > PICTURES / 20);
    assert_true(vp9dec_stat(dec).refused == 0);
    vp9dec_free(&dec);
}

static void every_change_is_seamless(const struct svc_conf *c)
{
    struct film *const f = shot(c);
    struct rng r;
    static const uint8_t seed[32] = {9};
    assert_int_equal(rng_init(&r, seed), OK);
    for (unsigned i = 0; i < VIEWERS; i++)
        watch(f, &r, 1 + 3 * i);
    for (unsigned i = 0; i < VIEWERS; i++)
        lose(f, &r);
    rng_fini(&r);
    free(f);
}

static void key_only_layers_change_without_a_flaw(void **unused)
{
    (void)unused;
    every_change_is_seamless(
        &(struct svc_conf){W, H, .sids = 3, .tids = 3, .key_only = true, .flexible = true});
    every_change_is_seamless(
        &(struct svc_conf){W, H, .sids = 2, .tids = 3, .key_only = true, .flexible = false});
}

static void layers_that_lean_on_each_other_change_without_a_flaw(void **unused)
{
    (void)unused;
    every_change_is_seamless(&(struct svc_conf){W, H, .sids = 3, .tids = 3, .flexible = true});
    every_change_is_seamless(&(struct svc_conf){W, H, .sids = 3, .tids = 2, .flexible = false});
}

static void temporal_layers_alone_change_without_a_flaw(void **unused)
{
    (void)unused;
    every_change_is_seamless(&(struct svc_conf){W, H, .sids = 1, .tids = 3, .flexible = true});
    every_change_is_seamless(&(struct svc_conf){W, H, .sids = 1, .tids = 3, .flexible = false});
}

static struct pkt_rtp at(uint32_t ts, bool key)
{
    return (struct pkt_rtp){.ts = ts, .key = key};
}

static void late_packets_and_a_clock_set_back_are_followed(void **unused)
{
    (void)unused;
    struct pick k;
    const struct video_desc base = {.start = true};
    const struct video_desc upper = {.tid = 1};
    const struct video_desc entry = {.tid = 1, .sync = true};
    const struct video_desc large = {.sid = 1, .end = true};
    const struct pkt_rtp key = at(1000000, true);
    const struct pkt_rtp next = at(1003600, false);
    const struct pkt_rtp third = at(1007200, false);
    pick_begin(&k);
    assert_true(pick_takes(&k, &key, &base, 2, 1));
    assert_true(pick_takes(&k, &key, &large, 2, 1));
    assert_true(pick_ends(&k, &key, &large));
    assert_true(pick_takes(&k, &third, &base, 1, 0));
    assert_false(pick_takes(&k, &third, &large, 2, 1)); /* the picture has begun without */
    assert_false(pick_takes(&k, &next, &upper, 2, 1));  /* late, and not of what goes out now */
    assert_true(pick_takes(&k, &next, &base, 2, 1));
    assert_true(k.ts == third.ts);
    const struct pkt_rtp back = at(77, false);
    assert_true(pick_takes(&k, &back, &entry, 2, 1));
    assert_true(k.ts == back.ts && k.tid == 1);
    const struct pkt_rtp again = at(3677, true);
    assert_true(pick_takes(&k, &again, &base, 2, 1));
    assert_true(pick_takes(&k, &again, &large, 2, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_only_layers_change_without_a_flaw),
        cmocka_unit_test(layers_that_lean_on_each_other_change_without_a_flaw),
        cmocka_unit_test(temporal_layers_alone_change_without_a_flaw),
        cmocka_unit_test(late_packets_and_a_clock_set_back_are_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
