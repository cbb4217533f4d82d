/* conf.c - flags one by one, each by its row in a table; then what they say together. */
#include "client/conf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
    "liangshi-room lead|point: a classroom of a lesson\n"
    "\n"
    "  --relay URL      the relay, such as https://relay.example.cn:8443\n"
    "  --lesson ID      which lesson\n"
    "  --token T        who we are; or in the environment as LIANGSHI_TOKEN\n"
    "  --camera SRC     the teacher, or a point's class (default v4l2:/dev/video0)\n"
    "  --slides SRC     lead only (default none)\n"
    "  --board SRC      lead only (default none)\n"
    "  --mic SRC        (default pulse)\n"
    "  --display SINK   what is shown goes there (default display)\n"
    "  --speaker SINK   what is heard goes there (default display: the default loudspeaker)\n"
    "  --journal DIR    keep an own copy of all that this room sends\n"
    "  --ca FILE        trust this certificate (PEM) for https\n"
    "  --json           one statistics object a second on standard output\n"
    "  --seconds N      leave after N seconds\n"
    "  --burn-time      draw the time of day into pictures of file: sources as well\n"
    "  --vp9            lead only: send the camera as VP9 in layers, not as VP8 in three sizes\n"
    "  --echo-cancel    cancel the loudspeaker's echo even if the microphone is not a real one\n"
    "  --help  --version\n"
    "\n"
    "  pictures  v4l2:/dev/video0  screen  pipewire[:TARGET]  file:PATH  test  none\n"
    "  sound     pulse[:DEVICE]  alsa:DEVICE  pipewire[:TARGET]  file:PATH  test  none\n"
    "  SINK      display  file:PATH (.mkv .webm, .y4m or .wav)  none; sound also pulse, "
    "alsa:DEVICE\n"
    "\n"
    "Exit codes: 0 done, 1 failed at work, 2 wrong usage.\n";

const char *conf_help(void)
{
    return help_text;
}

/* "word" or "word:arg". */
struct word {
    const char *name;
    int kind;
    bool sound, picture;
    enum { ARG_NO, ARG_MAY, ARG_MUST } arg;
};

static const struct word source_words[] = {
    {"none", SOURCE_NONE, true, true, ARG_NO},
    {"v4l2", SOURCE_V4L2, false, true, ARG_MUST},
    {"screen", SOURCE_SCREEN, false, true, ARG_NO},
    {"pipewire", SOURCE_PIPEWIRE, true, true, ARG_MAY},
    {"file", SOURCE_FILE, true, true, ARG_MUST},
    {"test", SOURCE_TEST, true, true, ARG_NO},
    {"pulse", SOURCE_PULSE, true, false, ARG_MAY},
    {"alsa", SOURCE_ALSA, true, false, ARG_MUST},
};

static const struct word sink_words[] = {
    {"none", SINK_NONE, true, true, ARG_NO},    {"display", SINK_SHOW, true, true, ARG_NO},
    {"file", SINK_FILE, true, true, ARG_MUST},  {"pulse", SINK_PULSE, true, false, ARG_MAY},
    {"alsa", SINK_ALSA, true, false, ARG_MUST},
};

static const struct word *find_word(const struct word *w, size_t n, const char *text, bool sound)
{
    const size_t len = strcspn(text, ":");
    for (size_t i = 0; i < n; i++) {
        if (strlen(w[i].name) == len && memcmp(w[i].name, text, len) == 0)
            return (sound ? w[i].sound : w[i].picture) ? &w[i] : NULL;
    }
    return NULL;
}

static bool take_word(const struct word *w, const char *text, char arg[CONF_TEXT])
{
    if (!w)
        return false;
    const char *const colon = strchr(text, ':');
    const char *const value = colon ? colon + 1 : "";
    if (w->arg == ARG_NO ? colon != NULL : w->arg == ARG_MUST && !*value)
        return false;
    if (strlen(value) >= CONF_TEXT)
        return false;
    strcpy(arg, value);
    return true;
}

bool conf_source_parse(struct conf_source *s, const char *text, bool sound)
{
    const struct word *const w = find_word(source_words, ARRAY_LEN(source_words), text, sound);
    if (!take_word(w, text, s->arg))
        return false;
    s->kind = (enum source_kind)w->kind;
    return true;
}

bool conf_sink_parse(struct conf_sink *s, const char *text, bool sound)
{
    const struct word *const w = find_word(sink_words, ARRAY_LEN(sink_words), text, sound);
    if (!take_word(w, text, s->arg))
        return false;
    s->kind = (enum sink_kind)w->kind;
    return true;
}

/* What a flag's value is put into. */
enum flag_type {
    FLAG_TEXT,
    FLAG_PICTURE,
    FLAG_SOUND,
    FLAG_SHOW,
    FLAG_HEAR,
    FLAG_SWITCH,
    FLAG_COUNT
};

struct flag {
    const char *name;
    enum flag_type type;
    size_t at;   /* in struct conf */
    size_t size; /* FLAG_TEXT */
    bool lead_only;
};

#define FIELD(f) offsetof(struct conf, f), sizeof(((struct conf *)NULL)->f)

static const struct flag known_flags[] = {
    {"relay", FLAG_TEXT, FIELD(relay), false},
    {"lesson", FLAG_TEXT, FIELD(lesson), false},
    {"token", FLAG_TEXT, FIELD(token), false},
    {"camera", FLAG_PICTURE, FIELD(camera), false},
    {"slides", FLAG_PICTURE, FIELD(slides), true},
    {"board", FLAG_PICTURE, FIELD(board), true},
    {"mic", FLAG_SOUND, FIELD(mic), false},
    {"display", FLAG_SHOW, FIELD(display), false},
    {"speaker", FLAG_HEAR, FIELD(speaker), false},
    {"journal", FLAG_TEXT, FIELD(journal), false},
    {"ca", FLAG_TEXT, FIELD(ca), false},
    {"json", FLAG_SWITCH, FIELD(json), false},
    {"burn-time", FLAG_SWITCH, FIELD(burn_time), false},
    {"vp9", FLAG_SWITCH, FIELD(vp9), true},
    {"echo-cancel", FLAG_SWITCH, FIELD(echo_cancel), false},
    {"seconds", FLAG_COUNT, FIELD(seconds), false},
};

static const char *right_words(enum flag_type t)
{
    switch (t) {
    case FLAG_PICTURE:
        return "v4l2:DEVICE, screen, pipewire[:TARGET], file:PATH, test or none";
    case FLAG_SOUND:
        return "pulse[:DEVICE], alsa:DEVICE, pipewire[:TARGET], file:PATH, test or none";
    case FLAG_SHOW:
        return "display, file:PATH or none";
    case FLAG_HEAR:
        return "display, pulse[:DEVICE], alsa:DEVICE, file:PATH or none";
    case FLAG_COUNT:
        return "a number of seconds from 1 to 1000000";
    case FLAG_TEXT:
    case FLAG_SWITCH:
    default:
        return "a text that is not empty and not too long";
    }
}

static bool take_text(char *out, size_t size, const char *value)
{
    const size_t len = strlen(value);
    if (len == 0 || len >= size)
        return false;
    memcpy(out, value, len + 1);
    return true;
}

static bool take_count(unsigned *out, const char *value)
{
    char *end = NULL;
    if (*value < '0' || *value > '9')
        return false;
    const unsigned long n = strtoul(value, &end, 10);
    if (*end || n < 1 || n > 1000000)
        return false;
    *out = (unsigned)n;
    return true;
}

static bool take_value(struct conf *c, const struct flag *f, const char *value)
{
    void *const at = (char *)c + f->at;
    switch (f->type) {
    case FLAG_TEXT:
        return take_text(at, f->size, value);
    case FLAG_PICTURE:
    case FLAG_SOUND:
        return conf_source_parse(at, value, f->type == FLAG_SOUND);
    case FLAG_SHOW:
    case FLAG_HEAR:
        return conf_sink_parse(at, value, f->type == FLAG_HEAR);
    case FLAG_COUNT:
        return take_count(at, value);
    case FLAG_SWITCH:
    default:
        *(bool *)at = true;
        return true;
    }
}

static void defaults(struct conf *c)
{
    memset(c, 0, sizeof(*c));
    c->camera.kind = SOURCE_V4L2;
    strcpy(c->camera.arg, "/dev/video0");
    c->mic.kind = SOURCE_PULSE;
    c->display.kind = SINK_SHOW;
    c->speaker.kind = SINK_SHOW;
}

static enum conf_result take_flag(struct conf *c, const struct flag *f, const char *value,
                                  char why[CONF_WHY])
{
    if (f->lead_only && c->profile == CONF_POINT) {
        snprintf(why, CONF_WHY, "--%s is for liangshi-room lead only", f->name);
        return CONF_WRONG;
    }
    if (!take_value(c, f, value ? value : "")) {
        snprintf(why, CONF_WHY, "--%s \"%.100s\": must be %s", f->name, value,
                 right_words(f->type));
        return CONF_WRONG;
    }
    return CONF_RUN;
}

static enum conf_result wrong(char why[CONF_WHY], const char *what)
{
    snprintf(why, CONF_WHY, "%s", what);
    return CONF_WRONG;
}

static enum conf_result take_flags(struct conf *c, int argc, char *const argv[], char why[CONF_WHY])
{
    struct option o[ARRAY_LEN(known_flags) + 3];
    memset(o, 0, sizeof(o));
    for (size_t i = 0; i < ARRAY_LEN(known_flags); i++) {
        const int arg = known_flags[i].type == FLAG_SWITCH ? no_argument : required_argument;
        o[i] = (struct option){known_flags[i].name, arg, NULL, (int)i + 256};
    }
    o[ARRAY_LEN(known_flags)] = (struct option){"help", no_argument, NULL, 'h'};
    o[ARRAY_LEN(known_flags) + 1] = (struct option){"version", no_argument, NULL, 'v'};

    optind = 0; /* starts afresh, also in a second call */
    int got;
    while ((got = getopt_long(argc, argv, "+:", o, NULL)) != -1) {
        if (got == 'h')
            return CONF_HELP;
        if (got == 'v')
            return CONF_VERSION;
        if (got == '?' || got == ':') {
            snprintf(why, CONF_WHY, "%.100s: %s; see liangshi-room --help", argv[optind - 1],
                     got == ':' ? "needs a value" : "no such flag");
            return CONF_WRONG;
        }
        const enum conf_result r = take_flag(c, &known_flags[got - 256], optarg, why);
        if (r != CONF_RUN)
            return r;
    }
    if (optind < argc) {
        snprintf(why, CONF_WHY, "\"%.100s\" is not a flag; see liangshi-room --help", argv[optind]);
        return CONF_WRONG;
    }
    return CONF_RUN;
}

static bool plain_id(const char *s)
{
    return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")] == 0;
}

static enum conf_result check_together(struct conf *c, char why[CONF_WHY])
{
    if (!c->relay[0] || !c->lesson[0])
        return wrong(why, "--relay URL and --lesson ID are needed; see liangshi-room --help");
    if (strncmp(c->relay, "http://", 7) != 0 && strncmp(c->relay, "https://", 8) != 0)
        return wrong(why, "--relay must begin with https:// or http://");
    if (!plain_id(c->lesson))
        return wrong(why, "--lesson must be the id of a lesson: letters, digits, - _ .");
    const char *const env = getenv("LIANGSHI_TOKEN");
    if (!c->token[0] && env && !take_text(c->token, sizeof(c->token), env))
        return wrong(why, "LIANGSHI_TOKEN is empty or too long");
    if (!c->token[0])
        return wrong(why, "--token T is needed; liangshi-relay token prints one");
    if (c->camera.kind == SOURCE_NONE && c->slides.kind == SOURCE_NONE &&
        c->board.kind == SOURCE_NONE)
        return wrong(why, "at least one of --camera, --slides, --board must not be none");
    size_t len = strlen(c->relay);
    while (len && c->relay[len - 1] == '/')
        c->relay[--len] = 0;
    return CONF_RUN;
}

enum conf_result conf_parse(struct conf *c, int argc, char *const argv[], char why[CONF_WHY])
{
    defaults(c);
    why[0] = 0;
    const char *const first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--help") == 0)
        return CONF_HELP;
    if (strcmp(first, "--version") == 0)
        return CONF_VERSION;
    if (strcmp(first, "lead") != 0 && strcmp(first, "point") != 0)
        return wrong(why,
                     "usage: liangshi-room lead|point --relay URL --lesson ID --token T …; see "
                     "liangshi-room --help");
    c->profile = strcmp(first, "lead") == 0 ? CONF_LEAD : CONF_POINT;
    const enum conf_result r = take_flags(c, argc - 1, argv + 1, why);
    return r == CONF_RUN ? check_together(c, why) : r;
}
