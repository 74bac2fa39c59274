/* Operations of a network that the host executes, in integers: definitions in
   models/network/quantised.h, file format in models/program/steps.h. Little-endian hosts only. */
#ifndef NPIM_HOST_OPS_H
#define NPIM_HOST_OPS_H

#include "npim/program.h"

#ifdef __cplusplus
extern "C" {
#endif

struct npim_window {
  int32_t kernel_height, kernel_width, stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
};

/* Points into the program file. */
struct npim_host_op {
  uint8_t op, pad_value, second_zero_point, output_s32;
  int32_t groups;
  struct npim_window window;
  int32_t neighbours, sum_shift, range_divisor, bitline_gain, shift, low, high, array_rows,
      block_rows;
  uint32_t code, weight_shift;
  uint32_t biases, multipliers, table_size, offset_count;
  uint64_t weight_count;
  const int64_t *bias;
  const int32_t *multiplier, *table, *offsets;
  const int8_t *weights;
};

/* One image of a tensor: pixel p begins at data + p * pixel_bytes. */
struct npim_operand {
  uint8_t *data;
  struct npim_shape shape;
  uint32_t pixel_bytes;
};

/* Reads an operation; false when it is damaged. `data` is aligned to 8. */
bool npim_host_op_read(struct npim_host_op *op, const uint8_t *data, uint64_t bytes);

/* NULL, or why the operation cannot be executed on tensors of these shapes: afterwards no content
   of the tensors makes it read or write outside of them. All inputs are u8. */
const char *npim_host_op_fault(const struct npim_host_op *op, const struct npim_shape *inputs,
                               uint32_t input_count, const struct npim_shape *output);

/* Whether it is a concatenation, which takes any number of inputs. */
bool npim_host_op_joins(const struct npim_host_op *op);

/* Executes all operations but concatenations. The second input may be NULL where there is none. */
void npim_host_op_execute(const struct npim_host_op *op, const struct npim_operand *first,
                          const struct npim_operand *second, const struct npim_operand *output);

/* A concatenation: npim_host_op_fill() if channels of the output have no input, then each input. */
void npim_host_op_fill(const struct npim_host_op *op, const struct npim_operand *output);
void npim_host_op_join(const struct npim_host_op *op, uint32_t number,
                       const struct npim_operand *input, const struct npim_operand *output);

#ifdef __cplusplus
}
#endif

#endif
