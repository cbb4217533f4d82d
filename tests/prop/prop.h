/* prop.h - a property: a statement that holds for every one of many random cases. */
#pragma once

#include "engine/base/rng.h"

/* One case, made of the numbers that r gives; asserts with cmocka. It must not need anything to
 * be cleaned up when an assertion ends it. */
typedef void prop_case(struct rng *r);

/* Tries 1000 cases (environment: CASES=n) with the seeds 1, 2, 3 … (SEED=n: from n on). When a
 * case fails, the seed that makes it again is printed: SEED=n CASES=1. */
void prop_holds(const char *name, prop_case *one);

/* For arrays of cmocka's tests: `static void remap_never_repeats(struct rng *r)` as
 * PROP_TEST(remap_never_repeats). */
#define PROP_TEST(f)                                                                               \
    {                                                                                              \
        .name = #f, .test_func = prop_run_test, .initial_state = &(struct prop)                    \
        {                                                                                          \
#f, f                                                                                  \
        }                                                                                          \
    }

struct prop {
    const char *name;
    prop_case *one;
};
void prop_run_test(void **state);
