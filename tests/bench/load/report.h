/* report.h - what a run showed, as one JSON object. */
#pragma once

#include "tests/bench/load/load.h"

#include <stdio.h>

/* Times are as named; a window without packets has zeros. False: no memory, or `out` failed. */
MUST_USE bool report_write(const struct load *l, FILE *out);
