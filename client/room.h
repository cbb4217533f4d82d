/* room.h - a whole classroom for a whole lesson: sends, plays, follows the lesson, tells how it
 * goes. */
#pragma once

#include "client/conf.h"

/* Runs until the lesson is over, the time is up or a signal asks to leave. Returns the exit code of
 * the program. */
int room_run(const struct conf *c);
