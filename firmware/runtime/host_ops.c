#include "npim/host_ops.h"

#include <string.h>

#include "runtime/bytes.h"

#define OPERATION_BYTES 128U
#define FULL_SCALE_PER_ROW (255 * 255)

enum {
  OP_CONVOLUTION = 1,
  OP_MAX_POOL,
  OP_AVERAGE_POOL,
  OP_ADD,
  OP_CONCAT,
  OP_LOOKUP,
  OP_MULTIPLY,
  OP_GATHER,
  OP_INSIDE_AVERAGE,
  OP_LOCAL_RESPONSE
};

enum { CODE_SIGNED8 = 1, CODE_SIGN_PLUS_8 = 2, CODE_LOSSLESS = 3 };

static int32_t signed32(const uint8_t *from) {
  return (int32_t)npim_get32(from);
}

static void read_window(struct npim_window *window, const uint8_t *from) {
  int32_t *const fields[] = {
      &window->kernel_height, &window->kernel_width,    &window->stride_height,
      &window->stride_width,  &window->dilation_height, &window->dilation_width,
      &window->pad_top,       &window->pad_left,        &window->pad_bottom,
      &window->pad_right,
  };
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; ++i) *fields[i] = signed32(from + 4 * i);
}

bool npim_host_op_read(struct npim_host_op *op, const uint8_t *data, uint64_t bytes) {
  memset(op, 0, sizeof *op);
  if (bytes < OPERATION_BYTES || (uintptr_t)data % 8 != 0) return false;
  op->op = data[0];
  op->pad_value = data[1];
  op->second_zero_point = data[2];
  op->output_s32 = data[3];
  op->groups = signed32(data + 4);
  read_window(&op->window, data + 8);
  op->neighbours = signed32(data + 48);
  op->sum_shift = signed32(data + 52);
  op->range_divisor = signed32(data + 56);
  op->bitline_gain = signed32(data + 60);
  op->shift = signed32(data + 64);
  op->low = signed32(data + 68);
  op->high = signed32(data + 72);
  op->array_rows = signed32(data + 76);
  op->code = npim_get32(data + 80);
  op->weight_shift = npim_get32(data + 84);
  op->biases = npim_get32(data + 88);
  op->multipliers = npim_get32(data + 92);
  op->table_size = npim_get32(data + 96);
  op->offset_count = npim_get32(data + 100);
  op->weight_count = npim_get64(data + 104);
  op->block_rows = signed32(data + 112);
  const uint64_t words = (uint64_t)op->multipliers + op->table_size + op->offset_count;
  const uint64_t arrays = 8 * (uint64_t)op->biases + 4 * words;
  if (arrays > bytes - OPERATION_BYTES) return false;
  if (op->weight_count != bytes - OPERATION_BYTES - arrays) return false;
  op->bias = (const int64_t *)(const void *)(data + OPERATION_BYTES);
  op->multiplier = (const int32_t *)(const void *)(op->bias + op->biases);
  op->table = op->multiplier + op->multipliers;
  op->offsets = op->table + op->table_size;
  op->weights = (const int8_t *)(const void *)(op->offsets + op->offset_count);
  return true;
}

bool npim_host_op_joins(const struct npim_host_op *op) {
  return op->op == OP_CONCAT;
}

/* Checks */

static uint64_t elements(const struct npim_shape *shape) {
  return (uint64_t)shape->height * shape->width * shape->channels;
}

static bool same_plane(const struct npim_shape *a, const struct npim_shape *b) {
  return a->height == b->height && a->width == b->width;
}

static bool same_shape(const struct npim_shape *a, const struct npim_shape *b) {
  return same_plane(a, b) && a->channels == b->channels;
}

static bool within(int64_t value, int64_t lowest, int64_t highest) {
  return value >= lowest && value <= highest;
}

static bool axis_fits(uint32_t in, uint32_t out, int32_t kernel, int32_t stride, int32_t dilation,
                      int32_t before, int32_t after) {
  const int64_t most = 1 << 16;
  if (!within(kernel, 1, most) || !within(stride, 1, most) || !within(dilation, 1, most) ||
      !within(before, 0, most) || !within(after, 0, most)) {
    return false;
  }
  const int64_t room = (int64_t)in + before + after - ((int64_t)(kernel - 1) * dilation + 1);
  return room >= 0 && room / stride + 1 == (int64_t)out;
}

static const char *window_fault(const struct npim_host_op *op, const struct npim_shape *in,
                                const struct npim_shape *out) {
  const int64_t most_taps = INT64_C(1) << 26, most_work = INT64_C(1) << 36;
  const struct npim_window *w = &op->window;
  if (!axis_fits(in->height, out->height, w->kernel_height, w->stride_height, w->dilation_height,
                 w->pad_top, w->pad_bottom) ||
      !axis_fits(in->width, out->width, w->kernel_width, w->stride_width, w->dilation_width,
                 w->pad_left, w->pad_right)) {
    return "the output shape does not follow from the window";
  }
  const int64_t area = (int64_t)w->kernel_height * w->kernel_width;
  const bool is_pool = op->op != OP_CONVOLUTION;
  if (is_pool && in->channels != out->channels) return "a pool changes the channels";
  if (area > most_taps) return "the window is too large";
  const int64_t taps = is_pool ? area : area * in->channels;
  if (taps > most_taps || taps > most_work / (int64_t)elements(out))
    return "there are too many taps";
  if (op->op == OP_CONVOLUTION || op->op == OP_AVERAGE_POOL) return NULL;
  const bool is_padded =
      w->pad_top != 0 || w->pad_bottom != 0 || w->pad_left != 0 || w->pad_right != 0;
  const bool is_dilated = w->dilation_height != 1 || w->dilation_width != 1;
  if (w->pad_top >= w->kernel_height || w->pad_bottom >= w->kernel_height ||
      w->pad_left >= w->kernel_width || w->pad_right >= w->kernel_width ||
      (is_padded && is_dilated)) {
    return "windows can lie in the padding alone";
  }
  return NULL;
}

static const char *convolution_fault(const struct npim_host_op *op, const struct npim_shape *in,
                                     const struct npim_shape *out) {
  if (op->groups < 1 || in->channels % (uint32_t)op->groups != 0 ||
      out->channels % (uint32_t)op->groups != 0) {
    return "the groups do not divide the channels";
  }
  const uint64_t rows = (uint64_t)op->window.kernel_height * (uint64_t)op->window.kernel_width *
                        (in->channels / (uint32_t)op->groups);
  if (op->weight_count != rows * out->channels) return "the weights do not fill the kernels";
  if (!within(op->array_rows, 1, 4096) || !within(op->block_rows, 1, op->array_rows) ||
      !within(op->code, CODE_SIGNED8, CODE_LOSSLESS) || !within(op->range_divisor, 1, 1024) ||
      !within(op->bitline_gain, 1, 1024) || op->weight_shift > 1) {
    return "the converter is out of range";
  }
  return NULL;
}

static const char *table_fault(const struct npim_host_op *op, const struct npim_shape *in,
                               const struct npim_shape *out) {
  int64_t lowest = 0, highest = 255;
  if (op->op == OP_LOOKUP) {
    if (op->table_size != 256) return "the table does not have 256 entries";
  } else if (op->op == OP_GATHER) {
    if (op->table_size != elements(out)) return "the table is not of the output's size";
    lowest = -1;
    highest = (int64_t)elements(in) - 1;
  } else {
    if (!within(op->table_size, 1, 4096)) return "the table's size is out of range";
    if (!within(op->neighbours, 1, 1 << 16) || !within(op->sum_shift, 0, 31)) {
      return "neighbours or shift are out of range";
    }
    highest = 65535;
  }
  for (uint32_t i = 0; i < op->table_size; ++i) {
    if (!within(op->table[i], lowest, highest)) return "a table entry is out of range";
  }
  return NULL;
}

static const char *requantise_fault(const struct npim_host_op *op, uint32_t multipliers,
                                    uint32_t biases) {
  if (op->multipliers != multipliers || op->biases != biases) {
    return "multipliers or biases are missing";
  }
  if (!within(op->shift, 0, 62) || !within(op->low, 0, 255) || !within(op->high, op->low, 255)) {
    return "shift or limits are out of range";
  }
  return NULL;
}

static const char *concat_fault(const struct npim_host_op *op, const struct npim_shape *inputs,
                                uint32_t input_count, const struct npim_shape *out) {
  if (op->offset_count != input_count) return "an input has no offset";
  for (uint32_t i = 0; i < input_count; ++i) {
    if (!same_plane(&inputs[i], out) || !within(op->offsets[i], 0, out->channels) ||
        inputs[i].channels > out->channels - (uint32_t)op->offsets[i]) {
      return "an input lies outside the output";
    }
  }
  return NULL;
}

static const char *binary_fault(const struct npim_host_op *op, const struct npim_shape *inputs,
                                const struct npim_shape *out) {
  const struct npim_shape *b = &inputs[1];
  const bool is_factor =
      op->op == OP_MULTIPLY && b->height == 1 && b->width == 1 && b->channels == out->channels;
  if (!same_shape(&inputs[0], out) || !(is_factor || same_shape(b, out))) {
    return "inputs and output differ in shape";
  }
  return op->op == OP_ADD ? requantise_fault(op, 2, 1) : requantise_fault(op, 1, 1);
}

const char *npim_host_op_fault(const struct npim_host_op *op, const struct npim_shape *inputs,
                               uint32_t input_count, const struct npim_shape *output) {
  const char *fault = NULL;
  if (op->op < OP_CONVOLUTION || op->op > OP_LOCAL_RESPONSE) return "unknown operation";
  if (op->op == OP_CONCAT) return concat_fault(op, inputs, input_count, output);
  const bool is_binary = op->op == OP_ADD || op->op == OP_MULTIPLY;
  if (input_count != (is_binary ? 2 : 1)) return "wrong number of inputs";
  if (is_binary) return binary_fault(op, inputs, output);
  switch (op->op) {
    case OP_GATHER:
      return table_fault(op, inputs, output);
    case OP_LOOKUP:
    case OP_LOCAL_RESPONSE:
      if (!same_shape(inputs, output)) return "input and output differ in shape";
      fault = table_fault(op, inputs, output);
      if (fault != NULL || op->op == OP_LOOKUP) return fault;
      return requantise_fault(op, 1, 1);
    case OP_CONVOLUTION:
      fault = window_fault(op, inputs, output);
      if (fault == NULL) fault = convolution_fault(op, inputs, output);
      return fault != NULL ? fault : requantise_fault(op, output->channels, output->channels);
    case OP_AVERAGE_POOL:
      fault = window_fault(op, inputs, output);
      return fault != NULL ? fault : requantise_fault(op, output->channels, output->channels);
    case OP_INSIDE_AVERAGE:
      fault = window_fault(op, inputs, output);
      if (fault != NULL) return fault;
      return requantise_fault(
          op, (uint32_t)op->window.kernel_height * (uint32_t)op->window.kernel_width, 1);
    default:
      return window_fault(op, inputs, output);
  }
}

/* Arithmetic */

/* A file of our compiler stays within 64 bits; any other wraps, and no harm is done. */
static int64_t times(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* The compilers at hand shift signed values arithmetically, as the definition wants. */
static int32_t requantise(const struct npim_host_op *op, int64_t sum, int64_t bias) {
  const int64_t rounding = op->shift == 0 ? 0 : INT64_C(1) << (op->shift - 1);
  const int64_t value = plus(plus(sum, bias), rounding) >> op->shift;
  const int64_t lowest = op->output_s32 ? INT32_MIN : op->low;
  const int64_t highest = op->output_s32 ? INT32_MAX : op->high;
  return (int32_t)(value < lowest ? lowest : value > highest ? highest : value);
}

static void store(const struct npim_host_op *op, uint8_t *to, uint32_t channel, int32_t value) {
  if (!op->output_s32) {
    to[channel] = (uint8_t)value;
    return;
  }
  uint8_t *bytes = to + 4 * (size_t)channel;
  for (uint32_t i = 0; i < 4; ++i) bytes[i] = (uint8_t)((uint32_t)value >> (8 * i));
}

static uint8_t *pixel_of(const struct npim_operand *tensor, size_t number) {
  return tensor->data + number * tensor->pixel_bytes;
}

static size_t pixels_of(const struct npim_operand *tensor) {
  return (size_t)tensor->shape.height * tensor->shape.width;
}

/* `product` is of the weights as they are in the file; cells hold them shifted. */
static int64_t convert(const struct npim_host_op *op, int64_t product) {
  product *= INT64_C(1) << op->weight_shift;
  if (op->code == CODE_LOSSLESS) return product;
  const int64_t limit = op->code == CODE_SIGNED8 ? 127 : 255;
  const int64_t full_scale = (int64_t)op->array_rows * FULL_SCALE_PER_ROW;
  if (product >= full_scale) return limit;
  if (product <= -full_scale) return -limit;
  const int64_t magnitude = product < 0 ? -product : product;
  const int64_t scaled = magnitude * op->bitline_gain * op->range_divisor * limit;
  const int64_t code = (2 * scaled + full_scale) / (2 * full_scale);
  const int64_t limited = code < limit ? code : limit;
  return product < 0 ? -limited : limited;
}

/* The input pixel under tap (ky, kx) of the window of output pixel (y, x); NULL in the padding. */
static const uint8_t *tap_of(const struct npim_host_op *op, const struct npim_operand *in,
                             uint32_t y, uint32_t x, int32_t ky, int32_t kx) {
  const struct npim_window *w = &op->window;
  const int64_t row = (int64_t)y * w->stride_height - w->pad_top + (int64_t)ky * w->dilation_height;
  const int64_t column =
      (int64_t)x * w->stride_width - w->pad_left + (int64_t)kx * w->dilation_width;
  if (row < 0 || row >= in->shape.height || column < 0 || column >= in->shape.width) return NULL;
  return pixel_of(in, (size_t)row * in->shape.width + (size_t)column);
}

/* Operations */

/* Sum of the products of one output element up to the next row block's edge, and how far it is. */
struct column_sum {
  int64_t codes, products;
  int32_t rows; /* of the block, so far */
};

static void add_tap(const struct npim_host_op *op, struct column_sum *sum, const uint8_t *pixel,
                    const int8_t *weights, int32_t channels) {
  for (int32_t c = 0; c < channels;) {
    const int32_t room = op->block_rows - sum->rows, left = channels - c;
    const int32_t end = c + (left < room ? left : room);
    sum->rows += end - c;
    int32_t products = 0; /* at most 4096 of 255 * 128 */
    for (; c < end; ++c) products += weights[c] * (pixel != NULL ? pixel[c] : op->pad_value);
    sum->products += products;
    if (sum->rows < op->block_rows) continue;
    sum->codes += convert(op, sum->products);
    sum->products = sum->rows = 0;
  }
}

static void convolve(const struct npim_host_op *op, const struct npim_operand *in,
                     const struct npim_operand *out) {
  const int32_t channels = (int32_t)in->shape.channels / op->groups;
  const uint32_t per_group = out->shape.channels / (uint32_t)op->groups;
  for (uint32_t y = 0; y < out->shape.height; ++y) {
    for (uint32_t x = 0; x < out->shape.width; ++x) {
      uint8_t *to = pixel_of(out, (size_t)y * out->shape.width + x);
      const int8_t *weights = op->weights;
      for (uint32_t c = 0; c < out->shape.channels; ++c) {
        const size_t first = (size_t)(c / per_group) * (size_t)channels;
        struct column_sum sum = {0, 0, 0};
        for (int32_t ky = 0; ky < op->window.kernel_height; ++ky) {
          for (int32_t kx = 0; kx < op->window.kernel_width; ++kx, weights += channels) {
            const uint8_t *pixel = tap_of(op, in, y, x, ky, kx);
            add_tap(op, &sum, pixel == NULL ? NULL : pixel + first, weights, channels);
          }
        }
        if (sum.rows != 0) sum.codes += convert(op, sum.products);
        store(op, to, c, requantise(op, times(sum.codes, op->multiplier[c]), op->bias[c]));
      }
    }
  }
}

/* Maximum, or sum, of a channel over a window, and the taps inside the image. */
struct pooled {
  int64_t sum;
  int32_t largest;
  uint32_t taps;
};

static struct pooled pool_window(const struct npim_host_op *op, const struct npim_operand *in,
                                 uint32_t y, uint32_t x, uint32_t channel) {
  struct pooled result = {0, 0, 0};
  for (int32_t ky = 0; ky < op->window.kernel_height; ++ky) {
    for (int32_t kx = 0; kx < op->window.kernel_width; ++kx) {
      const uint8_t *pixel = tap_of(op, in, y, x, ky, kx);
      if (pixel == NULL) continue;
      const int32_t value = pixel[channel];
      result.sum += value;
      if (value > result.largest) result.largest = value;
      ++result.taps;
    }
  }
  return result;
}

static void pool(const struct npim_host_op *op, const struct npim_operand *in,
                 const struct npim_operand *out) {
  const int64_t area = (int64_t)op->window.kernel_height * op->window.kernel_width;
  for (uint32_t y = 0; y < out->shape.height; ++y) {
    for (uint32_t x = 0; x < out->shape.width; ++x) {
      uint8_t *to = pixel_of(out, (size_t)y * out->shape.width + x);
      for (uint32_t c = 0; c < out->shape.channels; ++c) {
        const struct pooled window = pool_window(op, in, y, x, c);
        int32_t value = window.largest;
        if (op->op == OP_AVERAGE_POOL) {
          const int64_t sum = window.sum + (area - window.taps) * op->pad_value;
          value = requantise(op, times(sum, op->multiplier[c]), op->bias[c]);
        } else if (op->op == OP_INSIDE_AVERAGE) {
          value = requantise(op, times(window.sum, op->multiplier[window.taps - 1]), op->bias[0]);
        }
        store(op, to, c, value);
      }
    }
  }
}

static void add(const struct npim_host_op *op, const struct npim_operand *a,
                const struct npim_operand *b, const struct npim_operand *out) {
  for (size_t i = 0; i < pixels_of(out); ++i) {
    const uint8_t *first = pixel_of(a, i), *second = pixel_of(b, i);
    uint8_t *to = pixel_of(out, i);
    for (uint32_t c = 0; c < out->shape.channels; ++c) {
      const int64_t sum =
          (int64_t)first[c] * op->multiplier[0] + (int64_t)second[c] * op->multiplier[1];
      store(op, to, c, requantise(op, sum, op->bias[0]));
    }
  }
}

static void multiply(const struct npim_host_op *op, const struct npim_operand *a,
                     const struct npim_operand *b, const struct npim_operand *out) {
  const bool repeats = pixels_of(b) == 1;
  for (size_t i = 0; i < pixels_of(out); ++i) {
    const uint8_t *first = pixel_of(a, i), *second = pixel_of(b, repeats ? 0 : i);
    uint8_t *to = pixel_of(out, i);
    for (uint32_t c = 0; c < out->shape.channels; ++c) {
      const int64_t product =
          (int64_t)(first[c] - op->pad_value) * (second[c] - op->second_zero_point);
      store(op, to, c, requantise(op, product * op->multiplier[0], op->bias[0]));
    }
  }
}

static void look_up(const struct npim_host_op *op, const struct npim_operand *in,
                    const struct npim_operand *out) {
  for (size_t i = 0; i < pixels_of(out); ++i) {
    const uint8_t *from = pixel_of(in, i);
    uint8_t *to = pixel_of(out, i);
    for (uint32_t c = 0; c < out->shape.channels; ++c) to[c] = (uint8_t)op->table[from[c]];
  }
}

static void gather(const struct npim_host_op *op, const struct npim_operand *in,
                   const struct npim_operand *out) {
  const uint32_t channels = in->shape.channels;
  const bool is_dense = in->pixel_bytes == channels;
  const int32_t *from = op->table;
  for (size_t i = 0; i < pixels_of(out); ++i) {
    uint8_t *to = pixel_of(out, i);
    for (uint32_t c = 0; c < out->shape.channels; ++c, ++from) {
      if (*from < 0) {
        to[c] = op->pad_value;
      } else if (is_dense) {
        to[c] = in->data[*from];
      } else {
        const uint32_t at = (uint32_t)*from;
        to[c] = pixel_of(in, at / channels)[at % channels];
      }
    }
  }
}

static void local_response(const struct npim_host_op *op, const struct npim_operand *in,
                           const struct npim_operand *out) {
  const int32_t channels = (int32_t)out->shape.channels;
  for (size_t i = 0; i < pixels_of(out); ++i) {
    const uint8_t *from = pixel_of(in, i);
    uint8_t *to = pixel_of(out, i);
    for (int32_t c = 0; c < channels; ++c) {
      int32_t other = c - (op->neighbours - 1) / 2, last = c + op->neighbours / 2;
      if (other < 0) other = 0;
      if (last > channels - 1) last = channels - 1;
      int64_t squares = 0;
      for (; other <= last; ++other) {
        const int32_t value = from[other] - op->pad_value;
        squares += value * value;
      }
      const int64_t place = squares >> op->sum_shift;
      const int64_t factor = op->table[place < op->table_size ? place : op->table_size - 1];
      const int64_t product = (from[c] - op->pad_value) * factor;
      store(op, to, (uint32_t)c, requantise(op, times(product, op->multiplier[0]), op->bias[0]));
    }
  }
}

void npim_host_op_execute(const struct npim_host_op *op, const struct npim_operand *first,
                          const struct npim_operand *second, const struct npim_operand *output) {
  switch (op->op) {
    case OP_CONVOLUTION:
      convolve(op, first, output);
      break;
    case OP_MAX_POOL:
    case OP_AVERAGE_POOL:
    case OP_INSIDE_AVERAGE:
      pool(op, first, output);
      break;
    case OP_ADD:
      add(op, first, second, output);
      break;
    case OP_MULTIPLY:
      multiply(op, first, second, output);
      break;
    case OP_LOOKUP:
      look_up(op, first, output);
      break;
    case OP_GATHER:
      gather(op, first, output);
      break;
    case OP_LOCAL_RESPONSE:
      local_response(op, first, output);
      break;
    default:
      break;
  }
}

/* Eight bytes at a time where both ends allow it: the C library of bare metal copies byte by byte.
 */
static void copy(uint8_t *to, const uint8_t *from, size_t bytes) {
  size_t i = 0;
  if ((((uintptr_t)to | (uintptr_t)from) & 7U) == 0) {
    for (; i + 8 <= bytes; i += 8) {
      memcpy(__builtin_assume_aligned(to + i, 8), __builtin_assume_aligned(from + i, 8), 8);
    }
  }
  for (; i < bytes; ++i) to[i] = from[i];
}

void npim_host_op_fill(const struct npim_host_op *op, const struct npim_operand *output) {
  for (size_t i = 0; i < pixels_of(output); ++i) {
    memset(pixel_of(output, i), op->pad_value, output->shape.channels);
  }
}

void npim_host_op_join(const struct npim_host_op *op, uint32_t number,
                       const struct npim_operand *input, const struct npim_operand *output) {
  for (size_t i = 0; i < pixels_of(input); ++i) {
    copy(pixel_of(output, i) + op->offsets[number], pixel_of(input, i), input->shape.channels);
  }
}
