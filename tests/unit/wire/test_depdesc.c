/* test_depdesc.c - dependency descriptors: made by hand, and Chromium's of VP9 in L3T3_KEY. */
#include "engine/wire/video.h"
#include "tests/unit/test.h"

#include <string.h>

/* Chromium 1280x720, its first key frame, of which only the lowest layer is active, and the next.
 */
static const uint8_t first_key[] = {
    0xc0, 0x00, 0x01, 0xc0, 0x08, 0x14, 0x85, 0x21, 0x4e, 0xaa, 0xaa, 0xa8, 0x00, 0x06, 0x00, 0x00,
    0x40, 0x00, 0x10, 0x00, 0x02, 0xaa, 0x80, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x10, 0x00,
    0x02, 0xa0, 0x00, 0xa8, 0x00, 0x06, 0x00, 0x00, 0x40, 0x00, 0x16, 0xd5, 0x49, 0x24, 0x1b, 0x55,
    0x24, 0x90, 0x6d, 0x54, 0x92, 0x31, 0x57, 0xe0, 0x01, 0x97, 0x4c, 0xa8, 0x64, 0x33, 0x0e, 0x22,
    0x23, 0x96, 0xec, 0xa8, 0x65, 0x53, 0x04, 0x22, 0x43, 0x90, 0xec, 0xa8, 0x77, 0x53, 0x01, 0x3f,
    0x00, 0xb3, 0x02, 0x7f, 0x01, 0x67, 0x04, 0xff, 0x02, 0xcf, 0x03, 0x80};
#define KEY_LEN 90 /* without the list of active targets */

static struct depdesc_structure s;
static struct depdesc d;

static int setup(void **unused)
{
    (void)unused;
    s = (struct depdesc_structure){0};
    return 0;
}

static void a_later_key(uint8_t out[KEY_LEN], uint16_t frame)
{
    memcpy(out, first_key, KEY_LEN);
    out[1] = (uint8_t)(frame >> 8);
    out[2] = (uint8_t)frame;
    out[3] = 0x80; /* a structure, and nothing else */
}

static void a_structure_of_chromium_is_read(void **unused)
{
    (void)unused;
    assert_true(depdesc_parse(first_key, sizeof first_key, &s, &d));
    assert_true(d.start && d.end && d.has_structure && d.has_active);
    assert_int_equal(d.frame, 1);
    assert_int_equal(d.active, 7); /* three of nine: those of the lowest spatial layer */
    assert_int_equal(d.refs, 0);
    assert_int_equal(s.templates, 15);
    assert_int_equal(s.targets, 9);
    assert_int_equal(s.chains, 3);
    assert_int_equal(s.sids, 3);
    assert_true(s.sized);
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(s.target_sid[i], i / 3);
        assert_int_equal(s.target_tid[i], i % 3);
        assert_int_equal(s.protected_by[i], i / 3);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(s.width[i], 320u << i);
        assert_int_equal(s.height[i], 180u << i);
    }
}

static void a_frame_has_what_its_template_says(void **unused)
{
    (void)unused;
    static const uint8_t middle[] = {0x85, 0, 4}; /* spatial layer 1 of a key picture, frame 4 */
    static const uint8_t odd[] = {0xc3, 0, 2, 0x1a, 0, 0x08, 0, 0}; /* with lists of its own */
    assert_false(depdesc_parse(middle, sizeof middle, &s, &d)); /* before there is a structure */
    assert_true(depdesc_parse(first_key, sizeof first_key, &s, &d));
    assert_true(depdesc_parse(middle, sizeof middle, &s, &d));
    assert_true(d.start && !d.end && !d.has_structure && !d.has_active);
    assert_int_equal(d.sid, 1);
    assert_int_equal(d.tid, 0);
    assert_int_equal(d.refs, 1);
    assert_int_equal(d.fdiff[0], 1);
    assert_int_equal(depdesc_dti_of(d.dtis, 0), DEPDESC_ABSENT);
    assert_int_equal(depdesc_dti_of(d.dtis, 3), DEPDESC_SWITCH);
    assert_true(depdesc_parse(odd, sizeof odd, &s, &d));
    assert_int_equal(d.sid, 0);
    assert_int_equal(d.tid, 2);
    assert_int_equal(d.refs, 1);
    assert_int_equal(d.fdiff[0], 1);
}

static void what_is_cut_or_unknown_changes_nothing(void **unused)
{
    (void)unused;
    uint8_t key[KEY_LEN];
    static const uint8_t unknown[] = {0xcf, 0, 9}; /* template 15 of 15 */
    a_later_key(key, 7);
    for (size_t n = 0; n < sizeof key; n++) {
        assert_false(depdesc_parse(key, n, &s, &d));
        assert_int_equal(s.templates, 0);
    }
    assert_true(depdesc_parse(key, sizeof key, &s, &d));
    assert_int_equal(d.active, 0x1ff);
    assert_false(depdesc_parse(unknown, sizeof unknown, &s, &d));
    assert_int_equal(s.templates, 15);
}

/* Fields as the specification lists them, from the first bit of each byte on. */
struct made {
    uint8_t bytes[256];
    size_t bits;
};

static void put(struct made *m, unsigned n, uint32_t v)
{
    for (; n > 0; n--, m->bits++)
        if (v >> (n - 1) & 1)
            m->bytes[m->bits / 8] |= (uint8_t)(0x80 >> m->bits % 8);
}

static bool parse(const struct made *m)
{
    return depdesc_parse(m->bytes, (m->bits + 7) / 8, &s, &d);
}

static void put_head(struct made *m, unsigned template, unsigned frame, unsigned flags)
{
    put(m, 2, 3);
    put(m, 6, template);
    put(m, 16, frame);
    put(m, 5, flags);
}

enum { STRUCTURE = 16, ACTIVE = 8, DTIS = 4, REFS = 2, CHAINS = 1 };

/* Two templates of two temporal layers, the first with id 63; two targets, one chain. */
static void put_structure(struct made *m)
{
    put(m, 6, 63);
    put(m, 5, 1); /* two targets */
    put(m, 2, 1); /* next temporal layer */
    put(m, 2, 3); /* no more */
    put(m, 8, 2 << 6 | 2 << 4 | 0 << 2 | 1);
    put(m, 1, 0);                   /* the first refers to nothing, */
    put(m, 6, 1 << 5 | 0 << 1 | 0); /* the second to the frame before */
    put(m, 2, 2);                   /* one chain, ns(3) */
    put(m, 8, 0 << 4 | 1); /* ns(1) of both targets takes no bit; to the frame before in it */
    put(m, 1, 0);          /* no sizes */
}

static void ids_go_round_and_own_lists_replace_those_of_the_template(void **unused)
{
    (void)unused;
    struct made key = {{0}, 0}, own = {{0}, 0};
    put_head(&key, 63, 65535, STRUCTURE);
    put_structure(&key);
    assert_true(parse(&key));
    assert_int_equal(s.templates, 2);
    assert_int_equal(s.chains, 1);
    assert_int_equal(s.template[1].chain_fdiff[0], 1);
    assert_int_equal(s.target_tid[1], 1);
    put_head(&own, 0, 0, ACTIVE | DTIS | REFS | CHAINS);
    put(&own, 2, 1); /* active: the last bit is the first target */
    put(&own, 4, 0 << 2 | 3);
    put(&own, 6, 1 << 4 | 2);
    put(&own, 14, 3 << 12 | 999);
    put(&own, 2, 0);
    put(&own, 8, 200);
    assert_true(parse(&own));
    assert_int_equal(d.tid, 1);
    assert_int_equal(d.active, 1);
    assert_int_equal(depdesc_dti_of(d.dtis, 1), DEPDESC_REQUIRED);
    assert_int_equal(d.refs, 2);
    assert_int_equal(d.fdiff[0], 3);
    assert_int_equal(d.fdiff[1], 1000);
    assert_int_equal(d.chain_fdiff[0], 200);
}

static void a_structure_beyond_the_limits_is_refused(void **unused)
{
    (void)unused;
    struct made sids = {{0}, 0}, tids = {{0}, 0}, refs = {{0}, 0}, many = {{0}, 0};
    struct made *const all[] = {&sids, &tids, &refs, &many};
    for (size_t i = 0; i < 4; i++) {
        put_head(all[i], 0, 0, STRUCTURE);
        put(all[i], 11, 0);
    }
    for (unsigned i = 0; i < 4; i++)
        put(&sids, 2, 2);
    for (unsigned i = 0; i < 8; i++)
        put(&tids, 2, 1);
    for (unsigned i = 0; i < 64; i++)
        put(&many, 2, 0);
    put(&refs, 2, 3);
    put(&refs, 2, 2);
    for (unsigned i = 0; i <= DEPDESC_REFS; i++)
        put(&refs, 5, 1 << 4);
    for (size_t i = 0; i < 4; i++) {
        all[i]->bits = 8 * sizeof all[i]->bytes;
        assert_false(parse(all[i]));
    }
}

static bool describe(struct video_deps *v, const void *ext, size_t n, uint32_t seq, uint16_t pid,
                     struct video_desc *out)
{
    *out = (struct video_desc){.has_pid = true, .picture_id = pid, .pid_long = true, .len = 3};
    return video_desc_deps(v, ext, n, seq, out);
}

static void references_are_told_in_pictures(void **unused)
{
    (void)unused;
    static struct video_deps v;
    uint8_t key[KEY_LEN];
    struct video_desc o;
    static const uint8_t packets[][3] = {{0xc5, 0, 4}, {0xca, 0, 5}, {0xc3, 0, 6},
                                         {0xc8, 0, 7}, {0xcd, 0, 8}, {0xc2, 0, 9}};
    static const uint16_t pid[] = {0x7fff, 0x7fff, 0, 0, 0, 1};
    static const uint8_t back[] = {0, 0, 1, 1, 1, 2};
    static const uint8_t lone[] = {0xc2, 0x10, 0}; /* what it needs has not come */
    a_later_key(key, 3);
    assert_true(describe(&v, key, sizeof key, 100, 0x7fff, &o));
    assert_true(o.start && o.key && o.end);
    assert_int_equal(v.sids, 3);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(describe(&v, packets[i], 3, 101 + i, pid[i], &o));
        assert_int_equal(o.refs, back[i] != 0);
        assert_int_equal(o.ref[0], back[i]);
        assert_false(o.key);
        assert_int_equal(o.start, o.sid == 0);
    }
    assert_true(describe(&v, lone, sizeof lone, 200, 9, &o));
    assert_int_equal(o.refs, 1);
    assert_int_equal(o.ref[0], VIDEO_FAR);
}

static void a_late_key_frame_does_not_bring_back_old_layers(void **unused)
{
    (void)unused;
    static struct video_deps v;
    uint8_t key[KEY_LEN];
    struct video_desc o;
    a_later_key(key, 50);
    assert_true(describe(&v, key, sizeof key, 100, 7, &o));
    assert_true(describe(&v, first_key, sizeof first_key, 99, 6, &o)); /* with one layer */
    assert_true(o.key);
    assert_int_equal(v.sids, 3);
    assert_true(describe(&v, first_key, sizeof first_key, 101, 8, &o));
    assert_int_equal(v.sids, 1);
}

static void what_was_noted_is_recalled(void **unused)
{
    (void)unused;
    static struct video_deps v;
    uint8_t key[KEY_LEN];
    struct video_desc o, again = {.len = 3};
    struct pkt_rtp p = {0};
    static const uint8_t t2[] = {0xc3, 0, 8};
    a_later_key(key, 5);
    assert_true(describe(&v, key, sizeof key, 1, 1, &o));
    assert_true(describe(&v, t2, sizeof t2, 2, 2, &o));
    video_note(&p, &o);
    video_recall(&p, &again);
    assert_true(again.start && again.end && !again.key);
    assert_int_equal(again.tid, 2);
    assert_int_equal(again.refs, 1);
    assert_int_equal(again.ref[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_structure_of_chromium_is_read, setup),
        cmocka_unit_test_setup(a_frame_has_what_its_template_says, setup),
        cmocka_unit_test_setup(what_is_cut_or_unknown_changes_nothing, setup),
        cmocka_unit_test_setup(ids_go_round_and_own_lists_replace_those_of_the_template, setup),
        cmocka_unit_test_setup(a_structure_beyond_the_limits_is_refused, setup),
        cmocka_unit_test(references_are_told_in_pictures),
        cmocka_unit_test(a_late_key_frame_does_not_bring_back_old_layers),
        cmocka_unit_test(what_was_noted_is_recalled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
