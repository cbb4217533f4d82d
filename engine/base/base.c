#include "engine/base/base.h"

const char *err_name(enum err e)
{
    static const char *const names[] = {
        [OK] = "ok",
        [E_NOMEM] = "no memory",
        [E_FORMAT] = "bad format",
        [E_AUTH] = "not authorised",
        [E_STATE] = "wrong state",
        [E_LIMIT] = "limit reached",
        [E_IO] = "input/output error",
    };
    return (size_t)e < ARRAY_LEN(names) ? names[e] : "unknown error";
}
