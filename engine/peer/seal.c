#include "engine/peer/seal.h"

#include "engine/base/bytes.h"
#include "engine/peer/rollover.h"
#include "engine/peer/sealer.h"
#include "engine/peer/srtcp.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

#define REPLAY_WINDOW 2048 /* a repaired packet may come a second late */
#define STREAMS_MAX 1024   /* SSRCs that one remote side may use; state is kept for each */
#define RTP_LEAST 12
#define RTCP_LEAST 8

struct seal {
    struct sealer out;
    struct rollover sent;
    struct srtcp rtcp_out;
    struct srtcp rtcp_in;
    srtp_t rtp_in;      /* NULL: none is expected */
    struct table heard; /* struct srtcp_replay by the remote side's SSRCs */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start_library(void)
{
    started = srtp_init() == srtp_err_status_ok;
}

static enum err session_new(srtp_t *session, enum seal_profile profile,
                            const struct seal_keys *keys)
{
    pthread_once(&once, start_library);
    if (!started)
        return E_NOMEM;
    uint8_t material[SEAL_KEY + SEAL_SALT_MAX];
    memcpy(material, keys->key, SEAL_KEY);
    memcpy(material + SEAL_KEY, keys->salt, SEAL_SALT_MAX);
    srtp_policy_t policy = {
        .ssrc.type = ssrc_any_inbound, .key = material, .window_size = REPLAY_WINDOW};
    if (profile == SEAL_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    }
    const srtp_err_status_t status = srtp_create(session, &policy);
    OPENSSL_cleanse(material, sizeof material);
    return status == srtp_err_status_ok ? OK : E_NOMEM;
}

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
    table_init(&s->heard, sizeof(uint32_t), be64(recv->key));
    enum err e = start_sealer(&s->out, profile, send);
    if (!e)
        e = srtcp_init(&s->rtcp_out, profile, send);
    if (!e)
        e = srtcp_init(&s->rtcp_in, profile, recv);
    if (!e && rtp_in)
        e = session_new(&s->rtp_in, profile, recv);
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
    if (s->rtp_in)
        srtp_dealloc(s->rtp_in);
    size_t at = 0;
    for (void *r; (r = table_each(&s->heard, &at));)
        free(r);
    table_fini(&s->heard);
    free(s);
}

size_t seal_rtp_len(const struct seal *s, const struct seal_parts *p)
{
    return p->head + p->patched + p->rest_len + p->pad + sealer_tag(&s->out);
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

/* libsrtp, too, keeps state for every SSRC that proved authentic, without a limit of its own. */
static bool may_open(const struct seal *s, uint32_t ssrc)
{
    return s->heard.n < STREAMS_MAX || table_get(&s->heard, &ssrc);
}

/* An SSRC of which something authentic came for the first time. */
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

bool seal_open_rtp(struct seal *s, uint8_t *buf, size_t *len)
{
    if (!s->rtp_in || *len < RTP_LEAST || *len > UINT16_MAX)
        return false;
    const uint32_t ssrc = be32(buf + 8);
    int n = (int)*len;
    if (!may_open(s, ssrc) || srtp_unprotect(s->rtp_in, buf, &n) != srtp_err_status_ok)
        return false;
    *len = (size_t)n;
    return table_get(&s->heard, &ssrc) || heard_new(s, ssrc, &(struct srtcp_replay){0});
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
    return may_open(s, ssrc) && srtcp_open(&s->rtcp_in, &first, buf, len) &&
           heard_new(s, ssrc, &first);
}
