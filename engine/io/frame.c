#include "engine/io/frame.h"

#include "engine/base/bytes.h"

enum frame frame_read(const uint8_t *p, size_t n, size_t max, size_t *len)
{
    *len = n < FRAME_HEAD ? 0 : be16(p);
    if (*len > max)
        return FRAME_BAD;
    return n < FRAME_HEAD || n - FRAME_HEAD < *len ? FRAME_PART : FRAME_WHOLE;
}
