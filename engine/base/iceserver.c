#include "engine/base/iceserver.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PORT 3478
#define PORT_TLS 5349

/* A piece of text that is not copied. */
struct span {
    const char *p;
    size_t n;
};

static bool is(struct span s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool cut_prefix(struct span *s, const char *prefix)
{
    const size_t n = strlen(prefix);
    if (s->n < n || strncasecmp(s->p, prefix, n) != 0)
        return false;
    s->p += n;
    s->n -= n;
    return true;
}

/* What stands before the mark; *s is what stands behind it, or nothing. */
static struct span cut_at(struct span *s, char mark)
{
    const char *const at = s->n ? memchr(s->p, mark, s->n) : NULL;
    const struct span head = {s->p, at ? (size_t)(at - s->p) : s->n};
    const size_t gone = head.n + (at ? 1 : 0);
    s->p += gone;
    s->n -= gone;
    return head;
}

static bool take_port(struct span s, uint16_t *port)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.n && n <= 65535; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        n = n * 10 + (unsigned)(s.p[i] - '0');
    }
    *port = (uint16_t)n;
    return n >= 1 && n <= 65535;
}

static bool take_host(struct span s, bool v6, char out[ICESERVER_HOST])
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    static const char six[] = "0123456789abcdefABCDEF:.";
    if (s.n == 0 || s.n >= ICESERVER_HOST)
        return false;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return strlen(out) == s.n && strspn(out, v6 ? six : name) == s.n;
}

static const char *take_transport(struct iceserver *s, struct span query)
{
    s->tcp = s->tls;
    if (query.n == 0)
        return NULL;
    if (!cut_prefix(&query, "transport="))
        return "only ?transport= may follow the port";
    if (!is(query, "udp") && !is(query, "tcp"))
        return "transport must be udp or tcp";
    s->tcp = is(query, "tcp");
    return s->tls && !s->tcp ? "turns: goes by tcp only (DTLS to a TURN server is not spoken)"
                             : NULL;
}

const char *iceserver_uri(struct iceserver *s, const char *text, size_t len)
{
    struct span rest = {text, len};
    *s = (struct iceserver){0};
    s->tls = cut_prefix(&rest, "turns:");
    if (!s->tls && !cut_prefix(&rest, "turn:"))
        return "must begin with turn: or turns:";
    struct span where = cut_at(&rest, '?');
    const char *const why = take_transport(s, rest);
    if (why)
        return why;
    const bool v6 = where.n && where.p[0] == '[';
    if (v6) {
        where.p++;
        where.n--;
    }
    if (v6 && !memchr(where.p, ']', where.n))
        return "the host must be an IPv6 address in brackets";
    const struct span host = cut_at(&where, v6 ? ']' : ':');
    if (!take_host(host, v6, s->host))
        return "the host must be a name, an IPv4 address or an IPv6 address in brackets";
    if (v6 && where.n && !cut_prefix(&where, ":"))
        return "behind the host there may be :PORT only";
    s->port = s->tls ? PORT_TLS : PORT;
    return where.n && !take_port(where, &s->port) ? "the port must be 1 to 65535" : NULL;
}

bool iceserver_text_ok(const char *text)
{
    const size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return n > 0 && n < ICESERVER_TEXT;
}

/* RFC 9110 5.6.4; returns its length. */
static size_t quote(char *out, const char *text)
{
    char *to = out;
    *to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = 0;
    return (size_t)(to - out);
}

bool iceserver_link(char *out, size_t cap, const char *uri, const char *username,
                    const char *password)
{
    char user[2 * ICESERVER_TEXT + 2];
    char pass[2 * ICESERVER_TEXT + 2];
    if (!iceserver_text_ok(username) || !iceserver_text_ok(password))
        return false;
    (void)quote(user, username);
    (void)quote(pass, password);
    const int n = snprintf(out, cap,
                           "<%s>; rel=\"ice-server\"; username=%s; credential=%s; "
                           "credential-type=\"password\"",
                           uri, user, pass);
    return n > 0 && (size_t)n < cap;
}

/* Reading */

static void skip_blanks(struct span *s)
{
    while (s->n && (*s->p == ' ' || *s->p == '\t')) {
        s->p++;
        s->n--;
    }
}

/* A token or a quoted text; false: too long, or not closed. */
static bool take_value(struct span *s, char out[ICESERVER_TEXT])
{
    size_t n = 0;
    const bool quoted = cut_prefix(s, "\"");
    while (s->n && (quoted ? *s->p != '"' : !strchr(" \t;,", *s->p))) {
        if (quoted && *s->p == '\\')
            cut_prefix(s, "\\");
        if (s->n == 0 || *s->p == 0 || n == ICESERVER_TEXT - 1)
            return false;
        out[n++] = *s->p++;
        s->n--;
    }
    out[n] = 0;
    return !quoted || cut_prefix(s, "\"");
}

static struct span take_name(struct span *s)
{
    struct span name = {s->p, 0};
    while (s->n && !strchr(" \t=;,", *s->p)) {
        name.n++;
        s->p++;
        s->n--;
    }
    skip_blanks(s);
    return name;
}

struct link {
    struct iceserver server;
    bool good, ice_server, password;
};

static bool take_param(struct span *s, struct link *l)
{
    char value[ICESERVER_TEXT] = "";
    skip_blanks(s);
    const struct span name = take_name(s);
    if (cut_prefix(s, "=")) {
        skip_blanks(s);
        if (!take_value(s, value))
            return false;
    }
    if (is(name, "rel"))
        l->ice_server = strcasecmp(value, "ice-server") == 0;
    else if (is(name, "credential-type"))
        l->password = strcasecmp(value, "password") == 0;
    else if (is(name, "username"))
        memcpy(l->server.username, value, sizeof value);
    else if (is(name, "credential"))
        memcpy(l->server.password, value, sizeof value);
    skip_blanks(s);
    return true;
}

/* One link with its parameters; false: what follows cannot be told apart any more. */
static bool take_link(struct span *s, struct link *l)
{
    *l = (struct link){.password = true};
    if (!cut_prefix(s, "<") || !memchr(s->p, '>', s->n))
        return false;
    const struct span uri = cut_at(s, '>');
    l->good = iceserver_uri(&l->server, uri.p, uri.n) == NULL;
    skip_blanks(s);
    while (cut_prefix(s, ";"))
        if (!take_param(s, l))
            return false;
    return s->n == 0 || *s->p == ',';
}

bool iceserver_next(const char **at, const char *end, struct iceserver *s)
{
    struct span rest = {*at, (size_t)(end - *at)};
    bool found = false;
    while (!found && rest.n) {
        struct link l;
        skip_blanks(&rest);
        if (cut_prefix(&rest, ","))
            continue;
        if (!take_link(&rest, &l)) {
            rest = (struct span){end, 0};
            break;
        }
        found =
            l.good && l.ice_server && l.password && l.server.username[0] && l.server.password[0];
        *s = l.server;
    }
    *at = rest.p;
    return found;
}
