/* bench_codecs.c - milliseconds a frame costs each encoder and decoder setting; run by hand. */
#include "codecs/opus_dec.h"
#include "codecs/opus_enc.h"
#include "codecs/vp8_dec.h"
#include "codecs/vp8_enc.h"
#include "tests/unit/codecs/pictures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PICTURES 16 /* painted beforehand, shown to and fro */

struct film {
    struct canvas picture[PICTURES];
};

struct cost {
    double cpu_ms;  /* all threads */
    double wall_ms; /* until the frame is there */
};

struct setting {
    const char *name;
    struct vp8enc_conf conf;
    unsigned frames;
};

struct totals {
    double psnr[VP8ENC_LAYERS];
    double dec_ms[VP8ENC_LAYERS];
    size_t bytes[VP8ENC_LAYERS];
    unsigned frames[VP8ENC_LAYERS];
};

static double ms(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct cost cost_now(void)
{
    return (struct cost){ms(CLOCK_PROCESS_CPUTIME_ID), ms(CLOCK_MONOTONIC)};
}

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_codecs: %s failed\n", what);
    exit(EXIT_FAILURE);
}

/* Raw I420 pictures from a file, if one is named; painted ones otherwise. */
static void film_make(struct film *f, int w, int h, enum vp8enc_content content, FILE *raw)
{
    for (unsigned i = 0; i < PICTURES; i++) {
        struct canvas *const c = &f->picture[i];
        const size_t n = (size_t)w * (size_t)h * 3 / 2;
        canvas_init(c, w, h);
        if (raw && content == VP8ENC_CAMERA) {
            if (fread(c->bytes, 1, n, raw) != n)
                die("reading 16 pictures of 1280x720 from the file");
        } else if (content == VP8ENC_CAMERA) {
            paint_film(c, i);
        } else {
            paint_slide(c, i / 8);
        }
    }
}

static void film_free(struct film *f)
{
    for (unsigned i = 0; i < PICTURES; i++)
        canvas_fini(&f->picture[i]);
}

static const struct i420 *film_at(const struct film *f, unsigned t)
{
    const unsigned at = t % (2 * PICTURES - 2);
    return &f->picture[at < PICTURES ? at : 2 * PICTURES - 2 - at].pic;
}

static void look_at(const struct vp8enc_frame *e, struct vp8dec *dec, const struct i420 *source,
                    struct totals *sum)
{
    struct i420 pic;
    const struct vp8frame f = {.data = e->data, .len = e->len, .key = e->key, .desc = e->desc};
    const double start = ms(CLOCK_MONOTONIC);
    if (vp8dec_put(dec, &f, &pic) != VP8DEC_PICTURE)
        die("decoding");
    sum->dec_ms[e->layer] += ms(CLOCK_MONOTONIC) - start;
    sum->bytes[e->layer] += e->len;
    sum->frames[e->layer]++;
    sum->psnr[e->layer] += pictures_psnr(source, &pic);
}

static void report(const struct setting *s, const struct cost *c, const struct totals *sum)
{
    (void)printf("%-28s encode %6.2f ms cpu, %6.2f ms wall per picture\n", s->name,
                 c->cpu_ms / s->frames, c->wall_ms / s->frames);
    for (unsigned i = 0; i < s->conf.layers; i++) {
        const double n = sum->frames[i] ? sum->frames[i] : 1;
        (void)printf("    %4ux%-4u %5.0f kbit/s of %5.0f, %3u of %3u frames, %5.1f dB, decode "
                     "%.2f ms\n",
                     s->conf.size[i].width, s->conf.size[i].height,
                     (double)sum->bytes[i] * 8 * s->conf.fps / s->frames / 1000,
                     s->conf.size[i].bps / 1000.0, sum->frames[i], s->frames, sum->psnr[i] / n,
                     sum->dec_ms[i] / n);
    }
}

static void bench_video(const struct setting *s, const struct film *film)
{
    struct vp8enc *enc = NULL;
    struct vp8dec *dec[VP8ENC_LAYERS] = {0};
    struct cost total = {0};
    struct totals sum = {0};
    if (vp8enc_new(&enc, &s->conf) != OK)
        die("vp8enc_new");
    for (unsigned i = 0; i < s->conf.layers; i++) {
        if (vp8dec_new(&dec[i], 1) != OK)
            die("vp8dec_new");
    }
    for (unsigned t = 0; t < s->frames; t++) {
        struct vp8enc_out out;
        const struct i420 *const pic = film_at(film, t);
        const struct cost before = cost_now();
        if (vp8enc_encode(enc, pic, (t + 1) * USEC_SEC / s->conf.fps, &out) != OK)
            die("vp8enc_encode");
        const struct cost after = cost_now();
        total.cpu_ms += after.cpu_ms - before.cpu_ms;
        total.wall_ms += after.wall_ms - before.wall_ms;
        for (unsigned i = 0; i < out.n; i++)
            look_at(&out.frame[i], dec[out.frame[i].layer], pic, &sum);
    }
    report(s, &total, &sum);
    for (unsigned i = 0; i < s->conf.layers; i++)
        vp8dec_free(&dec[i]);
    vp8enc_free(&enc);
}

static void bench_sound(const char *name, struct opusenc_conf conf, size_t samples)
{
    struct opusenc *enc = NULL;
    struct opusdec *dec = NULL;
    if (opusenc_new(&enc, &conf) != OK || opusdec_new(&dec, conf.channels) != OK)
        die("opening Opus");
    double enc_ms = 0;
    double dec_ms = 0;
    const unsigned packets = 500;
    for (unsigned p = 0; p < packets; p++) {
        int16_t pcm[2 * OPUSDEC_SAMPLES_MAX];
        uint8_t out[OPUSENC_PACKET_MAX];
        size_t len = 0;
        size_t n;
        for (size_t i = 0; i < samples * conf.channels; i++) {
            const double t = (double)(p * samples + i / conf.channels) / OPUSENC_RATE;
            pcm[i] = (int16_t)(6000 * sin(880 * t) * (1 + sin(20 * t)) + rand() % 600);
        }
        const double a = ms(CLOCK_MONOTONIC);
        if (opusenc_encode(enc, pcm, samples, out, sizeof(out), &len) != OK || len == 0)
            die("opusenc_encode");
        const double b = ms(CLOCK_MONOTONIC);
        if (opusdec_packet(dec, out, len, pcm, OPUSDEC_SAMPLES_MAX, &n) != OK)
            die("opusdec_packet");
        enc_ms += b - a;
        dec_ms += ms(CLOCK_MONOTONIC) - b;
    }
    (void)printf("%-28s encode %.3f ms, decode %.3f ms per %zu ms packet\n", name, enc_ms / packets,
                 dec_ms / packets, samples / 48);
    opusenc_free(&enc);
    opusdec_free(&dec);
}

#define CAMERA_SIZES                                                                               \
    {                                                                                              \
        {320, 180, 100000}, {640, 360, 350000},                                                    \
        {                                                                                          \
            1280, 720, 1200000                                                                     \
        }                                                                                          \
    }

static const struct setting settings[] = {
    {"camera, three layers",
     {.layers = 3, .size = CAMERA_SIZES, .fps = 25, .temporal = 2, .threads = 1},
     150},
    {"camera, two threads",
     {.layers = 3, .size = CAMERA_SIZES, .fps = 25, .temporal = 2, .threads = 2},
     150},
    {"camera 720p alone",
     {.layers = 1, .size = {{1280, 720, 1200000}}, .fps = 25, .temporal = 2, .threads = 1},
     150},
    {"camera 360p alone",
     {.layers = 1, .size = {{640, 360, 350000}}, .fps = 25, .temporal = 2, .threads = 1},
     150},
    {"camera 180p alone",
     {.layers = 1, .size = {{320, 180, 100000}}, .fps = 25, .temporal = 2, .threads = 1},
     150},
    {"slides 720p",
     {.layers = 1,
      .size = {{1280, 720, 200000}},
      .fps = 5,
      .temporal = 1,
      .threads = 1,
      .content = VP8ENC_SLIDES},
     50},
};

int main(int argc, char **argv)
{
    FILE *const raw = argc > 1 ? fopen(argv[1], "rb") : NULL;
    struct film film[2];
    if (argc > 1 && !raw)
        die("opening the file of raw I420 pictures, 1280x720");
    film_make(&film[VP8ENC_CAMERA], 1280, 720, VP8ENC_CAMERA, raw);
    film_make(&film[VP8ENC_SLIDES], 1280, 720, VP8ENC_SLIDES, raw);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        bench_video(&settings[i], &film[settings[i].conf.content]);
    film_free(&film[VP8ENC_CAMERA]);
    film_free(&film[VP8ENC_SLIDES]);
    if (raw)
        (void)fclose(raw);
    bench_sound("speech 24 kbit/s, 60 ms",
                (struct opusenc_conf){.channels = 1, .bps = 24000, .fec = true, .loss = 10}, 2880);
    bench_sound("speech 48 kbit/s, 20 ms",
                (struct opusenc_conf){.channels = 1, .bps = 48000, .fec = true, .loss = 10}, 960);
    bench_sound("music 128 kbit/s stereo",
                (struct opusenc_conf){.channels = 2, .bps = 128000, .music = true}, 960);
    return 0;
}
