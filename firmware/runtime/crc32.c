#include <string.h>

#include "npim/program.h"

#define POLYNOMIAL 0xedb88320U
#define SLICES 8U

/* tables[k][b]: what byte b does to the checksum when k more bytes follow. Eight bytes at a time
   take 7 instructions a byte, one after the other 11; program files have tens of megabytes. */
static uint32_t tables[SLICES][256];

static void fill_tables(void) {
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? POLYNOMIAL : 0);
    tables[0][i] = value;
  }
  for (uint32_t k = 1; k < SLICES; ++k) {
    for (uint32_t i = 0; i < 256; ++i) {
      const uint32_t before = tables[k - 1][i];
      tables[k][i] = tables[0][before & 0xffU] ^ (before >> 8);
    }
  }
}

static uint32_t add_eight(uint64_t word) {
  return tables[7][word & 0xffU] ^ tables[6][word >> 8 & 0xffU] ^ tables[5][word >> 16 & 0xffU] ^
         tables[4][word >> 24 & 0xffU] ^ tables[3][word >> 32 & 0xffU] ^
         tables[2][word >> 40 & 0xffU] ^ tables[1][word >> 48 & 0xffU] ^ tables[0][word >> 56];
}

static uint32_t add_one(uint32_t crc, uint8_t byte) {
  return tables[0][(crc ^ byte) & 0xffU] ^ (crc >> 8);
}

/* Of an aligned address. Harts and hosts of this firmware are little-endian. */
static uint64_t load_word(const uint8_t *from) {
  uint64_t word;
  memcpy(&word, __builtin_assume_aligned(from, 8), sizeof word);
  return word;
}

uint32_t npim_crc32(const void *data, size_t bytes) {
  const uint8_t *at = data;
  uint32_t crc = UINT32_MAX;
  if (tables[0][1] == 0) fill_tables();
  for (; bytes > 0 && (uintptr_t)at % 8 != 0; --bytes) crc = add_one(crc, *at++);
  for (; bytes >= 8; bytes -= 8, at += 8) crc = add_eight(load_word(at) ^ crc);
  for (; bytes > 0; --bytes) crc = add_one(crc, *at++);
  return ~crc;
}
