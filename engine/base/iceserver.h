/* iceserver.h - a TURN server as an URI (RFC 7065), and as the Link header by which WHIP and WHEP
 * tell of it (RFC 9725 4.6, RFC 8288). */
#pragma once

#include "engine/base/base.h"

#define ICESERVER_HOST 256
#define ICESERVER_TEXT 256 /* username, password; with the 0 */
#define ICESERVER_LINK 1600

struct iceserver {
    bool tls;                  /* turns: */
    bool tcp;                  /* also with tls */
    char host[ICESERVER_HOST]; /* name or address; IPv6 without brackets */
    uint16_t port;
    char username[ICESERVER_TEXT];
    char password[ICESERVER_TEXT];
};

/* turn:host[:port][?transport=udp|tcp], turns:host[:port][?transport=tcp]; ports are 3478 and 5349
 * unless given. NULL: good, and all but username and password is set; else what is wrong with it,
 * in words that hold nothing of the text. */
MUST_USE const char *iceserver_uri(struct iceserver *s, const char *text, size_t len);

/* May it stand in a header, between quotes? 1 to 255 printable ASCII characters. */
bool iceserver_text_ok(const char *text);

/* The value of one Link header. False: no room, or a text that iceserver_text_ok refuses. */
MUST_USE bool iceserver_link(char *out, size_t cap, const char *uri, const char *username,
                             const char *password);

/* The next TURN server of a Link header's value, which may name several links, of which others
 * (also stun:, and credentials other than a password) are passed over. `at` is where to read on.
 * False: no more. */
MUST_USE bool iceserver_next(const char **at, const char *end, struct iceserver *s);
