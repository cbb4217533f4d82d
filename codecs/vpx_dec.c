#include "codecs/vpx_dec.h"

#include <vpx/vp8dx.h>

enum err vpxdec_open(struct vpxdec *d, vpx_codec_iface_t *codec, unsigned threads)
{
    const vpx_codec_dec_cfg_t cfg = {.threads = threads ? threads : 1};
    const vpx_codec_err_t rc = vpx_codec_dec_init(&d->codec, codec, &cfg, 0);
    d->open = rc == VPX_CODEC_OK;
    if (d->open)
        return OK;
    return rc == VPX_CODEC_MEM_ERROR ? E_NOMEM : E_STATE;
}

void vpxdec_close(struct vpxdec *d)
{
    if (d->open)
        (void)vpx_codec_destroy(&d->codec);
    d->open = false;
}

bool vpxdec_decode(struct vpxdec *d, const uint8_t *data, size_t len)
{
    int corrupt = 0;
    return vpx_codec_decode(&d->codec, data, (unsigned)len, NULL, 0) == VPX_CODEC_OK &&
           vpx_codec_control(&d->codec, VP8D_GET_FRAME_CORRUPTED, &corrupt) == VPX_CODEC_OK &&
           !corrupt;
}

bool vpxdec_picture(struct vpxdec *d, struct i420 *pic)
{
    vpx_codec_iter_t at = NULL;
    const vpx_image_t *const img = vpx_codec_get_frame(&d->codec, &at);
    if (!img || img->fmt != VPX_IMG_FMT_I420)
        return false;
    *pic = (struct i420){.width = (int)img->d_w, .height = (int)img->d_h};
    for (unsigned i = 0; i < 3; i++) {
        pic->plane[i] = img->planes[i];
        pic->stride[i] = img->stride[i];
    }
    return true;
}
