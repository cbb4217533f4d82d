#include "tests/bench/load/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const floods[] = {"none", "garbage", "stun", "replay", "nack", "pli", "dtls"};

/* One flag: a number within bounds, a text, one word of several, or a switch. */
struct flag {
    const char *name;
    unsigned *number;
    unsigned least, most;
    const char **text;
    const char *words[ARRAY_LEN(floods) + 1];
    unsigned *word;
    bool *set;
};

struct choices {
    unsigned server, profile, publish, flood;
};

static bool refuse(char *why, size_t cap, const struct flag *f, const char *got)
{
    char right[160] = "a text";
    if (f->number)
        snprintf(right, sizeof right, "a whole number from %u to %u", f->least, f->most);
    size_t n = 0;
    for (size_t i = 0; f->word && f->words[i] && n < sizeof right; i++)
        n += (size_t)snprintf(right + n, sizeof right - n, "%s%s", i ? ", " : "one of ",
                              f->words[i]);
    snprintf(why, cap, "%s wants %s, not \"%s\"", f->name, right, got ? got : "");
    return false;
}

static bool take_number(const struct flag *f, const char *text)
{
    char *end = NULL;
    errno = 0;
    const unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || v < f->least || v > f->most)
        return false;
    *f->number = (unsigned)v;
    return true;
}

static bool take_word(const struct flag *f, const char *text)
{
    for (unsigned i = 0; f->words[i]; i++) {
        if (strcmp(f->words[i], text) == 0) {
            *f->word = i;
            return true;
        }
    }
    return false;
}

static bool take_value(const struct flag *f, const char *text)
{
    if (!text || !text[0])
        return false;
    if (f->number)
        return take_number(f, text);
    if (f->word)
        return take_word(f, text);
    *f->text = text;
    return true;
}

static bool take_all(const struct flag *flags, size_t n, int argc, char **argv, char *why,
                     size_t cap)
{
    for (int i = 1; i < argc; i++) {
        const struct flag *f = flags;
        while (f < flags + n && strcmp(f->name, argv[i]) != 0)
            f++;
        if (f == flags + n) {
            snprintf(why, cap, "%s is not known; see tests/bench/load/options.c", argv[i]);
            return false;
        }
        if (f->set)
            *f->set = true;
        else if (i++, !take_value(f, i < argc ? argv[i] : NULL))
            return refuse(why, cap, f, i < argc ? argv[i] : NULL);
    }
    return true;
}

static bool is_loopback(const char *url)
{
    const char *const host = strncmp(url, "http://", 7) == 0 ? url + 7 : "";
    size_t n = strspn(host, "0123456789.");
    if (strncmp(host, "localhost", 9) == 0)
        n = 9;
    else if (strncmp(host, "127.", 4) != 0)
        return false;
    if (host[n] == ':')
        n += 1 + strspn(host + n + 1, "0123456789");
    return host[n] == '\0' || host[n] == '/';
}

/* What the flags must have together. */
static const char *missing(const struct options *o)
{
    if (!o->url || !is_loopback(o->url))
        return "--url wants http://127.x.y.z:PORT: nothing is sent to another machine";
    if (o->url[strlen(o->url) - 1] == '/')
        return "--url wants no slash at its end";
    if (o->server == LOAD_RELAY && (!o->lesson || !o->lead_token || !o->viewer_token))
        return "--server relay wants --lesson, --lead-token and --viewer-token";
    if (o->members && o->server == LOAD_RELAY && !o->member_token)
        return "--members wants --member-token";
    if (o->lesson && strlen(o->lesson) > 28)
        return "--lesson wants at most 28 characters";
    if (o->flood == FLOOD_DTLS && o->server == LOAD_JANUS)
        return "--flood dtls wants --server relay";
    if (o->viewers + o->members == 0)
        return "--viewers wants at least 1, or --members does";
    return NULL;
}

bool options_read(struct options *o, int argc, char **argv, char *why, size_t cap)
{
    *o = (struct options){.viewers = 100,
                          .room = 1000,
                          .sample = 4,
                          .seconds = 10,
                          .settle = 3,
                          .key_every = 10,
                          .join_rate = 100,
                          .flood_rate = 20000};
    struct choices c = {0};
    const struct flag flags[] = {
        {.name = "--server", .words = {"relay", "janus"}, .word = &c.server},
        {.name = "--url", .text = &o->url},
        {.name = "--lesson", .text = &o->lesson},
        {.name = "--lead-token", .text = &o->lead_token},
        {.name = "--viewer-token", .text = &o->viewer_token},
        {.name = "--member-token", .text = &o->member_token},
        {.name = "--room", .number = &o->room, .least = 1, .most = 1000000000},
        {.name = "--viewers", .number = &o->viewers, .most = LOAD_VIEWERS},
        {.name = "--members", .number = &o->members, .most = 100},
        {.name = "--sample", .number = &o->sample, .most = 200},
        {.name = "--lessons", .number = &o->lessons, .least = 1, .most = LOAD_LESSONS},
        {.name = "--seconds", .number = &o->seconds, .least = 1, .most = 3600},
        {.name = "--settle", .number = &o->settle, .most = 600},
        {.name = "--join-rate", .number = &o->join_rate, .least = 1, .most = 1000},
        {.name = "--key-every", .number = &o->key_every, .most = 3600},
        {.name = "--pid", .number = &o->pid, .least = 1, .most = 4194304},
        {.name = "--flood-rate", .number = &o->flood_rate, .least = 1, .most = 200000},
        {.name = "--profile", .words = {"gcm", "cm"}, .word = &c.profile},
        {.name = "--publish", .words = {"both", "video", "voice", "none"}, .word = &c.publish},
        {.name = "--flood",
         .words = {floods[0], floods[1], floods[2], floods[3], floods[4], floods[5], floods[6]},
         .word = &c.flood},
        {.name = "--nack", .set = &o->nack},
        {.name = "--gro", .set = &o->gro},
    };
    if (!take_all(flags, ARRAY_LEN(flags), argc, argv, why, cap))
        return false;
    o->server = c.server == 0 ? LOAD_RELAY : LOAD_JANUS;
    o->no_gcm = c.profile == 1;
    o->video = c.publish <= 1;
    o->voice = c.publish == 0 || c.publish == 2;
    o->flood = (enum load_flood)c.flood;
    const char *const lacks = missing(o);
    if (lacks)
        snprintf(why, cap, "%s", lacks);
    return !lacks;
}

unsigned options_lessons(const struct options *o)
{
    return o->lessons ? o->lessons : 1;
}

const char *options_flood_name(enum load_flood f)
{
    return floods[f];
}
