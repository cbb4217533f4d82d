/* prop_base.c - the containers of engine/base against slow, obvious ones, on random operations. */
#include "engine/base/addr.h"
#include "engine/base/bytes.h"
#include "engine/base/heap.h"
#include "engine/base/outq.h"
#include "engine/base/table.h"
#include "tests/prop/prop.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

/* The earliest of the nodes that are in, the slow way. */
static usec earliest(const usec *at, size_t n)
{
    usec first = USEC_NEVER;
    for (size_t i = 0; i < n; i++)
        first = usec_min(first, at[i]);
    return first;
}

static void heap_gives_times_in_order(struct rng *r)
{
    struct heap_node nodes[40] = {0};
    usec at[ARRAY_LEN(nodes)];
    struct heap h;
    heap_init(&h);
    assert_int_equal(heap_reserve(&h, ARRAY_LEN(nodes)), OK);
    for (size_t i = 0; i < ARRAY_LEN(at); i++)
        at[i] = USEC_NEVER;

    for (int step = 0; step < 200; step++) {
        const size_t i = rng_below(r, ARRAY_LEN(nodes));
        if (rng_below(r, 4) == 0) {
            at[i] = USEC_NEVER;
            heap_del(&h, &nodes[i]);
        } else {
            at[i] = (usec)rng_below(r, 50) - 25; /* few values: many are equal */
            heap_set(&h, &nodes[i], at[i]);
        }
        assert_int_equal(heap_next(&h), earliest(at, ARRAY_LEN(at)));
    }

    usec last = INT64_MIN;
    while (heap_first(&h)) {
        assert_true(heap_next(&h) >= last);
        last = heap_next(&h);
        heap_del(&h, heap_first(&h));
    }
    heap_fini(&h);
}

static void table_agrees_with_an_array(struct rng *r)
{
    enum { KEYS = 60 };
    static uint8_t values[256];
    uint8_t *model[KEYS] = {0};
    struct table t;
    const size_t len = 1 + rng_below(r, TABLE_KEY_MAX);
    table_init(&t, len, rng_u64(r));

    for (int step = 0; step < 300; step++) {
        uint8_t key[TABLE_KEY_MAX] = {0};
        const size_t k = rng_below(r, KEYS);
        key[len - 1] = (uint8_t)k;
        if (rng_below(r, 3) == 0) {
            assert_ptr_equal(table_del(&t, key), model[k]);
            model[k] = NULL;
        } else {
            model[k] = &values[rng_below(r, 256)];
            assert_int_equal(table_put(&t, key, model[k]), OK);
        }
    }

    size_t in = 0;
    for (size_t k = 0; k < KEYS; k++) {
        uint8_t key[TABLE_KEY_MAX] = {0};
        key[len - 1] = (uint8_t)k;
        assert_ptr_equal(table_get(&t, key), model[k]);
        in += model[k] != NULL;
    }
    size_t walked = 0;
    for (size_t at = 0; table_each(&t, &at);)
        walked++;
    assert_int_equal(t.n, in);
    assert_int_equal(walked, in);
    table_fini(&t);
}

static void every_address_is_read_back_from_its_text(struct rng *r)
{
    struct addr a = {.port = (uint16_t)rng_u32(r)};
    rng_bytes(r, a.ip, sizeof a.ip);
    for (size_t i = 0; i < sizeof a.ip; i++) /* long runs of zeros are where texts differ */
        if (rng_below(r, 2))
            a.ip[i] = 0;
    if (rng_below(r, 2)) {
        const uint8_t ip[4] = {a.ip[0], a.ip[1], a.ip[2], a.ip[3]};
        a = addr_v4(ip, a.port);
    }
    char text[ADDR_TEXT];
    struct addr back;
    assert_true(addr_parse(&back, addr_format(&a, text)));
    assert_true(addr_eq(&a, &back));
    assert_true(addr_hash(&a) == addr_hash(&back));
}

/* One random field, written to w or read from rd and compared with it. */
static void field(struct writer *w, struct reader *rd, uint64_t v, uint32_t kind)
{
    switch (kind) {
    case 0:
        w ? write_u8(w, (uint8_t)v) : assert_int_equal(read_u8(rd), (uint8_t)v);
        break;
    case 1:
        w ? write_u16(w, (uint16_t)v) : assert_int_equal(read_u16(rd), (uint16_t)v);
        break;
    case 2:
        w ? write_u24(w, (uint32_t)v & 0xffffff)
          : assert_int_equal(read_u24(rd), (uint32_t)v & 0xffffff);
        break;
    case 3:
        w ? write_u32(w, (uint32_t)v) : assert_int_equal(read_u32(rd), (uint32_t)v);
        break;
    default:
        w ? write_u64(w, v) : assert_true(read_u64(rd) == v);
        break;
    }
}

static void a_reader_gives_what_a_writer_took(struct rng *r)
{
    uint64_t v[20];
    uint32_t kind[ARRAY_LEN(v)];
    const size_t cap = rng_below(r, 120);
    uint8_t *const buf = malloc(cap + 1); /* a sanitizer sees a byte too many */
    assert_non_null(buf);
    struct writer w = writer_of(buf, cap);
    size_t n = 0;
    for (; n < ARRAY_LEN(v); n++) {
        v[n] = rng_u64(r);
        kind[n] = rng_below(r, 5);
        field(&w, NULL, v[n], kind[n]);
        if (w.bad)
            break;
    }
    assert_true(w.len <= cap);

    struct reader rd = reader_of(buf, w.len);
    for (size_t i = 0; i < n; i++)
        field(NULL, &rd, v[i], kind[i]);
    assert_false(rd.bad);
    assert_int_equal(rd.left, 0);
    free(buf);
}

/* Puts one datagram in, as a continuation if that is possible. Returns its length, 0 if none. */
static size_t put_one(struct outq *q, struct rng *r, const struct addr *to, uint8_t mark)
{
    const size_t seg = q->n ? q->msgs[q->n - 1].seg : 0;
    uint8_t *p = seg ? outq_reserve_more(q, to, seg) : NULL;
    if (p) {
        const size_t len = 1 + rng_below(r, (uint32_t)seg);
        memset(p, mark, len);
        outq_commit_more(q, len);
        return len;
    }
    const size_t len = 1 + rng_below(r, 100);
    p = outq_reserve(q, to, len);
    if (!p)
        return 0;
    memset(p, mark, len);
    outq_commit(q, len);
    return len;
}

static void a_send_buffer_loses_nothing_and_keeps_the_order(struct rng *r)
{
    struct addr to[2];
    assert_true(addr_parse(&to[0], "192.0.2.1:1"));
    assert_true(addr_parse(&to[1], "192.0.2.2:1"));
    size_t lens[200];
    size_t n = 0;
    struct outq q;
    assert_int_equal(outq_init(&q, 3000, 30), OK);
    while (n < ARRAY_LEN(lens)) {
        lens[n] = put_one(&q, r, &to[rng_below(r, 2)], (uint8_t)n);
        if (!lens[n])
            break;
        n++;
    }

    size_t i = 0;
    size_t off = 0;
    for (size_t m = 0; m < q.n; m++) { /* cut the messages up as the kernel does */
        assert_int_equal(q.msgs[m].off, off);
        for (size_t left = q.msgs[m].len; left > 0; i++) {
            const size_t len = size_min(left, q.msgs[m].seg);
            assert_true(i < n);
            assert_int_equal(len, lens[i]);
            assert_int_equal(q.buf[off], (uint8_t)i);
            assert_int_equal(q.buf[off + len - 1], (uint8_t)i);
            off += len;
            left -= len;
        }
    }
    assert_int_equal(i, n);
    assert_int_equal(off, q.used);
    outq_fini(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROP_TEST(heap_gives_times_in_order),
        PROP_TEST(table_agrees_with_an_array),
        PROP_TEST(every_address_is_read_back_from_its_text),
        PROP_TEST(a_reader_gives_what_a_writer_took),
        PROP_TEST(a_send_buffer_loses_nothing_and_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
