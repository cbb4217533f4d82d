/* bench_svc.c - VP9 in layers against three sizes of VP8: for each size the bytes that bring the
 * same likeness (SSIM), and the time that encoding takes. Run by hand on raw I420 of 1280x720:
 *
 *   ffmpeg -i build/demo/camera.mkv -t 20 -vf scale=1280:720 -r 25 -f rawvideo -pix_fmt yuv420p - |
 *       build/tests/bench/bench_svc */
#include "codecs/vp8_dec.h"
#include "codecs/vp8_enc.h"
#include "codecs/vp9_dec.h"
#include "codecs/vp9_enc.h"

#include <libyuv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define W 1280
#define H 720
#define FPS 25
#define SIZES 3
#define PICTURES 500 /* at most */
#define PICTURE (W * H * 3 / 2)

static const uint32_t usual[SIZES] = {90000, 240000, 1400000}; /* client/ladder.c */

struct film {
    uint8_t *bytes;
    unsigned n;
    uint8_t *small[SIZES]; /* one picture in each size */
};

struct sums {
    double cpu_ms;
    double decode_ms[SIZES];
    double ssim[SIZES];
    size_t bytes[SIZES];
    unsigned frames[SIZES];
    unsigned taken;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_svc: %s\n", what);
    exit(EXIT_FAILURE);
}

static double cpu_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void read_film(struct film *f)
{
    f->bytes = malloc((size_t)PICTURES * PICTURE);
    for (unsigned i = 0; i < SIZES; i++)
        f->small[i] = malloc(PICTURE);
    if (!f->bytes || !f->small[0] || !f->small[1] || !f->small[2])
        die("no memory");
    while (f->n < PICTURES &&
           fread(f->bytes + (size_t)f->n * PICTURE, 1, PICTURE, stdin) == PICTURE)
        f->n++;
    if (f->n < 50)
        die("fewer than 50 pictures on standard input");
}

static struct i420 picture(const struct film *f, unsigned t)
{
    return i420_in(f->bytes + (size_t)t * PICTURE, W, H);
}

static double likeness(const struct film *f, unsigned t, unsigned size, const struct i420 *shown)
{
    const struct i420 whole = picture(f, t);
    const int w = W >> (SIZES - 1 - size);
    const int h = H >> (SIZES - 1 - size);
    struct i420 want = i420_in(f->small[size], w, h);
    if (shown->width != w || shown->height != h)
        die("a picture of another size came out");
    uint8_t *const y = f->small[size];
    uint8_t *const u = y + (size_t)w * (size_t)h;
    uint8_t *const v = u + (size_t)(w / 2) * (size_t)(h / 2);
    if (I420Scale(whole.plane[0], whole.stride[0], whole.plane[1], whole.stride[1], whole.plane[2],
                  whole.stride[2], W, H, y, w, u, w / 2, v, w / 2, w, h, kFilterBox))
        die("scaling failed");
    return I420Ssim(want.plane[0], want.stride[0], want.plane[1], want.stride[1], want.plane[2],
                    want.stride[2], shown->plane[0], shown->stride[0], shown->plane[1],
                    shown->stride[1], shown->plane[2], shown->stride[2], w, h);
}

static void run_vp8(const struct film *f, double scale, struct sums *s)
{
    struct vp8enc_conf c = {.layers = SIZES, .fps = FPS, .temporal = 2, .threads = 1};
    struct vp8enc *enc = NULL;
    struct vp8dec *dec[SIZES] = {0};
    for (unsigned i = 0; i < SIZES; i++)
        c.size[i] =
            (struct vp8enc_size){(uint16_t)(W >> (SIZES - 1 - i)), (uint16_t)(H >> (SIZES - 1 - i)),
                                 (uint32_t)(usual[i] * scale)};
    if (vp8enc_new(&enc, &c) || vp8dec_new(&dec[0], 1) || vp8dec_new(&dec[1], 1) ||
        vp8dec_new(&dec[2], 1))
        die("no codec");
    for (unsigned t = 0; t < f->n; t++) {
        struct vp8enc_out out;
        const struct i420 pic = picture(f, t);
        const double before = cpu_ms();
        if (vp8enc_encode(enc, &pic, (t + 1) * USEC_SEC / FPS, &out))
            die("VP8 encoding failed");
        s->cpu_ms += cpu_ms() - before;
        s->taken++;
        for (unsigned k = 0; k < out.n; k++) {
            const struct vp8enc_frame *const e = &out.frame[k];
            const struct vp8frame in = {
                .data = e->data, .len = e->len, .key = e->key, .desc = e->desc};
            struct i420 shown;
            const double start = cpu_ms();
            if (vp8dec_put(dec[e->layer], &in, &shown) != VP8DEC_PICTURE)
                die("VP8 decoding failed");
            s->decode_ms[e->layer] += cpu_ms() - start;
            s->bytes[e->layer] += e->len;
            s->ssim[e->layer] += likeness(f, t, e->layer, &shown);
            s->frames[e->layer]++;
        }
    }
    vp8enc_free(&enc);
    for (unsigned i = 0; i < SIZES; i++)
        vp8dec_free(&dec[i]);
}

/* Who watches a size is sent all layers up to it. */
static void look_at(const struct film *f, unsigned t, const struct vp9enc_out *out,
                    struct vp9dec *const dec[SIZES], struct sums *s)
{
    static uint8_t whole[PICTURE];
    size_t len = 0;
    for (unsigned k = 0; k < out->n; k++) {
        const struct vp9enc_frame *const e = &out->frame[k];
        struct vp8frame in = {.data = whole, .key = e->key, .vp9 = true};
        struct i420 shown;
        uint8_t head[VP9_DESC_MAX + 1];
        const size_t n = vp9_desc_write(&out->frame[0].desc, head, VP9_DESC_MAX);
        if (len + e->len > sizeof whole || !n || !video_desc_vp9(head, n + 1, &in.video))
            die("a picture is too long");
        memcpy(whole + len, e->data, e->len);
        len += e->len;
        in.len = len;
        const double start = cpu_ms();
        if (vp9dec_put(dec[k], &in, &shown) != VP8DEC_PICTURE)
            die("VP9 decoding failed");
        s->decode_ms[k] += cpu_ms() - start;
        s->bytes[k] += len;
        s->ssim[k] += likeness(f, t, k, &shown);
        s->frames[k]++;
    }
}

static void run_vp9(const struct film *f, double scale, struct sums *s)
{
    struct vp9enc_conf c = {
        .width = W, .height = H, .layers = SIZES, .temporal = 3, .fps = FPS, .first_picture_id = 1};
    struct vp9enc *enc = NULL;
    struct vp9dec *dec[SIZES] = {0};
    for (unsigned i = 0; i < SIZES; i++)
        c.bps[i] = (uint32_t)(usual[i] * scale);
    if (vp9enc_new(&enc, &c) || vp9dec_new(&dec[0], 1) || vp9dec_new(&dec[1], 1) ||
        vp9dec_new(&dec[2], 1))
        die("no codec");
    for (unsigned t = 0; t < f->n; t++) {
        struct vp9enc_out out;
        const struct i420 pic = picture(f, t);
        const double before = cpu_ms();
        if (vp9enc_encode(enc, &pic, (t + 1) * USEC_SEC / FPS, &out))
            die("VP9 encoding failed");
        s->cpu_ms += cpu_ms() - before;
        s->taken++;
        look_at(f, t, &out, dec, s);
    }
    vp9enc_free(&enc);
    for (unsigned i = 0; i < SIZES; i++)
        vp9dec_free(&dec[i]);
}

static void report(const char *name, double scale, const struct sums *s)
{
    size_t up = 0;
    (void)printf("%s x %.2f: %.1f ms of CPU a picture\n", name, scale, s->cpu_ms / s->taken);
    for (unsigned i = 0; i < SIZES; i++) {
        const double n = s->frames[i] ? s->frames[i] : 1;
        (void)printf("  %4d: %5.0f kbit/s, SSIM %.4f, %.0f of %u pictures, decoding %.1f ms\n",
                     W >> (SIZES - 1 - i), (double)s->bytes[i] * 8 * FPS / s->taken / 1000,
                     s->ssim[i] / n, n, s->taken, s->decode_ms[i] / n);
        up += s->bytes[i];
    }
    if (strcmp(name, "VP9") == 0) /* the largest size has all layers in it */
        up = s->bytes[SIZES - 1];
    (void)printf("  up:   %5.0f kbit/s\n", (double)up * 8 * FPS / s->taken / 1000);
}

int main(void)
{
    static const double scales[] = {0.4, 0.5, 0.6, 0.7, 0.8, 1.0};
    struct film f = {0};
    struct sums s = {0};
    read_film(&f);
    run_vp8(&f, 1, &s);
    report("VP8", 1, &s);
    for (size_t i = 0; i < ARRAY_LEN(scales); i++) {
        s = (struct sums){0};
        run_vp9(&f, scales[i], &s);
        report("VP9", scales[i], &s);
    }
    free(f.bytes);
    for (unsigned i = 0; i < SIZES; i++)
        free(f.small[i]);
    return EXIT_SUCCESS;
}
