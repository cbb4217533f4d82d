/* crc32c.h - the Castagnoli CRC (RFC 3720, B.4), by the processor where it can. */
#pragma once

#include "engine/base/base.h"

/* Of `len` bytes that follow those whose CRC is `crc`; begin with 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

/* The same without help from the processor: what crc32c falls back to, and is tested against. */
uint32_t crc32c_table(uint32_t crc, const void *p, size_t len);
