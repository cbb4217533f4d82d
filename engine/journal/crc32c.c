#include "engine/journal/crc32c.h"

#include <string.h>
#include <threads.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

/* The polynomial 0x1EDC6F41 with its bits in the order in which they travel. */
#define POLY 0x82F63B78u

/* Eight bytes at a time: row k is the CRC of a byte followed by k zero bytes. */
static uint32_t rows[8][256];
static once_flag rows_once = ONCE_FLAG_INIT;

static void rows_fill(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ POLY : c >> 1;
        rows[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (unsigned i = 0; i < 256; i++)
            rows[k][i] = rows[k - 1][i] >> 8 ^ rows[0][rows[k - 1][i] & 0xff];
}

static uint32_t table_step(uint32_t c, uint8_t b)
{
    return c >> 8 ^ rows[0][(c ^ b) & 0xff];
}

/* Little-endian, whatever the machine. */
static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

uint32_t crc32c_table(uint32_t crc, const void *p, size_t len)
{
    call_once(&rows_once, rows_fill);
    const uint8_t *b = p;
    uint32_t c = ~crc;
    for (; len >= 8; len -= 8, b += 8) {
        const uint32_t lo = c ^ le32(b);
        const uint32_t hi = le32(b + 4);
        c = rows[7][lo & 0xff] ^ rows[6][lo >> 8 & 0xff] ^ rows[5][lo >> 16 & 0xff] ^
            rows[4][lo >> 24] ^ rows[3][hi & 0xff] ^ rows[2][hi >> 8 & 0xff] ^
            rows[1][hi >> 16 & 0xff] ^ rows[0][hi >> 24];
    }
    for (; len > 0; len--, b++)
        c = table_step(c, *b);
    return ~c;
}

#if defined(__x86_64__)

static bool hardware(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t by_hardware(uint32_t crc, const uint8_t *p,
                                                              size_t len)
{
    uint64_t c = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c = _mm_crc32_u64(c, v);
    }
    uint32_t c32 = (uint32_t)c;
    for (; len > 0; len--, p++)
        c32 = _mm_crc32_u8(c32, *p);
    return ~c32;
}

#elif defined(__aarch64__) && defined(__linux__) && defined(__ORDER_LITTLE_ENDIAN__)

static bool hardware(void)
{
    const unsigned long crc32_bit = 1ul << 7; /* HWCAP_CRC32 */
    return (getauxval(AT_HWCAP) & crc32_bit) != 0;
}

__attribute__((target("arch=armv8-a+crc"))) static uint32_t
by_hardware(uint32_t crc, const uint8_t *p, size_t len)
{
    uint32_t c = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        c = __crc32cd(c, v);
    }
    for (; len > 0; len--, p++)
        c = __crc32cb(c, *p);
    return ~c;
}

#else

static bool hardware(void)
{
    return false;
}

static uint32_t by_hardware(uint32_t crc, const uint8_t *p, size_t len)
{
    return crc32c_table(crc, p, len);
}

#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
    return hardware() ? by_hardware(crc, p, len) : crc32c_table(crc, p, len);
}
