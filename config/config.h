/* config.h - the relay's settings as read from a YAML file, checked, with defaults. */
#pragma once

#include "engine/base/addr.h"

#define CONFIG_ADDRS 4
#define CONFIG_WHY 256
#define CONFIG_TURN 4

struct config_limits {
    unsigned connections;
    unsigned connections_per_address;
    unsigned members_per_lesson;
    unsigned lessons_running;
    unsigned members_per_worker;
    unsigned viewer_kbps; /* what one viewer is sent at most */
};

/* A TURN server that members may use; either a secret that it shares with us (coturn's
 * use-auth-secret), or a name and password that are the same for all. */
struct config_turn {
    char *url;
    char *secret;
    char *username, *password;
    unsigned line; /* of the file; 0 = not known */
};

/* Addresses as text, so that a mistake can be shown as it was written; config_addr reads them. All
 * of it belongs to the config. */
struct config {
    char *data;
    char **http, **https, **https_public, **media, **media_public;
    unsigned http_count, https_count, https_public_count, media_count, media_public_count;
    bool plain_http_anywhere;
    unsigned workers;          /* 0 = one for each processor, of more than two one fewer */
    unsigned media_packets;    /* of each worker's pool */
    unsigned media_socket_kib; /* each way, of each socket */
    char *certificate, *key;   /* of HTTPS; NULL = self-signed */
    char *web, *lib;
    char *packager;
    unsigned link_minutes;
    struct config_turn *turn;
    unsigned turn_count;
    unsigned turn_minutes; /* how long credentials made with a secret are good */
    char *log_level;
    struct config_limits limits;
};

/* From a file, or (path NULL) the defaults alone. False: `why` is one line that says what is wrong
 * and where. */
MUST_USE bool config_load(struct config **c, const char *path, char why[CONFIG_WHY]);
/* Likewise from text; `name` stands for the file in messages. */
MUST_USE bool config_parse(struct config **c, const char *text, size_t len, const char *name,
                           char why[CONFIG_WHY]);
void config_free(struct config **c);

/* Replaces a text or a list by what the command line says; a list of "off" alone is an empty one.
 * False: no memory. */
MUST_USE bool config_set(char **field, const char *value);
MUST_USE bool config_list_set(char ***list, unsigned *count, char *const *values, unsigned n);

/* Everything that can be known without opening anything: addresses, bounds, plain HTTP only on
 * loopback. */
MUST_USE bool config_check(const struct config *c, char why[CONFIG_WHY]);

/* "127.0.0.1" … "127.255.255.255", "::1". */
bool config_is_loopback(const struct addr *a);
