/* fuzz_iceserver.c - any text as a Link header: each server that is read can be written, and is
 * read again as the same. */
#include "engine/base/iceserver.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size); /* exact, so that a read past the end is seen */
    struct iceserver s;
    if (!text)
        return 0;
    memcpy(text, data, size);
    const char *at = text;
    for (const char *before = at; iceserver_next(&at, text + size, &s); before = at) {
        char link[ICESERVER_LINK];
        struct iceserver again;
        assert(at > before && s.host[0] && s.port);
        if (!iceserver_link(link, sizeof link, "turn:h", s.username, s.password))
            continue;
        const char *p = link;
        assert(iceserver_next(&p, link + strlen(link), &again));
        assert(strcmp(s.username, again.username) == 0);
        assert(strcmp(s.password, again.password) == 0);
    }
    assert(at == text + size);
    (void)!iceserver_uri(&s, text, size);
    free(text);
    return 0;
}
