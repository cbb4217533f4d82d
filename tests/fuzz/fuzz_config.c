/* fuzz_config.c - any bytes as a configuration file: refused in one line, or settings to check. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[CONFIG_WHY] = "";
    struct config *c = NULL;
    char *const text = malloc(size ? size : 1); /* exact, so that a read past the end is seen */
    if (!text)
        return 0;
    memcpy(text, data, size);
    if (config_parse(&c, text, size, "relay.yaml", why))
        assert(config_check(c, why) || why[0]);
    else
        assert(!c && why[0] && !strchr(why, '\n'));
    config_free(&c);
    free(text);
    return 0;
}
