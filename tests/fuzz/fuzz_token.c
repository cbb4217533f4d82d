/* fuzz_token.c - any text as a token or a grant: refused. Nobody but the node signs. */
#include "relay/control/auth.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One key for the whole run; its folder is removed at once. */
static struct auth *key(void)
{
    static struct auth *auth;
    char dir[] = "/tmp/liangshi-fuzz-XXXXXX";
    char path[64];
    char why[256];
    if (auth)
        return auth;
    if (!mkdtemp(dir) || auth_new(&auth, dir, why) != OK)
        abort();
    text_put(path, sizeof path, "%s/node.jwk", dir);
    if (unlink(path) != 0 || rmdir(dir) != 0)
        abort();
    return auth;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *const text = malloc(size + 1); /* exact, so that a read past the end is seen */
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = 0;
    struct claims c;
    struct problem p = {.kind = P_NONE};
    struct problem q = {.kind = P_NONE};
    assert(!auth_check(key(), text, 1000, &c, &p) && p.kind == P_BAD_TOKEN);
    assert(!auth_grant_check(key(), text, "L7", 1000, &q) && q.kind == P_BAD_GRANT);
    free(text);
    return 0;
}
