#include "engine/wire/rtcp.h"

/* Packet types, RFC 3550 12.1 and RFC 4585 6.1, and the feedback formats that we know. */
#define PT_SR 200
#define PT_RR 201
#define PT_SDES 202
#define PT_BYE 203
#define PT_RTPFB 205
#define PT_PSFB 206
#define FMT_NACK 1
#define FMT_TWCC 15
#define FMT_PLI 1
#define FMT_FIR 4
#define FMT_AFB 15

#define SDES_CNAME 1
#define REMB_NAME 0x52454d42u /* "REMB" */
#define REPORT_LEN 24
#define BLOCKS_MAX 0x1f

/* 24 bits, two's complement. */
static int32_t lost_of_wire(uint32_t v)
{
    return v & 0x800000 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

static uint32_t lost_to_wire(int32_t lost)
{
    if (lost > 0x7fffff)
        lost = 0x7fffff;
    if (lost < -0x800000)
        lost = -0x800000;
    return (uint32_t)lost & 0xffffff;
}

static void read_reports(struct reader *r, struct rtcp_item *it, size_t n)
{
    it->reports = n;
    for (size_t i = 0; i < n; i++) {
        struct rtcp_report *const b = &it->report[i];
        b->ssrc = read_u32(r);
        b->fraction_lost = read_u8(r);
        b->lost = lost_of_wire(read_u24(r));
        b->ext_highest = read_u32(r);
        b->jitter = read_u32(r);
        b->lsr = read_u32(r);
        b->dlsr = read_u32(r);
    }
}

static void read_sr(struct reader *r, struct rtcp_item *it, size_t n)
{
    it->kind = RTCP_SR;
    it->ntp = read_u64(r);
    it->rtp_ts = read_u32(r);
    it->packets = read_u32(r);
    it->octets = read_u32(r);
    read_reports(r, it, n);
}

/* draft-alvestrand-rmcat-remb-03: 6 bits of exponent, 18 of mantissa. */
static void read_remb(struct reader *r, struct rtcp_item *it)
{
    (void)read_u32(r);
    const size_t ssrcs = read_u8(r);
    const uint32_t v = read_u24(r);
    const unsigned exponent = v >> 18;
    const uint64_t mantissa = v & 0x3ffff;
    it->kind = RTCP_REMB;
    it->bps = exponent > 45 && mantissa ? UINT64_MAX : mantissa << exponent;
    if (ssrcs && r->left >= 4)
        it->media = be32(r->p);
    if (r->left < 4 * ssrcs)
        r->bad = true;
}

static void read_feedback(struct reader *r, struct rtcp_item *it, uint8_t pt, uint8_t fmt)
{
    it->media = read_u32(r);
    if (pt == PT_RTPFB && fmt == FMT_NACK) {
        it->kind = RTCP_NACK;
    } else if (pt == PT_RTPFB && fmt == FMT_TWCC) {
        it->kind = RTCP_TWCC;
    } else if (pt == PT_PSFB && fmt == FMT_PLI) {
        it->kind = RTCP_PLI;
    } else if (pt == PT_PSFB && fmt == FMT_FIR) {
        it->kind = RTCP_FIR;
        /* RFC 5104, 4.3.1.2: the media field is 0; the entries name the streams. */
        if (r->left >= 8)
            it->media = be32(r->p);
    } else if (pt == PT_PSFB && fmt == FMT_AFB && r->left >= 8 && be32(r->p) == REMB_NAME) {
        read_remb(r, it);
    }
}

static void read_body(struct reader *r, struct rtcp_item *it, uint8_t pt, uint8_t count)
{
    if (r->left >= 4) /* an empty SDES or BYE has no SSRC */
        it->sender = be32(r->p);
    switch (pt) {
    case PT_SR:
        (void)read_u32(r);
        read_sr(r, it, count);
        break;
    case PT_RR:
        (void)read_u32(r);
        it->kind = RTCP_RR;
        read_reports(r, it, count);
        break;
    case PT_SDES:
        it->kind = RTCP_SDES;
        break;
    case PT_BYE:
        it->kind = RTCP_BYE;
        break;
    case PT_RTPFB:
    case PT_PSFB:
        (void)read_u32(r);
        read_feedback(r, it, pt, count);
        break;
    default:
        break;
    }
    it->body = r->p;
    it->body_len = r->left;
}

/* RFC 3550, 6.4.1: the last byte counts the padding. */
static bool cut_padding(struct reader *r)
{
    const size_t n = r->left ? r->p[r->left - 1] : 0;
    if (n == 0 || n > r->left)
        return false;
    r->left -= n;
    return true;
}

bool rtcp_next(struct reader *r, struct rtcp_item *it)
{
    if (r->left == 0 || r->bad)
        return false;
    *it = (struct rtcp_item){.kind = RTCP_OTHER};
    const uint8_t first = read_u8(r);
    const uint8_t pt = read_u8(r);
    const size_t words = read_u16(r);
    const uint8_t *const body = read_bytes(r, 4 * words);
    if (!body || first >> 6 != 2 || pt < 192 || pt > 223) {
        r->bad = true;
        return false;
    }

    struct reader inner = reader_of(body, 4 * words);
    if (first & 0x20 && !cut_padding(&inner))
        inner.bad = true;
    else
        read_body(&inner, it, pt, first & BLOCKS_MAX);
    r->bad = inner.bad;
    return !inner.bad;
}

size_t rtcp_nack_list(const struct rtcp_item *it, uint16_t *out, size_t cap)
{
    assert(it->kind == RTCP_NACK);
    struct reader r = reader_of(it->body, it->body_len);
    size_t n = 0;
    while (r.left >= 4 && n < cap) {
        const uint16_t pid = read_u16(&r);
        const uint16_t others = read_u16(&r);
        out[n++] = pid;
        for (unsigned i = 0; i < 16 && n < cap; i++)
            if (others >> i & 1)
                out[n++] = (uint16_t)(pid + i + 1);
    }
    return n;
}

/* A writer over the body of one whole packet, its head written; bad if it does not fit, and then
 * nothing was written: a compound never ends in half a packet. */
static struct writer begin(struct writer *w, uint8_t count, uint8_t pt, size_t body_len)
{
    assert(body_len % 4 == 0 && body_len / 4 <= UINT16_MAX);
    uint8_t *const p = write_space(w, 4 + body_len);
    if (!p)
        return (struct writer){.bad = true};
    p[0] = (uint8_t)(0x80 | count);
    p[1] = pt;
    put_be16(p + 2, (uint16_t)(body_len / 4));
    return writer_of(p + 4, body_len);
}

void rtcp_write_sr(struct writer *w, uint32_t ssrc, uint64_t ntp, uint32_t ts, uint32_t packets,
                   uint32_t octets)
{
    struct writer b = begin(w, 0, PT_SR, 24);
    write_u32(&b, ssrc);
    write_u64(&b, ntp);
    write_u32(&b, ts);
    write_u32(&b, packets);
    write_u32(&b, octets);
}

void rtcp_write_rr(struct writer *w, uint32_t ssrc, const struct rtcp_report *r, size_t n)
{
    assert(n <= RTCP_REPORTS);
    struct writer b = begin(w, (uint8_t)n, PT_RR, 4 + n * REPORT_LEN);
    write_u32(&b, ssrc);
    for (size_t i = 0; i < n; i++) {
        write_u32(&b, r[i].ssrc);
        write_u8(&b, r[i].fraction_lost);
        write_u24(&b, lost_to_wire(r[i].lost));
        write_u32(&b, r[i].ext_highest);
        write_u32(&b, r[i].jitter);
        write_u32(&b, r[i].lsr);
        write_u32(&b, r[i].dlsr);
    }
}

void rtcp_write_sdes(struct writer *w, uint32_t ssrc, const char *cname)
{
    const size_t len = size_min(strlen(cname), UINT8_MAX);
    /* RFC 3550, 6.5: at least one zero ends the list, and the chunk fills its last word */
    const size_t zeros = 4 - (2 + len) % 4;
    struct writer b = begin(w, 1, PT_SDES, 4 + 2 + len + zeros);
    write_u32(&b, ssrc);
    write_u8(&b, SDES_CNAME);
    write_u8(&b, (uint8_t)len);
    write_bytes(&b, cname, len);
    for (size_t i = 0; i < zeros; i++)
        write_u8(&b, 0);
}

void rtcp_write_bye(struct writer *w, uint32_t ssrc)
{
    struct writer b = begin(w, 1, PT_BYE, 4);
    write_u32(&b, ssrc);
}

/* How many of n rising numbers share one pair with the first; *others gets its bit mask. */
static size_t pair_of(const uint16_t *seqs, size_t n, uint16_t *others)
{
    size_t i = 1;
    *others = 0;
    for (; i < n; i++) {
        const uint16_t ahead = (uint16_t)(seqs[i] - seqs[0]);
        if (ahead > 16)
            break;
        if (ahead > 0) /* 0: named twice */
            *others = (uint16_t)(*others | 1u << (ahead - 1));
    }
    return i;
}

void rtcp_write_nack(struct writer *w, uint32_t sender, uint32_t media, const uint16_t *seqs,
                     size_t n)
{
    uint16_t others;
    size_t pairs = 0;
    for (size_t i = 0; i < n; pairs++)
        i += pair_of(seqs + i, n - i, &others);

    struct writer b = begin(w, FMT_NACK, PT_RTPFB, 8 + 4 * pairs);
    write_u32(&b, sender);
    write_u32(&b, media);
    for (size_t i = 0; i < n;) {
        const size_t taken = pair_of(seqs + i, n - i, &others);
        write_u16(&b, seqs[i]);
        write_u16(&b, others);
        i += taken;
    }
}

void rtcp_write_pli(struct writer *w, uint32_t sender, uint32_t media)
{
    struct writer b = begin(w, FMT_PLI, PT_PSFB, 8);
    write_u32(&b, sender);
    write_u32(&b, media);
}

void rtcp_write_remb(struct writer *w, uint32_t sender, uint64_t bps, const uint32_t *ssrcs,
                     size_t n)
{
    assert(n <= UINT8_MAX);
    uint32_t exponent = 0;
    for (; bps > 0x3ffff; exponent++)
        bps >>= 1;
    struct writer b = begin(w, FMT_AFB, PT_PSFB, 16 + 4 * n);
    write_u32(&b, sender);
    write_u32(&b, 0);
    write_u32(&b, REMB_NAME);
    write_u8(&b, (uint8_t)n);
    write_u24(&b, exponent << 18 | (uint32_t)bps);
    for (size_t i = 0; i < n; i++)
        write_u32(&b, ssrcs[i]);
}

#define NTP_OF_1970 2208988800
#define US_PER_S 1000000

uint64_t ntp_of_unix_us(int64_t us)
{
    int64_t s = us / US_PER_S;
    int64_t rest = us % US_PER_S;
    if (rest < 0) {
        rest += US_PER_S;
        s--;
    }
    const uint64_t fraction = (((uint64_t)rest << 32) + US_PER_S / 2) / US_PER_S;
    return (uint64_t)(s + NTP_OF_1970) << 32 | fraction;
}

int64_t unix_us_of_ntp(uint64_t ntp)
{
    /* RFC 4330, 3: seconds with the first bit clear are of the era that begins in 2036 */
    int64_t s = (int64_t)(ntp >> 32);
    if (s < INT64_C(0x80000000))
        s += INT64_C(0x100000000);
    const uint64_t fraction = ntp & UINT32_MAX;
    return (s - NTP_OF_1970) * US_PER_S + (int64_t)((fraction * US_PER_S + (1u << 31)) >> 32);
}
