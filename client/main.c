/* main.c - liangshi-room: reads the command line and runs a room. */
#include "client/room.h"

#include <curl/curl.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>

static int run(const struct conf *c)
{
    gst_init(NULL, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int code = room_run(c);
    curl_global_cleanup();
    return code;
}

int main(int argc, char **argv)
{
    char why[CONF_WHY];
    struct conf *const c = calloc(1, sizeof(*c));
    int code = 1;
    if (!c)
        return code;
    switch (conf_parse(c, argc, argv, why)) {
    case CONF_RUN:
        code = run(c);
        break;
    case CONF_HELP:
        fputs(conf_help(), stdout);
        code = 0;
        break;
    case CONF_VERSION:
        puts("liangshi-room " LIANGSHI_VERSION);
        code = 0;
        break;
    case CONF_WRONG:
    default:
        fprintf(stderr, "liangshi-room: %s\n", why);
        code = 2;
        break;
    }
    free(c);
    return code;
}
