#include "npim/program.h"

#define POLYNOMIAL 0xedb88320U

static uint32_t table[256];

static void fill_table(void) {
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? POLYNOMIAL : 0);
    table[i] = value;
  }
}

uint32_t npim_crc32(const void *data, size_t bytes) {
  const uint8_t *at = data;
  uint32_t crc = UINT32_MAX;
  if (table[1] == 0) fill_table();
  for (size_t i = 0; i < bytes; ++i) crc = table[(crc ^ at[i]) & 0xffU] ^ (crc >> 8);
  return ~crc;
}
