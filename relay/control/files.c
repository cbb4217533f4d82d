/* files.c - a file as an answer: ranges, validators, types. */
#include "relay/control/core.h"
#include "relay/library/serve.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_file(const char *dir, const char *file, struct stat *st)
{
    char path[4096];
    text_put(path, sizeof path, "%s/%s", dir, file);
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void answer_part(struct request *r, int fd, uint64_t from, uint64_t len, unsigned status)
{
    struct MHD_Response *const response = MHD_create_response_from_fd_at_offset64(len, fd, from);
    if (response)
        answer_response(r, status, response);
    else
        (void)close(fd);
}

static void send_file(struct request *r, int fd, const struct stat *st, const char *etag)
{
    char text[80];
    uint64_t from;
    uint64_t len;
    const uint64_t size = (uint64_t)st->st_size;
    const char *const only_if = request_header(r, MHD_HTTP_HEADER_IF_RANGE);
    const char *const asked = request_header(r, MHD_HTTP_HEADER_RANGE);
    const bool stale = only_if && strcmp(only_if, etag) != 0;
    const enum range_kind kind = serve_range(stale ? NULL : asked, size, &from, &len);
    if (kind == RANGE_BAD) {
        (void)close(fd);
        problem_set(&r->problem, P_BAD_RANGE, "Range", "the file has %llu bytes",
                    (unsigned long long)size);
        return;
    }
    answer_part(r, fd, from, len, kind == RANGE_PART ? 206 : 200);
    text_put(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)from,
             (unsigned long long)(from + len - 1), (unsigned long long)size);
    if (kind == RANGE_PART)
        answer_header(r, MHD_HTTP_HEADER_CONTENT_RANGE, text);
}

void serve_file(struct request *r, const char *dir, const char *file, const char *cache)
{
    struct stat st;
    char etag[64];
    const int fd = route_file_ok(file) ? open_file(dir, file, &st) : -1;
    if (fd < 0) {
        problem_set(&r->problem, P_NOT_FOUND, NULL, "no such file");
        return;
    }
    text_put(etag, sizeof etag, "\"%llx-%llx%09lx\"", (unsigned long long)st.st_size,
             (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    if (serve_matches(request_header(r, MHD_HTTP_HEADER_IF_NONE_MATCH), etag)) {
        (void)close(fd);
        answer_empty(r, 304);
    } else {
        send_file(r, fd, &st, etag);
        answer_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, serve_type(file));
        answer_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, cache);
    }
    answer_header(r, MHD_HTTP_HEADER_ETAG, etag);
    answer_header(r, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    answer_header(r, "X-Content-Type-Options", "nosniff");
}
