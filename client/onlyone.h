/* onlyone.h - two programs must not be the same room at the same time: they would take the
 * connection from each other for ever. */
#pragma once

#include "client/conf.h"

/* Holds a lock until the process ends, however it ends. Returns its descriptor to close, or -1:
 * another process on this machine is this room. A machine without a place for locks is let
 * through with -2. */
int onlyone_enter(const struct conf *c);
