/* bench_slides.c - bytes of a new slide in the smaller of two layers, then in the larger alone, and
 * after how long it can be read on a thin way.
 *
 *     ffmpeg -v error -ss 12 -i slides.mkv -frames:v 1 -pix_fmt yuv420p -f rawvideo a.yuv
 *     ffmpeg -v error -ss 30 -i slides.mkv -frames:v 1 -pix_fmt yuv420p -f rawvideo b.yuv
 *     cat a.yuv b.yuv | bench_slides
 *
 * Readable: what is decoded, enlarged to 1920 x 1080, has an SSIM of 0.95 with the slide (luma,
 * windows of 8 x 8; Wang et al. 2004). */
#include "codecs/vp8_dec.h"
#include "codecs/vp8_enc.h"

#include <stdio.h>
#include <stdlib.h>

#define WIDTH 1920
#define HEIGHT 1080
#define BYTES (WIDTH * HEIGHT * 3 / 2)
#define FPS 5
#define LARGE 600000 /* bit/s of the larger layer */
#define READABLE 0.95
#define FRAMES 60

static uint8_t slide[2][BYTES];

static _Noreturn void die(const char *why)
{
    fprintf(stderr, "bench_slides: %s\n", why);
    exit(1);
}

static unsigned luma(const struct i420 *p, int x, int y)
{
    const int px = x * p->width / WIDTH;
    const int py = y * p->height / HEIGHT;
    return p->plane[0][py * p->stride[0] + px];
}

static double window(const struct i420 *a, const struct i420 *b, int x, int y)
{
    double sa = 0;
    double sb = 0;
    double saa = 0;
    double sbb = 0;
    double sab = 0;
    for (int i = 0; i < 64; i++) {
        const double u = luma(a, x + i % 8, y + i / 8);
        const double v = luma(b, x + i % 8, y + i / 8);
        sa += u;
        sb += v;
        saa += u * u;
        sbb += v * v;
        sab += u * v;
    }
    const double ma = sa / 64;
    const double mb = sb / 64;
    const double va = saa / 64 - ma * ma;
    const double vb = sbb / 64 - mb * mb;
    const double c = sab / 64 - ma * mb;
    return (2 * ma * mb + 6.5025) * (2 * c + 58.5225) /
           ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
}

static double ssim(const struct i420 *a, const struct i420 *b)
{
    double sum = 0;
    unsigned n = 0;
    for (int y = 0; y + 8 <= HEIGHT; y += 8)
        for (int x = 0; x + 8 <= WIDTH; x += 8, n++)
            sum += window(a, b, x, y);
    return sum / n;
}

static void measure(uint16_t width, uint16_t height, uint32_t bps)
{
    const struct vp8enc_conf conf = {.layers = bps < LARGE ? 2 : 1,
                                     .size = {{width, height, bps}, {WIDTH, HEIGHT, LARGE}},
                                     .fps = FPS,
                                     .temporal = 1,
                                     .content = VP8ENC_SLIDES};
    struct vp8enc *e = NULL;
    struct vp8dec *d = NULL;
    if (vp8enc_new(&e, &conf) || vp8dec_new(&d, 1))
        die("no codec");
    size_t sum = 0;
    size_t first = 0;
    size_t read = 0;
    double first_ssim = 0;
    double last = 0;
    for (unsigned i = 0; i < 2 * FRAMES; i++) {
        const struct i420 pic = i420_in(slide[i / FRAMES], WIDTH, HEIGHT);
        struct vp8enc_out out;
        if (vp8enc_encode(e, &pic, (usec)(i + 1) * USEC_SEC / FPS, &out))
            die("encoding");
        if (out.n == 0 || out.frame[0].layer != 0)
            continue;
        const struct vp8enc_frame *const f = &out.frame[0];
        const struct vp8frame in = {.data = f->data, .len = f->len, .key = f->key, .desc = f->desc};
        struct i420 shown;
        if (vp8dec_put(d, &in, &shown) != VP8DEC_PICTURE)
            die("decoding");
        if (i < FRAMES)
            continue;
        sum += f->len;
        last = ssim(&pic, &shown);
        if (!first) {
            first = f->len;
            first_ssim = last;
        }
        if (!read && last >= READABLE)
            read = sum;
    }
    printf("%4u x %4u %4u kbit/s  first %6zu bytes, SSIM %.3f; readable after %6zu bytes", width,
           height, bps / 1000, first, first_ssim, read);
    if (read)
        printf(": %4.1f s at 30 kbit/s, %4.1f s at 100, %4.1f s at 190", (double)read * 8 / 30000,
               (double)read * 8 / 100000, (double)read * 8 / 190000);
    printf("; at last %.3f\n", last);
    vp8enc_free(&e);
    vp8dec_free(&d);
}

int main(void)
{
    static const uint32_t rates[] = {24000, 40000, 80000, 150000, LARGE};
    if (fread(slide, BYTES, 2, stdin) != 2)
        die("two pictures of 1920 x 1080 are wanted on standard input");
    for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
        measure(1920, 1080, rates[i]);
        measure(1280, 720, rates[i]);
        measure(960, 540, rates[i]);
    }
    return 0;
}
