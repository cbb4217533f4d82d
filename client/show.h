/* show.h - a thread that decodes one line's pictures, puts them on the screen and tells when. */
#pragma once

#include "client/recvtrack.h"
#include "client/screen.h"

struct show;

/* What the thread has to tell of each picture. */
struct show_note {
    usec at;   /* when it was given to the screen */
    usec took; /* since it was handed over: waiting, decoding */
    unsigned width, height;
    bool shown;     /* false: nothing could be shown, only wants_key says something */
    bool wants_key; /* a key frame is needed before anything more can be shown */
    bool has_delay, has_burnt;
    int32_t delay_ms; /* since its capture, by abs-capture-time or sender reports */
    int32_t burnt_ms; /* since the time that is burnt into it, */
    int64_t burnt_at; /* which is this, in ms since 1970 */
};

/* `tile`: the line's place on the screen. */
MUST_USE enum err show_new(struct show **s, struct screen *screen, size_t tile);
void show_free(struct show **s);

/* Hands over a frame, which is copied. When the decoder cannot keep up it is left out. */
void show_put(struct show *s, const struct vp8frame *f, int64_t wall_us);

int show_fd(const struct show *s); /* readable when show_told has something */
MUST_USE bool show_told(struct show *s, struct show_note *n);
