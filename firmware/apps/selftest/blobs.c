#include "apps/selftest/blobs.h"

#include <string.h>

#define CONTROL_MAGIC 0x4c52544eU /* 'NTRL' */
#define CONTROL_VERSION 3U
#define OP_MVM 1U
#define OP_MAX_POOL 2U
#define OP_ADD 4U
#define HOST_TILE 0xffffU

struct writer {
  uint8_t *at;
};

static void put(struct writer *out, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) *out->at++ = (uint8_t)(value >> (8 * i));
}

static void put_shape(struct writer *out, int32_t height, int32_t width, uint32_t channels) {
  put(out, (uint64_t)height, 4);
  put(out, (uint64_t)width, 4);
  put(out, channels, 4);
}

static void put_destination(struct writer *out, uint32_t tile) {
  put(out, 1, 4);    /* one destination */
  put(out, tile, 2); /* slot, port, producer, padding, which part goes where: all 0 */
  put(out, 0, 8);
  put(out, 0, 8);
}

static void put_window(struct writer *out) {
  for (int i = 0; i < 6; ++i) put(out, 1, 4); /* kernel, stride, dilation */
  for (int i = 0; i < 4; ++i) put(out, 0, 4); /* padding */
}

static void put_groups(struct writer *out) {
  for (int i = 0; i < 3; ++i) put(out, 1, 2); /* groups, groups per array, copies */
  put(out, 0, 2);                             /* row blocks of all rows of an array */
  put(out, 0, 2);                             /* channel */
}

static void put_no_table(struct writer *out) {
  put(out, 0, 4);
  put(out, 0, 1); /* zero point, neighbours, shift: of operations with tables */
  put(out, 0, 8);
}

static void put_requantise(struct writer *out) {
  put(out, BLOB_OUTPUTS, 4);
  for (uint32_t i = 0; i < BLOB_OUTPUTS; ++i) put(out, 1, 4); /* multipliers */
  put(out, BLOB_OUTPUTS, 4);
  for (uint32_t i = 0; i < BLOB_OUTPUTS; ++i) put(out, 0, 8); /* biases */
  put(out, 0, 4);                                             /* shift */
  put(out, 1, 1);                                             /* s32 outputs */
  put(out, 0, 4);                                             /* low, high: of u8 outputs only */
  put(out, 255, 4);
}

static void put_stage(struct writer *out, const struct blob_stage *stage) {
  put(out, stage->tile, 2);
  put(out, 0, 1); /* slot */
  put(out, OP_MVM, 1);
  put(out, 0, 4); /* layer */
  put(out, 1, 4); /* one input port */
  put(out, stage->edram_offset, 4);
  put_shape(out, 1, stage->image_width, stage->rows);
  put(out, 1, 1); /* element bytes */
  put(out, 0, 1);
  put(out, stage->producers, 2);
  put(out, 1, 2); /* ring rows */
  put(out, 0, 4); /* no constant channels */
  put_window(out);
  put_shape(out, 1, stage->image_width, BLOB_OUTPUTS);
  put(out, 0, 1); /* padding value */
  put(out, 0, 1); /* not raw */
  put(out, (uint64_t)stage->range_divisor, 4);
  put(out, (uint64_t)stage->bitline_gain, 4);
  put(out, stage->rows, 4);
  put_groups(out);
  put(out, 1, 4); /* one array: row block 0, column group 0, copy 0 */
  put(out, stage->array, 2);
  put(out, 0, 6);
  put_no_table(out);
  put_requantise(out);
  put_destination(out, HOST_TILE);
}

/* The deadlock: an addition of the image and its pooled copy. The pool needs three rows before its
   first output; the addition's buffer takes one row of the image and then blocks the image's
   stream. */
#define STALL_HEIGHT 6

static void put_port(struct writer *out, uint32_t edram_offset, uint32_t ring_rows) {
  put(out, edram_offset, 4);
  put_shape(out, STALL_HEIGHT, 1, 1);
  put(out, 1, 2); /* element bytes, padding */
  put(out, 1, 2); /* producers */
  put(out, ring_rows, 2);
  put(out, 0, 4); /* no constant channels */
}

static void put_to_port(struct writer *out, uint32_t tile, uint32_t slot, uint32_t port) {
  put(out, tile, 2);
  put(out, slot, 1);
  put(out, port, 1);
  put(out, 0, 8); /* producer, padding, which part goes where */
  put(out, 0, 6);
}

static void put_stage_tail(struct writer *out, uint32_t kernel_height, uint32_t multipliers) {
  put(out, kernel_height, 4);
  for (int i = 0; i < 5; ++i) put(out, 1, 4); /* rest of kernel, stride, dilation */
  put(out, 0, 8);                             /* padding above and on the left */
  put(out, kernel_height - 1, 4);             /* below: as many rows out as in */
  put(out, 0, 4);
  put_shape(out, STALL_HEIGHT, 1, 1);
  put(out, 0, 2); /* padding value, not raw */
  put(out, 1, 4); /* converter, kernel rows, groups, arrays: of matrix-vector products only */
  put(out, 1, 4);
  put(out, 0, 4);
  put_groups(out);
  put(out, 0, 4);
  put_no_table(out);
  put(out, multipliers, 4);
  for (uint32_t i = 0; i < multipliers; ++i) put(out, 1, 4);
  put(out, multipliers / 2, 4); /* an addition has two multipliers and one bias */
  for (uint32_t i = 0; i < multipliers / 2; ++i) put(out, 0, 8);
  put(out, 0, 5); /* shift, u8 outputs */
  put(out, 0, 4);
  put(out, 255, 4);
  put(out, 1, 4); /* one destination follows */
}

uint32_t blob_stalling_control(uint8_t *to) {
  struct writer out = {to};
  put(&out, CONTROL_MAGIC, 4);
  put(&out, CONTROL_VERSION, 2);
  put(&out, 1, 1); /* output element bytes */
  put(&out, 1, 1); /* one channel */
  put_shape(&out, STALL_HEIGHT, 1, 1);
  put_shape(&out, STALL_HEIGHT, 1, 1);
  put(&out, 2, 4); /* the image goes to both stages */
  put_to_port(&out, 0, 0, 0);
  put_to_port(&out, 0, 1, 1);
  put(&out, 2, 4);
  put(&out, 0, 3); /* pool: tile 0, slot 0 */
  put(&out, OP_MAX_POOL, 1);
  put(&out, 0, 4);
  put(&out, 1, 4);
  put_port(&out, 0, 3);
  put_stage_tail(&out, 3, 0);
  put_to_port(&out, 0, 1, 0);
  put(&out, 0, 2); /* addition: tile 0, slot 1 */
  put(&out, 1, 1);
  put(&out, OP_ADD, 1);
  put(&out, 1, 4);
  put(&out, 2, 4);
  put_port(&out, 64, 1);
  put_port(&out, 128, 1);
  put_stage_tail(&out, 1, 2);
  put_to_port(&out, HOST_TILE, 0, 0);
  return (uint32_t)(out.at - to);
}

struct blob_stage blob_default(uint32_t rows) {
  const struct blob_stage stage = {
      .rows = rows, .range_divisor = 1, .bitline_gain = 1, .producers = 1, .image_width = 1};
  return stage;
}

uint32_t blob_control(const struct blob_stage *stage, uint8_t *to) {
  struct writer out = {to};
  put(&out, CONTROL_MAGIC, 4);
  put(&out, CONTROL_VERSION, 2);
  put(&out, 4, 1); /* output element bytes */
  put(&out, 1, 1); /* one channel */
  put_shape(&out, 1, stage->image_width, stage->rows);
  put_shape(&out, 1, stage->image_width, BLOB_OUTPUTS);
  put_destination(&out, stage->tile);
  put(&out, 1, 4); /* one stage */
  put_stage(&out, stage);
  return (uint32_t)(out.at - to);
}

uint32_t blob_weights(uint16_t tile, uint16_t array, uint16_t rows, int8_t weight, uint8_t *to) {
  struct writer out = {to};
  put(&out, tile, 2);
  put(&out, array, 2);
  put(&out, rows, 2);
  put(&out, BLOB_OUTPUTS, 2);
  for (uint32_t row = 0; row < rows; ++row) {
    put(&out, (uint64_t)weight, 1);
    put(&out, (uint64_t)-weight, 1);
  }
  while ((out.at - to) % 8 != 0) put(&out, 0, 1);
  return (uint32_t)(out.at - to);
}

int32_t blob_code(int64_t d, uint32_t rows, uint8_t code_format) {
  const int64_t full_scale = (int64_t)rows * 255 * 255;
  const int64_t steps = code_format == 2 ? 255 : 127;
  if (code_format == 3) return (int32_t)d;
  const int64_t magnitude = ((d < 0 ? -d : d) * steps * 2 + full_scale) / (2 * full_scale);
  return (int32_t)(d < 0 ? -magnitude : magnitude);
}
