/* output.c - pipelines from appsrc to window, loudspeaker and file. */
#include "client/output.h"

#include "client/gstpkt.h"

#include <gst/app/gstappsrc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PICTURE_CAPS "video/x-raw,format=I420,width=1280,height=720,framerate=25/1"
#define SOUND_CAPS "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved"
#define FINISH (5 * GST_SECOND)

enum { PIPE_DISPLAY, PIPE_SPEAKER, PIPES };

struct output {
    usec start;
    GstElement *pipe[PIPES]; /* with one file for both the second is NULL */
    GstElement *picture;     /* appsrc, or NULL */
    GstElement *sound;
};

static const char *ending(const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot ? dot : "";
}

static bool is_matroska(const char *path)
{
    return strcmp(ending(path), ".mkv") == 0 || strcmp(ending(path), ".webm") == 0;
}

/* Escapes a path for gst_parse_launch. */
static char *quoted(const char *path)
{
    GString *const s = g_string_new("\"");
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            g_string_append_c(s, '\\');
        g_string_append_c(s, *path);
    }
    return g_string_free(g_string_append_c(s, '"'), FALSE);
}

static const char picture_head[] =
    "appsrc name=picture is-live=true format=time caps=" PICTURE_CAPS;
static const char sound_head[] = "appsrc name=sound is-live=true format=time caps=" SOUND_CAPS;

static char *picture_file(const char *path, bool sound)
{
    char *const q = quoted(path);
    char *out = NULL;
    if (is_matroska(path))
        out = g_strdup_printf("%s ! queue ! vp8enc deadline=1 cpu-used=8 target-bitrate=2000000 "
                              "keyframe-max-dist=100 ! %s name=mux ! filesink location=%s%s%s",
                              picture_head,
                              strcmp(ending(path), ".webm") == 0 ? "webmmux" : "matroskamux", q,
                              sound ? "  " : "", sound ? sound_head : "");
    else if (strcmp(ending(path), ".y4m") == 0 && !sound)
        out = g_strdup_printf("%s ! queue ! y4menc ! filesink location=%s", picture_head, q);
    if (out && sound) {
        char *const both = g_strdup_printf("%s ! queue ! opusenc ! mux.", out);
        g_free(out);
        out = both;
    }
    g_free(q);
    return out;
}

static char *sound_file(const char *path)
{
    char *const q = quoted(path);
    char *out = NULL;
    if (is_matroska(path))
        out = g_strdup_printf("%s ! queue ! opusenc ! matroskamux ! filesink location=%s",
                              sound_head, q);
    else if (strcmp(ending(path), ".wav") == 0)
        out = g_strdup_printf("%s ! queue ! wavenc ! filesink location=%s", sound_head, q);
    g_free(q);
    return out;
}

/* autovideosink would try frame buffers too, one of whose drivers crashes where there is none. */
static const char *window_sink(void)
{
    if (g_getenv("WAYLAND_DISPLAY") || g_getenv("DISPLAY"))
        return "autovideosink sync=false";
    if (access("/dev/dri/card0", W_OK) == 0)
        return "kmssink sync=false";
    return NULL;
}

static char *display_chain(const struct output_conf *c, bool both)
{
    switch (c->display->kind) {
    case SINK_SHOW:
        return window_sink() ? g_strdup_printf("%s ! queue leaky=downstream max-size-buffers=2 ! "
                                               "videoconvert ! %s",
                                               picture_head, window_sink())
                             : NULL;
    case SINK_FILE:
        return picture_file(c->display->arg, both);
    case SINK_NONE:
    case SINK_PULSE:
    case SINK_ALSA:
    default:
        return NULL;
    }
}

static char *speaker_chain(const struct output_conf *c)
{
    const char *sink = NULL;
    switch (c->speaker->kind) {
    case SINK_SHOW:
        sink = "autoaudiosink";
        break;
    case SINK_PULSE:
        sink = "pulsesink name=sink buffer-time=60000 latency-time=10000";
        break;
    case SINK_ALSA:
        sink = "alsasink name=sink buffer-time=60000 latency-time=10000";
        break;
    case SINK_FILE:
        return sound_file(c->speaker->arg);
    case SINK_NONE:
    default:
        return NULL;
    }
    return g_strdup_printf("%s ! %s queue max-size-time=200000000 leaky=downstream ! "
                           "audioconvert ! audioresample ! %s",
                           sound_head, c->probe ? "webrtcechoprobe name=" OUTPUT_PROBE " !" : "",
                           sink);
}

static void set_device(GstElement *pipe, const struct conf_sink *s)
{
    GstElement *const sink = gst_bin_get_by_name(GST_BIN(pipe), "sink");
    if (sink && s->arg[0])
        g_object_set(sink, "device", s->arg, NULL);
    if (sink)
        gst_object_unref(sink);
}

static bool take_error(GstElement *pipe, const char *name, char why[OUTPUT_WHY])
{
    GstBus *const bus = gst_element_get_bus(pipe);
    GstMessage *const m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
    gst_object_unref(bus);
    if (!m)
        return false;
    GError *e = NULL;
    gst_message_parse_error(m, &e, NULL);
    snprintf(why, OUTPUT_WHY, "%s%s%s", name, *name ? ": " : "", e ? e->message : "unknown error");
    g_clear_error(&e);
    gst_message_unref(m);
    return true;
}

static enum err launch(struct output *o, int which, char *chain, const struct conf_sink *s,
                       char why[OUTPUT_WHY])
{
    GError *e = NULL;
    GstElement *const p = gst_parse_launch(chain, &e);
    if (e)
        snprintf(why, OUTPUT_WHY, "%s", e->message);
    g_clear_error(&e);
    if (!p)
        return E_IO;
    o->pipe[which] = p;
    set_device(p, s);
    GstClock *const clock = gst_system_clock_obtain();
    gst_pipeline_use_clock(GST_PIPELINE(p), clock);
    gst_object_unref(clock);
    gst_element_set_start_time(p, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(p, (GstClockTime)o->start * GST_USECOND);
    if (gst_element_set_state(p, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE)
        return OK;
    if (!take_error(p, s->arg, why))
        snprintf(why, OUTPUT_WHY, "%s: cannot be opened", s->arg);
    return E_IO;
}

static enum err open_one(struct output *o, int which, char *chain, const struct conf_sink *s,
                         char why[OUTPUT_WHY])
{
    enum err e = OK;
    if (chain)
        e = launch(o, which, chain, s, why);
    else if (s->kind != SINK_NONE)
        e = E_FORMAT;
    if (e == E_FORMAT && s->kind == SINK_SHOW)
        snprintf(why, OUTPUT_WHY,
                 "--display display: there is no desktop here (neither WAYLAND_DISPLAY nor DISPLAY "
                 "is set); use --display file:PATH or none");
    else if (e == E_FORMAT)
        snprintf(why, OUTPUT_WHY, "%s: must end in .mkv, .webm, %s", s->arg,
                 which == PIPE_DISPLAY ? "or .y4m (without sound)" : "or .wav");
    g_free(chain);
    return e;
}

static GstElement *find(const struct output *o, const char *name)
{
    GstElement *e = NULL;
    for (int i = 0; i < PIPES && !e; i++)
        e = o->pipe[i] ? gst_bin_get_by_name(GST_BIN(o->pipe[i]), name) : NULL;
    return e;
}

enum err output_new(struct output **out, const struct output_conf *c, char why[OUTPUT_WHY])
{
    struct output *const o = calloc(1, sizeof(*o));
    const bool both = c->display->kind == SINK_FILE && c->speaker->kind == SINK_FILE &&
                      strcmp(c->display->arg, c->speaker->arg) == 0;
    *out = o;
    if (!o)
        return E_NOMEM;
    o->start = c->start;
    enum err e = open_one(o, PIPE_DISPLAY, display_chain(c, both), c->display, why);
    if (e == OK && !both)
        e = open_one(o, PIPE_SPEAKER, speaker_chain(c), c->speaker, why);
    o->picture = find(o, "picture");
    o->sound = find(o, "sound");
    if (e != OK)
        output_free(out);
    return e;
}

static void finish(GstElement *pipe)
{
    GstBus *const bus = gst_element_get_bus(pipe);
    gst_element_send_event(pipe, gst_event_new_eos());
    GstMessage *const m =
        gst_bus_timed_pop_filtered(bus, FINISH, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    if (m)
        gst_message_unref(m);
    gst_object_unref(bus);
}

void output_free(struct output **po)
{
    struct output *const o = *po;
    if (!o)
        return;
    if (o->picture)
        gst_app_src_end_of_stream(GST_APP_SRC(o->picture));
    if (o->sound)
        gst_app_src_end_of_stream(GST_APP_SRC(o->sound));
    for (int i = 0; i < PIPES; i++) {
        if (!o->pipe[i])
            continue;
        finish(o->pipe[i]);
        gst_element_set_state(o->pipe[i], GST_STATE_NULL);
    }
    g_clear_object(&o->picture);
    g_clear_object(&o->sound);
    for (int i = 0; i < PIPES; i++)
        g_clear_object(&o->pipe[i]);
    free(o);
    *po = NULL;
}

void output_picture(struct output *o, const struct i420 *p, usec now)
{
    GstBuffer *const b = o->picture ? gstpkt_of_picture(p, now - o->start, 40 * USEC_MS) : NULL;
    if (b)
        gst_app_src_push_buffer(GST_APP_SRC(o->picture), b);
}

void output_sound(struct output *o, const int16_t *pcm, size_t samples, usec now)
{
    if (o->sound)
        gst_app_src_push_buffer(GST_APP_SRC(o->sound),
                                gstpkt_of_sound(pcm, samples, now - o->start));
}

bool output_shows(const struct output *o)
{
    return o->picture != NULL;
}

bool output_failed(struct output *o, char why[OUTPUT_WHY])
{
    for (int i = 0; i < PIPES; i++) {
        if (o->pipe[i] && take_error(o->pipe[i], "", why))
            return true;
    }
    return false;
}
