/* fuzz_http_path.c - any path, slot list, source list and range: refused, or within bounds. */
#include "relay/control/route.h"
#include "relay/control/slots.h"
#include "relay/library/search.h"
#include "relay/library/serve.h"
#include "tests/unit/control/school.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_path(const char *text)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct route r;
        struct problem p = {.kind = P_NONE};
        if (!route_find(&r, methods[i], text, &p)) {
            assert(p.kind == P_NOT_FOUND || (p.kind == P_WRONG_METHOD && r.allow[0]));
            continue;
        }
        assert(r.call < CALL_COUNT && (!r.id[0] || text_is_id(r.id)));
        if (route_file_ok(r.file))
            assert(r.file[0] != '/' && !strstr(r.file, "/../"));
    }
}

static void as_words(const char *text)
{
    uint8_t source[NEGO_MEDIA];
    struct slot slot[NEGO_MEDIA];
    char word[SLOT_TEXT];
    struct lesson *l = school_lesson();
    struct problem p = {.kind = P_NONE};
    if (sources_parse(text, ROLE_LEAD, 2, source, &p))
        assert(source[0] < SRC_COUNT && source[0] != source[1]);
    struct problem q = {.kind = P_NONE};
    if (l && slots_parse(text, l, 3, true, slot, &q))
        for (size_t i = 0; i < 3; i++) {
            struct slot again;
            slot_text(&slot[i], l, word);
            assert(slot_parse(word, strlen(word), l, i, &again, &q));
            assert(again.kind == slot[i].kind && again.site == slot[i].site);
        }
    lesson_free(&l);
}

static void as_header(const char *text)
{
    uint64_t from;
    uint64_t len;
    int64_t ms;
    char query[256];
    if (serve_range(text, 1000, &from, &len) == RANGE_PART)
        assert(len > 0 && from + len <= 1000);
    if (text_time_parse(text, &ms))
        assert(ms > 0);
    if (text_is_plain(text, 200, false))
        assert(!search_query(text, query, sizeof query) || query[0] == '"');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size + 1); /* exact, so that a read past the end is seen */
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    as_path(text);
    as_words(text);
    as_header(text);
    text_repair(text);
    assert(text_is_plain(text, SIZE_MAX, false));
    free(text);
    return 0;
}
