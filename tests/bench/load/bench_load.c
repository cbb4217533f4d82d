/* bench_load.c - a lesson with thousands of viewers, to see what a media server makes of it. Run by
 * hand, or by tests/bench/compare.py:
 *
 *   bench_load --server relay --url http://127.0.0.1:20080 --lesson L1 --lead-token T
 *              --viewer-token T --viewers 500 --seconds 10 --pid PID
 *   bench_load --server janus --url http://127.0.0.1:8088 --room 1000 --viewers 100 --pid PID
 *
 * Janus must have ice_lite = true. One JSON object comes out, progress goes to standard error. Exit
 * code 0: measured; 1: nothing could be published; 2: a flag was wrong. */
#include "tests/bench/load/load.h"
#include "tests/bench/load/report.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct options o;
    char why[300];
    if (!options_read(&o, argc, argv, why, sizeof why)) {
        fprintf(stderr, "bench_load: %s\n", why);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_ALL);
    static struct load l;
    bool ok = load_init(&l, &o) == OK;
    if (!ok)
        perror("bench_load: cannot start");
    ok = ok && load_run(&l) && report_write(&l, stdout);
    load_fini(&l);
    curl_global_cleanup();
    return ok ? 0 : 1;
}
