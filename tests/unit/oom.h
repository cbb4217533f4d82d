/* oom.h - runs a scene again and again, each time with one more allocation failing. */
#pragma once

#include "engine/base/base.h"

/* A test program with this file's source linked in has its own malloc, calloc and realloc, which
 * call the real ones (or the sanitizer's) but can be told to fail. */

/* One complete story with its own objects, which it frees whatever happens. OK when it ran to its
 * end, E_NOMEM when memory ended; its own assertions are cmocka's. Nothing else may be returned. */
typedef enum err oom_scene(void *arg);

/* Runs the scene once with all the memory it wants (libraries prepare themselves then), and then
 * with the n-th allocation failing, n = 0, 1, 2 … until it returns OK undisturbed. Only what our
 * own code allocates fails; what a library allocates on its behalf does not. The test fails if
 *   - the scene returns anything but E_NOMEM while an allocation failed (a scene that does without
 *     it and returns OK is fine),
 *   - an allocation of ours is not freed at its end.
 * Returns how many allocations the whole scene makes, so that a test can insist on some. */
size_t oom_walk(oom_scene *scene, void *arg);

/* The same, but the allocations of libraries fail too. For libraries that survive it (OpenSSL,
 * libsrtp, jansson, SQLite); GLib ends the process instead. */
size_t oom_walk_all(oom_scene *scene, void *arg);

/* Allocations made by our own code since the process began. Two readings around a call on the
 * packet path must be equal. */
size_t oom_allocations(void);
