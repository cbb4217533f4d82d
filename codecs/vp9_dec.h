/* vp9_dec.h - VP9, also in spatial layers, to pictures; a picture that would be broken is never
 * given out. */
#pragma once

#include "codecs/vp8_dec.h"

struct vp9dec;

/* Each as its like in vp8_dec.h. */
MUST_USE enum err vp9dec_new(struct vp9dec **d, unsigned threads);
void vp9dec_free(struct vp9dec **d);

/* Takes a whole picture, in order of sending, with the spatial layers that came of it. In flexible
 * mode its references tell whether it can be decoded, else TL0PICIDX and the U bit; temporal layers
 * may be left out on the way, spatial ones as a relay leaves them out. */
enum vp8dec_result vp9dec_put(struct vp9dec *d, const struct vp8frame *f, struct i420 *pic);
/* What comes next does not follow what came before. */
void vp9dec_forget(struct vp9dec *d);
bool vp9dec_wants_key(const struct vp9dec *d);
struct vp8dec_stat vp9dec_stat(const struct vp9dec *d);
