#include "codecs/vp8_payload.h"

#include "engine/base/bytes.h"

bool vp8cut_init(struct vp8cut *c, const void *frame, size_t len, const struct vp8_desc *desc,
                 size_t limit)
{
    *c = (struct vp8cut){.frame = frame, .left = len, .desc = *desc};
    c->desc.start = true;
    c->desc.part = 0;
    uint8_t head[VP8_DESC_MAX];
    const size_t head_len = vp8_desc_write(&c->desc, head, sizeof(head));
    if (len == 0 || limit <= head_len)
        return false;

    const size_t most = limit - head_len;
    c->count = (len + most - 1) / most;
    c->size = head_len + (len + c->count - 1) / c->count;
    return true;
}

size_t vp8cut_next(struct vp8cut *c, uint8_t *out, bool *marker)
{
    if (c->left == 0)
        return 0;

    const size_t head_len = vp8_desc_write(&c->desc, out, c->size);
    const size_t n = size_min(c->left, c->size - head_len);
    memcpy(out + head_len, c->frame, n);
    c->frame += n;
    c->left -= n;
    c->desc.start = false; /* every other packet goes on with the frame, partitions untold */
    *marker = c->left == 0;
    return head_len + n;
}

void vp8join_init(struct vp8join *j, void *buf, size_t cap)
{
    *j = (struct vp8join){.buf = buf, .cap = cap};
}

static void give_up(struct vp8join *j)
{
    if (j->open)
        j->broken++;
    j->open = false;
    j->gap = true;
}

static void open_frame(struct vp8join *j, const struct vp8part *in, const struct vp8frame *head)
{
    if (j->open) /* the sender forgot the marker: nobody knows whether that frame was whole */
        give_up(j);
    j->open = true;
    j->len = 0;
    j->frame = *head;
    j->frame.ts = in->ts;
}

/* What a frame would be that begins with this packet. Returns the descriptor's length; 0: not
 * usable. */
static size_t read_head(const struct vp8part *in, struct vp8frame *head, bool *starts)
{
    *head = (struct vp8frame){.vp9 = in->vp9};
    if (in->vp9) {
        if (!video_desc_vp9(in->payload, in->len, &head->video))
            return 0;
        head->key = head->video.key;
        *starts = head->video.start;
        return head->video.len;
    }
    if (!vp8_desc_parse(in->payload, in->len, &head->desc))
        return 0;
    head->key = vp8_starts_key(in->payload, in->len, &head->desc);
    *starts = vp8_starts_frame(&head->desc);
    return head->desc.len;
}

/* False: the packet does not go on where the one before ended. */
static bool add(struct vp8join *j, const struct vp8part *in)
{
    struct vp8frame head;
    bool starts = false;
    const size_t skip = read_head(in, &head, &starts);
    if (!skip)
        return false;
    if (starts && !(j->open && j->frame.ts == in->ts))
        open_frame(j, in, &head);
    const size_t n = in->len - skip;
    if (!j->open || j->frame.ts != in->ts || j->frame.vp9 != in->vp9 || n > j->cap - j->len)
        return false;
    memcpy(j->buf + j->len, (const uint8_t *)in->payload + skip, n);
    j->len += n;
    return true;
}

static bool in_order(struct vp8join *j, uint32_t ext_seq)
{
    const int32_t ahead = j->any ? (int32_t)(ext_seq - j->next_seq) : 0;
    if (ahead < 0) {
        j->repeated++;
        return false;
    }
    if (ahead > 0)
        give_up(j);
    j->any = true;
    j->next_seq = ext_seq + 1;
    return true;
}

bool vp8join_put(struct vp8join *j, const struct vp8part *in, struct vp8frame *out)
{
    if (!in_order(j, in->ext_seq))
        return false;
    if (!add(j, in)) {
        give_up(j);
        return false;
    }
    if (!in->marker)
        return false;

    j->frame.data = j->buf;
    j->frame.len = j->len;
    j->frame.gap = j->gap;
    *out = j->frame;
    j->open = false;
    j->gap = false;
    return true;
}
