#include "relay/lesson/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void text_put(char *out, size_t cap, const char *form, ...)
{
    va_list ap;
    va_start(ap, form);
    (void)vsnprintf(out, cap, form, ap);
    va_end(ap);
}

void text_add(char *out, size_t cap, const char *form, ...)
{
    const size_t n = strnlen(out, cap);
    va_list ap;
    va_start(ap, form);
    if (n < cap)
        (void)vsnprintf(out + n, cap - n, form, ap);
    va_end(ap);
}

static bool is_id_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

bool text_is_id(const char *s)
{
    const size_t n = strnlen(s, ID_CAP);
    if (n == 0 || n == ID_CAP || s[0] == '_' || s[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_id_char(s[i]))
            return false;
    return true;
}

bool text_is_sub(const char *s)
{
    const size_t n = strnlen(s, SUB_CAP);
    if (n == 0 || n == SUB_CAP)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\')
            return false;
    return true;
}

/* Length of the character at p (RFC 3629 4), 0: not UTF-8. */
static size_t utf8_at(const unsigned char *p)
{
    static const struct {
        unsigned char first_lo, first_hi, next_lo, next_hi, len;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (p[0] < rows[i].first_lo || p[0] > rows[i].first_hi)
            continue;
        if (rows[i].len > 1 && (p[1] < rows[i].next_lo || p[1] > rows[i].next_hi))
            return 0;
        for (size_t k = 2; k < rows[i].len; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].len;
    }
    return 0;
}

/* C0, DEL, C1 (U+0080 … U+009F) and the line and paragraph separators. */
static bool is_control(const unsigned char *p, size_t len)
{
    if (len == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    if (len == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    return len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9);
}

bool text_is_plain(const char *s, size_t max, bool lines)
{
    size_t chars = 0;
    for (const unsigned char *p = (const unsigned char *)s; *p; chars++) {
        const size_t len = utf8_at(p);
        if (!len || chars == max)
            return false;
        if (is_control(p, len) && !(lines && *p == '\n'))
            return false;
        p += len;
    }
    return true;
}

void text_repair(char *s)
{
    unsigned char *p = (unsigned char *)s;
    while (*p) {
        const size_t len = utf8_at(p);
        if (len && !is_control(p, len)) {
            p += len;
            continue;
        }
        const bool cut = !len && *p >= 0xc2 && strlen((char *)p) < 4;
        *p = cut ? 0 : '?';
        p += cut ? 0 : 1;
    }
}

const char *text_time(int64_t ms, char out[TIME_TEXT])
{
    const time_t s = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&s, &tm)) {
        out[0] = 0;
        return out;
    }
    const size_t n = strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(out + n, TIME_TEXT - n, ".%03dZ", (int)(ms % 1000));
    return out;
}

/* `len` digits at *s as a number within lo … hi; moves *s on. -1: no. */
static int number(const char **s, int len, int lo, int hi)
{
    int v = 0;
    for (int i = 0; i < len; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return -1;
        v = v * 10 + (**s - '0');
    }
    return v >= lo && v <= hi ? v : -1;
}

static bool sign(const char **s, const char *any)
{
    if (!**s || !strchr(any, **s))
        return false;
    (*s)++;
    return true;
}

static bool read_date(const char **s, struct tm *tm)
{
    tm->tm_year = number(s, 4, 2000, 2199) - 1900;
    if (tm->tm_year < 100 || !sign(s, "-"))
        return false;
    tm->tm_mon = number(s, 2, 1, 12) - 1;
    if (tm->tm_mon < 0 || !sign(s, "-"))
        return false;
    tm->tm_mday = number(s, 2, 1, 31);
    return tm->tm_mday > 0;
}

static bool read_hours(const char **s, struct tm *tm)
{
    tm->tm_hour = number(s, 2, 0, 23);
    if (tm->tm_hour < 0 || !sign(s, ":"))
        return false;
    tm->tm_min = number(s, 2, 0, 59);
    if (tm->tm_min < 0)
        return false;
    if (!sign(s, ":"))
        return false;
    const int sec = number(s, 2, 0, 60);
    tm->tm_sec = sec < 60 ? sec : 59; /* a leap second */
    return sec >= 0;
}

static int read_fraction(const char **s)
{
    if (!sign(s, "."))
        return 0;
    int ms = 0;
    int digits = 0;
    for (; isdigit((unsigned char)**s); (*s)++, digits++)
        if (digits < 3)
            ms = ms * 10 + (**s - '0');
    for (int i = digits; i < 3; i++)
        ms *= 10;
    return digits ? ms : -1;
}

/* Minutes east of UTC. */
static bool read_offset(const char **s, int *minutes)
{
    *minutes = 0;
    if (sign(s, "Zz"))
        return true;
    const bool west = **s == '-';
    if (!sign(s, "+-"))
        return false;
    const int h = number(s, 2, 0, 23);
    if (h < 0 || !sign(s, ":"))
        return false;
    const int m = number(s, 2, 0, 59);
    *minutes = (h * 60 + m) * (west ? -1 : 1);
    return m >= 0;
}

bool text_time_parse(const char *s, int64_t *ms)
{
    struct tm tm = {0};
    int east;
    if (!read_date(&s, &tm) || !sign(&s, "Tt ") || !read_hours(&s, &tm))
        return false;
    const int day = tm.tm_mday;
    const int fraction = read_fraction(&s);
    if (fraction < 0 || !read_offset(&s, &east) || *s)
        return false;
    const time_t t = timegm(&tm);
    if (tm.tm_mday != day)
        return false; /* 30 February */
    *ms = ((int64_t)t - (int64_t)east * 60) * 1000 + fraction;
    return true;
}
