/* manifest.h - the texts of a resource: manifest.json, marks.vtt, one .mpd a view. */
#pragma once

#include "relay/library/package/build.h"

/* After build_run, into the same folder. E_IO: errno; `failed` names the file. */
MUST_USE enum err manifest_write(const struct build *b, char failed[BUILD_NAME]);
