#include "engine/wire/rtp.h"

#include "engine/base/bytes.h"

/* Header extension profiles, RFC 8285, 4.2 and 4.3. */
#define ONE_BYTE 0xbede
#define TWO_BYTE 0x1000 /* its last four bits are the application's */
#define ONE_BYTE_STOP 15

static const char *const uris[RTP_EXT_COUNT] = {
    [RTP_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
    [RTP_EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    [RTP_EXT_RRID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    [RTP_EXT_TWCC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    [RTP_EXT_ABS_CAPTURE] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    [RTP_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    [RTP_EXT_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    [RTP_EXT_DEPDESC] =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
};

const char *rtp_ext_uri(enum rtp_ext e)
{
    assert(e < RTP_EXT_COUNT);
    return uris[e];
}

enum rtp_ext rtp_ext_of_uri(const char *uri, size_t len)
{
    for (int e = 0; e < RTP_EXT_COUNT; e++)
        if (strlen(uris[e]) == len && memcmp(uris[e], uri, len) == 0)
            return (enum rtp_ext)e;
    return RTP_EXT_COUNT;
}

/* RFC 3550, 5.3.1: 16 bits of profile, length in words, and the extension itself. */
static bool skip_extension(struct reader *r)
{
    (void)read_u16(r);
    const size_t words = read_u16(r);
    return read_bytes(r, 4 * words) != NULL;
}

/* RFC 3550, 5.1: the last byte counts the padding, itself included. False: more than there is. */
static bool cut_padding(struct reader *r)
{
    if (r->left == 0)
        return false;
    const uint8_t n = r->p[r->left - 1];
    if (n == 0 || n > r->left)
        return false;
    r->left -= n;
    return true;
}

bool rtp_describe(struct pkt *p)
{
    struct reader r = reader_of(p->data, p->len);
    const uint8_t *const head = read_bytes(&r, RTP_HEADER);
    if (!head || head[0] >> 6 != 2)
        return false;
    const bool padded = head[0] & 0x20;
    const bool extended = head[0] & 0x10;
    const size_t csrcs = head[0] & 0x0f;

    if (!read_bytes(&r, 4 * csrcs))
        return false;
    const uint16_t ext_off = extended ? (uint16_t)(p->len - r.left) : 0;
    if (extended && !skip_extension(&r))
        return false;
    const uint16_t payload_off = (uint16_t)(p->len - r.left);
    if (padded && !cut_padding(&r))
        return false;

    p->rtp.marker = head[1] >> 7;
    p->rtp.pt = head[1] & 0x7f;
    p->rtp.seq = be16(head + 2);
    p->rtp.ts = be32(head + 4);
    p->rtp.ssrc = be32(head + 8);
    p->rtp.ext_off = ext_off;
    p->rtp.payload_off = payload_off;
    p->rtp.payload_len = (uint16_t)r.left;
    return true;
}

/* One element of the block: false at its end. Padding has id 0 and no length. */
static bool next_element(struct reader *r, bool two_bytes, uint8_t *id, const uint8_t **value,
                         size_t *len)
{
    const uint8_t first = read_u8(r);
    *value = r->p;
    *len = 0;
    if (r->bad || first == 0) {
        *id = 0;
        return !r->bad;
    }
    *id = two_bytes ? first : first >> 4;
    if (!two_bytes && *id == ONE_BYTE_STOP)
        return false;
    *len = two_bytes ? read_u8(r) : (first & 0x0fu) + 1u;
    *value = read_bytes(r, *len);
    return !r->bad;
}

const uint8_t *rtp_ext_find(const struct pkt *p, uint8_t id, size_t *len)
{
    if (id == 0 || p->rtp.ext_off == 0)
        return NULL;
    const uint8_t *const head = p->data + p->rtp.ext_off;
    const uint16_t profile = be16(head);
    const bool two_bytes = (profile & 0xfff0) == TWO_BYTE;
    if (!two_bytes && profile != ONE_BYTE)
        return NULL;

    struct reader r = reader_of(head + 4, 4u * be16(head + 2));
    const uint8_t *value;
    uint8_t found;
    while (next_element(&r, two_bytes, &found, &value, len))
        if (found == id)
            return value;
    return NULL;
}

bool rtp_undo_rtx(struct pkt *p, uint32_t ssrc, uint8_t pt)
{
    if (p->rtp.payload_len < 2)
        return false;
    p->rtp.seq = be16(p->data + p->rtp.payload_off);
    p->rtp.payload_off = (uint16_t)(p->rtp.payload_off + 2);
    p->rtp.payload_len = (uint16_t)(p->rtp.payload_len - 2);
    p->rtp.ssrc = ssrc;
    p->rtp.pt = pt;
    p->rtp.repaired = true;
    return true;
}

struct element {
    uint8_t id;
    uint8_t len;
    const uint8_t *value;
};

static size_t add(struct element *all, size_t n, uint8_t id, const void *value, size_t len)
{
    if (id == 0 || !value || len > UINT8_MAX)
        return n;
    all[n] = (struct element){.id = id, .len = (uint8_t)len, .value = value};
    return n + 1;
}

static size_t add_text(struct element *all, size_t n, uint8_t id, const char *text)
{
    return text ? add(all, n, id, text, strlen(text)) : n;
}

static void write_elements(struct writer *w, const struct element *all, size_t n)
{
    bool two_bytes = false;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        two_bytes |= all[i].id >= ONE_BYTE_STOP || all[i].len == 0 || all[i].len > 16;
        bytes += all[i].len;
    }
    bytes += n * (two_bytes ? 2 : 1);
    const size_t words = (bytes + 3) / 4;

    write_u16(w, two_bytes ? TWO_BYTE : ONE_BYTE);
    write_u16(w, (uint16_t)words);
    for (size_t i = 0; i < n; i++) {
        if (two_bytes) {
            write_u8(w, all[i].id);
            write_u8(w, all[i].len);
        } else {
            write_u8(w, (uint8_t)(all[i].id << 4 | (all[i].len - 1)));
        }
        write_bytes(w, all[i].value, all[i].len);
    }
    for (; bytes < 4 * words; bytes++)
        write_u8(w, 0);
}

size_t rtp_write(uint8_t *out, size_t cap, const struct rtp_head *h, const struct rtp_extmap *ids,
                 const struct rtp_ext_values *v)
{
    struct element all[RTP_EXT_COUNT];
    size_t n = 0;
    uint8_t twcc[2];
    put_be16(twcc, v->twcc);
    n = add_text(all, n, ids->id[RTP_EXT_MID], v->mid);
    n = add_text(all, n, ids->id[v->repair ? RTP_EXT_RRID : RTP_EXT_RID], v->rid);
    n = add(all, n, ids->id[RTP_EXT_TWCC], v->has_twcc ? twcc : NULL, sizeof twcc);
    n = add(all, n, ids->id[RTP_EXT_ABS_CAPTURE], v->abs_capture, v->abs_capture_len);
    n = add(all, n, ids->id[RTP_EXT_AUDIO_LEVEL], v->has_level ? &v->level : NULL, 1);

    struct writer w = writer_of(out, cap);
    write_u8(&w, (uint8_t)(0x80 | (h->padding ? 0x20 : 0) | (n ? 0x10 : 0)));
    write_u8(&w, (uint8_t)((h->marker ? 0x80 : 0) | (h->pt & 0x7f)));
    write_u16(&w, h->seq);
    write_u32(&w, h->ts);
    write_u32(&w, h->ssrc);
    if (n)
        write_elements(&w, all, n);
    return w.bad ? 0 : w.len;
}

bool rtp_abs_capture(const struct pkt *p, uint8_t id, uint64_t *ntp)
{
    size_t len;
    const uint8_t *const value = rtp_ext_find(p, id, &len);
    if (!value || (len != 8 && len != 16)) /* 16: with the offset to the capturer's clock */
        return false;
    *ntp = be64(value);
    return true;
}
