/* node.h - a whole relay: data directory, sockets, workers, control; from a configuration to a
 * process that serves until it is told to stop. */
#pragma once

#include "config/config.h"

/* Serves until SIGTERM or SIGINT. Every failure has been reported in one line on standard error.
 * Returns the exit code. */
int node_run(const struct config *c);

/* The data directory, made if it is not there. False: reported. */
MUST_USE bool node_make_dir(const char *path);
