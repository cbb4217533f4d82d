#include "tests/bench/load/web.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECONDS 10

struct web {
    CURL *curl;
};

enum err web_new(struct web **wp)
{
    struct web *const w = *wp = calloc(1, sizeof *w);
    if (!w)
        return E_NOMEM;
    w->curl = curl_easy_init();
    if (w->curl)
        return OK;
    web_free(wp);
    return E_NOMEM;
}

void web_free(struct web **wp)
{
    struct web *const w = *wp;
    if (!w)
        return;
    curl_easy_cleanup(w->curl);
    free(w);
    *wp = NULL;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    struct web_answer *const a = user;
    const size_t len = size * n;
    if (len >= WEB_TEXT - a->len)
        return 0;
    memcpy(a->body + a->len, bytes, len);
    a->len += len;
    a->body[a->len] = '\0';
    return len;
}

static size_t take_header(char *line, size_t size, size_t n, void *user)
{
    struct web_answer *const a = user;
    const size_t len = size * n;
    static const char name[] = "location:";
    const size_t head = sizeof name - 1;
    if (len <= head || strncasecmp(line, name, head) != 0)
        return len;
    size_t from = head, to = len;
    while (from < to && line[from] == ' ')
        from++;
    while (to > from && (line[to - 1] == '\r' || line[to - 1] == '\n' || line[to - 1] == ' '))
        to--;
    snprintf(a->location, sizeof a->location, "%.*s", (int)(to - from), line + from);
    return len;
}

static struct curl_slist *add(struct curl_slist *list, const char *name, const char *value)
{
    char line[2048];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *const more = curl_slist_append(list, line);
    return more ? more : list;
}

static struct curl_slist *set_up(CURL *e, const struct web_call *c, struct web_answer *a)
{
    char bearer[1600];
    struct curl_slist *list = add(NULL, "Expect", "");
    if (c->token) {
        snprintf(bearer, sizeof bearer, "Bearer %s", c->token);
        list = add(list, "Authorization", bearer);
    }
    if (c->type)
        list = add(list, "Content-Type", c->type);
    curl_easy_reset(e);
    curl_easy_setopt(e, CURLOPT_URL, c->url);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT, c->seconds ? (long)c->seconds : (long)SECONDS);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, a);
    if (c->body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)strlen(c->body));
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method);
    return list;
}

void web_do(struct web *w, const struct web_call *c, struct web_answer *a)
{
    a->status = 0;
    a->len = 0;
    a->why[0] = a->location[0] = a->body[0] = '\0';
    struct curl_slist *const list = set_up(w->curl, c, a);
    const CURLcode r = curl_easy_perform(w->curl);
    curl_slist_free_all(list);
    if (r == CURLE_OK)
        curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &a->status);
    else
        snprintf(a->why, sizeof a->why, "%s", curl_easy_strerror(r));
}
