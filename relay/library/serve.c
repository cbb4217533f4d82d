#include "relay/library/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool number(const char **s, uint64_t *n)
{
    char *end;
    if (**s < '0' || **s > '9')
        return false;
    errno = 0;
    *n = strtoull(*s, &end, 10);
    *s = end;
    return errno == 0;
}

enum range_kind serve_range(const char *header, uint64_t size, uint64_t *from, uint64_t *len)
{
    static const char unit[] = "bytes=";
    uint64_t last = UINT64_MAX;
    *from = 0;
    *len = size;
    if (!header || strncasecmp(header, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    const char *s = header + sizeof unit - 1;
    const bool suffix = *s == '-';
    const bool begun = suffix || number(&s, from);
    if (!begun || *s++ != '-' || (*s && !number(&s, &last)) || *s ||
        (suffix && last == UINT64_MAX) || (!suffix && last < *from)) {
        *from = 0;
        return RANGE_WHOLE;
    }
    if (suffix) {
        *len = last < size ? last : size;
        *from = size - *len;
        return *len ? RANGE_PART : RANGE_BAD;
    }
    if (*from >= size)
        return RANGE_BAD;
    *len = (last < size ? last + 1 : size) - *from;
    return RANGE_PART;
}

bool serve_matches(const char *header, const char *etag)
{
    const size_t n = strlen(etag);
    if (!header)
        return false;
    if (strcmp(header, "*") == 0)
        return true;
    for (const char *s = header; (s = strstr(s, etag)); s += n)
        if (s[n] == 0 || s[n] == ',' || s[n] == ' ')
            return true;
    return false;
}

const char *serve_type(const char *file)
{
    static const char *const types[][2] = {
        {"html", "text/html; charset=utf-8"},
        {"css", "text/css; charset=utf-8"},
        {"js", "text/javascript; charset=utf-8"},
        {"mjs", "text/javascript; charset=utf-8"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"txt", "text/plain; charset=utf-8"},
        {"vtt", "text/vtt; charset=utf-8"},
        {"mpd", "application/dash+xml"},
        {"svg", "image/svg+xml"},
        {"png", "image/png"},
        {"jpg", "image/jpeg"},
        {"jpeg", "image/jpeg"},
        {"webp", "image/webp"},
        {"ico", "image/vnd.microsoft.icon"},
        {"woff2", "font/woff2"},
        {"wasm", "application/wasm"},
        {"webm", "video/webm"},
        {"mp4", "video/mp4"},
        {"webmanifest", "application/manifest+json"},
    };
    const char *const dot = strrchr(file, '.');
    for (size_t i = 0; dot && i < ARRAY_LEN(types); i++)
        if (strcasecmp(dot + 1, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}
