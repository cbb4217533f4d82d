/* fuzz_signal_json.c - any body as the description of a lesson: refused with a problem, or a lesson
 * that can be shown, changed by the same body and shown again. */
#include "relay/lesson/lesson.h"
#include "relay/lesson/want.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const json_t *body, json_t *meta)
{
    struct lesson *l;
    struct problem p = {.kind = P_NONE};
    if (lesson_new(&l, "L7", meta) != OK)
        return;
    json_t *const shown = lesson_json(l, 0);
    assert(shown && json_object_get(shown, "title"));
    json_decref(shown);
    json_t *const again = lesson_patched(l, body, &p);
    assert((again != NULL) == (p.kind == P_NONE));
    if (again)
        assert(lesson_apply(l, again) != E_FORMAT && l->sites >= 1);
    json_decref(again);
    lesson_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size ? size : 1); /* exact, so that a read past the end is seen */
    if (!text)
        return 0;
    memcpy(text, data, size);
    char id[ID_CAP];
    struct problem p = {.kind = P_NONE};
    json_t *const body = want_body(text, size, &p);
    assert((body != NULL) == (p.kind == P_NONE));
    json_t *const meta = body ? lesson_describe(body, 1764000000000, id, &p) : NULL;
    assert((meta != NULL) == (p.kind == P_NONE));
    if (meta)
        use(body, meta);
    json_t *const told = problem_json(&p);
    assert(told); /* also what quotes the input is JSON */
    json_decref(told);
    json_decref(meta);
    json_decref(body);
    free(text);
    return 0;
}
