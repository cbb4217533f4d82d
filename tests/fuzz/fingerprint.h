/* fingerprint.h - a right length, cookie and FINGERPRINT (RFC 8489 14.7) in any bytes. */
#pragma once

#include "engine/base/bytes.h"

/* The fuzzer cannot guess a CRC: it gets a right one in a second try. At least 28 bytes. */
static inline void put_fingerprint(uint8_t *p, size_t len)
{
    put_be16(p + 2, (uint16_t)(len - 20));
    put_be32(p + 4, 0x2112a442);
    put_be32(p + len - 8, 0x80280004);
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len - 8; i++) {
        crc ^= p[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    put_be32(p + len - 4, ~crc ^ 0x5354554eu);
}
