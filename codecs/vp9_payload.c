#include "codecs/vp9_payload.h"

#include <string.h>

bool vp9cut_init(struct vp9cut *c, const void *frame, size_t len, const struct vp9_desc *desc,
                 bool last, size_t limit)
{
    *c = (struct vp9cut){.frame = frame, .left = len, .last = last, .desc = *desc};
    c->desc.start = true;
    c->desc.end = false;
    uint8_t head[VP9_DESC_MAX];
    const size_t head_len = vp9_desc_write(&c->desc, head, sizeof head);
    if (len == 0 || head_len == 0 || limit <= head_len)
        return false;
    const size_t most = limit - head_len;
    c->count = (len + most - 1) / most;
    c->part = (len + c->count - 1) / c->count;
    c->size = head_len + c->part;
    return true;
}

size_t vp9cut_next(struct vp9cut *c, uint8_t *out, bool *marker)
{
    if (c->left == 0)
        return 0;
    const size_t n = size_min(c->left, c->part);
    c->desc.end = n == c->left;
    const size_t head_len = vp9_desc_write(&c->desc, out, c->size);
    memcpy(out + head_len, c->frame, n);
    c->frame += n;
    c->left -= n;
    c->desc.start = false;
    c->desc.ss.layers = 0;
    *marker = c->last && c->left == 0;
    return head_len + n;
}
