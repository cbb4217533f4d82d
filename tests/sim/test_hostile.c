/* test_hostile.c - stories of members that want to harm a lesson, and of a lesson that goes on. */
#include "engine/peer/seal.h"
#include "engine/wire/rtcp.h"
#include "engine/wire/stun.h"
#include "relay/media/forward.h"
#include "tests/sim/world.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct path_conf clean = {.delay = 10000};

/* A lesson with a viewer who means well and one who does not. */
struct story {
    struct world w;
    struct world_bot *lead, *good, *bad;
    struct outq out;
    uint64_t voice, camera; /* that the good one had when the attack began */
    usec since;
};

static struct story s;

static const struct bot_recv *line(const struct world_bot *b, size_t i)
{
    return &b->bot->recv[i];
}

static void begin(uint8_t seed)
{
    world_init(&s.w, seed);
    s.w.log.level = LOG_ERROR; /* refusals are warned of by the hundred */
    assert_int_equal(outq_init(&s.out, 1u << 20, 1024), OK);
    s.lead = world_lead(&s.w, &clean);
    s.good = world_plays(&s.w, SITE_NONE, &clean);
}

static void attack(void)
{
    s.since = s.w.now;
    s.voice = line(s.good, PLAY_VOICE)->packets;
    s.camera = line(s.good, PLAY_CAMERA)->packets;
}

/* Every voice packet and every picture came, whole, and the sender is where it was. */
static void assert_untouched(void)
{
    const uint64_t frames = (uint64_t)((s.w.now - s.since) / 40000);
    assert_in_range(line(s.good, PLAY_VOICE)->packets - s.voice, 2 * frames - 3, 2 * frames + 3);
    assert_true(line(s.good, PLAY_CAMERA)->packets - s.camera >= 3 * frames - 9);
    for (size_t i = 0; i < s.good->bot->nego.n; i++)
        assert_int_equal(line(s.good, i)->nack.given_up, 0);
    assert_int_equal(s.good->bot->wrong, 0);
    assert_int_equal(s.good->state, MEMBER_OPEN);
    assert_int_equal(s.lead->state, MEMBER_OPEN);
}

static void end(void)
{
    outq_fini(&s.out);
    world_fini(&s.w);
}

/* What was written to s.out is on its way to the hub. */
static void post(const struct addr *from)
{
    for (size_t i = 0; i < s.out.n; i++)
        wire_put(s.w.up, s.w.now, from, &s.w.addr, s.out.buf + s.out.msgs[i].off,
                 s.out.msgs[i].len);
    outq_clear(&s.out);
}

static void send_rtcp(const struct world_bot *b, const uint8_t *rtcp, size_t len)
{
    assert_true(peer_send_rtcp(b->bot->peer, rtcp, len, &s.out));
    post(&b->bot->addr);
}

static void send_pli(const struct world_bot *b, size_t l)
{
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof buf);
    rtcp_write_pli(&w, b->bot->ssrc, b->bot->nego.media[l].ssrc[0]);
    send_rtcp(b, buf, w.len);
}

/* The last 60 packets of a line, asked for so many times in one datagram. */
static void send_nacks(const struct world_bot *b, size_t l, int times)
{
    uint8_t buf[1200];
    uint16_t seq[60];
    struct writer w = writer_of(buf, sizeof buf - SEAL_GROWTH);
    for (size_t i = 0; i < ARRAY_LEN(seq); i++)
        seq[i] = (uint16_t)(line(b, l)->stat.highest - ARRAY_LEN(seq) + i);
    for (int i = 0; i < times; i++)
        rtcp_write_nack(&w, b->bot->ssrc, b->bot->nego.media[l].ssrc[0], seq, ARRAY_LEN(seq));
    assert_false(w.bad);
    send_rtcp(b, buf, w.len);
}

static void who_asks_for_everything_again_gets_twice_as_much_at_most(void **unused)
{
    (void)unused;
    begin(31);
    s.bad = world_plays(&s.w, SITE_NONE, &clean);
    world_run(&s.w, 5 * USEC_SEC);
    attack();
    const uint64_t sent = s.good->down.sent;
    const uint64_t taken = s.bad->down.sent;
    const uint64_t again = s.w.hub->stat.repair[FORWARD_AGAIN];
    for (int i = 0; i < 250; i++) { /* as often as one may */
        send_nacks(s.bad, PLAY_CAMERA, 1);
        world_run(&s.w, s.w.now + 20000);
    }
    for (int i = 0; i < 5000; i++) { /* and as much as one can */
        send_nacks(s.bad, i % 2 ? PLAY_CAMERA : PLAY_SLIDES, 12);
        world_run(&s.w, s.w.now + 1000);
    }
    const uint64_t once = s.good->down.sent - sent;
    assert_true(once > 10 * 125);
    assert_in_range(s.bad->down.sent - taken, once, 2 * once + 512 + 100);
    assert_true(s.w.hub->stat.repair[FORWARD_AGAIN] > again); /* it is not shut out */
    assert_true(s.w.hub->stat.repair[FORWARD_REFUSED] > 1000);
    assert_untouched();
    end();
}

static void a_packet_is_not_sent_again_while_it_is_on_its_way(void **unused)
{
    (void)unused;
    begin(32);
    world_run(&s.w, 5 * USEC_SEC);
    const uint64_t again = s.w.hub->stat.repair[FORWARD_AGAIN];
    send_nacks(s.good, PLAY_CAMERA, 12);
    world_run(&s.w, s.w.now + 1);
    assert_in_range(s.w.hub->stat.repair[FORWARD_AGAIN] - again, 1, 60);
    world_run(&s.w, s.w.now + 200000);
    send_nacks(s.good, PLAY_CAMERA, 12); /* an answer may be lost too */
    world_run(&s.w, s.w.now + 1);
    assert_in_range(s.w.hub->stat.repair[FORWARD_AGAIN] - again, 61, 120);
    end();
}

static void who_asks_for_key_frames_all_the_time_gets_one_in_four_seconds(void **unused)
{
    (void)unused;
    begin(33);
    s.bad = world_plays(&s.w, SITE_NONE, &clean);
    world_run(&s.w, 5 * USEC_SEC);
    attack();
    const uint64_t plis = s.lead->bot->plis;
    for (int i = 0; i < 4000; i++) {
        send_pli(s.bad, i % 2 ? PLAY_CAMERA : PLAY_SLIDES);
        world_run(&s.w, s.w.now + 10000);
    }
    assert_in_range(s.lead->bot->plis - plis, 8, 8 + 10 + 1);
    assert_untouched();

    const uint64_t keys = line(s.good, PLAY_CAMERA)->keys;
    send_pli(s.good, PLAY_CAMERA); /* who lost a picture is served as ever */
    world_run(&s.w, s.w.now + 1200000);
    assert_true(line(s.good, PLAY_CAMERA)->keys > keys);
    end();
}

/* A packet of an SSRC that nobody announced, under the payload type of a line. */
static void send_strange_rtp(const struct world_bot *b, size_t l, uint32_t ssrc)
{
    static const uint8_t body[200] = {0x10};
    const struct rtp_head h = {.ssrc = ssrc, .seq = 1, .pt = b->bot->nego.media[l].pt};
    uint8_t *const to = outq_reserve(&s.out, &s.w.addr, 1500);
    assert_non_null(to);
    const size_t head =
        rtp_write(to, 200, &h, &b->bot->nego.media[l].ext, &(struct rtp_ext_values){0});
    outq_commit(&s.out, seal_rtp(peer_seal(b->bot->peer), to, 1500,
                                 &(struct seal_parts){
                                     .head = head, .rest = body, .rest_len = sizeof body}));
    post(&b->bot->addr);
}

static void thousands_of_ssrcs_become_no_streams(void **unused)
{
    (void)unused;
    begin(34);
    s.bad = world_point(&s.w, 1, &clean);
    world_run(&s.w, 5 * USEC_SEC);
    attack();
    const uint32_t streams = s.w.hub->stream_ids;
    const size_t in_use = pkt_pool_in_use(s.w.pool);
    for (int i = 0; i < 5000; i++) {
        send_strange_rtp(s.bad, (size_t)i % 2, rng_u32(&s.w.rng));
        world_run(&s.w, s.w.now + 1000);
    }
    assert_int_equal(s.w.hub->stream_ids, streams);
    assert_true(s.w.hub->stat.no_stream > 900);  /* as many as are opened for one member */
    assert_true(s.w.hub->stat.no_stream < 1100); /* beyond that not even opened */
    assert_true(pkt_pool_in_use(s.w.pool) < in_use + 600);
    assert_int_equal(s.bad->state, MEMBER_OPEN);
    assert_untouched();
    end();
}

/* Under the SSRC of the voice: bytes that are no blocks, and, after a hole, more blocks than
 * anybody sends, each of which would fill a place of it. */
static void send_red(const struct world_bot *b, uint16_t seq, bool good)
{
    const struct nego_media *const m = &b->bot->nego.media[0];
    const struct rtp_head h = {.ssrc = m->ssrc[0], .seq = seq, .ts = seq * 960u, .pt = m->red_pt};
    uint8_t body[1000];
    struct red red = {.n = RED_BLOCKS};
    for (size_t i = 0; i < red.n; i++)
        red.block[i] =
            (struct red_block){.pt = m->pt, .back = (uint16_t)(960 * (red.n - 1 - i)), .len = 80};
    rng_bytes(&s.w.rng, body, sizeof body);
    if (good)
        (void)red_write(body, sizeof body, &red);
    uint8_t *const to = outq_reserve(&s.out, &s.w.addr, 1500);
    assert_non_null(to);
    const size_t head = rtp_write(to, 200, &h, &m->ext, &(struct rtp_ext_values){0});
    outq_commit(&s.out, seal_rtp(peer_seal(b->bot->peer), to, 1500,
                                 &(struct seal_parts){
                                     .head = head, .rest = body, .rest_len = sizeof body}));
    post(&b->bot->addr);
}

static void blocks_with_wrong_lengths_are_counted_and_harm_nobody(void **unused)
{
    (void)unused;
    begin(38);
    s.bad = world_point(&s.w, 1, &clean);
    s.bad->bot->send[0].next = USEC_NEVER; /* its voice is made below */
    world_state(&s.w, MODE_LECTURE, SITE_NONE, true);
    world_run(&s.w, 5 * USEC_SEC);
    attack();
    uint16_t seq = 1000;
    for (int i = 0; i < 5000; i++) {
        seq = (uint16_t)(seq + (i % 2 ? RED_BLOCKS : 1));
        send_red(s.bad, seq, i % 2);
        world_run(&s.w, s.w.now + 4000);
    }
    assert_in_range(s.w.hub->stat.red_bad, 2000, 2500);
    assert_in_range(s.w.hub->stat.red_filled, 20000, 2500 * (RED_BLOCKS - 1));
    assert_int_equal(s.bad->state, MEMBER_OPEN);
    assert_untouched();
    end();
}

#define CAUGHT 256

static void what_is_played_back_is_not_taken_twice(void **unused)
{
    (void)unused;
    static struct datagram caught[CAUGHT];
    size_t n = 0;
    begin(35);
    world_run(&s.w, 5 * USEC_SEC);
    while (n < CAUGHT) { /* someone on the lead's way listens, and lets everything pass */
        world_run(&s.w, s.w.now + 5000);
        struct datagram flight[CAUGHT];
        size_t flying = 0;
        const struct datagram *d = NULL;
        while (flying < CAUGHT && (d = wire_get(s.w.up, s.w.now + USEC_SEC)) != NULL)
            flight[flying++] = *d;
        for (size_t i = 0; i < flying; i++) {
            wire_put(s.w.up, flight[i].at, &flight[i].from, &flight[i].to, flight[i].data,
                     flight[i].len);
            if (n < CAUGHT && flight[i].data[0] > 3 && addr_eq(&flight[i].from, &s.lead->bot->addr))
                caught[n++] = flight[i];
        }
    }
    world_run(&s.w, s.w.now + 100000);
    attack();
    const uint64_t in = s.w.hub->stat.rtp_in;
    const uint64_t unknown = s.w.hub->stat.unknown;
    uint64_t sent = 0;
    for (size_t i = 0; i < s.lead->bot->sends; i++)
        sent += s.lead->bot->send[i].sent;
    struct addr elsewhere = s.lead->bot->addr;
    elsewhere.ip[15] ^= 9;
    for (int i = 0; i < 5000; i++) {
        const struct datagram *const d = &caught[(size_t)i % CAUGHT];
        wire_put(s.w.up, s.w.now, i % 3 ? &d->from : &elsewhere, &s.w.addr, d->data, d->len);
        world_run(&s.w, s.w.now + 1000);
    }
    for (size_t i = 0; i < s.lead->bot->sends; i++)
        sent -= s.lead->bot->send[i].sent;
    assert_in_range(s.w.hub->stat.rtp_in - in, (0 - sent) - 10, (0 - sent) + 10);
    assert_true(s.w.hub->stat.unknown - unknown > 1600);
    assert_untouched();
    end();
}

/* A member that proves its address and then never ends its handshake. */
struct half {
    struct ice_conf ice;
    struct addr addr;
};

static void join_half(struct half *h, unsigned i)
{
    static char offer[NEGO_SDP_MAX];
    static char answer[NEGO_SDP_MAX];
    struct nego want = s.good->bot->nego;
    struct nego_self me = s.w.self;
    struct nego_error e;
    struct cmd_join *const j = calloc(1, sizeof *j);
    assert_non_null(j);
    me.lite = false;
    me.cands = 0;
    want = (struct nego){.n = 2,
                         .media = {{.audio = true, .codec = NEGO_OPUS, .recv = true},
                                   {.codec = NEGO_VP8, .recv = true}}};
    assert_true(nego_offer(&want, &me, &s.w.rng, offer));
    assert_true(
        nego_answer(&j->nego, offer, strlen(offer), NEGO_PLAY, &s.w.self, &s.w.rng, answer, &e));
    j->site = SITE_NONE;
    j->slot[1] = (struct slot){.kind = SLOT_SOURCE, .source = SRC_CAMERA};
    h->ice = j->nego.ice;
    assert_true(addr_parse(&h->addr, "10.7.7.7:0"));
    h->addr.port = (uint16_t)(30000 + i);
    world_command(
        &s.w,
        &(struct cmd){.kind = CMD_MEMBER_ADD, .room = WORLD_ROOM, .member = 100000 + i, .join = j});
}

static void check_half(const struct half *h)
{
    char username[2 * ICE_CRED];
    (void)snprintf(username, sizeof username, "%s:%s", h->ice.local_ufrag, h->ice.remote_ufrag);
    struct stun_request rq = {.username = username,
                              .pwd = h->ice.local_pwd,
                              .priority = 1,
                              .tie_breaker = 1,
                              .controlling = true,
                              .use_candidate = true};
    rng_bytes(&s.w.rng, rq.tid, sizeof rq.tid);
    uint8_t *const to = outq_reserve(&s.out, &s.w.addr, STUN_MSG_MAX);
    assert_non_null(to);
    outq_commit(&s.out, stun_write_request(to, STUN_MSG_MAX, &rq));
    post(&h->addr);
}

static void handshakes_that_never_end_go_after_half_a_minute(void **unused)
{
    (void)unused;
    static struct half half[500];
    begin(36);
    world_run(&s.w, 5 * USEC_SEC);
    attack();
    for (unsigned i = 0; i < ARRAY_LEN(half); i++)
        join_half(&half[i], i);
    assert_int_equal(s.w.hub->members.n, WORLD_BOTS); /* and not one more */
    const size_t in_use = pkt_pool_in_use(s.w.pool);
    const uint64_t plis = s.lead->bot->plis;
    for (int sec = 0; sec < 31; sec++) {
        for (size_t i = 0; i < ARRAY_LEN(half); i++)
            check_half(&half[i]);
        world_run(&s.w, s.w.now + USEC_SEC);
        assert_true(pkt_pool_in_use(s.w.pool) < in_use + 600);
        if (sec == 20)
            assert_int_equal(s.w.hub->members.n, WORLD_BOTS);
    }
    assert_int_equal(s.w.hub->members.n, 2);
    assert_int_equal(s.w.hub->addrs.n, 2);
    assert_int_equal(s.w.hub->ufrags.n, 2);
    assert_int_equal(s.lead->bot->plis, plis); /* nobody was asked for a picture for them */
    assert_untouched();
    end();
}

static void a_point_that_floods_fills_neither_the_pool_nor_the_recording(void **unused)
{
    (void)unused;
    begin(37);
    world_state(&s.w, MODE_LECTURE, SITE_NONE, true);
    s.bad = world_point(&s.w, 1, &clean);
    world_run(&s.w, 5 * USEC_SEC);
    attack();
    const size_t in_use = pkt_pool_in_use(s.w.pool);
    const uint64_t in = s.w.hub->stat.rtp_in;
    s.bad->bot->send[1].every = 1000;
    s.bad->bot->send[1].packets = 10; /* 80 Mbit/s */
    world_run(&s.w, s.w.now + 5 * USEC_SEC);
    assert_true(s.w.hub->stat.rtp_in - in > 40000);
    assert_true(s.w.hub->stat.too_much > 5 * 4000000);
    assert_int_equal(s.w.hub->stat.taps_lost, 0);
    assert_true(pkt_pool_in_use(s.w.pool) < in_use + 2000);
    assert_untouched();
    end();
}

static void an_address_that_another_claimed_comes_back_with_the_next_check(void **unused)
{
    (void)unused;
    static struct half thief;
    begin(38);
    world_run(&s.w, 5 * USEC_SEC);
    join_half(&thief, 0);
    thief.addr = s.lead->bot->addr; /* forged */
    check_half(&thief);
    world_run(&s.w, s.w.now + 8 * USEC_SEC);
    attack();
    world_run(&s.w, s.w.now + 5 * USEC_SEC);
    assert_untouched();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_asks_for_everything_again_gets_twice_as_much_at_most),
        cmocka_unit_test(a_packet_is_not_sent_again_while_it_is_on_its_way),
        cmocka_unit_test(who_asks_for_key_frames_all_the_time_gets_one_in_four_seconds),
        cmocka_unit_test(thousands_of_ssrcs_become_no_streams),
        cmocka_unit_test(blocks_with_wrong_lengths_are_counted_and_harm_nobody),
        cmocka_unit_test(what_is_played_back_is_not_taken_twice),
        cmocka_unit_test(handshakes_that_never_end_go_after_half_a_minute),
        cmocka_unit_test(a_point_that_floods_fills_neither_the_pool_nor_the_recording),
        cmocka_unit_test(an_address_that_another_claimed_comes_back_with_the_next_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
