/* timer.h - a source of a GLib main context that has nothing but a time. */
#pragma once

#include <glib.h>

/* Calls `run` when its ready time has come (g_source_set_ready_time, on clock.h's clock; none at
 * first), again and again until that is changed. The caller destroys it and gives it back. NULL as
 * `ctx` is the default one. */
GSource *timer_new(GMainContext *ctx, GSourceFunc run, void *user);
