/* shot.h - codes one picture as a file, through GStreamer. */
#pragma once

#include "relay/library/package/view.h"

/* Whether GStreamer here has what it takes; *missing names the first element that it has not. */
MUST_USE bool shot_possible(const char **missing);

/* False: it could not be coded, or not be written. */
MUST_USE bool shot_webp(const struct picture *p, const char *path);
MUST_USE bool shot_jpeg(const struct picture *p, const char *path);
