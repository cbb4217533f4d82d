/* fuzz_addr.c - any text as an address: refused, or written back so that it reads the same. */
#include "engine/base/addr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size + 1); /* exact, so that a read past the end is seen */
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;

    struct addr a;
    struct addr again;
    char out[ADDR_TEXT];
    if (addr_parse(&a, text)) {
        assert(addr_parse(&again, addr_format(&a, out)));
        assert(addr_eq(&a, &again) && addr_hash(&a) == addr_hash(&again));
        assert(addr_masked(&a, out)[0] && addr_ip_text(&a, out)[0]);
    }
    free(text);
    return 0;
}
