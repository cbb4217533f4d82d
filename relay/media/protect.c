#include "relay/media/protect.h"

#include "relay/media/forward.h"
#include "relay/media/hub.h"
#include "relay/media/member.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_LEAST 5             /* packets: fewer would need as many repair packets again */
#define BLOCK_TIME (60 * USEC_MS) /* but a block is not older when a picture ends */
#define MEDIA_LEAST 50000         /* bits per second */

struct protect {
    struct fecenc enc;
    usec begun; /* the block */
};

static bool has_fec(const struct member *m, size_t i)
{
    const struct sub *const s = m->sub[i];
    return s && s->track && m->line[i].fec_pt && sub_class(s) == PACER_VIDEO;
}

static void protect_new(struct sub *s)
{
    s->protect = calloc(1, sizeof *s->protect); /* without memory: next time */
}

void protect_free(struct protect **p)
{
    free(*p);
    *p = NULL;
}

void protect_look(struct member *m, usec now, uint64_t spare, uint64_t media)
{
    const struct fec_way way = {.loss = m->red.loss,
                                .rtt = m->rtt,
                                .spare = spare,
                                .media = media > MEDIA_LEAST ? media : MEDIA_LEAST};
    const bool on = fec_rule_look(&m->fec, now, &way);
    m->fec_bps = on ? fec_rule_takes(&m->fec, way.media) : 0;
    for (size_t i = 0; i < m->lines; i++) {
        struct sub *const s = m->sub[i];
        const bool wanted = on && has_fec(m, i);
        if (s && s->protect && !wanted)
            protect_free(&s->protect);
        else if (s && !s->protect && wanted)
            protect_new(s);
    }
}

uint64_t protect_bps(const struct member *m)
{
    return m->fec_bps;
}

/* One repair packet, to leave as repairs do. */
static void push(struct sub *s, const struct send_rec *last, unsigned i)
{
    struct member *const m = s->member;
    struct pkt *p = m->hub->pool ? pkt_get(m->hub->pool) : NULL;
    if (!p)
        return;
    const size_t len = fecenc_write(&s->protect->enc, i, p->data, PKT_CAP);
    if (!len) {
        pkt_unref(&p);
        return;
    }
    p->rtp = (struct pkt_rtp){.payload_len = (uint16_t)len};
    p->len = (uint16_t)len;
    const struct send_rec r = {
        .pkt = p,
        .map = {.ts = last->map.ts, .seq = last->map.seq},
        .rtx_seq = s->fec_seq,
        .sub = s->line,
        .cls = PACER_RTX,
        .rtx = true,
        .fec = true,
    };
    s->fec_seq++;
    if (!pacer_push(&m->pacer, &r))
        m->hub->stat.pacer_full++;
}

static void close_block(struct sub *s, const struct send_rec *last)
{
    struct fecenc *const e = &s->protect->enc;
    const unsigned n = fecenc_close(e, fec_rule_loss(&s->member->fec));
    s->member->hub->stat.fec_blocks++;
    for (unsigned i = 0; i < n; i++)
        push(s, last, i);
    fecenc_reset(e);
}

void protect_sent(struct sub *s, usec now, const struct send_rec *r, const struct fec_packet *p)
{
    struct protect *const own = s->protect;
    const bool full = fecenc_add(&own->enc, p, s->member->line[s->line].ext.id[RTP_EXT_TWCC]);
    own->begun = own->enc.n == 1 ? now : own->begun;
    const bool ends = r->marker && own->enc.n > 0 &&
                      (own->enc.n >= BLOCK_LEAST || now - own->begun >= BLOCK_TIME);
    if (full || ends)
        close_block(s, r);
}
