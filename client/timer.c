#include "client/timer.h"

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    (void)source;
    return callback(user);
}

GSource *timer_new(GMainContext *ctx, GSourceFunc run, void *user)
{
    static GSourceFuncs funcs = {.dispatch = dispatch};
    GSource *const s = g_source_new(&funcs, sizeof(GSource));
    g_source_set_callback(s, run, user, NULL);
    g_source_attach(s, ctx);
    return s;
}
