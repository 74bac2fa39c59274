/* Little-endian reading of files in place, whatever their alignment. */
#ifndef NPIM_RUNTIME_BYTES_H
#define NPIM_RUNTIME_BYTES_H

#include <stdint.h>

static inline uint16_t npim_get16(const uint8_t *from) {
  return (uint16_t)(from[0] | (from[1] << 8));
}

static inline uint32_t npim_get32(const uint8_t *from) {
  return npim_get16(from) | ((uint32_t)npim_get16(from + 2) << 16);
}

static inline uint64_t npim_get64(const uint8_t *from) {
  return npim_get32(from) | ((uint64_t)npim_get32(from + 4) << 32);
}

static inline uint32_t npim_get32_big(const uint8_t *from) {
  return ((uint32_t)from[0] << 24) | ((uint32_t)from[1] << 16) | ((uint32_t)from[2] << 8) | from[3];
}

#endif
