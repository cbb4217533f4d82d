#include "engine/media/recvstat.h"

#define FIRST_CYCLE 65536u
#define DROPOUT 3000 /* RFC 3550 A.1: a hole up to this is loss */
#define WINDOW 1024  /* bits of recvstat.window; older packets are no packets */
#define WINDOW_WORDS (WINDOW / 64)

void recvstat_init(struct recvstat *r, uint32_t ssrc, uint32_t clock_rate)
{
    assert(clock_rate > 0);
    *r = (struct recvstat){.ssrc = ssrc, .clock_rate = clock_rate};
}

static uint64_t *word_of(struct recvstat *r, uint32_t ext_seq)
{
    return &r->window[ext_seq / 64 % WINDOW_WORDS];
}

static uint64_t bit_of(uint32_t ext_seq)
{
    return UINT64_C(1) << ext_seq % 64;
}

/* Numbers up to `to` are new: nothing is known of them. */
static void move_window(struct recvstat *r, uint32_t to)
{
    if (to - r->highest >= WINDOW) {
        memset(r->window, 0, sizeof r->window);
    } else {
        for (uint32_t seq = r->highest + 1; seq != to + 1; seq++)
            *word_of(r, seq) &= ~bit_of(seq);
    }
    r->highest = to;
}

static uint32_t rtp_now(const struct recvstat *r, usec now)
{
    const uint64_t us = (uint64_t)now;
    return (uint32_t)(us / 1000000 * r->clock_rate + us % 1000000 * r->clock_rate / 1000000);
}

/* RFC 3550 A.8. Repaired and late packets say nothing about the way's jitter. */
static void update_jitter(struct recvstat *r, usec now, uint32_t ts)
{
    const uint32_t transit = rtp_now(r, now) - ts;
    const int32_t d = (int32_t)(transit - r->transit);
    const uint32_t off = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    r->transit = transit;
    /* A clock that was set is not jitter. */
    if (off < r->clock_rate * 10)
        r->jitter_q4 += off - ((r->jitter_q4 + 8) >> 4);
}

static void begin(struct recvstat *r, usec now, const struct pkt_rtp *p)
{
    r->started = true;
    r->base = r->highest = FIRST_CYCLE + p->seq;
    r->transit = rtp_now(r, now) - p->ts;
}

/* The smallest number above the highest that looks like this one. */
static uint32_t after_highest(const struct recvstat *r, uint16_t seq)
{
    const uint16_t ahead = (uint16_t)(seq - (uint16_t)r->highest);
    return r->highest + (ahead ? ahead : FIRST_CYCLE);
}

/* The second packet in order of a sender that began anew. What was not sent is not lost: the base
 * moves along. */
static void begin_anew(struct recvstat *r, usec now, const struct pkt_rtp *p)
{
    const uint32_t seq = after_highest(r, p->seq);
    r->base += seq - r->highest - 1;
    r->highest = seq;
    memset(r->window, 0, sizeof r->window);
    r->transit = rtp_now(r, now) - p->ts;
    r->probing = false;
}

static bool is_confirmed(struct recvstat *r, uint16_t seq)
{
    const bool yes = r->probing && seq == r->probation_seq;
    r->probing = true;
    r->probation_seq = (uint16_t)(seq + 1);
    return yes;
}

/* Finds the place of a packet; false: there is none. */
static bool locate(struct recvstat *r, usec now, const struct pkt_rtp *p, uint32_t *ext_seq)
{
    const int d = seq_diff(p->seq, (uint16_t)r->highest);
    if (!r->started) {
        begin(r, now, p);
    } else if (d > 0 && d < DROPOUT) {
        move_window(r, r->highest + (uint32_t)d);
        if (!p->repaired)
            update_jitter(r, now, p->ts);
    } else if (d <= 0 && d > -WINDOW) {
        *ext_seq = r->highest - (uint32_t)-d;
        r->base = *ext_seq < r->base ? *ext_seq : r->base;
        r->probing = false;
        return true;
    } else if (is_confirmed(r, p->seq)) {
        begin_anew(r, now, p);
    } else {
        return false;
    }
    r->probing = false;
    *ext_seq = r->highest;
    return true;
}

bool recvstat_input(struct recvstat *r, usec now, const struct pkt_rtp *p, size_t bytes,
                    uint32_t *ext_seq)
{
    if (!locate(r, now, p, ext_seq))
        return false;
    uint64_t *const word = word_of(r, *ext_seq);
    if (*word & bit_of(*ext_seq)) {
        r->duplicates++;
        return false;
    }
    *word |= bit_of(*ext_seq);
    r->bytes += bytes;
    if (p->repaired)
        r->repaired++;
    else
        r->received++;
    return true;
}

bool recvstat_misses(const struct recvstat *r, uint16_t seq, uint32_t *ext_seq)
{
    const int d = seq_diff(seq, (uint16_t)r->highest);
    *ext_seq = r->highest + (uint32_t)d;
    if (!r->started || d > 0)
        return r->started && d < DROPOUT;
    return d > -WINDOW && *ext_seq >= r->base &&
           !(r->window[*ext_seq / 64 % WINDOW_WORDS] & bit_of(*ext_seq));
}

void recvstat_sr(struct recvstat *r, usec now, uint64_t ntp)
{
    r->sr_ntp = ntp;
    r->sr_at = now;
}

static uint32_t since_sr(const struct recvstat *r, usec now)
{
    const uint64_t us = (uint64_t)usec_max(now - r->sr_at, 0);
    return (uint32_t)(us / 1000000 * 65536 + us % 1000000 * 65536 / 1000000);
}

void recvstat_report(struct recvstat *r, usec now, struct rtcp_report *out)
{
    *out = (struct rtcp_report){.ssrc = r->ssrc};
    if (r->sr_ntp) {
        out->lsr = (uint32_t)(r->sr_ntp >> 16);
        out->dlsr = since_sr(r, now);
    }
    if (!r->started)
        return;

    /* RFC 3550 A.3 */
    const uint64_t expected = r->highest - r->base + 1;
    const int64_t lost = (int64_t)(expected - r->received);
    const int64_t expected_now = (int64_t)(expected - r->expected_prior);
    const int64_t lost_now = expected_now - (int64_t)(r->received - r->received_prior);
    r->expected_prior = expected;
    r->received_prior = r->received;
    if (expected_now > 0 && lost_now > 0)
        out->fraction_lost =
            (uint8_t)((lost_now << 8) / expected_now > 255 ? 255 : (lost_now << 8) / expected_now);
    out->lost = (int32_t)(lost > INT32_MAX ? INT32_MAX : lost);
    out->ext_highest = r->highest - FIRST_CYCLE;
    out->jitter = r->jitter_q4 >> 4;
}
