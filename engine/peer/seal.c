#include "engine/peer/seal.h"

#include "engine/base/bytes.h"
#include "engine/peer/rollover.h"
#include "engine/peer/sealer.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>

#define REPLAY_WINDOW 2048 /* a repaired packet may come a second late */
#define STREAMS_MAX 1024   /* SSRCs that one remote side may use; libsrtp keeps state for each */
#define RTP_LEAST 12
#define RTCP_LEAST 8

struct seal {
    struct sealer out;
    struct rollover sent;
    srtp_t rtcp_out;
    srtp_t in;
    struct table heard; /* the remote side's SSRCs */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start_library(void)
{
    started = srtp_init() == srtp_err_status_ok;
}

static enum err session_new(srtp_t *session, enum seal_profile profile,
                            const struct seal_keys *keys, srtp_ssrc_type_t direction)
{
    uint8_t material[SEAL_KEY + SEAL_SALT_MAX];
    memcpy(material, keys->key, SEAL_KEY);
    memcpy(material + SEAL_KEY, keys->salt, SEAL_SALT_MAX);
    srtp_policy_t policy = {.ssrc.type = direction, .key = material, .window_size = REPLAY_WINDOW};
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
                  const struct seal_keys *recv)
{
    *sp = NULL;
    pthread_once(&once, start_library);
    struct seal *s = started ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return E_NOMEM;
    /* The tables' seeds need only be unknown to the other side's owner, not to the other side. */
    rollover_init(&s->sent, be64(send->key));
    table_init(&s->heard, sizeof(uint32_t), be64(recv->key));
    enum err e = start_sealer(&s->out, profile, send);
    if (!e)
        e = session_new(&s->rtcp_out, profile, send, ssrc_any_outbound);
    if (!e)
        e = session_new(&s->in, profile, recv, ssrc_any_inbound);
    if (e)
        seal_free(&s);
    *sp = s;
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
    if (s->rtcp_out)
        srtp_dealloc(s->rtcp_out);
    if (s->in)
        srtp_dealloc(s->in);
    table_fini(&s->heard);
    free(s);
}

size_t seal_rtp(struct seal *s, uint8_t *out, size_t cap, size_t head, size_t patched,
                const uint8_t *rest, size_t rest_len)
{
    assert(head >= RTP_LEAST);
    const size_t len = head + patched + rest_len + sealer_tag(&s->out);
    struct sealer_job job = {
        .out = out, .head = head, .patched = patched, .rest = rest, .rest_len = rest_len};
    if (len > cap || !rollover_take(&s->sent, be32(out + 8), be16(out + 2), &job.index))
        return 0;
    return sealer_run(&s->out, &job) ? len : 0;
}

size_t seal_rtcp(struct seal *s, uint8_t *buf, size_t len, size_t cap)
{
    if (len < RTCP_LEAST || cap < len || cap - len < SEAL_GROWTH)
        return 0;
    int n = (int)len;
    return srtp_protect_rtcp(s->rtcp_out, buf, &n) == srtp_err_status_ok ? (size_t)n : 0;
}

/* libsrtp keeps state for every SSRC that proved authentic, without a limit of its own. */
static bool may_open(const struct seal *s, uint32_t ssrc)
{
    return s->heard.n < STREAMS_MAX || table_get(&s->heard, &ssrc);
}

static bool opened(struct seal *s, uint32_t ssrc, size_t *len, int n)
{
    *len = (size_t)n;
    return table_get(&s->heard, &ssrc) || table_put(&s->heard, &ssrc, s) == OK;
}

bool seal_open_rtp(struct seal *s, uint8_t *buf, size_t *len)
{
    if (*len < RTP_LEAST || *len > UINT16_MAX)
        return false;
    const uint32_t ssrc = be32(buf + 8);
    int n = (int)*len;
    return may_open(s, ssrc) && srtp_unprotect(s->in, buf, &n) == srtp_err_status_ok &&
           opened(s, ssrc, len, n);
}

bool seal_open_rtcp(struct seal *s, uint8_t *buf, size_t *len)
{
    if (*len < RTCP_LEAST || *len > UINT16_MAX)
        return false;
    const uint32_t ssrc = be32(buf + 4);
    int n = (int)*len;
    return may_open(s, ssrc) && srtp_unprotect_rtcp(s->in, buf, &n) == srtp_err_status_ok &&
           opened(s, ssrc, len, n);
}
