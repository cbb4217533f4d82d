/* log.h - one line per event of note: a sentence, then key=value. Never on the packet path. */
#pragma once

#include "engine/base/base.h"

enum log_level {
    LOG_ERROR, /* someone must act */
    LOG_WARN,  /* degraded */
    LOG_INFO,  /* life of rooms and members */
    LOG_DEBUG, /* development */
};

/* One per thread; they may share a descriptor, since a line is one write. No secrets; addresses
 * through addr_masked at level info. */
struct log {
    int fd; /* -1: nothing is written */
    enum log_level level;
    int64_t wall_us;  /* time of day for the stamp, set by the loop each turn; 0 = no stamp */
    const char *part; /* "hub", "control": who speaks; may be NULL */
};

void log_line(const struct log *l, enum log_level level, const char *what, const char *keys, ...)
    PRINTF_LIKE(4, 5);

#define log_error(l, what, ...) log_line(l, LOG_ERROR, what, __VA_ARGS__)
#define log_warn(l, what, ...) log_line(l, LOG_WARN, what, __VA_ARGS__)
#define log_info(l, what, ...) log_line(l, LOG_INFO, what, __VA_ARGS__)
#define log_debug(l, what, ...) log_line(l, LOG_DEBUG, what, __VA_ARGS__)
