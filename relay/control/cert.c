#include "relay/control/cert.h"

#include "relay/lesson/text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (64 << 10)
#define DAYS 3650

void cert_free(struct cert *c)
{
    if (c->key)
        OPENSSL_cleanse(c->key, strlen(c->key));
    free(c->key);
    free(c->certificate);
    *c = (struct cert){NULL, NULL};
}

static char *read_text(const char *path, char why[256])
{
    char *const text = calloc(1, FILE_MAX + 1);
    const int fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t n = fd >= 0 ? read(fd, text, FILE_MAX) : -1;
    if (n <= 0)
        text_put(why, 256, "cannot read %s: %s", path, n == 0 ? "it is empty" : strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    if (n > 0)
        return text;
    free(text);
    return NULL;
}

enum err cert_read(struct cert *c, const char *key, const char *certificate, char why[256])
{
    *c = (struct cert){.key = read_text(key, why)};
    c->certificate = c->key ? read_text(certificate, why) : NULL;
    if (c->certificate)
        return OK;
    cert_free(c);
    return E_IO;
}

/* "DNS:localhost,IP:127.0.0.1,…" as OpenSSL's configuration language has it. */
static void alt_names(char *out, size_t cap, const char *const *names, size_t n)
{
    char host[65] = "";
    text_put(out, cap, "DNS:localhost,IP:127.0.0.1,IP:::1");
    if (gethostname(host, sizeof host - 1) == 0 && host[0] && text_is_id(host) &&
        strcmp(host, "localhost") != 0)
        text_add(out, cap, ",DNS:%s", host);
    for (size_t i = 0; i < n; i++)
        text_add(out, cap, ",IP:%s", names[i]);
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *const e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    const bool good = e && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

static bool name_it(X509 *x)
{
    static const unsigned char name[] = "Liangshi relay (self-signed)";
    X509_NAME *const n = X509_get_subject_name(x);
    return X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, n) == 1;
}

static bool number_it(X509 *x, struct rng *rng)
{
    unsigned char serial[15];
    rng_bytes(rng, serial, sizeof serial);
    BIGNUM *const n = BN_bin2bn(serial, sizeof serial, NULL);
    const bool good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return good;
}

static X509 *make_certificate(EVP_PKEY *key, const char *alt, struct rng *rng)
{
    X509 *const x = X509_new();
    if (x && X509_set_version(x, X509_VERSION_3) == 1 && number_it(x, rng) && name_it(x) &&
        X509_gmtime_adj(X509_getm_notBefore(x), -86400) &&
        X509_gmtime_adj(X509_getm_notAfter(x), 86400L * DAYS) && X509_set_pubkey(x, key) == 1 &&
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(x, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
        add_extension(x, NID_ext_key_usage, "serverAuth") &&
        add_extension(x, NID_subject_alt_name, alt) && X509_sign(x, key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

static bool write_file(const char *path, mode_t mode, EVP_PKEY *key, X509 *x)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *const f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    const bool good = key ? PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1
                          : PEM_write_X509(f, x) == 1;
    return fflush(f) == 0 && fsync(fd) == 0 && fclose(f) == 0 && good;
}

static enum err make(const char *key_path, const char *crt_path, const char *alt, struct rng *rng,
                     char why[256])
{
    EVP_PKEY *const key = EVP_EC_gen("P-256");
    X509 *const x = key ? make_certificate(key, alt, rng) : NULL;
    enum err e = x ? OK : E_NOMEM;
    if (!x)
        text_put(why, 256, "cannot make a certificate");
    else if (!write_file(key_path, 0600, key, NULL) || !write_file(crt_path, 0644, NULL, x)) {
        text_put(why, 256, "cannot write %s and %s: %s", key_path, crt_path, strerror(errno));
        e = E_IO;
    }
    X509_free(x);
    EVP_PKEY_free(key);
    return e;
}

enum err cert_self(struct cert *c, const char *dir, const char *const *names, size_t n,
                   struct rng *rng, char why[256])
{
    char key[4096];
    char crt[4096];
    text_put(key, sizeof key, "%s/tls.key", dir);
    text_put(crt, sizeof crt, "%s/tls.crt", dir);
    *c = (struct cert){NULL, NULL};
    if (access(key, F_OK) != 0 && access(crt, F_OK) != 0) {
        char alt[2048];
        alt_names(alt, sizeof alt, names, n);
        const enum err e = make(key, crt, alt, rng, why);
        if (e != OK)
            return e;
    }
    return cert_read(c, key, crt, why);
}
