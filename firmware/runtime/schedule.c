#include "runtime/schedule.h"

#include <inttypes.h>
#include <string.h>

#include "npim/host_ops.h"
#include "runtime/bytes.h"
#include "runtime/message.h"

#define SCHEDULE_BYTES 32U
#define TENSOR_BYTES 40U
#define STEP_BYTES 40U
#define BUFFER_ALIGNMENT 64U
#define MOST_TENSORS (1U << 17)
#define MOST_STEPS (1U << 16)
#define MOST_INPUTS (1U << 20)
#define MOST_EXTENT (1U << 16)
#define MOST_ELEMENTS (UINT64_C(1) << 26)
#define MOST_WORKSPACE (UINT64_C(1) << 32)
#define NO_LAYER UINT32_MAX

bool npim_program_tensor(const struct npim_program *program, uint32_t index,
                         struct npim_tensor *tensor) {
  if (index >= program->tensor_count) return false;
  const uint8_t *record = program->tensors + (size_t)index * TENSOR_BYTES;
  tensor->shape.height = npim_get32(record);
  tensor->shape.width = npim_get32(record + 4);
  tensor->shape.channels = npim_get32(record + 8);
  tensor->place = record[12];
  tensor->element_bytes = record[13];
  tensor->pixel_bytes = npim_get32(record + 16);
  tensor->image_bytes = npim_get32(record + 20);
  tensor->first_byte = npim_get32(record + 24);
  tensor->buffer = npim_get64(record + 32);
  return true;
}

/* Everything but `data`, which depends on where the step's section is. */
static void read_step(const uint8_t *record, struct npim_step *step, uint32_t *first_input,
                      uint64_t *offset, uint64_t *bytes) {
  step->kind = record[0];
  step->layer = npim_get32(record + 4);
  *first_input = npim_get32(record + 8);
  step->input_count = npim_get32(record + 12);
  step->output = npim_get32(record + 16);
  step->stages = npim_get32(record + 20);
  *offset = npim_get64(record + 24);
  *bytes = npim_get64(record + 32);
}

bool npim_program_step(const struct npim_program *program, uint32_t index, struct npim_step *step) {
  uint32_t first;
  uint64_t offset, bytes;
  if (index >= program->step_count) return false;
  read_step(program->steps + (size_t)index * STEP_BYTES, step, &first, &offset, &bytes);
  step->inputs = program->step_inputs + 4 * (size_t)first;
  step->data = (step->kind == NPIM_STEP_CHIP ? program->control : program->operations) + offset;
  step->bytes = (uint32_t)bytes;
  return true;
}

uint32_t npim_step_input(const struct npim_step *step, uint32_t number) {
  return npim_get32(step->inputs + 4 * (size_t)number);
}

static uint64_t elements(const struct npim_shape *shape) {
  return (uint64_t)shape->height * shape->width * shape->channels;
}

static bool same_shape(const struct npim_shape *a, const struct npim_shape *b) {
  return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

static bool is_extent(uint32_t value) {
  return value >= 1 && value <= MOST_EXTENT;
}

/* NULL, or what is wrong. */
static const char *tensor_fault(const struct npim_program *program,
                                const struct npim_tensor *tensor) {
  const struct npim_shape *shape = &tensor->shape;
  if (!is_extent(shape->height) || !is_extent(shape->width) || !is_extent(shape->channels) ||
      elements(shape) > MOST_ELEMENTS) {
    return "a dimension is out of range";
  }
  const bool is_output = tensor->place == NPIM_PLACE_OUTPUTS;
  if (tensor->element_bytes != (is_output ? program->output_element_bytes : 1)) {
    return "its elements have a wrong size";
  }
  const uint64_t pixel = (uint64_t)shape->channels * tensor->element_bytes;
  const uint64_t pixels = (uint64_t)shape->height * shape->width;
  if (tensor->pixel_bytes < pixel) return "its pixels overlap";
  if (tensor->first_byte + (pixels - 1) * tensor->pixel_bytes + pixel > tensor->image_bytes) {
    return "it exceeds its image";
  }
  if (tensor->place == NPIM_PLACE_WORKSPACE) {
    const bool fits = tensor->buffer <= program->workspace_bytes &&
                      tensor->image_bytes <= program->workspace_bytes - tensor->buffer;
    return fits && tensor->buffer % BUFFER_ALIGNMENT == 0 ? NULL : "it exceeds the workspace";
  }
  if (tensor->place > NPIM_PLACE_WORKSPACE || tensor->buffer != 0) return "its place is unknown";
  const struct npim_shape *whole = is_output ? &program->output : &program->input;
  if (is_output && !same_shape(shape, whole)) return "the output has another shape";
  if (tensor->image_bytes != elements(whole) * tensor->element_bytes) {
    return "its images have another size";
  }
  return NULL;
}

static const char *chip_fault(const struct npim_tensor *from, const struct npim_tensor *to,
                              uint32_t input_count) {
  if (input_count != 1) return "the chip takes one input";
  if (to->place == NPIM_PLACE_IMAGES) return "it writes into the images";
  if (from->element_bytes != 1 || from->pixel_bytes != from->shape.channels ||
      to->pixel_bytes != to->shape.channels * to->element_bytes) {
    return "a tensor of the chip has gaps";
  }
  return NULL;
}

/* Inputs of a concatenation are checked one by one: there is no bound on their number. */
static const char *join_fault(const struct npim_program *program, const struct npim_step *step,
                              const struct npim_host_op *op, const struct npim_tensor *to) {
  struct npim_tensor from;
  if (step->input_count < 1 || op->offset_count != step->input_count) {
    return "an input has no offset";
  }
  for (uint32_t i = 0; i < step->input_count; ++i) {
    struct npim_host_op part = *op;
    if (!npim_program_tensor(program, npim_step_input(step, i), &from)) return "no such tensor";
    if (from.element_bytes != 1) return "it reads 32-bit values";
    part.offset_count = 1;
    part.offsets = op->offsets + i;
    const char *fault = npim_host_op_fault(&part, &from.shape, 1, &to->shape);
    if (fault != NULL) return fault;
  }
  return NULL;
}

static const char *host_fault(const struct npim_program *program, const struct npim_step *step,
                              const struct npim_tensor *to) {
  struct npim_host_op op;
  struct npim_tensor from;
  struct npim_shape shapes[2];
  if (to->place == NPIM_PLACE_IMAGES) return "it writes into the images";
  if (!npim_host_op_read(&op, step->data, step->bytes)) return "its operation is damaged";
  if (op.output_s32 != (to->element_bytes == 4 ? 1 : 0)) return "its output has another size";
  if (npim_host_op_joins(&op)) return join_fault(program, step, &op, to);
  if (step->input_count < 1 || step->input_count > 2) return "wrong number of inputs";
  for (uint32_t i = 0; i < step->input_count; ++i) {
    if (!npim_program_tensor(program, npim_step_input(step, i), &from)) return "no such tensor";
    if (from.element_bytes != 1) return "it reads 32-bit values";
    shapes[i] = from.shape;
  }
  return npim_host_op_fault(&op, shapes, step->input_count, &to->shape);
}

static const char *step_fault(const struct npim_program *program, uint32_t index, uint32_t inputs) {
  struct npim_step step;
  struct npim_tensor from, to;
  uint32_t first;
  uint64_t offset, bytes;
  read_step(program->steps + (size_t)index * STEP_BYTES, &step, &first, &offset, &bytes);
  if (first > inputs || step.input_count > inputs - first) return "its inputs do not exist";
  if (step.layer != NO_LAYER && step.layer >= program->layer_count)
    return "its layer does not exist";
  const uint64_t room =
      step.kind == NPIM_STEP_CHIP ? program->control_bytes : program->operations_bytes;
  if (offset > room || bytes > room - offset || bytes > UINT32_MAX) {
    return "its program lies outside of the file";
  }
  (void)npim_program_step(program, index, &step);
  if (!npim_program_tensor(program, step.output, &to)) return "its output does not exist";
  switch (step.kind) {
    case NPIM_STEP_CHIP:
      if (step.input_count < 1 || !npim_program_tensor(program, npim_step_input(&step, 0), &from)) {
        return "its input does not exist";
      }
      return chip_fault(&from, &to, step.input_count);
    case NPIM_STEP_HOST:
      return host_fault(program, &step, &to);
    case NPIM_STEP_VIEW:
      return step.input_count == 0 && step.layer != NO_LAYER ? NULL : "a view that does something";
    default:
      return "it is of an unknown kind";
  }
}

static bool is_chip_alone(const struct npim_program *program) {
  struct npim_step step;
  struct npim_tensor from, to;
  return program->step_count == 1 && npim_program_step(program, 0, &step) &&
         step.kind == NPIM_STEP_CHIP &&
         npim_program_tensor(program, npim_step_input(&step, 0), &from) &&
         npim_program_tensor(program, step.output, &to) && from.place == NPIM_PLACE_IMAGES &&
         same_shape(&from.shape, &program->input) && to.place == NPIM_PLACE_OUTPUTS;
}

static int check_steps(struct npim_program *program, uint32_t inputs, struct npim_message *why) {
  struct npim_tensor tensor;
  struct npim_step last;
  for (uint32_t i = 0; npim_program_tensor(program, i, &tensor); ++i) {
    const char *fault = tensor_fault(program, &tensor);
    if (fault == NULL) continue;
    return NPIM_REFUSE(why, NPIM_E_FILE, "program, tensor %" PRIu32 ": %s", i, fault);
  }
  for (uint32_t i = 0; i < program->step_count; ++i) {
    const char *fault = step_fault(program, i, inputs);
    if (fault == NULL) continue;
    return NPIM_REFUSE(why, NPIM_E_FILE, "program, step %" PRIu32 ": %s", i, fault);
  }
  if (!npim_program_step(program, program->step_count - 1, &last) ||
      !npim_program_tensor(program, last.output, &tensor) || tensor.place != NPIM_PLACE_OUTPUTS) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program: the last step does not yield the output");
  }
  program->is_chip_alone = is_chip_alone(program);
  return NPIM_OK;
}

int npim_schedule_open(struct npim_program *program, const uint8_t *schedule, uint64_t bytes,
                       struct npim_message *why) {
  if (bytes < SCHEDULE_BYTES) return NPIM_REFUSE(why, NPIM_E_FILE, "program has no steps");
  program->tensor_count = npim_get32(schedule);
  program->step_count = npim_get32(schedule + 4);
  const uint32_t inputs = npim_get32(schedule + 8);
  program->workspace_bytes = npim_get64(schedule + 16);
  if (program->tensor_count == 0 || program->tensor_count > MOST_TENSORS ||
      program->step_count == 0 || program->step_count > MOST_STEPS || inputs > MOST_INPUTS ||
      program->workspace_bytes > MOST_WORKSPACE) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program has too many or no tensors or steps");
  }
  const uint64_t tensors = (uint64_t)program->tensor_count * TENSOR_BYTES;
  const uint64_t steps = (uint64_t)program->step_count * STEP_BYTES;
  if (bytes != SCHEDULE_BYTES + tensors + steps + 4 * (uint64_t)inputs) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program's schedule is of another size than it says");
  }
  program->tensors = schedule + SCHEDULE_BYTES;
  program->steps = program->tensors + tensors;
  program->step_inputs = program->steps + steps;
  return check_steps(program, inputs, why);
}
