/* fuzz_peer.c - a stateful target: two peers on a link, and the input is a script of what happens
 * to them: time, loss, forged datagrams, packets turned on the way, restarts. Whatever it is, only
 * what one sealed is opened by the other, and a quiet link connects in the end. */
#include "engine/base/bytes.h"
#include "tests/unit/peer/pair.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char payload[] = "what the teacher says";

/* Each datagram is in a block of exactly its size. */
static void inject(struct pair *t, struct reader *r, bool to_relay)
{
    const size_t want = read_u8(r);
    const size_t len = size_min(want, r->left);
    const uint8_t *const bytes = read_bytes(r, len);
    uint8_t *const exact = malloc(len ? len : 1);
    if (!exact)
        return;
    if (len)
        memcpy(exact, bytes, len);
    /* Nothing that was not sealed here may come out as media. */
    assert(pair_inject(t, to_relay, &t->room_addr, exact, len) == PEER_IN_NOTHING);
    free(exact);
}

/* Turns bits of a datagram that is on its way; then it must not arrive as media. */
static void turn_bits(struct pair *t, struct reader *r)
{
    struct pair_dgram *const d = &t->flight[read_u8(r) % PAIR_FLIGHT];
    const uint8_t at = read_u8(r), mask = read_u8(r);
    if (d->at && d->len)
        d->data[at % d->len] ^= mask;
}

static void check_got(const struct pair_got *g)
{
    if (g->rtp == 0 || g->len < 12)
        return;
    assert(g->len == 12 + sizeof payload || g->len == 8); /* RTP, or the last was RTCP */
    assert(g->len == 8 || memcmp(g->data + 12, payload, sizeof payload) == 0);
}

static void step(struct pair *t, struct reader *r)
{
    static const uint8_t report[8] = {0x80, 201, 0, 1, 0, 0, 0x12, 0x34};
    const uint8_t what = read_u8(r);
    const bool up = what & 0x80;
    switch (what % 9) {
    case 0:
        pair_run(t, t->now + (usec)read_u8(r) * 10 * USEC_MS);
        break;
    case 1:
        t->loss = read_u8(r) % 60;
        break;
    case 2:
        inject(t, r, up);
        break;
    case 3:
        turn_bits(t, r);
        break;
    case 4:
        pair_send_rtp(t, up, ++t->seq, payload, sizeof payload);
        break;
    case 5:
        (void)peer_send_rtcp(up ? t->room : t->relay, report, sizeof report, &t->out);
        pair_flush(t, up);
        break;
    case 6:
        peer_restart(up ? t->room : t->relay, up ? &t->room_conf.ice : &t->relay_conf.ice, t->now);
        break;
    case 7:
        t->room_addr.port = (uint16_t)(1 + read_u8(r));
        break;
    default:
        t->delay = (usec)read_u8(r) * USEC_MS;
    }
    check_got(&t->room_got);
    check_got(&t->relay_got);
}

/* Handshake bytes that were turned may end a connection; then both say so, and why. */
static void settle(struct pair *t)
{
    t->loss = 0;
    t->delay = 10 * USEC_MS;
    pair_run(t, t->now + 60 * USEC_SEC);
    const enum peer_state room = peer_state(t->room, t->now), relay = peer_state(t->relay, t->now);
    assert(room != PEER_FAILED || peer_why(t->room));
    assert(relay != PEER_FAILED || peer_why(t->relay));
    assert(room != PEER_CONNECTING && relay != PEER_CONNECTING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pair t;
    struct reader r = reader_of(data, size);
    pair_init(&t, 1);
    if (pair_start(&t) == OK) {
        for (int steps = 0; r.left && steps < 300; steps++)
            step(&t, &r);
        settle(&t);
    }
    pair_fini(&t);
    return 0;
}
