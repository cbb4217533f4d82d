/* pictures.h - moving pictures and slides made of arithmetic, and how alike two pictures are. */
#pragma once

#include "codecs/i420.h"

/* Room for one picture that a test paints. */
struct canvas {
    uint8_t *bytes;
    struct i420 pic;
};

void canvas_init(struct canvas *c, int width, int height);
void canvas_fini(struct canvas *c);

/* A textured ground with a disc that moves: picture t of a film. */
void paint_film(struct canvas *c, unsigned t);

/* Dark strokes on white, as of text: slide n. */
void paint_slide(struct canvas *c, unsigned n);

/* In dB over all planes; the pictures may differ in size: a is scaled to b's. 128 = identical. */
double pictures_psnr(const struct i420 *a, const struct i420 *b);

/* A number that differs when any pixel differs. */
uint64_t picture_hash(const struct i420 *p);
