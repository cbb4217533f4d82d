/* gstsource.h - a GStreamer pipeline that ends in an appsink: devices, the screen, files. */
#pragma once

#include "client/capture.h"

#include <gst/gst.h>

struct gstsource;

/* E_IO with a sentence in `why` if it cannot be opened. */
MUST_USE enum err gstsource_new(struct gstsource **s, const struct capture_conf *c,
                                char why[CAPTURE_WHY]);
void gstsource_free(struct gstsource **s);

enum gstsource_got {
    GSTSOURCE_SAMPLE,  /* *sample is the caller's */
    GSTSOURCE_NOTHING, /* within 100 ms */
    GSTSOURCE_END,     /* a file has ended */
    GSTSOURCE_BROKEN,  /* `why` says what the device did */
};

enum gstsource_got gstsource_pull(struct gstsource *s, GstSample **sample, char why[CAPTURE_WHY]);

/* A file from its beginning again; a broken device opened again. False: not possible now. */
bool gstsource_again(struct gstsource *s, char why[CAPTURE_WHY]);

/* Length of a file; 0 = not known. */
usec gstsource_length(struct gstsource *s);

/* What the running clock of live sources counts from, on the monotonic clock. */
usec gstsource_base(const struct gstsource *s);

/* Sets the text of the test slides. */
void gstsource_set_text(struct gstsource *s, const char *text);
