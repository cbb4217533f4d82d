/* dash.h - static DASH manifests (ISO/IEC 23009-1, WebM on demand) over the media files. */
#pragma once

#include "relay/library/package/build.h"

#define DASH_VIEWS 130

/* What is watched together: pictures of one source in all layers, and a voice. */
struct dash_view {
    char file[BUILD_NAME];  /* "camera.mpd" */
    char name[RECORD_TEXT]; /* "camera", "slides", "board", "site-ID" */
    unsigned site_no;
    const char *source;              /* of the pictures; NULL: none */
    const struct build_track *voice; /* NULL: none */
};

/* The views that there are; returns how many. */
size_t dash_views(struct dash_view out[DASH_VIEWS], const struct build *b);

/* Bits per second that a track takes on average. */
uint64_t dash_bandwidth(const struct build_track *t);
const char *dash_mime(const struct build_track *t);
const char *dash_codec(const struct build_track *t);
bool dash_shows(const struct dash_view *v, const struct build_track *t);

/* Writes a view's manifest. E_IO: errno. */
MUST_USE enum err dash_write(const char *path, const struct build *b, const struct dash_view *v);
