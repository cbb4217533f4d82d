#include "engine/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static size_t stamp(int64_t wall_us, char *out, size_t cap)
{
    if (!wall_us)
        return 0;
    const time_t s = (time_t)(wall_us / USEC_SEC);
    struct tm tm;
    if (!gmtime_r(&s, &tm))
        return 0;
    const size_t n = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &tm);
    const int m = snprintf(out + n, cap - n, ".%03dZ ", (int)(wall_us / USEC_MS % 1000));
    return m > 0 && (size_t)m < cap - n ? n + (size_t)m : n;
}

void log_line(const struct log *l, enum log_level level, const char *what, const char *keys, ...)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if (l->fd < 0 || level > l->level)
        return;

    char line[1024];
    const size_t cap = sizeof line - 1; /* a place for the newline */
    size_t n = stamp(l->wall_us, line, cap);
    int m = snprintf(line + n, cap - n, "%-5s %s%s%s ", names[level], l->part ? l->part : "",
                     l->part ? ": " : "", what);
    if (m > 0)
        n = size_min(n + (size_t)m, cap - 1);
    va_list ap;
    va_start(ap, keys);
    m = vsnprintf(line + n, cap - n, keys, ap);
    va_end(ap);
    if (m > 0)
        n = size_min(n + (size_t)m, cap - 1);

    for (size_t i = 0; i < n; i++) /* what a peer sent must not make lines of its own */
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[n++] = '\n';
    if (write(l->fd, line, n) < 0)
        return; /* nowhere left to say it */
}
