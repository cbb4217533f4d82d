#include "relay/control/auth.h"

#include <cjose/cjose.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_FILE_MAX 4096
#define SIGNATURE_TEXT 86 /* 64 bytes of ES256 in base64url (RFC 7518 3.4) */

struct auth {
    cjose_jwk_t *key;
    uint8_t grant_key[32];
};

static enum err read_key(struct auth *a, int fd, const char *path, char why[256])
{
    char text[KEY_FILE_MAX];
    const ssize_t n = read(fd, text, sizeof text);
    if (n < 0) {
        text_put(why, 256, "cannot read %s: %s", path, strerror(errno));
        return E_IO;
    }
    a->key = cjose_jwk_import(text, (size_t)n, NULL);
    OPENSSL_cleanse(text, sizeof text);
    if (!a->key || cjose_jwk_get_kty(a->key, NULL) != CJOSE_JWK_KTY_EC) {
        text_put(why, 256,
                 "%s is not an EC key in JWK form: restore it from a backup, or remove it "
                 "for a new key (all tokens become invalid)",
                 path);
        return E_FORMAT;
    }
    return OK;
}

static enum err write_key(const struct auth *a, const char *path, char why[256])
{
    char *const json = cjose_jwk_to_json(a->key, true, NULL);
    if (!json)
        return E_NOMEM;
    const size_t len = strlen(json);
    char tmp[4096 + 8];
    text_put(tmp, sizeof tmp, "%s.new", path);
    const int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, json, len) == (ssize_t)len && fsync(fd) == 0;
    if (fd >= 0)
        good &= close(fd) == 0;
    good = good && rename(tmp, path) == 0;
    if (!good)
        text_put(why, 256, "cannot write %s: %s", path, strerror(errno));
    OPENSSL_cleanse(json, len);
    cjose_get_dealloc()(json);
    return good ? OK : E_IO;
}

static enum err load_or_make(struct auth *a, const char *dir, char why[256])
{
    char path[4096];
    text_put(path, sizeof path, "%s/node.jwk", dir);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        const enum err e = read_key(a, fd, path, why);
        (void)close(fd);
        return e;
    }
    if (errno != ENOENT) {
        text_put(why, 256, "cannot open %s: %s", path, strerror(errno));
        return E_IO;
    }
    a->key = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, NULL);
    return a->key ? write_key(a, path, why) : E_NOMEM;
}

/* The secret of grants hangs on the same key: one file to back up. */
static enum err derive(struct auth *a)
{
    static const char label[] = "liangshi media grant";
    char *const json = cjose_jwk_to_json(a->key, true, NULL);
    if (!json)
        return E_NOMEM;
    json_t *const j = json_loads(json, 0, NULL);
    const char *const d = json_string_value(json_object_get(j, "d"));
    unsigned len = 0;
    const bool good = d && HMAC(EVP_sha256(), d, (int)strlen(d), (const uint8_t *)label,
                                sizeof label - 1, a->grant_key, &len);
    json_decref(j);
    OPENSSL_cleanse(json, strlen(json));
    cjose_get_dealloc()(json);
    return good ? OK : E_FORMAT;
}

enum err auth_new(struct auth **out, const char *dir, char why[256])
{
    why[0] = 0;
    struct auth *a = calloc(1, sizeof *a);
    if (!a)
        return E_NOMEM;
    enum err e = load_or_make(a, dir, why);
    if (e == OK)
        e = derive(a);
    if (e != OK) {
        if (!why[0])
            text_put(why, 256, "the node's key: %s", err_name(e));
        auth_free(&a);
    }
    *out = a;
    return e;
}

void auth_free(struct auth **a)
{
    if (!*a)
        return;
    if ((*a)->key)
        (void)cjose_jwk_release((*a)->key);
    OPENSSL_cleanse((*a)->grant_key, sizeof(*a)->grant_key);
    free(*a);
    *a = NULL;
}

static json_t *claims_json(const struct claims *c)
{
    json_t *const j = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", "liangshi", "sub", c->sub,
                                "name", c->name, "role", role_name(c->role), "iat",
                                (json_int_t)c->iat, "exp", (json_int_t)c->exp);
    if (j && c->site[0])
        (void)json_object_set_new(j, "site", json_string(c->site));
    if (j && c->lesson[0])
        (void)json_object_set_new(j, "lesson", json_string(c->lesson));
    if (j && c->ticket)
        (void)json_object_set_new(j, "use", json_string("events"));
    return j;
}

static bool sign_text(const struct auth *a, const char *text, char out[TOKEN_CAP])
{
    bool good = false;
    const char *token;
    cjose_jws_t *jws = NULL;
    cjose_header_t *const header = cjose_header_new(NULL);
    if (header && cjose_header_set(header, CJOSE_HDR_ALG, "ES256", NULL) &&
        cjose_header_set(header, "typ", "JWT", NULL))
        jws = cjose_jws_sign(a->key, header, (const uint8_t *)text, strlen(text), NULL);
    if (jws && cjose_jws_export(jws, &token, NULL) && strlen(token) < TOKEN_CAP) {
        memcpy(out, token, strlen(token) + 1);
        good = true;
    }
    if (jws)
        cjose_jws_release(jws);
    if (header)
        cjose_header_release(header);
    return good;
}

bool auth_sign(const struct auth *a, const struct claims *c, char out[TOKEN_CAP])
{
    json_t *const j = claims_json(c);
    char *const text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    const bool good = text && sign_text(a, text, out);
    free(text);
    json_decref(j);
    return good;
}

/* The payload if the signature is ours. ES256 is the only algorithm that is looked at: "none" and
 * those that take the public key for a shared secret (RFC 8725 3.1) never reach the library. */
static json_t *open_token(const struct auth *a, const char *token)
{
    json_t *j = NULL;
    uint8_t *text;
    size_t len;
    /* the library looks at the first 64 bytes of a longer signature and passes over the rest */
    const char *const dot = strrchr(token, '.');
    if (!dot || strlen(dot + 1) != SIGNATURE_TEXT)
        return NULL;
    cjose_jws_t *const jws = cjose_jws_import(token, strlen(token), NULL);
    if (!jws)
        return NULL;
    const char *const alg = cjose_header_get(cjose_jws_get_protected(jws), CJOSE_HDR_ALG, NULL);
    if (alg && strcmp(alg, "ES256") == 0 && cjose_jws_verify(jws, a->key, NULL) &&
        cjose_jws_get_plaintext(jws, &text, &len, NULL))
        j = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    cjose_jws_release(jws);
    return j;
}

static bool copy_text(const json_t *j, const char *key, char *out, size_t cap)
{
    const char *const s = json_string_value(json_object_get(j, key));
    out[0] = 0;
    if (!json_object_get(j, key))
        return true;
    if (!s || strlen(s) >= cap)
        return false;
    memcpy(out, s, strlen(s) + 1);
    return true;
}

static bool optional_id(const char *s)
{
    return s[0] == 0 || text_is_id(s);
}

static bool claims_read(struct claims *c, const json_t *j)
{
    const char *const role = json_string_value(json_object_get(j, "role"));
    const char *const iss = json_string_value(json_object_get(j, "iss"));
    const char *const use = json_string_value(json_object_get(j, "use"));
    const json_t *const exp = json_object_get(j, "exp");
    *c = (struct claims){
        .role = role ? role_named(role) : ROLE_NONE,
        .iat = json_integer_value(json_object_get(j, "iat")),
        .exp = json_integer_value(exp),
        .ticket = use != NULL,
    };
    if (!iss || strcmp(iss, "liangshi") != 0 || !json_is_integer(exp) || c->role == ROLE_NONE)
        return false;
    if (!copy_text(j, "sub", c->sub, sizeof c->sub) || !text_is_sub(c->sub) ||
        !copy_text(j, "name", c->name, sizeof c->name) || !text_is_plain(c->name, 64, false))
        return false;
    if (!copy_text(j, "site", c->site, sizeof c->site) || !optional_id(c->site) ||
        !copy_text(j, "lesson", c->lesson, sizeof c->lesson))
        return false;
    return (optional_id(c->lesson) || strcmp(c->lesson, "*") == 0) &&
           (!use || strcmp(use, "events") == 0);
}

bool auth_check(const struct auth *a, const char *token, int64_t now_s, struct claims *c,
                struct problem *p)
{
    if (strnlen(token, TOKEN_CAP) == TOKEN_CAP)
        return problem_set(p, P_BAD_TOKEN, "Authorization", "longer than any token");
    json_t *const j = open_token(a, token);
    const bool good = j && claims_read(c, j);
    const bool ours = j != NULL;
    json_decref(j);
    if (!good)
        return problem_set(p, P_BAD_TOKEN, "Authorization", "%s",
                           ours ? "signed here, but its claims make no sense"
                                : "not a token, or not signed by this node");
    if (now_s >= c->exp)
        return problem_set(p, P_TOKEN_EXPIRED, "Authorization", "expired %lld s ago",
                           (long long)(now_s - c->exp));
    return true;
}

static void grant_sign(const struct auth *a, const char *resource, int64_t exp, char out[33])
{
    char text[96];
    uint8_t mac[32];
    unsigned len = 0;
    const int n = snprintf(text, sizeof text, "%s/%lld", resource, (long long)exp);
    const uint8_t *const done = HMAC(EVP_sha256(), a->grant_key, sizeof a->grant_key,
                                     (const uint8_t *)text, (size_t)n, mac, &len);
    assert(done && len == sizeof mac);
    for (size_t i = 0; i < 16; i++)
        text_put(out + 2 * i, 3, "%02x", mac[i]);
}

void auth_grant(const struct auth *a, const char *resource, int64_t exp, char out[GRANT_CAP])
{
    char sig[33];
    grant_sign(a, resource, exp, sig);
    text_put(out, GRANT_CAP, "%lld-%s", (long long)exp, sig);
}

bool auth_grant_check(const struct auth *a, const char *grant, const char *resource, int64_t now_s,
                      struct problem *p)
{
    char sig[33];
    char *end;
    errno = 0;
    const long long exp = strtoll(grant, &end, 10);
    if (errno || end == grant || *end != '-' || strlen(end + 1) != 32)
        return problem_set(p, P_BAD_GRANT, NULL, "ask for the manifest again");
    grant_sign(a, resource, exp, sig);
    if (CRYPTO_memcmp(sig, end + 1, 32) != 0)
        return problem_set(p, P_BAD_GRANT, NULL, "ask for the manifest again");
    return now_s < exp ||
           problem_set(p, P_GRANT_EXPIRED, NULL, "expired: ask for the manifest again");
}
