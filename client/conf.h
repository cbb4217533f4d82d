/* conf.h - the command line of liangshi-room, read into one struct. */
#pragma once

#include "engine/base/base.h"

#define CONF_TEXT 1024
#define CONF_WHY 512

enum conf_profile { CONF_LEAD, CONF_POINT };

/* Where pictures or sound come from. */
enum source_kind {
    SOURCE_NONE,
    SOURCE_V4L2,     /* arg: device file */
    SOURCE_SCREEN,   /* the X display that DISPLAY names */
    SOURCE_PIPEWIRE, /* arg: target object, may be empty */
    SOURCE_FILE,     /* arg: path; looped */
    SOURCE_TEST,
    SOURCE_PULSE, /* sound only; arg: device, may be empty */
    SOURCE_ALSA,  /* sound only; arg: device */
};

/* Where pictures or sound go. */
enum sink_kind {
    SINK_NONE,  /* decoded, counted, dropped */
    SINK_SHOW,  /* the desktop's window, the default loudspeaker */
    SINK_FILE,  /* arg: path; ".mkv", ".webm", ".y4m" (pictures), ".wav" (sound) */
    SINK_PULSE, /* sound only; arg: device, may be empty */
    SINK_ALSA,  /* sound only; arg: device */
};

struct conf_source {
    enum source_kind kind;
    char arg[CONF_TEXT];
};

struct conf_sink {
    enum sink_kind kind;
    char arg[CONF_TEXT];
};

struct conf {
    enum conf_profile profile;
    char relay[CONF_TEXT]; /* base URL without a slash at its end */
    char lesson[128];
    char token[4096];
    struct conf_source camera, slides, board, mic;
    struct conf_sink display, speaker;
    char journal[CONF_TEXT]; /* folder, "" = none */
    char ca[CONF_TEXT];      /* PEM file, "" = the system's */
    bool json;
    bool burn_time;   /* draw the time into file sources too */
    bool vp9;         /* the lead's camera in layers of one stream */
    bool echo_cancel; /* also when the microphone is not a real one */
    unsigned seconds; /* 0 = until the lesson ends */
};

enum conf_result {
    CONF_RUN,
    CONF_HELP,
    CONF_VERSION,
    CONF_WRONG, /* `why` says in one line what is right */
};

/* argv[0] is passed over. */
enum conf_result conf_parse(struct conf *c, int argc, char *const argv[], char why[CONF_WHY]);

/* The text of --help. */
const char *conf_help(void);

/* One SRC or SINK alone; `sound` says which words are allowed. */
MUST_USE bool conf_source_parse(struct conf_source *s, const char *text, bool sound);
MUST_USE bool conf_sink_parse(struct conf_sink *s, const char *text, bool sound);
