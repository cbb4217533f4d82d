#include "engine/wire/opus.h"

#include "engine/base/bytes.h"

#define SAMPLES_MAX 5760 /* 120 ms */

/* How the frames of a packet lie in it. */
struct lay {
    size_t first;   /* bytes of the first frame */
    size_t longest; /* bytes of the longest frame */
    const uint8_t *body;
};

/* RFC 6716, 3.1, table 2 */
static uint16_t frame_samples(unsigned config)
{
    static const uint16_t silk[] = {480, 960, 1920, 2880};
    static const uint16_t celt[] = {120, 240, 480, 960};
    if (config < 12)
        return silk[config & 3];
    if (config < 16)
        return config & 1 ? 960 : 480;
    return celt[config & 3];
}

static enum opustoc_mode mode_of(unsigned config)
{
    if (config < 12)
        return OPUSTOC_SILK;
    return config < 16 ? OPUSTOC_HYBRID : OPUSTOC_CELT;
}

/* RFC 6716, 3.2.1 */
static size_t read_len(struct reader *r)
{
    const size_t a = read_u8(r);
    return a < 252 ? a : a + 4u * read_u8(r);
}

static void note_frame(struct lay *l, size_t i, size_t len)
{
    if (i == 0)
        l->first = len;
    if (len > l->longest)
        l->longest = len;
}

/* Code 2, 3.2.4 */
static bool lay_two(struct reader *r, struct lay *l)
{
    note_frame(l, 0, read_len(r));
    l->body = r->p;
    if (r->bad || l->first > r->left)
        return false;
    note_frame(l, 1, r->left - l->first);
    return true;
}

/* 3.2.5: a chain of 255s, each of them 254 bytes, and the rest */
static bool skip_padding(struct reader *r)
{
    size_t pad = 0;
    for (;;) {
        const uint8_t n = read_u8(r);
        if (r->bad)
            return false;
        pad += n == 255 ? 254u : n;
        if (n != 255)
            break;
    }
    if (pad > r->left)
        return false;
    r->left -= pad;
    return true;
}

static bool lay_equal(const struct reader *r, struct lay *l, size_t frames)
{
    l->body = r->p;
    note_frame(l, 0, r->left / frames);
    return r->left % frames == 0;
}

static bool lay_vbr(struct reader *r, struct lay *l, size_t frames)
{
    size_t sum = 0;
    for (size_t i = 0; i + 1 < frames; i++) {
        const size_t n = read_len(r);
        note_frame(l, i, n);
        sum += n;
    }
    l->body = r->p;
    if (r->bad || sum > r->left)
        return false;
    note_frame(l, frames - 1, r->left - sum);
    return true;
}

/* Code 3, 3.2.5 */
static bool lay_many(struct reader *r, struct lay *l, struct opustoc *t)
{
    const uint8_t head = read_u8(r);
    t->frames = head & 0x3f;
    if (r->bad || t->frames == 0 || t->frames > OPUSTOC_FRAMES_MAX)
        return false;
    if ((head & 0x40) && !skip_padding(r))
        return false;
    return head & 0x80 ? lay_vbr(r, l, t->frames) : lay_equal(r, l, t->frames);
}

static bool lay_frames(struct reader *r, struct lay *l, unsigned code, struct opustoc *t)
{
    t->frames = code == 0 ? 1 : 2;
    if (code < 2)
        return lay_equal(r, l, t->frames);
    return code == 2 ? lay_two(r, l) : lay_many(r, l, t);
}

/* RFC 6716, 4.2.3: one speech flag for each SILK frame of 20 ms (or 10), then the LBRR flag, and
 * for stereo the same again. They are coded with even odds and so stand as plain bits. */
static bool has_fec(const struct opustoc *t, const struct lay *l)
{
    if (t->mode == OPUSTOC_CELT || l->first < 2)
        return false;
    const unsigned silk_frames = t->frame_samples <= 960 ? 1u : t->frame_samples / 960u;
    const unsigned bits = l->body[0];
    const bool mid = bits >> (7 - silk_frames) & 1;
    return mid || (t->stereo && (bits >> (6 - 2 * silk_frames) & 1));
}

bool opustoc_parse(const void *packet, size_t len, struct opustoc *t)
{
    struct reader r = reader_of(packet, len);
    const uint8_t toc = read_u8(&r);
    if (r.bad)
        return false;

    struct lay l = {0};
    const unsigned config = toc >> 3;
    *t = (struct opustoc){
        .mode = mode_of(config), .stereo = toc & 4, .frame_samples = frame_samples(config)};
    if (!lay_frames(&r, &l, toc & 3, t) || l.longest > OPUSTOC_FRAME_BYTES)
        return false;
    if ((unsigned)t->frames * t->frame_samples > SAMPLES_MAX)
        return false;

    t->samples = (uint16_t)(t->frames * t->frame_samples);
    t->empty = l.longest <= 1;
    t->fec = has_fec(t, &l);
    return true;
}

#define CODE_MANY 3
#define MANY_VBR 0x80
#define LEN_SHORT 252u /* longer ones take two bytes (3.2.1) */

static bool go_together(const uint8_t *const packet[], const size_t len[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!opusjoin_one(packet[i], len[i]) || packet[i][0] != packet[0][0] ||
            len[i] - 1 > OPUSTOC_FRAME_BYTES)
            return false;
    return n >= 2 && n <= OPUSTOC_FRAMES_MAX;
}

static void write_frame_len(struct writer *w, size_t len)
{
    if (len < LEN_SHORT) {
        write_u8(w, (uint8_t)len);
        return;
    }
    write_u8(w, (uint8_t)(LEN_SHORT + (len & 3)));
    write_u8(w, (uint8_t)((len - LEN_SHORT) >> 2));
}

size_t opusjoin_write(const uint8_t *const packet[], const size_t len[], size_t n, uint8_t *out,
                      size_t cap)
{
    struct writer w = writer_of(out, cap);
    if (!go_together(packet, len, n))
        return 0;
    write_u8(&w, packet[0][0] | CODE_MANY);
    write_u8(&w, (uint8_t)(MANY_VBR | n));
    for (size_t i = 0; i + 1 < n; i++)
        write_frame_len(&w, len[i] - 1);
    for (size_t i = 0; i + 1 < n; i++)
        write_bytes(&w, packet[i] + 1, len[i] - 1);
    return w.bad ? 0 : w.len;
}
