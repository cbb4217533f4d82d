/* shot.c - a pipeline for each picture: there are few, and none keeps anything of another. */
#include "relay/library/package/shot.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <stdio.h>

#define WAIT (10 * GST_SECOND) /* for one picture to be coded */

struct pipe {
    GstElement *all;
    GstElement *src;
    GstElement *sink;
};

/* A pipeline from appsrc "in" to appsink "out"; all NULL if it cannot be made. */
static bool pipe_open(struct pipe *p, const char *text)
{
    *p = (struct pipe){.all = gst_parse_launch(text, NULL)};
    if (!p->all)
        return false;
    p->src = gst_bin_get_by_name(GST_BIN(p->all), "in");
    p->sink = gst_bin_get_by_name(GST_BIN(p->all), "out");
    return p->src && p->sink &&
           gst_element_set_state(p->all, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE;
}

static void pipe_close(struct pipe *p)
{
    if (p->all)
        (void)gst_element_set_state(p->all, GST_STATE_NULL);
    gst_clear_object(&p->src);
    gst_clear_object(&p->sink);
    gst_clear_object(&p->all);
}

bool shot_possible(const char **missing)
{
    static const char *const wanted[] = {"webpenc", "jpegenc"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        GstElementFactory *const f = gst_element_factory_find(wanted[i]);
        *missing = wanted[i];
        if (!f)
            return false;
        gst_object_unref(f);
    }
    return true;
}

static bool write_file(const char *path, GstBuffer *b)
{
    GstMapInfo map;
    if (!gst_buffer_map(b, &map, GST_MAP_READ))
        return false;
    FILE *const f = fopen(path, "wb");
    const bool whole = f && fwrite(map.data, 1, map.size, f) == map.size;
    const bool closed = f && fclose(f) == 0;
    gst_buffer_unmap(b, &map);
    return whole && closed;
}

/* The picture's memory is lent to the buffer, and stays the caller's. */
static GstBuffer *buffer_of(const struct picture *p)
{
    const int w = p->width;
    const int h = p->height;
    const gsize luma = (gsize)w * (gsize)h;
    const gsize chroma = (gsize)((w + 1) / 2) * (gsize)((h + 1) / 2);
    gsize offset[GST_VIDEO_MAX_PLANES] = {0, luma, luma + chroma};
    gint stride[GST_VIDEO_MAX_PLANES] = {w, (w + 1) / 2, (w + 1) / 2};
    GstBuffer *const b = gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, p->bytes, p->len, 0,
                                                     p->len, NULL, NULL);
    (void)gst_buffer_add_video_meta_full(b, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420,
                                         p->width, p->height, 3, offset, stride);
    GST_BUFFER_PTS(b) = 0;
    return b;
}

static bool code(const struct picture *p, const char *encoder, const char *path)
{
    char text[256];
    struct pipe pipe;
    (void)snprintf(text, sizeof text,
                   "appsrc name=in format=time caps=video/x-raw,format=I420,width=%u,height=%u,"
                   "framerate=1/1 ! %s ! appsink name=out sync=false",
                   (unsigned)p->width, (unsigned)p->height, encoder);
    bool good = pipe_open(&pipe, text);
    if (good) {
        good = gst_app_src_push_buffer(GST_APP_SRC(pipe.src), buffer_of(p)) == GST_FLOW_OK;
        (void)gst_app_src_end_of_stream(GST_APP_SRC(pipe.src));
    }
    GstSample *const coded =
        good ? gst_app_sink_try_pull_sample(GST_APP_SINK(pipe.sink), WAIT) : NULL;
    good = coded && write_file(path, gst_sample_get_buffer(coded));
    if (coded)
        gst_sample_unref(coded);
    pipe_close(&pipe); /* nothing uses the picture any more */
    return good;
}

bool shot_webp(const struct picture *p, const char *path)
{
    return code(p, "webpenc quality=80 speed=1", path);
}

bool shot_jpeg(const struct picture *p, const char *path)
{
    return code(p, "jpegenc quality=85", path);
}
