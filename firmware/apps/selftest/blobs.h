/* Tiny control programs and weights, made by hand for tests of the chip: one crossbar stage that
   multiplies one pixel of as many channels as an array has rows with two weight vectors. Formats:
   models/program/stage.h and stage.cpp. */
#ifndef NPIM_SELFTEST_BLOBS_H
#define NPIM_SELFTEST_BLOBS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BLOB_OUTPUTS 2U

/* What may be varied, to provoke each error of the chip. */
struct blob_stage {
  uint32_t rows; /* input channels */
  uint16_t tile, array;
  uint32_t edram_offset;
  int32_t range_divisor, bitline_gain;
  uint8_t producers;   /* 1; 2 asks for a stream that nobody sends */
  int32_t image_width; /* pixels per image, 1 row: makes a run as long as wanted */
};

struct blob_stage blob_default(uint32_t rows);

/* Writes the control program and returns its size; `to` has room for BLOB_CONTROL_BYTES. */
#define BLOB_CONTROL_BYTES 1024U
uint32_t blob_control(const struct blob_stage *stage, uint8_t *to);

/* A program that cannot make progress, though each part of it is well formed. Images and outputs
   have BLOB_STALL_BYTES bytes. */
#define BLOB_STALL_BYTES 6U
uint32_t blob_stalling_control(uint8_t *to);

/* Writes one weight record: vector 0 holds `weight`, vector 1 its negative. Returns its size. */
uint32_t blob_weights(uint16_t tile, uint16_t array, uint16_t rows, int8_t weight, uint8_t *to);

/* What the chip answers for a dot product d of up to `rows` rows (the converter with divisor and
   gain 1); code_format as in npim_info. */
int32_t blob_code(int64_t d, uint32_t rows, uint8_t code_format);

#ifdef __cplusplus
}
#endif

#endif
