/* gstsource.c - which elements make which source; preroll, errors, rounds. */
#include "client/gstsource.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREROLL (10 * GST_SECOND)

struct gstsource {
    GstElement *pipeline;
    GstElement *sink;
    GstElement *text;
    GstBus *bus;
    struct conf_source source;
    usec base;
    bool live;
};

/* Pictures leave as they come from a device: the encoder drops what is too fast, so that nothing
 * waits for the picture after it, as videorate would. */
static char *picture_chain(const struct capture_conf *c)
{
    static const char tail[] = "appsink name=sink sync=false max-buffers=2 drop=true";
    static const char file_tail[] = "appsink name=sink sync=false max-buffers=3";
    const unsigned fps = capture_fps(c->what);
    switch (c->source->kind) {
    case SOURCE_V4L2:
        return g_strdup_printf("v4l2src name=src ! decodebin ! videoconvert ! "
                               "video/x-raw,format=I420 ! %s",
                               tail);
    case SOURCE_SCREEN:
        return g_strdup_printf("ximagesrc use-damage=false ! video/x-raw,framerate=%u/1 ! "
                               "videoconvert ! video/x-raw,format=I420 ! %s",
                               fps, tail);
    case SOURCE_PIPEWIRE:
        return g_strdup_printf("pipewiresrc name=src do-timestamp=true ! videoconvert ! "
                               "video/x-raw,format=I420 ! %s",
                               tail);
    case SOURCE_TEST:
        return g_strdup_printf(
            "videotestsrc is-live=true pattern=white ! "
            "video/x-raw,format=I420,width=1920,height=1080,framerate=%u/1 ! "
            "textoverlay name=text valignment=center halignment=center color=0xff202020 "
            "draw-shadow=false draw-outline=false font-desc=\"Sans 26\" ! %s",
            fps, tail);
    case SOURCE_FILE:
        return g_strdup_printf("filesrc name=src ! decodebin ! videoconvert ! videorate ! "
                               "video/x-raw,format=I420,framerate=%u/1 ! %s",
                               fps, file_tail);
    case SOURCE_NONE:
    case SOURCE_PULSE:
    case SOURCE_ALSA:
    default:
        return NULL;
    }
}

static char *sound_chain(const struct capture_conf *c)
{
    static const char caps[] = "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved";
    const char *head = NULL;
    switch (c->source->kind) {
    case SOURCE_PULSE:
        head = "pulsesrc name=src buffer-time=60000 latency-time=10000";
        break;
    case SOURCE_ALSA:
        head = "alsasrc name=src buffer-time=60000 latency-time=10000";
        break;
    case SOURCE_PIPEWIRE:
        head = "pipewiresrc name=src do-timestamp=true";
        break;
    case SOURCE_FILE:
        head = "filesrc name=src ! decodebin";
        break;
    case SOURCE_NONE:
    case SOURCE_V4L2:
    case SOURCE_SCREEN:
    case SOURCE_TEST:
    default:
        return NULL;
    }
    char *const dsp =
        c->probe ? g_strdup_printf("webrtcdsp probe=%s ! %s !", c->probe, caps) : g_strdup("");
    const bool file = c->source->kind == SOURCE_FILE;
    char *const chain = g_strdup_printf(
        "%s ! audioconvert ! audioresample ! %s ! %s appsink name=sink sync=false max-buffers=%d%s",
        head, caps, dsp, file ? 8 : 20, file ? "" : " drop=true");
    g_free(dsp);
    return chain;
}

static void set_argument(const struct gstsource *s)
{
    static const char *const property[] = {
        [SOURCE_V4L2] = "device",
        [SOURCE_FILE] = "location",
        [SOURCE_PULSE] = "device",
        [SOURCE_ALSA] = "device",
        [SOURCE_PIPEWIRE] = "target-object",
        [SOURCE_SCREEN] = NULL,
        [SOURCE_TEST] = NULL,
        [SOURCE_NONE] = NULL,
    };
    const char *const name = property[s->source.kind];
    GstElement *const src = gst_bin_get_by_name(GST_BIN(s->pipeline), "src");
    if (src && name && s->source.arg[0])
        g_object_set(src, name, s->source.arg, NULL);
    if (src)
        gst_object_unref(src);
}

static bool take_error(struct gstsource *s, char why[CAPTURE_WHY])
{
    GstMessage *const m = gst_bus_pop_filtered(s->bus, GST_MESSAGE_ERROR);
    if (!m)
        return false;
    GError *e = NULL;
    gst_message_parse_error(m, &e, NULL);
    snprintf(why, CAPTURE_WHY, "%s%s%s", s->source.arg, s->source.arg[0] ? ": " : "",
             e ? e->message : "unknown error of GStreamer");
    g_clear_error(&e);
    gst_message_unref(m);
    return true;
}

/* The same clock and zero for all pipelines of a room: running times then mean the same in each,
 * as the echo canceller needs, and are monotonic microseconds less the base. */
static void share_clock(const struct gstsource *s)
{
    GstClock *const clock = gst_system_clock_obtain();
    gst_pipeline_use_clock(GST_PIPELINE(s->pipeline), clock);
    gst_object_unref(clock);
    gst_element_set_start_time(s->pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(s->pipeline, (GstClockTime)s->base * GST_USECOND);
}

static enum err start(struct gstsource *s, char why[CAPTURE_WHY])
{
    const GstStateChangeReturn r = gst_element_set_state(s->pipeline, GST_STATE_PLAYING);
    s->live = r == GST_STATE_CHANGE_NO_PREROLL;
    if (r != GST_STATE_CHANGE_FAILURE && !s->live &&
        gst_element_get_state(s->pipeline, NULL, NULL, PREROLL) == GST_STATE_CHANGE_SUCCESS)
        return OK;
    if (s->live)
        return OK;
    if (!take_error(s, why))
        snprintf(why, CAPTURE_WHY, "%s: nothing comes from it", s->source.arg);
    return E_IO;
}

static enum err build(struct gstsource *s, const struct capture_conf *c, char why[CAPTURE_WHY])
{
    char *const chain = c->what == CAPTURE_VOICE ? sound_chain(c) : picture_chain(c);
    GError *e = NULL;
    s->pipeline = chain ? gst_parse_launch(chain, &e) : NULL;
    g_free(chain);
    if (e)
        snprintf(why, CAPTURE_WHY, "%s", e->message);
    g_clear_error(&e);
    if (!s->pipeline)
        return E_IO;
    s->sink = gst_bin_get_by_name(GST_BIN(s->pipeline), "sink");
    s->text = gst_bin_get_by_name(GST_BIN(s->pipeline), "text");
    s->bus = gst_element_get_bus(s->pipeline);
    set_argument(s);
    share_clock(s);
    return s->sink ? start(s, why) : E_IO;
}

enum err gstsource_new(struct gstsource **out, const struct capture_conf *c, char why[CAPTURE_WHY])
{
    *out = NULL;
    snprintf(why, CAPTURE_WHY, "no such source");
    if (c->source->kind == SOURCE_FILE && access(c->source->arg, R_OK) != 0) {
        snprintf(why, CAPTURE_WHY, "%s: %s", c->source->arg, strerror(errno));
        return E_IO;
    }
    struct gstsource *s = calloc(1, sizeof(*s));
    if (!s)
        return E_NOMEM;
    s->source = *c->source;
    s->base = c->start;
    const enum err e = build(s, c, why);
    if (e != OK)
        gstsource_free(&s);
    *out = s;
    return e;
}

void gstsource_free(struct gstsource **ps)
{
    struct gstsource *const s = *ps;
    if (!s)
        return;
    if (s->pipeline)
        gst_element_set_state(s->pipeline, GST_STATE_NULL);
    g_clear_object(&s->sink);
    g_clear_object(&s->text);
    g_clear_object(&s->bus);
    g_clear_object(&s->pipeline);
    free(s);
    *ps = NULL;
}

enum gstsource_got gstsource_pull(struct gstsource *s, GstSample **sample, char why[CAPTURE_WHY])
{
    *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(s->sink), 100 * GST_MSECOND);
    if (*sample)
        return GSTSOURCE_SAMPLE;
    if (take_error(s, why))
        return GSTSOURCE_BROKEN;
    if (gst_app_sink_is_eos(GST_APP_SINK(s->sink)))
        return GSTSOURCE_END;
    return GSTSOURCE_NOTHING;
}

bool gstsource_again(struct gstsource *s, char why[CAPTURE_WHY])
{
    const GstSeekFlags flags = GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT;
    if (s->source.kind == SOURCE_FILE &&
        gst_element_seek_simple(s->pipeline, GST_FORMAT_TIME, flags, 0))
        return true;
    gst_element_set_state(s->pipeline, GST_STATE_NULL);
    share_clock(s);
    return start(s, why) == OK;
}

usec gstsource_length(struct gstsource *s)
{
    gint64 length;
    if (!gst_element_query_duration(s->pipeline, GST_FORMAT_TIME, &length) || length <= 0)
        return 0;
    return length / (gint64)GST_USECOND;
}

usec gstsource_base(const struct gstsource *s)
{
    return s->base;
}

void gstsource_set_text(struct gstsource *s, const char *text)
{
    if (s->text)
        g_object_set(s->text, "text", text, NULL);
}
