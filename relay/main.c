/* main.c - liangshi-relay: the command line. */
#include "config/config.h"
#include "engine/io/clock.h"
#include "relay/control/auth.h"
#include "relay/node.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, FAILED = 1, WRONG = 2 };

static const char usage[] =
    "liangshi-relay: a node of Liangshi: live lessons, recording, library, web pages\n"
    "\n"
    "  liangshi-relay [--config FILE] [--data DIR] [--http ADDR:PORT]... [--https ADDR:PORT]...\n"
    "                 [--media ADDR:PORT]... [--workers N] [--plain-http-anywhere]\n"
    "                 [--web DIR] [--lib DIR]\n"
    "  liangshi-relay token --role ROLE [--lesson ID] [--site ID] [--ttl 4h] [--sub ID]\n"
    "                 [--name TEXT] [--data DIR] [--config FILE]\n"
    "  liangshi-relay check-config [--config FILE]\n"
    "  liangshi-relay --help | --version\n"
    "\n"
    "  --config FILE          settings in YAML; flags override it\n"
    "  --data DIR             the node's key, catalogue, journals, library\n"
    "  --http ADDR:PORT       plain HTTP, on loopback only (repeatable)\n"
    "  --plain-http-anywhere  plain HTTP on any address: a proxy in front speaks TLS\n"
    "  --https ADDR:PORT      HTTPS (repeatable)\n"
    "  --media ADDR:PORT      UDP of the first worker, the next workers take the next ports\n"
    "                         (repeatable, one for each address or family)\n"
    "  --workers N            threads that forward media, 1 to 32\n"
    "  --web DIR, --lib DIR   web pages and their libraries\n"
    "  --role ROLE            lead, assistant, observer, student, technician, admin\n"
    "  --lesson ID            the lesson it is good for; * for every lesson\n"
    "  --site ID              the room the person sits in\n"
    "  --ttl TIME             30s, 15m, 4h, 30d\n"
    "\n"
    "Exit codes: 0 done, 1 failed at work, 2 wrong usage or configuration.\n";

enum flag {
    F_CONFIG = 1,
    F_DATA,
    F_HTTP,
    F_HTTPS,
    F_MEDIA,
    F_WORKERS,
    F_PLAIN,
    F_WEB,
    F_LIB,
    F_ROLE,
    F_LESSON,
    F_SITE,
    F_TTL,
    F_SUB,
    F_NAME,
    F_HELP,
    F_VERSION,
};

static const struct option options[] = {
    {"config", required_argument, NULL, F_CONFIG},
    {"data", required_argument, NULL, F_DATA},
    {"http", required_argument, NULL, F_HTTP},
    {"https", required_argument, NULL, F_HTTPS},
    {"media", required_argument, NULL, F_MEDIA},
    {"workers", required_argument, NULL, F_WORKERS},
    {"plain-http-anywhere", no_argument, NULL, F_PLAIN},
    {"web", required_argument, NULL, F_WEB},
    {"lib", required_argument, NULL, F_LIB},
    {"role", required_argument, NULL, F_ROLE},
    {"lesson", required_argument, NULL, F_LESSON},
    {"site", required_argument, NULL, F_SITE},
    {"ttl", required_argument, NULL, F_TTL},
    {"sub", required_argument, NULL, F_SUB},
    {"name", required_argument, NULL, F_NAME},
    {"help", no_argument, NULL, F_HELP},
    {"version", no_argument, NULL, F_VERSION},
    {NULL, 0, NULL, 0},
};

enum command { CMD_SERVE, CMD_TOKEN, CMD_CHECK };

struct list {
    char *item[CONFIG_ADDRS];
    unsigned n;
};

struct args {
    enum command command;
    const char *config, *data, *workers, *web, *lib;
    const char *role, *lesson, *site, *ttl, *sub, *name;
    struct list http, https, media;
    bool plain, help, version;
};

static int wrong(const char *form, ...) PRINTF_LIKE(1, 2);

static int wrong(const char *form, ...)
{
    va_list ap;
    va_start(ap, form);
    (void)fputs("liangshi-relay: ", stderr);
    (void)vfprintf(stderr, form, ap);
    (void)fputs(" (see liangshi-relay --help)\n", stderr);
    va_end(ap);
    return WRONG;
}

static bool add(struct list *l, char *value)
{
    if (l->n == CONFIG_ADDRS)
        return false;
    l->item[l->n++] = value;
    return true;
}

static bool take_list(struct args *a, int flag, char *value)
{
    if (flag == F_HTTP)
        return add(&a->http, value);
    return add(flag == F_HTTPS ? &a->https : &a->media, value);
}

/* Where the value of a flag goes. */
static const char **place(struct args *a, int flag)
{
    switch (flag) {
    case F_CONFIG:
        return &a->config;
    case F_DATA:
        return &a->data;
    case F_WORKERS:
        return &a->workers;
    case F_WEB:
        return &a->web;
    case F_LIB:
        return &a->lib;
    case F_ROLE:
        return &a->role;
    case F_LESSON:
        return &a->lesson;
    case F_SITE:
        return &a->site;
    case F_TTL:
        return &a->ttl;
    case F_SUB:
        return &a->sub;
    default:
        return &a->name;
    }
}

/* Which flags belong to which command. */
static bool fits(enum command c, int flag)
{
    static const unsigned common = 1u << F_CONFIG | 1u << F_HELP | 1u << F_VERSION;
    static const unsigned of[] = {
        [CMD_SERVE] = 1u << F_DATA | 1u << F_HTTP | 1u << F_HTTPS | 1u << F_MEDIA |
                      1u << F_WORKERS | 1u << F_PLAIN | 1u << F_WEB | 1u << F_LIB,
        [CMD_TOKEN] = 1u << F_DATA | 1u << F_ROLE | 1u << F_LESSON | 1u << F_SITE | 1u << F_TTL |
                      1u << F_SUB | 1u << F_NAME,
        [CMD_CHECK] = 0,
    };
    return ((common | of[c]) & 1u << flag) != 0;
}

static int take(struct args *a, int flag, char *value)
{
    if (flag == F_HELP)
        a->help = true;
    else if (flag == F_VERSION)
        a->version = true;
    else if (flag == F_PLAIN)
        a->plain = true;
    else if (flag == F_HTTP || flag == F_HTTPS || flag == F_MEDIA)
        return take_list(a, flag, value) ? DONE
                                         : wrong("at most %d addresses of a kind", CONFIG_ADDRS);
    else
        *place(a, flag) = value;
    return DONE;
}

static const char *const command_name[] = {"liangshi-relay", "liangshi-relay token",
                                           "liangshi-relay check-config"};

static int read_args(struct args *a, int argc, char **argv)
{
    int index = 0;
    if (argc > 1 && argv[1][0] != '-') {
        if (strcmp(argv[1], "token") == 0)
            a->command = CMD_TOKEN;
        else if (strcmp(argv[1], "check-config") == 0)
            a->command = CMD_CHECK;
        else
            return wrong("no command \"%s\": there are token and check-config", argv[1]);
        argc--;
        argv++;
    }
    opterr = 0;
    for (int f; (f = getopt_long(argc, argv, ":", options, &index)) != -1;) {
        if (f == '?')
            return wrong("no flag %s", optind > 0 ? argv[optind - 1] : "");
        if (f == ':')
            return wrong("%s needs a value", argv[optind - 1]);
        if (!fits(a->command, f))
            return wrong("--%s is not a flag of %s", options[index].name, command_name[a->command]);
        const int rc = take(a, f, optarg);
        if (rc != DONE)
            return rc;
    }
    return optind < argc ? wrong("unexpected \"%s\"", argv[optind]) : DONE;
}

/* Flags override the file. */
static bool override(struct config *c, const struct args *a)
{
    if (a->plain)
        c->plain_http_anywhere = true;
    return (!a->data || config_set(&c->data, a->data)) &&
           (!a->web || config_set(&c->web, a->web)) && (!a->lib || config_set(&c->lib, a->lib)) &&
           (!a->http.n || config_list_set(&c->http, &c->http_count, a->http.item, a->http.n)) &&
           (!a->https.n ||
            config_list_set(&c->https, &c->https_count, a->https.item, a->https.n)) &&
           (!a->media.n || config_list_set(&c->media, &c->media_count, a->media.item, a->media.n));
}

static bool read_workers(struct config *c, const char *text)
{
    char *end;
    if (!text)
        return true;
    const long n = strtol(text, &end, 10);
    c->workers = (unsigned)n;
    return *text && !*end && n >= 1 && n <= 32;
}

/* NULL: reported. */
static struct config *settings(const struct args *a)
{
    char why[CONFIG_WHY];
    struct config *c;
    if (!config_load(&c, a->config, why)) {
        (void)fprintf(stderr, "liangshi-relay: %s\n", why);
        return NULL;
    }
    if (!override(c, a))
        (void)fprintf(stderr, "liangshi-relay: no memory\n");
    else if (!read_workers(c, a->workers))
        (void)wrong("--workers must be a number from 1 to 32");
    else if (!config_check(c, why))
        (void)fprintf(stderr, "liangshi-relay: %s\n", why);
    else
        return c;
    config_free(&c);
    return NULL;
}

static int serve(const struct args *a)
{
    struct config *c = settings(a);
    if (!c)
        return WRONG;
    const int rc = node_run(c);
    config_free(&c);
    return rc;
}

static int check(const struct args *a)
{
    struct config *c = settings(a);
    if (!c)
        return WRONG;
    (void)printf("%s is right\n", a->config ? a->config : "the default configuration");
    config_free(&c);
    return DONE;
}

/* "4h" in seconds; -1: not a time. */
static int64_t read_ttl(const char *text)
{
    static const struct {
        char unit;
        int64_t s;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char *end;
    const long long n = strtoll(text, &end, 10);
    if (end == text || n < 1 || n > 1000000 || strlen(end) != 1)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (*end == units[i].unit && n * units[i].s <= 400 * 86400)
            return n * units[i].s;
    return -1;
}

static bool copy(char *out, size_t cap, const char *value)
{
    if (!value)
        return true;
    text_put(out, cap, "%s", value);
    return strlen(value) < cap;
}

static int read_claims(struct claims *k, const struct args *a)
{
    const int64_t ttl = read_ttl(a->ttl ? a->ttl : "4h");
    *k = (struct claims){.role = a->role ? role_named(a->role) : ROLE_NONE};
    if (k->role == ROLE_NONE)
        return wrong("--role must be lead, assistant, observer, student, technician or admin");
    if (ttl < 0)
        return wrong("--ttl must be a time such as 30s, 15m, 4h or 30d, at most 400d");
    k->iat = clock_wall_us() / 1000000;
    k->exp = k->iat + ttl;
    if (!copy(k->lesson, sizeof k->lesson, a->lesson) ||
        (a->lesson && strcmp(a->lesson, "*") != 0 && !text_is_id(a->lesson)))
        return wrong("--lesson must be an id, or *");
    if (!copy(k->site, sizeof k->site, a->site) || (a->site && !text_is_id(a->site)))
        return wrong("--site must be an id");
    if ((k->role == ROLE_LEAD || k->role == ROLE_ASSISTANT) && !a->site)
        return wrong("--role %s needs --site", a->role);
    if (!copy(k->sub, sizeof k->sub,
              a->sub    ? a->sub
              : a->site ? a->site
                        : a->role) ||
        !text_is_sub(k->sub))
        return wrong("--sub must be 1 to 64 printable ASCII characters");
    if (!copy(k->name, sizeof k->name, a->name ? a->name : k->sub) ||
        !text_is_plain(k->name, 64, false))
        return wrong("--name must be at most 64 characters of UTF-8");
    return DONE;
}

static int token(const struct args *a)
{
    char why[256];
    char text[TOKEN_CAP];
    struct claims k;
    struct auth *auth = NULL;
    const int rc = read_claims(&k, a);
    if (rc != DONE)
        return rc;
    struct config *c = settings(a);
    if (!c)
        return WRONG;
    const bool good = node_make_dir(c->data);
    const enum err e = good ? auth_new(&auth, c->data, why) : E_IO;
    config_free(&c);
    if (e != OK) {
        if (good)
            (void)fprintf(stderr, "liangshi-relay: %s\n", why);
        return FAILED;
    }
    const bool signed_ok = auth_sign(auth, &k, text);
    auth_free(&auth);
    if (!signed_ok || printf("%s\n", text) < 0 || fflush(stdout) != 0) {
        (void)fprintf(stderr, "liangshi-relay: the token could not be made or written\n");
        return FAILED;
    }
    return DONE;
}

int main(int argc, char **argv)
{
    struct args a = {.command = CMD_SERVE};
    const int rc = read_args(&a, argc, argv);
    if (rc != DONE)
        return rc;
    if (a.help || a.version) {
        (void)fputs(a.help ? usage : "liangshi-relay " LIANGSHI_VERSION "\n", stdout);
        return DONE;
    }
    if (a.command == CMD_TOKEN)
        return token(&a);
    return a.command == CMD_CHECK ? check(&a) : serve(&a);
}
