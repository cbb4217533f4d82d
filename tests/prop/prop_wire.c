/* prop_wire.c - what is written is read back, for random messages. */
#include "engine/wire/rtcp.h"
#include "engine/wire/stun.h"
#include "engine/wire/twcc.h"
#include "tests/prop/prop.h"
#include "tests/unit/test.h"

static void a_nack_is_read_back(struct rng *r)
{
    uint16_t seqs[100];
    uint16_t back[100];
    uint8_t buf[600];
    const size_t n = rng_below(r, 100);
    uint16_t seq = (uint16_t)rng_u32(r);
    for (size_t i = 0; i < n; i++)
        seqs[i] = seq = (uint16_t)(seq + 1 + rng_below(r, rng_below(r, 3) ? 3 : 300));
    struct writer w = writer_of(buf, sizeof buf);
    struct rtcp_item it;
    rtcp_write_nack(&w, 1, 2, seqs, n);
    struct reader rd = reader_of(buf, w.len);
    assert_true(rtcp_next(&rd, &it));
    assert_int_equal(rtcp_nack_list(&it, back, ARRAY_LEN(back)), n);
    assert_memory_equal(seqs, back, n * sizeof seqs[0]);
}

static void a_feedback_is_read_back(struct rng *r)
{
    static struct twcc_feedback f;
    static struct twcc_feedback back;
    uint8_t buf[1500];
    f.base = (uint16_t)rng_u32(r);
    f.count = (uint8_t)rng_u32(r);
    f.n = 1 + rng_below(r, TWCC_MAX);
    usec at = 100 * USEC_SEC + rng_below(r, 1000000);
    const uint32_t loss = 1 + rng_below(r, 20);
    for (size_t i = 0; i < f.n; i++) {
        at += (usec)rng_below(r, rng_below(r, 10) ? 2000 : 200000) - 500;
        f.at[i] = rng_below(r, loss) == 0 ? -1 : at;
    }
    struct writer w = writer_of(buf, 24 + rng_below(r, 1400));
    const size_t n = twcc_write(&w, 1, 2, &f);
    if (n == 0)
        return;
    struct reader rd = reader_of(buf, w.len);
    struct rtcp_item it;
    assert_true(rtcp_next(&rd, &it));
    assert_true(twcc_read(&back, &it));
    assert_int_equal(back.n, n);
    for (size_t i = 0; i < n; i++) {
        if (f.at[i] < 0)
            assert_int_equal(back.at[i], -1);
        else
            assert_in_range(back.at[i] - f.at[i] + 125, 0, 250);
    }
}

static void a_stun_request_is_read_back(struct rng *r)
{
    char name[64];
    char pwd[40];
    uint8_t buf[STUN_MSG_MAX];
    rng_text(r, name, 1 + rng_below(r, 60));
    rng_text(r, pwd, 22);
    struct stun_request rq = {.username = name,
                              .pwd = pwd,
                              .priority = rng_u32(r),
                              .tie_breaker = rng_u64(r),
                              .controlling = rng_below(r, 2),
                              .use_candidate = rng_below(r, 2)};
    rng_bytes(r, rq.tid, sizeof rq.tid);
    struct stun_msg m;
    const size_t n = stun_write_request(buf, sizeof buf, &rq);
    assert_true(stun_read(&m, buf, n));
    assert_true(stun_check_integrity(buf, n, pwd));
    assert_string_equal(m.username, name);
    assert_memory_equal(m.tid, rq.tid, sizeof rq.tid);
    assert_int_equal(m.priority, rq.priority);
    assert_true(m.tie_breaker == rq.tie_breaker);
    assert_int_equal(m.controlling, rq.controlling);
    assert_int_equal(m.use_candidate, rq.use_candidate);
    buf[rng_below(r, (uint32_t)n)] ^= (uint8_t)(1u << rng_below(r, 8));
    assert_false(stun_read(&m, buf, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROP_TEST(a_nack_is_read_back),
        PROP_TEST(a_feedback_is_read_back),
        PROP_TEST(a_stun_request_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
