/* make_journal.c - a journal of any length for measuring the packager: real VP8 and Opus, repeated.
 */
#include "tests/unit/package/maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 3 || strtoul(argv[2], NULL, 10) == 0) {
        (void)fprintf(stderr,
                      "usage: make_journal DIR SECONDS\n"
                      "A lead with camera in three layers, slides and voice; three points.\n");
        return 2;
    }
    const struct maker_conf c = {.dir = argv[1],
                                 .seconds = (unsigned)strtoul(argv[2], NULL, 10),
                                 .points = 3,
                                 .camera_layers = 3,
                                 .big = true,
                                 .slides = true,
                                 .reports = true,
                                 .jitter_ms = 20};
    return maker_write(&c) ? 0 : 1;
}
