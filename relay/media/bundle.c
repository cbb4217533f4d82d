#include "relay/media/bundle.h"

#include "engine/wire/opus.h"
#include "relay/media/forward.h"

#define LENGTH_MOST 2880 /* samples: 60 ms */

static const uint8_t *payload(const struct pkt *p)
{
    return p->data + p->rtp.payload_off;
}

static struct pkt *kept(const struct stream *from, uint32_t ext_seq)
{
    return hist_get(&from->hist, ext_seq);
}

static void send(struct sub *s, struct stream *from, usec now)
{
    struct bundle *const b = &s->bundle;
    const unsigned n = b->n;
    b->n = 0;
    struct pkt *const last = kept(from, b->last);
    if (last)
        forward_joined(s, from, last, n, now);
}

static bool fits(const struct bundle *b, const struct stream *from, const struct pkt *p,
                 uint16_t samples)
{
    const struct pkt *const before = kept(from, b->last);
    return before && p->rtp.ext_seq == b->last + 1 && p->rtp.ts == before->rtp.ts + samples &&
           payload(before)[0] == payload(p)[0] && (unsigned)(b->n + 1) * samples <= LENGTH_MOST;
}

bool bundle_input(struct sub *s, struct stream *from, struct pkt *p, usec now)
{
    struct bundle *const b = &s->bundle;
    struct opustoc t;
    const bool one = opustoc_parse(payload(p), p->rtp.payload_len, &t) &&
                     opusjoin_one(payload(p), p->rtp.payload_len);
    if (b->n > 0 && (int32_t)(p->rtp.ext_seq - b->last) <= 0)
        return false; /* it comes late and fills its own hole */
    if (b->n > 0 && !(one && fits(b, from, p, t.samples)))
        send(s, from, now);
    if (!one || b->most < 2 || t.samples * 2u > LENGTH_MOST)
        return false;
    if (b->n++ == 0)
        b->until = now + (usec)t.samples * b->most * USEC_SEC / 48000;
    b->last = p->rtp.ext_seq;
    if (b->n >= b->most || (b->n + 1u) * t.samples > LENGTH_MOST)
        send(s, from, now);
    return true;
}

void bundle_tick(struct sub *s, usec now)
{
    if (s->bundle.n > 0 && now >= s->bundle.until && s->current)
        send(s, s->current, now);
}

usec bundle_next(const struct sub *s)
{
    return s->bundle.n > 0 && s->current ? s->bundle.until : USEC_NEVER;
}

static bool gather(const struct sub *s, const struct pkt *last, unsigned n,
                   const struct pkt *packet[BUNDLE_MOST])
{
    if (!s->current || n == 0 || n > BUNDLE_MOST || kept(s->current, last->rtp.ext_seq) != last)
        return false;
    for (unsigned i = 0; i < n; i++) {
        packet[i] = kept(s->current, last->rtp.ext_seq - (n - 1 - i));
        if (!packet[i])
            return false;
    }
    return true;
}

const struct pkt *bundle_first(const struct sub *s, const struct pkt *last, unsigned n)
{
    const struct pkt *packet[BUNDLE_MOST];
    return gather(s, last, n, packet) ? packet[0] : NULL;
}

size_t bundle_write(const struct sub *s, const struct pkt *last, unsigned n, uint8_t *out,
                    size_t cap)
{
    const struct pkt *packet[BUNDLE_MOST];
    const uint8_t *data[BUNDLE_MOST];
    size_t len[BUNDLE_MOST];
    if (!gather(s, last, n, packet))
        return 0;
    for (unsigned i = 0; i < n; i++) {
        data[i] = payload(packet[i]);
        len[i] = packet[i]->rtp.payload_len;
    }
    return opusjoin_write(data, len, n, out, cap);
}
