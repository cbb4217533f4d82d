#include "engine/peer/seal.h"

#include "engine/base/bytes.h"
#include "engine/peer/rollover.h"
#include "engine/peer/sealer.h"
#include "engine/peer/srtcp.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define STREAMS_MAX 1024 /* SSRCs that one remote side may use; state is kept for each */
#define RTP_LEAST 12
#define RTCP_LEAST 8

struct seal {
    struct sealer out;
    struct rollover sent;
    struct srtcp rtcp_out;
    struct srtcp rtcp_in;
    struct sealer in; /* without a cipher: none is expected */
    struct rollover got;
    struct table heard; /* struct srtcp_replay by the remote side's SSRCs */
};

static enum err start_sealer(struct sealer *s, enum seal_profile profile,
                             const struct seal_keys *master)
{
    struct sealer_session session;
    const enum err e =
        sealer_derive(&session, profile, master) ? sealer_init(s, profile, &session) : E_NOMEM;
    OPENSSL_cleanse(&session, sizeof session);
    return e;
}

enum err seal_new(struct seal **sp, enum seal_profile profile, const struct seal_keys *send,
                  const struct seal_keys *recv, bool rtp_in)
{
    struct seal *s = *sp = calloc(1, sizeof *s);
    if (!s)
        return E_NOMEM;
    /* The tables' seeds need only be unknown to the other side's owner, not to the other side. */
    rollover_init(&s->sent, be64(send->key));
    rollover_init(&s->got, be64(recv->key));
    table_init(&s->heard, sizeof(uint32_t), be64(recv->key));
    enum err e = start_sealer(&s->out, profile, send);
    if (!e)
        e = srtcp_init(&s->rtcp_out, profile, send);
    if (!e)
        e = srtcp_init(&s->rtcp_in, profile, recv);
    if (!e && rtp_in)
        e = start_sealer(&s->in, profile, recv);
    if (e)
        seal_free(sp);
    return e;
}

void seal_free(struct seal **sp)
{
    struct seal *const s = *sp;
    if (!s)
        return;
    *sp = NULL;
    sealer_fini(&s->out);
    rollover_fini(&s->sent);
    srtcp_fini(&s->rtcp_out);
    srtcp_fini(&s->rtcp_in);
    sealer_fini(&s->in);
    rollover_fini(&s->got);
    size_t at = 0;
    for (void *r; (r = table_each(&s->heard, &at));)
        free(r);
    table_fini(&s->heard);
    free(s);
}

void seal_red(struct seal_parts *p, uint8_t *out, size_t cap, uint8_t pt, const struct red *r)
{
    assert(r->n > 0 && p->head <= cap);
    out[1] = (uint8_t)((out[1] & 0x80) | pt);
    p->patched = red_write(out + p->head, cap - p->head, r);
    p->red = r;
}

size_t seal_rtp_len(const struct seal *s, const struct seal_parts *p)
{
    return sealer_plain(p) + sealer_tag(&s->out);
}

size_t seal_rtp(struct seal *s, uint8_t *out, size_t cap, const struct seal_parts *parts)
{
    assert(parts->head >= RTP_LEAST);
    const size_t len = seal_rtp_len(s, parts);
    struct sealer_job job = {.out = out, .parts = *parts};
    if (len > cap || !rollover_take(&s->sent, be32(out + 8), be16(out + 2), &job.index))
        return 0;
    return sealer_run(&s->out, &job) ? len : 0;
}

size_t seal_rtcp(struct seal *s, uint8_t *buf, size_t len, size_t cap)
{
    if (len < RTCP_LEAST || cap < len || cap - len < SEAL_GROWTH)
        return 0;
    return srtcp_seal(&s->rtcp_out, buf, len, cap);
}

/* One remote side is not given state without a limit. */
static bool may_hear(const struct table *t, uint32_t ssrc)
{
    return t->n < STREAMS_MAX || table_get(t, &ssrc);
}

/* An SSRC of which a report came for the first time. */
static bool heard_new(struct seal *s, uint32_t ssrc, const struct srtcp_replay *replay)
{
    struct srtcp_replay *const r = malloc(sizeof *r);
    if (!r)
        return false;
    *r = *replay;
    if (table_put(&s->heard, &ssrc, r) == OK)
        return true;
    free(r);
    return false;
}

/* Header, CSRCs and extension are not encrypted (RFC 3711 3.1). 0: there is not so much. */
static size_t head_of(const uint8_t *buf, size_t len)
{
    size_t head = RTP_LEAST + 4u * (buf[0] & 0x0f);
    if (!(buf[0] & 0x10))
        return head <= len ? head : 0;
    if (head + 4 > len)
        return 0;
    head += 4 + 4u * be16(buf + head + 2);
    return head <= len ? head : 0;
}

bool seal_open_rtp(struct seal *s, uint8_t *buf, size_t *len)
{
    if (!s->in.cipher || *len < RTP_LEAST || *len > UINT16_MAX)
        return false;
    const uint32_t ssrc = be32(buf + 8);
    const size_t head = head_of(buf, *len);
    uint64_t index = 0;
    if (!head || !may_hear(&s->got.streams, ssrc) ||
        !rollover_guess(&s->got, ssrc, be16(buf + 2), &index) ||
        !sealer_open(&s->in, buf, head, *len, index) || !rollover_note(&s->got, ssrc, index))
        return false;
    *len -= sealer_tag(&s->in);
    return true;
}

bool seal_open_rtcp(struct seal *s, uint8_t *buf, size_t *len)
{
    if (*len < RTCP_LEAST)
        return false;
    const uint32_t ssrc = be32(buf + 4);
    struct srtcp_replay *const known = table_get(&s->heard, &ssrc);
    if (known)
        return srtcp_open(&s->rtcp_in, known, buf, len);
    struct srtcp_replay first = {0};
    return may_hear(&s->heard, ssrc) && srtcp_open(&s->rtcp_in, &first, buf, len) &&
           heard_new(s, ssrc, &first);
}
