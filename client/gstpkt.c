/* gstpkt.c - mapping and copying. */
#include "client/gstpkt.h"

#include <string.h>

bool gstpkt_take_picture(struct gstpkt_picture *g, GstSample *sample, bool write)
{
    GstVideoInfo info;
    memset(g, 0, sizeof(*g));
    GstCaps *const caps = gst_sample_get_caps(sample);
    if (!caps || !gst_video_info_from_caps(&info, caps) ||
        GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_I420) {
        gst_sample_unref(sample);
        return false;
    }
    g->buffer = gst_buffer_ref(gst_sample_get_buffer(sample));
    gst_sample_unref(sample);
    if (write)
        g->buffer = gst_buffer_make_writable(g->buffer);
    if (!gst_video_frame_map(&g->frame, &info, g->buffer,
                             write ? GST_MAP_READWRITE : GST_MAP_READ)) {
        gst_buffer_unref(g->buffer);
        g->buffer = NULL;
        return false;
    }
    for (unsigned i = 0; i < 3; i++) {
        g->pic.plane[i] = GST_VIDEO_FRAME_PLANE_DATA(&g->frame, i);
        g->pic.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&g->frame, i);
    }
    g->pic.width = GST_VIDEO_FRAME_WIDTH(&g->frame);
    g->pic.height = GST_VIDEO_FRAME_HEIGHT(&g->frame);
    return true;
}

void gstpkt_drop_picture(struct gstpkt_picture *g)
{
    if (!g->buffer)
        return;
    gst_video_frame_unmap(&g->frame);
    gst_buffer_unref(g->buffer);
    g->buffer = NULL;
}

bool gstpkt_take_sound(struct gstpkt_sound *g, GstSample *sample)
{
    memset(g, 0, sizeof(*g));
    if (!gst_buffer_map(gst_sample_get_buffer(sample), &g->map, GST_MAP_READ)) {
        gst_sample_unref(sample);
        return false;
    }
    g->sample = sample;
    g->pcm = (const int16_t *)(const void *)g->map.data;
    g->samples = g->map.size / sizeof(int16_t);
    return true;
}

void gstpkt_drop_sound(struct gstpkt_sound *g)
{
    if (!g->sample)
        return;
    gst_buffer_unmap(gst_sample_get_buffer(g->sample), &g->map);
    gst_sample_unref(g->sample);
    g->sample = NULL;
}

static usec usec_of(guint64 t)
{
    return GST_CLOCK_TIME_IS_VALID(t) ? (usec)(t / GST_USECOND) : -1;
}

usec gstpkt_position(GstSample *sample)
{
    return usec_of(gst_segment_to_stream_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                              GST_BUFFER_PTS(gst_sample_get_buffer(sample))));
}

usec gstpkt_running(GstSample *sample)
{
    return usec_of(gst_segment_to_running_time(gst_sample_get_segment(sample), GST_FORMAT_TIME,
                                               GST_BUFFER_PTS(gst_sample_get_buffer(sample))));
}

usec gstpkt_duration(GstSample *sample)
{
    return usec_max(usec_of(GST_BUFFER_DURATION(gst_sample_get_buffer(sample))), 0);
}

static uint8_t *copy_plane(uint8_t *out, const uint8_t *in, int stride, int width, int height)
{
    for (int y = 0; y < height; y++, out += width)
        memcpy(out, in + (ptrdiff_t)y * stride, (size_t)width);
    return out;
}

GstBuffer *gstpkt_of_picture(const struct i420 *p, usec running, usec duration)
{
    const int half = i420_half(p->width);
    gsize off[GST_VIDEO_MAX_PLANES] = {0};
    gint stride[GST_VIDEO_MAX_PLANES] = {p->width, half, half};
    off[1] = (gsize)p->width * (gsize)p->height;
    off[2] = off[1] + (gsize)half * (gsize)i420_half(p->height);
    GstBuffer *const b = gst_buffer_new_allocate(NULL, picture_bytes(p->width, p->height), NULL);
    GstMapInfo map;
    if (!gst_buffer_map(b, &map, GST_MAP_WRITE)) {
        gst_buffer_unref(b);
        return NULL;
    }
    uint8_t *at = copy_plane(map.data, p->plane[0], p->stride[0], p->width, p->height);
    for (int i = 1; i < 3; i++)
        at = copy_plane(at, p->plane[i], p->stride[i], half, i420_half(p->height));
    gst_buffer_unmap(b, &map);
    /* our planes have no gaps, GStreamer's usual layout has: say where they are */
    gst_buffer_add_video_meta_full(b, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420,
                                   (guint)p->width, (guint)p->height, 3, off, stride);
    GST_BUFFER_PTS(b) = (GstClockTime)running * GST_USECOND;
    GST_BUFFER_DURATION(b) = (GstClockTime)duration * GST_USECOND;
    return b;
}

GstBuffer *gstpkt_of_sound(const int16_t *pcm, size_t samples, usec running)
{
    GstBuffer *const b = gst_buffer_new_allocate(NULL, samples * sizeof(*pcm), NULL);
    gst_buffer_fill(b, 0, pcm, samples * sizeof(*pcm));
    GST_BUFFER_PTS(b) = (GstClockTime)running * GST_USECOND;
    GST_BUFFER_DURATION(b) = gst_util_uint64_scale(samples, GST_SECOND, 48000);
    return b;
}
