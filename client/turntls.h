/* turntls.h - a pipe by TLS to a TURN server, with its near end on this machine's loopback: libnice
 * speaks TURN over TCP, but not over TLS. */
#pragma once

#include "engine/base/iceserver.h"
#include "engine/base/log.h"

struct turntls;

/* Used in the thread whose default main context runs. `ca_file`: NULL or "" = the system's. The log
 * outlives all connections; nothing secret is told to it. */
MUST_USE enum err turntls_new(struct turntls **t, const struct iceserver *s, const char *ca_file,
                              const struct log *log);
void turntls_free(struct turntls **t);
uint16_t turntls_port(const struct turntls *t);
