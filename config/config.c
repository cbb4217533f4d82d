#include "config/config.h"

#include "engine/base/iceserver.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256 << 10)

static const cyaml_schema_value_t text_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, 255),
};

static const cyaml_schema_field_t limits_fields[] = {
    CYAML_FIELD_UINT("connections", CYAML_FLAG_OPTIONAL, struct config_limits, connections),
    CYAML_FIELD_UINT("connections_per_address", CYAML_FLAG_OPTIONAL, struct config_limits,
                     connections_per_address),
    CYAML_FIELD_UINT("members_per_lesson", CYAML_FLAG_OPTIONAL, struct config_limits,
                     members_per_lesson),
    CYAML_FIELD_UINT("lessons_running", CYAML_FLAG_OPTIONAL, struct config_limits, lessons_running),
    CYAML_FIELD_UINT("members_per_worker", CYAML_FLAG_OPTIONAL, struct config_limits,
                     members_per_worker),
    CYAML_FIELD_UINT("viewer_kbps", CYAML_FLAG_OPTIONAL, struct config_limits, viewer_kbps),
    CYAML_FIELD_END,
};

#define TEXT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t turn_fields[] = {
    CYAML_FIELD_STRING_PTR("url", CYAML_FLAG_POINTER, struct config_turn, url, 1, 512),
    CYAML_FIELD_STRING_PTR("secret", TEXT, struct config_turn, secret, 1, 255),
    CYAML_FIELD_STRING_PTR("username", TEXT, struct config_turn, username, 1, 255),
    CYAML_FIELD_STRING_PTR("password", TEXT, struct config_turn, password, 1, 255),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t turn_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_turn, turn_fields),
};

#define LIST (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_field_t fields[] = {
    CYAML_FIELD_STRING_PTR("data", LIST, struct config, data, 1, 1024),
    CYAML_FIELD_SEQUENCE("http", LIST, struct config, http, &text_entry, 1, CONFIG_ADDRS),
    CYAML_FIELD_SEQUENCE("https", LIST, struct config, https, &text_entry, 1, CONFIG_ADDRS),
    CYAML_FIELD_SEQUENCE("https_public", LIST, struct config, https_public, &text_entry, 1,
                         CONFIG_ADDRS),
    CYAML_FIELD_SEQUENCE("media", LIST, struct config, media, &text_entry, 1, CONFIG_ADDRS),
    CYAML_FIELD_SEQUENCE("media_public", LIST, struct config, media_public, &text_entry, 1,
                         CONFIG_ADDRS),
    CYAML_FIELD_BOOL("plain_http_anywhere", CYAML_FLAG_OPTIONAL, struct config,
                     plain_http_anywhere),
    CYAML_FIELD_UINT("workers", CYAML_FLAG_OPTIONAL, struct config, workers),
    CYAML_FIELD_UINT("media_packets", CYAML_FLAG_OPTIONAL, struct config, media_packets),
    CYAML_FIELD_UINT("media_socket_kib", CYAML_FLAG_OPTIONAL, struct config, media_socket_kib),
    CYAML_FIELD_STRING_PTR("certificate", LIST, struct config, certificate, 1, 1024),
    CYAML_FIELD_STRING_PTR("key", LIST, struct config, key, 1, 1024),
    CYAML_FIELD_STRING_PTR("web", LIST, struct config, web, 1, 1024),
    CYAML_FIELD_STRING_PTR("lib", LIST, struct config, lib, 1, 1024),
    CYAML_FIELD_STRING_PTR("packager", LIST, struct config, packager, 1, 1024),
    CYAML_FIELD_UINT("link_minutes", CYAML_FLAG_OPTIONAL, struct config, link_minutes),
    CYAML_FIELD_SEQUENCE("turn", LIST, struct config, turn, &turn_entry, 0, CONFIG_TURN),
    CYAML_FIELD_UINT("turn_minutes", CYAML_FLAG_OPTIONAL, struct config, turn_minutes),
    CYAML_FIELD_STRING_PTR("log", LIST, struct config, log_level, 1, 16),
    CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct config, limits, limits_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config, fields),
};

/* libcyaml says what is wrong in its log, innermost first: the first line with a reason and the
 * place of it are what people need. */
struct report {
    char first[160];
    char field[64]; /* " in workers" */
};

static void on_log(cyaml_log_t level, void *ctx, const char *form, va_list args) PRINTF_LIKE(3, 0);

static void on_log(cyaml_log_t level, void *ctx, const char *form, va_list args)
{
    struct report *const r = ctx;
    char line[160];
    if (level < CYAML_LOG_ERROR)
        return;
    (void)vsnprintf(line, sizeof line, form, args);
    line[strcspn(line, "\r\n")] = 0;
    const char *const text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
    static const char mapping[] = "mapping field '";
    const char *const field = strstr(text, mapping);
    if (!r->first[0])
        (void)snprintf(r->first, sizeof r->first, "%s", text);
    else if (field && !r->field[0])
        (void)snprintf(r->field, sizeof r->field, " in %.*s",
                       (int)strcspn(field + sizeof mapping - 1, "'"), field + sizeof mapping - 1);
}

static cyaml_config_t loader(struct report *r)
{
    return (cyaml_config_t){
        .log_fn = on_log,
        .log_ctx = r,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_ERROR,
        .flags = CYAML_CFG_DEFAULT,
    };
}

void config_free(struct config **c)
{
    const cyaml_config_t l = loader(NULL);
    if (*c)
        (void)cyaml_free(&l, &schema, *c, 0);
    *c = NULL;
}

bool config_set(char **field, const char *value)
{
    char *const copy = strdup(value);
    if (!copy)
        return false;
    free(*field);
    *field = copy;
    return true;
}

static void list_free(char **list, unsigned n)
{
    for (unsigned i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
}

bool config_list_set(char ***list, unsigned *count, char *const *values, unsigned n)
{
    if (n == 1 && strcmp(values[0], "off") == 0)
        n = 0;
    char **const copy = calloc(n ? n : 1, sizeof *copy);
    if (!copy)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!(copy[i] = strdup(values[i]))) {
            list_free(copy, i);
            return false;
        }
    list_free(*list, *count);
    *list = copy;
    *count = n;
    return true;
}

static void number_default(unsigned *n, unsigned value)
{
    if (*n == 0)
        *n = value;
}

static bool text_default(char **field, const char *value)
{
    return *field || config_set(field, value);
}

static bool list_default(char ***list, unsigned *count, const char *value)
{
    char *const copy = strdup(*list && *count == 1 ? (*list)[0] : value);
    const bool good = copy && ((*list && *count > 1) || config_list_set(list, count, &copy, 1));
    free(copy);
    return good;
}

static bool defaults(struct config *c)
{
    number_default(&c->limits.connections, 1000);
    number_default(&c->limits.connections_per_address, 300);
    number_default(&c->limits.members_per_lesson, 400);
    number_default(&c->limits.lessons_running, 64);
    number_default(&c->limits.members_per_worker,
                   c->limits.members_per_lesson > 4096 ? c->limits.members_per_lesson : 4096);
    number_default(&c->limits.viewer_kbps, 20000);
    number_default(&c->media_packets, 32768);
    number_default(&c->media_socket_kib, 4096);
    number_default(&c->link_minutes, 120);
    number_default(&c->turn_minutes, 720);
    return text_default(&c->data, "/var/lib/liangshi") &&
           text_default(&c->web, "/usr/share/liangshi/web") &&
           text_default(&c->lib, "/usr/share/liangshi/lib") &&
           text_default(&c->packager, "liangshi-package") && text_default(&c->log_level, "info") &&
           list_default(&c->http, &c->http_count, "127.0.0.1:8080") &&
           list_default(&c->https, &c->https_count, ":8443") &&
           list_default(&c->media, &c->media_count, ":5000");
}

static bool complete(struct config **c, char why[CONFIG_WHY])
{
    if (!*c) /* an empty file */
        *c = calloc(1, sizeof **c);
    if (*c && defaults(*c))
        return true;
    config_free(c);
    (void)snprintf(why, CONFIG_WHY, "no memory");
    return false;
}

/* libcyaml takes a document without content for an error; for us it is one without settings. */
static bool has_content(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '#')
            while (i < len && text[i] != '\n')
                i++;
        else if (!strchr(" \t\r\n", text[i]))
            return true;
    }
    return false;
}

/* libcyaml keeps no places. Entries written in blocks begin with a dash below "turn:"; of others
 * the line of "turn:" must do. */
static void turn_lines(struct config *c, const char *text, size_t len)
{
    unsigned line = 0;
    unsigned top = 0;
    unsigned n = 0;
    for (const char *at = text, *const end = text + len; at < end;) {
        const char *const feed = memchr(at, '\n', (size_t)(end - at));
        const size_t size = (size_t)((feed ? feed : end) - at);
        size_t blank = 0;
        line++;
        while (blank < size && at[blank] == ' ')
            blank++;
        if (size >= 5 && memcmp(at, "turn:", 5) == 0)
            top = line;
        else if (top && blank < size && at[blank] == '-' && n < c->turn_count)
            c->turn[n++].line = line;
        else if (top && blank == 0 && size && !strchr("#\r", at[0]))
            break;
        at += size + 1;
    }
    while (n < c->turn_count)
        c->turn[n++].line = top;
}

bool config_parse(struct config **c, const char *text, size_t len, const char *name,
                  char why[CONFIG_WHY])
{
    struct report r = {"", ""};
    const cyaml_config_t l = loader(&r);
    cyaml_data_t *data = NULL;
    *c = NULL;
    if (has_content(text, len)) {
        const cyaml_err_t e = cyaml_load_data((const uint8_t *)text, len, &l, &schema, &data, NULL);
        if (e != CYAML_OK) {
            (void)snprintf(why, CONFIG_WHY, "%.60s: %s%s", name,
                           r.first[0] ? r.first : cyaml_strerror(e), r.field);
            return false;
        }
    }
    *c = data;
    if (data)
        turn_lines(*c, text, len);
    return complete(c, why);
}

bool config_load(struct config **c, const char *path, char why[CONFIG_WHY])
{
    *c = NULL;
    if (!path)
        return complete(c, why);
    char *const text = malloc(FILE_MAX);
    FILE *const f = text ? fopen(path, "re") : NULL;
    if (!f) {
        (void)snprintf(why, CONFIG_WHY, "cannot read %.150s: %s", path,
                       text ? strerror(errno) : "no memory");
        free(text);
        return false;
    }
    const size_t n = fread(text, 1, FILE_MAX, f);
    const bool whole = !ferror(f) && feof(f) && n < FILE_MAX;
    (void)fclose(f);
    const bool good = whole && config_parse(c, text, n, path, why);
    if (!whole)
        (void)snprintf(why, CONFIG_WHY, "cannot read %.150s, or it is longer than 256 KiB", path);
    free(text);
    return good;
}

/* Checks */

bool config_is_loopback(const struct addr *a)
{
    static const uint8_t one[16] = {[15] = 1};
    return addr_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, sizeof one) == 0;
}

static bool bad(char why[CONFIG_WHY], const char *form, ...) PRINTF_LIKE(2, 3);

static bool bad(char why[CONFIG_WHY], const char *form, ...)
{
    va_list ap;
    va_start(ap, form);
    (void)vsnprintf(why, CONFIG_WHY, form, ap);
    va_end(ap);
    return false;
}

static bool check_addrs(const char *name, char *const *list, unsigned n, char why[CONFIG_WHY])
{
    struct addr a;
    for (unsigned i = 0; i < n; i++)
        if (!addr_parse(&a, list[i]))
            return bad(why,
                       "%s: \"%.80s\" is not ADDR:PORT, such as 127.0.0.1:8080, [::1]:8080 or "
                       ":8080",
                       name, list[i]);
    return n <= CONFIG_ADDRS || bad(why, "%s: at most %d addresses", name, CONFIG_ADDRS);
}

static bool check_plain(const struct config *c, char why[CONFIG_WHY])
{
    struct addr a;
    for (unsigned i = 0; i < c->http_count; i++)
        if (!c->plain_http_anywhere && addr_parse(&a, c->http[i]) && !config_is_loopback(&a))
            return bad(why,
                       "http: %.80s is not a loopback address: tokens would cross the network in "
                       "the clear. Use https, or --plain-http-anywhere if a proxy in front of the "
                       "relay speaks TLS",
                       c->http[i]);
    return true;
}

static bool check_numbers(const struct config *c, char why[CONFIG_WHY])
{
    const struct {
        const char *name;
        unsigned value, lo, hi;
    } rows[] = {
        {"workers", c->workers, 0, 32},
        {"media_packets", c->media_packets, 2048, 4194304},
        {"media_socket_kib", c->media_socket_kib, 64, 262144},
        {"link_minutes", c->link_minutes, 1, 1440},
        {"turn_minutes", c->turn_minutes, 10, 10080},
        {"limits.connections", c->limits.connections, 4, 100000},
        {"limits.connections_per_address", c->limits.connections_per_address, 2, 100000},
        {"limits.members_per_lesson", c->limits.members_per_lesson, 1, 5000},
        {"limits.lessons_running", c->limits.lessons_running, 1, 1000},
        {"limits.members_per_worker", c->limits.members_per_worker, c->limits.members_per_lesson,
         100000},
        {"limits.viewer_kbps", c->limits.viewer_kbps, 64, 1000000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].value < rows[i].lo || rows[i].value > rows[i].hi)
            return bad(why, "%s: must be %u to %u, not %u", rows[i].name, rows[i].lo, rows[i].hi,
                       rows[i].value);
    return true;
}

static bool check_level(const struct config *c, char why[CONFIG_WHY])
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < ARRAY_LEN(levels); i++)
        if (strcmp(c->log_level, levels[i]) == 0)
            return true;
    return bad(why, "log: must be error, warn, info or debug, not \"%s\"", c->log_level);
}

static bool bad_turn(const struct config *c, unsigned i, char why[CONFIG_WHY], const char *what)
{
    const unsigned line = c->turn[i].line;
    return line ? bad(why, "line %u: turn[%u]: %s", line, i, what)
                : bad(why, "turn[%u]: %s", i, what);
}

/* None of what it says holds a secret. */
static bool check_turn(const struct config *c, char why[CONFIG_WHY])
{
    for (unsigned i = 0; i < c->turn_count; i++) {
        const struct config_turn *const t = &c->turn[i];
        struct iceserver s;
        const char *const wrong = iceserver_uri(&s, t->url, strlen(t->url));
        if (wrong) {
            char text[CONFIG_WHY / 2];
            (void)snprintf(text, sizeof text, "url: %s, not \"%.40s\"", wrong, t->url);
            return bad_turn(c, i, why, text);
        }
        if (t->secret ? t->username || t->password : !t->username || !t->password)
            return bad_turn(c, i, why, "needs either a secret, or a username and a password");
        if ((t->username && !iceserver_text_ok(t->username)) ||
            (t->password && !iceserver_text_ok(t->password)))
            return bad_turn(c, i, why, "username and password: printable ASCII characters only");
    }
    return true;
}

bool config_check(const struct config *c, char why[CONFIG_WHY])
{
    if (!check_addrs("http", c->http, c->http_count, why) ||
        !check_addrs("https", c->https, c->https_count, why) ||
        !check_addrs("https_public", c->https_public, c->https_public_count, why) ||
        !check_addrs("media", c->media, c->media_count, why) ||
        !check_addrs("media_public", c->media_public, c->media_public_count, why))
        return false;
    if (c->http_count + c->https_count == 0)
        return bad(why, "neither http nor https: nobody could reach the relay");
    if (!c->certificate != !c->key)
        return bad(why, "certificate and key belong together: give both, or none");
    return check_plain(c, why) && check_numbers(c, why) && check_level(c, why) &&
           check_turn(c, why);
}
