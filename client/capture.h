/* capture.h - pictures and sound from where the command line says, each with the moment when it was
 * taken. */
#pragma once

#include "client/conf.h"
#include "client/picture.h"
#include "client/sendtrack.h"

#define CAPTURE_WHY 2048
#define CAPTURE_FPS 25
#define CAPTURE_FPS_SLIDES 5

enum capture_what { CAPTURE_CAMERA, CAPTURE_CLASS, CAPTURE_SLIDES, CAPTURE_BOARD, CAPTURE_VOICE };

struct capture_conf {
    const struct conf_source *source; /* copied */
    enum capture_what what;
    bool burn;         /* draw the time of day into the picture */
    const char *probe; /* name of the element that hears the loudspeaker; NULL = none */
    usec start;        /* when files begin and running clocks are 0; the same for all of a room */
};

struct capture;

/* Opens the source and waits until it gives something or fails; `why` then is one sentence. */
MUST_USE enum err capture_new(struct capture **c, const struct capture_conf *conf,
                              char why[CAPTURE_WHY]);
void capture_free(struct capture **c);

/* From any thread: a waiting capture_picture or capture_sound returns false soon. */
void capture_stop(struct capture *c);

struct capture_picture {
    struct picture pic; /* valid until the next call */
    struct capture_time when;
};

/* Both wait until the next one is there. False: stopped. A device that fails is opened again and
 * again; a file is played again and again. */
bool capture_picture(struct capture *c, struct capture_picture *out);

struct capture_sound {
    const int16_t *pcm; /* 960 samples, valid until the next call */
    uint32_t ts;        /* number of the first since the source began */
    struct capture_time when;
};
bool capture_sound(struct capture *c, struct capture_sound *out);

/* Pictures a second that a source of this kind is coded with. */
unsigned capture_fps(enum capture_what what);
