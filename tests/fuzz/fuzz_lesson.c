/* fuzz_lesson.c - any text as any event: state stays within its bounds. */
#include "client/lesson.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"snapshot", "lesson", "mode", "floor", "site"};
    char *const text = malloc(size); /* exact, so that a read past the end is seen */
    struct lesson l;
    if (!text)
        return 0;
    memcpy(text, data, size);
    lesson_init(&l);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        lesson_event(&l, names[i], text, size);
    assert(strlen(l.site) < LESSON_ID && strlen(l.floor) < LESSON_ID && strlen(l.lead) < LESSON_ID);
    assert(strlen(lesson_words(&l)) < 64);
    free(text);
    return 0;
}
