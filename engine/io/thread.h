/* thread.h - a named thread that ends when its body returns. */
#pragma once

#include "engine/base/base.h"

struct thread;

/* Signals are blocked in it: the main thread takes them. */
MUST_USE enum err thread_start(struct thread **t, const char *name, void (*body)(void *),
                               void *arg);
void thread_join(struct thread **t);
