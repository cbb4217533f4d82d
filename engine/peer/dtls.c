#include "engine/peer/dtls.h"

#include "engine/base/bytes.h"
#include "engine/peer/dtls_cert.h"
#include "engine/peer/dtls_rest.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#define OUT_DATAGRAMS 8
#define OUT_BYTES 4096 /* the longest flight has about 1200 bytes; sent twice in one call */

/* The first resend waits longer than a round trip over a satellite or a filled queue of a village
 * link, so that the handshake does not choke the link with copies of itself. The last is short
 * enough for a way that loses every third packet, and 6 kbit/s of copies. */
#define RESEND_FIRST 400000u
#define RESEND_LAST 1600000u

/* OpenSSL and its buffers are 70 KiB. They go when the remote side has proved by media that it has
 * our last flight, and then was silent for so long in DTLS that none of it is still on its way. */
#define SETTLE_AFTER (5 * USEC_SEC)

struct dtls_out {
    size_t n, at, used, taken;
    uint16_t len[OUT_DATAGRAMS];
    uint8_t bytes[OUT_BYTES];
};

struct dtls {
    SSL *ssl; /* NULL: settled, `rest` is what there is */
    bool server;
    bool proved; /* media came under the keys */
    bool bye;    /* settled: the goodbye is to be sent */
    enum dtls_state state;
    usec next;
    const uint8_t *in; /* the datagram that is being taken in */
    size_t in_len;
    struct dtls_out *out; /* goes with ssl */
    struct dtls_rest rest;
    char fingerprint[DTLS_FP_TEXT];
    char why[128];
};

/* The BIO: one read takes a whole datagram, one write makes one. OpenSSL's own memory BIO is a
 * stream and would lose the boundaries. */

static int take_in(BIO *bio, char *buf, int cap)
{
    struct dtls *const d = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!d->in) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const size_t n = size_min(d->in_len, (size_t)cap);
    memcpy(buf, d->in, n);
    d->in = NULL;
    return (int)n;
}

/* What finds no room is lost, as on the network; the timer brings it again. */
static int put_out(BIO *bio, const char *buf, int n)
{
    struct dtls *const d = BIO_get_data(bio);
    struct dtls_out *const o = d->out;
    const size_t len = (size_t)n;
    BIO_clear_retry_flags(bio);
    if (o->n == OUT_DATAGRAMS || len > DTLS_MTU || len > OUT_BYTES - o->used)
        return n;
    memcpy(o->bytes + o->used, buf, len);
    o->len[o->n++] = (uint16_t)len;
    o->used += len;
    return n;
}

static long control(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU;
    default:
        return 0;
    }
}

static int create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *dtls_bio_method(void)
{
    BIO_METHOD *const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (m && BIO_meth_set_read(m, take_in) && BIO_meth_set_write(m, put_out) &&
        BIO_meth_set_ctrl(m, control) && BIO_meth_set_create(m, create))
        return m;
    BIO_meth_free(m);
    return NULL;
}

int dtls_verify(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    const SSL *const ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls *const d = SSL_get_app_data(ssl);
    const X509 *const x = X509_STORE_CTX_get0_cert(store);
    char hash[DTLS_FP_TEXT];
    if (x && dtls_cert_hash(x, hash) && strcmp(hash, d->fingerprint) == 0)
        return 1;
    snprintf(d->why, sizeof d->why, "the remote certificate is not the one of a=fingerprint");
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static unsigned resend_after(SSL *ssl, unsigned last_us)
{
    (void)ssl;
    if (last_us == 0)
        return RESEND_FIRST;
    return last_us < RESEND_LAST / 2 ? last_us * 2 : RESEND_LAST;
}

static bool connect_ssl(struct dtls *d, const struct dtls_cert *c)
{
    BIO *const bio = BIO_new(c->bio);
    d->ssl = SSL_new(c->ctx);
    if (!bio || !d->ssl) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, d);
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_app_data(d->ssl, d);
    DTLS_set_timer_cb(d->ssl, resend_after);
    if (d->server)
        SSL_set_accept_state(d->ssl);
    else
        SSL_set_connect_state(d->ssl);
    return SSL_set_mtu(d->ssl, DTLS_MTU) == DTLS_MTU;
}

enum err dtls_new(struct dtls **dp, const struct dtls_cert *c, bool server, const char *fingerprint)
{
    *dp = NULL;
    if (strlen(fingerprint) >= DTLS_FP_TEXT)
        return E_FORMAT;
    struct dtls *d = calloc(1, sizeof *d);
    if (!d)
        return E_NOMEM;
    d->server = server;
    d->next = server ? USEC_NEVER : 0;
    memcpy(d->fingerprint, fingerprint, strlen(fingerprint) + 1);
    d->out = calloc(1, sizeof *d->out);
    if (!d->out || !connect_ssl(d, c)) {
        ERR_clear_error();
        dtls_free(&d);
        return E_NOMEM;
    }
    *dp = d;
    return OK;
}

void dtls_free(struct dtls **dp)
{
    struct dtls *const d = *dp;
    if (!d)
        return;
    *dp = NULL;
    /* OpenSSL writes nothing here: SSL_free sends no alert. */
    SSL_free(d->ssl);
    free(d->out);
    dtls_rest_forget(&d->rest);
    free(d);
}

static void fail(struct dtls *d, const char *why)
{
    d->state = DTLS_FAILED;
    if (!d->why[0])
        snprintf(d->why, sizeof d->why, "%s", why);
}

static void fail_by_openssl(struct dtls *d)
{
    const char *const reason = ERR_reason_error_string(ERR_peek_error());
    char why[sizeof d->why];
    snprintf(why, sizeof why, "DTLS: %s", reason ? reason : "broken off");
    fail(d, why);
    ERR_clear_error();
}

static void handshake(struct dtls *d)
{
    const int r = SSL_do_handshake(d->ssl);
    if (r == 1) {
        d->state = DTLS_OPEN;
        if (!SSL_get_selected_srtp_profile(d->ssl))
            fail(d, "the remote side shares no SRTP profile with us");
        return;
    }
    const int e = SSL_get_error(d->ssl, r);
    if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        fail_by_openssl(d);
}

/* There is no application data in DTLS-SRTP: it is thrown away. What counts are alerts, and the
 * remote side's last flight again if our answer to it was lost. */
static void read_records(struct dtls *d)
{
    uint8_t waste[2048];
    int n;
    do {
        n = SSL_read(d->ssl, waste, sizeof waste);
    } while (n > 0);
    const int e = SSL_get_error(d->ssl, n);
    if (e == SSL_ERROR_ZERO_RETURN)
        d->state = DTLS_CLOSED;
    else if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        fail_by_openssl(d);
}

/* OpenSSL's timer is on the wall clock (gettimeofday); only what is left of it is taken from
 * there, and no more than the longest wait, so that a clock that is set back costs one such wait.
 */
static void arm(struct dtls *d, usec now)
{
    struct timeval left;
    if (d->state == DTLS_OPEN && d->proved) {
        d->next = now + SETTLE_AFTER;
        return;
    }
    if (d->state != DTLS_HANDSHAKE || DTLSv1_get_timeout(d->ssl, &left) != 1) {
        d->next = USEC_NEVER;
        return;
    }
    d->next = now + usec_min(left.tv_sec * USEC_SEC + left.tv_usec, RESEND_LAST);
}

static void advance(struct dtls *d, usec now)
{
    ERR_clear_error();
    if (d->state == DTLS_HANDSHAKE)
        handshake(d);
    if (d->state == DTLS_OPEN)
        read_records(d);
    arm(d, now);
}

/* RFC 5246 7.2: a warning that is no goodbye means nothing. */
static void hear_alert(struct dtls *d, const uint8_t *p, size_t len)
{
    uint8_t level = 0;
    uint8_t what = 0;
    if (!dtls_rest_alert(&d->rest, p, len, &level, &what))
        return;
    if (what == SSL3_AD_CLOSE_NOTIFY)
        d->state = DTLS_CLOSED;
    else if (level == SSL3_AL_FATAL)
        fail(d, "the remote side broke DTLS off");
}

void dtls_input(struct dtls *d, usec now, const uint8_t *p, size_t len)
{
    if (len == 0 || (d->state != DTLS_HANDSHAKE && d->state != DTLS_OPEN))
        return;
    if (!d->ssl) {
        hear_alert(d, p, len);
        return;
    }
    d->in = p;
    d->in_len = len;
    advance(d, now);
    d->in = NULL;
}

void dtls_proved(struct dtls *d, usec now)
{
    if (d->proved || d->state != DTLS_OPEN)
        return;
    d->proved = true;
    arm(d, now);
}

/* OpenSSL's last words are written down before it goes, to be said when the time comes. */
static bool write_bye(struct dtls *d)
{
    const struct dtls_out *const o = d->out;
    SSL_shutdown(d->ssl);
    if (o->n != 1 || o->used > DTLS_REST_BYE)
        return false;
    memcpy(d->rest.bye, o->bytes, o->used);
    d->rest.bye_len = (uint8_t)o->used;
    return true;
}

static void settle(struct dtls *d, usec now)
{
    d->next = USEC_NEVER;
    if (d->out->at != d->out->n) { /* the caller had no room for it: once more later */
        d->next = now + SETTLE_AFTER;
        return;
    }
    *d->out = (struct dtls_out){0};
    ERR_clear_error();
    const bool ok = dtls_rest_keys(&d->rest, d->ssl, d->server) && write_bye(d);
    ERR_clear_error();
    *d->out = (struct dtls_out){0};
    if (!ok) /* then it stays as it is */
        return;
    SSL_free(d->ssl);
    free(d->out);
    d->ssl = NULL;
    d->out = NULL;
}

void dtls_tick(struct dtls *d, usec now)
{
    if (now < d->next)
        return;
    if (d->state == DTLS_OPEN)
        settle(d, now);
    if (d->state != DTLS_HANDSHAKE)
        return;
    ERR_clear_error();
    if (DTLSv1_handle_timeout(d->ssl) < 0) {
        fail(d, "the remote side does not answer the DTLS handshake");
        ERR_clear_error();
    }
    advance(d, now);
}

usec dtls_next(const struct dtls *d)
{
    return d->next;
}

static size_t output_bye(struct dtls *d, uint8_t *buf)
{
    if (!d->bye)
        return 0;
    d->bye = false;
    memcpy(buf, d->rest.bye, d->rest.bye_len);
    return d->rest.bye_len;
}

size_t dtls_output(struct dtls *d, uint8_t *buf, size_t cap)
{
    assert(cap >= DTLS_MTU);
    struct dtls_out *const o = d->out;
    if (!o)
        return output_bye(d, buf);
    if (o->at == o->n) {
        o->at = o->n = o->used = o->taken = 0;
        return 0;
    }
    const size_t len = o->len[o->at++];
    memcpy(buf, o->bytes + o->taken, len);
    o->taken += len;
    return len;
}

enum dtls_state dtls_state(const struct dtls *d)
{
    return d->state;
}

const char *dtls_why(const struct dtls *d)
{
    return d->state == DTLS_FAILED ? d->why : NULL;
}

/* RFC 5764 4.2: client key, server key, client salt, server salt. */
enum err dtls_keys(const struct dtls *d, enum seal_profile *profile, struct seal_keys *send,
                   struct seal_keys *recv)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    if (d->state != DTLS_OPEN || !d->ssl)
        return E_STATE;
    const bool gcm = SSL_get_selected_srtp_profile(d->ssl)->id == SRTP_AEAD_AES_128_GCM;
    const size_t salt = gcm ? 12 : SEAL_SALT_MAX;
    uint8_t m[2 * (SEAL_KEY + SEAL_SALT_MAX)];
    if (SSL_export_keying_material(d->ssl, m, 2 * (SEAL_KEY + salt), label, sizeof label - 1, NULL,
                                   0, 0) != 1)
        return E_NOMEM;

    struct seal_keys *const client = d->server ? recv : send;
    struct seal_keys *const server = d->server ? send : recv;
    *profile = gcm ? SEAL_AES_128_GCM : SEAL_AES_CM_128_SHA1_80;
    *client = *server = (struct seal_keys){0};
    memcpy(client->key, m, SEAL_KEY);
    memcpy(server->key, m + SEAL_KEY, SEAL_KEY);
    memcpy(client->salt, m + 2 * SEAL_KEY, salt);
    memcpy(server->salt, m + 2 * SEAL_KEY + salt, salt);
    OPENSSL_cleanse(m, sizeof m);
    return OK;
}

void dtls_close(struct dtls *d)
{
    if (d->state != DTLS_OPEN)
        return;
    if (d->ssl) {
        ERR_clear_error();
        SSL_shutdown(d->ssl);
        ERR_clear_error();
    }
    d->bye = !d->ssl;
    d->state = DTLS_CLOSED;
    d->next = USEC_NEVER;
}
