/* timecode.c - 64 blocks of black and white, written and read back by their means. */
#include "client/timecode.h"

#define COLS 32
#define ROWS 2
#define SYNC 0xb2u /* four changes of colour: plain areas and stripes do not look like it */
#define CONTRAST 40

static int row_height(int height)
{
    return (height + 23) / 24;
}

/* CRC-8 with the polynomial of SMBus, over the 48 bits; begins with 0xff so that all black and
 * all white are wrong. */
static uint8_t check_sum(uint64_t ms)
{
    uint8_t crc = 0xff;
    for (int shift = 40; shift >= 0; shift -= 8) {
        crc ^= (uint8_t)(ms >> shift);
        for (int i = 0; i < 8; i++)
            crc = (uint8_t)(crc << 1 ^ (crc & 0x80 ? 0x07 : 0));
    }
    return crc;
}

static bool too_small(int width, int height)
{
    return width < TIMECODE_WIDTH_MIN || height < TIMECODE_HEIGHT_MIN;
}

bool timecode_draw(const struct picture *p, int64_t unix_ms)
{
    if (too_small(p->width, p->height) || unix_ms < 0 || unix_ms >> 48)
        return false;
    const uint64_t ms = (uint64_t)unix_ms;
    const uint64_t bits = (uint64_t)SYNC << 56 | ms << 8 | check_sum(ms);
    const int tall = row_height(p->height);
    for (int i = 0; i < COLS * ROWS; i++) {
        const int col = i % COLS;
        const int x = p->width * col / COLS;
        const int y = p->height - tall * (ROWS - i / COLS);
        const bool white = bits >> (63 - i) & 1;
        picture_fill(p, x, y, p->width * (col + 1) / COLS - x, tall,
                     white ? PICTURE_WHITE : PICTURE_BLACK);
    }
    return true;
}

/* Mean of the middle of a block, away from what scaling and coding smear over its edges. */
static int block_mean(const struct i420 *p, int i)
{
    const int tall = row_height(p->height);
    const int col = i % COLS;
    const int left = p->width * col / COLS;
    const int right = p->width * (col + 1) / COLS;
    const int top = p->height - tall * (ROWS - i / COLS);
    const int dx = (right - left) / 3;
    const int dy = tall / 3;
    int sum = 0;
    int n = 0;
    for (int y = top + dy; y < top + tall - dy; y++) {
        for (int x = left + dx; x < right - dx; x++, n++)
            sum += p->plane[0][(ptrdiff_t)y * p->stride[0] + x];
    }
    return n ? sum / n : 128;
}

bool timecode_read(const struct i420 *p, int64_t *unix_ms)
{
    if (too_small(p->width, p->height))
        return false;
    uint64_t bits = 0;
    for (int i = 0; i < COLS * ROWS; i++) {
        const int mean = block_mean(p, i);
        if (mean > 128 - CONTRAST && mean < 128 + CONTRAST)
            return false;
        bits = bits << 1 | (mean > 128);
    }
    const uint64_t ms = bits >> 8 & 0xffffffffffffu;
    if (bits >> 56 != SYNC || (uint8_t)bits != check_sum(ms))
        return false;
    *unix_ms = (int64_t)ms;
    return true;
}
