/* view.h - decodes frames of a recording one after the other and says what can be seen on them. */
#pragma once

#include "relay/library/package/frames.h"

#define VIEW_X 96 /* cells of struct looks */
#define VIEW_Y 54

/* The mean brightness of each cell: enough to tell slides apart, whatever their sharpness. */
struct looks {
    uint8_t cell[VIEW_Y][VIEW_X];
    uint16_t width, height; /* 0: nothing yet */
};

/* Whether people would call b another slide than a. */
bool looks_differ(const struct looks *a, const struct looks *b);

/* A copy of a picture, I420 without gaps. */
struct picture {
    uint8_t *bytes;
    size_t len, cap;
    uint16_t width, height;
};
void picture_fini(struct picture *p);

struct view;

/* E_FORMAT: no video codec that we decode. */
MUST_USE enum err view_new(struct view **v, enum tape_codec codec);
void view_free(struct view **v);

/* The next frame; the first, and one that does not follow the last one put, must be a key frame.
 * False: it cannot be decoded, nor can any before the next key frame. */
MUST_USE bool view_put(struct view *v, const struct frame *one);

/* Whether the last frame put shows a picture: some only serve others. What follows is of it. */
bool view_shows(const struct view *v);
void view_looks(const struct view *v, struct looks *l);
/* Takes memory only when the picture is larger than *p has room for. */
MUST_USE enum err view_copy(const struct view *v, struct picture *p);
