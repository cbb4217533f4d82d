/* fuzz_bwe.c - any sequence of sending, reports and time: the estimate stays within its bounds. */
#include "engine/base/bytes.h"
#include "engine/media/bwe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MIN 32000
#define MAX 20000000

static void report(struct bwe *b, struct reader *r, usec now)
{
    static struct twcc_feedback f;
    f.base = read_u16(r);
    f.n = read_u8(r);
    const usec first = (usec)read_u32(r) * 250;
    usec at = first;
    for (size_t i = 0; i < f.n; i++) {
        const uint8_t step = read_u8(r);
        at += ((usec)step - 64) * 250;
        f.at[i] = step % 7 == 0 || at < 0 ? -1 : at;
    }
    bwe_feedback(b, now, &f);
}

static void step(struct bwe *b, struct reader *r, usec *now)
{
    struct bwe_probe p;
    switch (read_u8(r) % 8) {
    case 0:
    case 1:
        bwe_sent(b, *now, read_u16(r), read_u16(r), read_u8(r));
        break;
    case 2:
        report(b, r, *now);
        break;
    case 3:
        *now += (usec)read_u16(r) * 100;
        bwe_tick(b, *now);
        break;
    case 4:
        bwe_report(b, *now, read_u16(r) % 1001);
        break;
    case 5:
        bwe_remb(b, *now, (uint64_t)read_u32(r) << (read_u8(r) % 32));
        break;
    case 6:
        bwe_wanted(b, read_u32(r));
        break;
    default:
        if (bwe_probe(b, *now, &p))
            assert(p.bps >= MIN && p.bps <= MAX && p.bytes > 0 && p.bytes < MAX && p.cluster);
        break;
    }
    assert(bwe_bps(b) >= MIN && bwe_bps(b) <= MAX);
    assert(bwe_loss_ppt(b) <= 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bwe b;
    struct reader r = reader_of(data, size);
    usec now = USEC_SEC;
    if (bwe_init(&b, &(struct bwe_conf){MIN, 300000, MAX}, now))
        return 0;
    while (r.left > 0 && !r.bad)
        step(&b, &r, &now);
    bwe_fini(&b);
    return 0;
}
