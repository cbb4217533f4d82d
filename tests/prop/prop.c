/* prop.c - runs the random cases of a property and names the seed of the one that fails. */
#include "tests/prop/prop.h"

#include "engine/base/bytes.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

/* The case that runs now, for the message at exit of a failed assertion (a longjmp). */
static struct {
    const char *name;
    uint64_t seed;
} now_running;

static uint64_t from_env(const char *name, uint64_t otherwise)
{
    const char *const text = getenv(name);
    if (!text || !*text)
        return otherwise;
    char *end = NULL;
    const uint64_t v = strtoull(text, &end, 10);
    if (*end)
        fail_msg("%s=\"%s\" is not a number", name, text);
    return v;
}

static void name_the_seed(void)
{
    if (now_running.name)
        (void)fprintf(stderr, "to see it again: SEED=%llu CASES=1 (%s)\n",
                      (unsigned long long)now_running.seed, now_running.name);
    now_running.name = NULL;
}

static void run_case(prop_case *one, uint64_t seed)
{
    uint8_t key[32] = {0};
    put_be64(key + 24, seed);
    struct rng r;
    assert_int_equal(rng_init(&r, key), OK);
    one(&r);
    rng_fini(&r);
}

void prop_holds(const char *name, prop_case *one)
{
    static bool at_exit;
    if (!at_exit)
        at_exit = atexit(name_the_seed) == 0;
    name_the_seed(); /* of the property before, if it failed */

    const uint64_t first = from_env("SEED", 1);
    const uint64_t cases = from_env("CASES", 1000);
    for (uint64_t i = 0; i < cases; i++) {
        now_running.name = name;
        now_running.seed = first + i;
        run_case(one, first + i);
    }
    now_running.name = NULL;
}

void prop_run_test(void **state)
{
    const struct prop *const p = *state;
    prop_holds(p->name, p->one);
}
