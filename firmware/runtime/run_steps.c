/* Programs of several steps: for each batch of images, chip and host take turns. Tensors between
   steps lie in DMA memory. */
#include "runtime/run_steps.h"

#include <inttypes.h>
#include <string.h>

#include "npim/host_ops.h"
#include "runtime/message.h"

#define ALIGNMENT 64U
#define NO_LAYER UINT32_MAX

struct steps_run {
  struct npim_device *device;
  const struct npim_program *program;
  const struct npim_network_job *job;
  struct npim_network_report *report;
  struct npim_message *why;
  uint32_t batch;         /* images that the buffers have room for */
  uint8_t *images;        /* as the network sees them; NULL: as they came */
  uint8_t *outputs;       /* of a batch */
  uint8_t *workspace;     /* NULL if none is needed */
  const uint8_t *loaded;  /* control program on the chip, or NULL */
  const uint8_t *sources; /* the batch's images */
  uint32_t first, count;  /* of the batch */
};

static uint64_t now_ns(const struct steps_run *run) {
  const struct npim_port *port = run->device->port;
  return port->now_ns(port->context);
}

static uint32_t output_bytes(const struct npim_program *program) {
  return npim_program_outputs(program) * program->output_element_bytes;
}

/* Where image 0 of the batch begins. Images are not written to. */
static uint8_t *address_of(const struct steps_run *run, const struct npim_tensor *tensor) {
  if (tensor->place == NPIM_PLACE_IMAGES)
    return (uint8_t *)(uintptr_t)run->sources + tensor->first_byte;
  if (tensor->place == NPIM_PLACE_OUTPUTS) return run->outputs + tensor->first_byte;
  return run->workspace + tensor->buffer * run->batch + tensor->first_byte;
}

static struct npim_operand operand_of(const struct steps_run *run, const struct npim_tensor *tensor,
                                      uint32_t image) {
  const struct npim_operand operand = {
      address_of(run, tensor) + (size_t)image * tensor->image_bytes, tensor->shape,
      tensor->pixel_bytes};
  return operand;
}

static struct npim_tensor input_of(const struct steps_run *run, const struct npim_step *step,
                                   uint32_t number) {
  struct npim_tensor tensor;
  memset(&tensor, 0, sizeof tensor);
  (void)npim_program_tensor(run->program, npim_step_input(step, number), &tensor);
  return tensor;
}

static struct npim_tensor output_of(const struct steps_run *run, const struct npim_step *step) {
  struct npim_tensor tensor;
  memset(&tensor, 0, sizeof tensor);
  (void)npim_program_tensor(run->program, step->output, &tensor);
  return tensor;
}

/* Host */

static void join(const struct steps_run *run, const struct npim_step *step,
                 const struct npim_host_op *op, const struct npim_tensor *to) {
  uint64_t covered = 0;
  for (uint32_t k = 0; k < step->input_count; ++k) covered += input_of(run, step, k).shape.channels;
  for (uint32_t image = 0; image < run->count; ++image) {
    const struct npim_operand output = operand_of(run, to, image);
    if (covered < to->shape.channels) npim_host_op_fill(op, &output);
  }
  for (uint32_t k = 0; k < step->input_count; ++k) {
    const struct npim_tensor from = input_of(run, step, k);
    for (uint32_t image = 0; image < run->count; ++image) {
      const struct npim_operand input = operand_of(run, &from, image);
      const struct npim_operand output = operand_of(run, to, image);
      npim_host_op_join(op, k, &input, &output);
    }
  }
}

static void execute(const struct steps_run *run, const struct npim_step *step,
                    const struct npim_host_op *op, const struct npim_tensor *to) {
  const struct npim_tensor first = input_of(run, step, 0);
  const struct npim_tensor second = input_of(run, step, step->input_count - 1);
  for (uint32_t image = 0; image < run->count; ++image) {
    const struct npim_operand a = operand_of(run, &first, image);
    const struct npim_operand b = operand_of(run, &second, image);
    const struct npim_operand output = operand_of(run, to, image);
    npim_host_op_execute(op, &a, step->input_count == 2 ? &b : NULL, &output);
  }
}

static int run_on_host(struct steps_run *run, const struct npim_step *step) {
  struct npim_host_op op;
  const uint64_t start = now_ns(run);
  const struct npim_tensor to = output_of(run, step);
  if (!npim_host_op_read(&op, step->data, step->bytes)) return NPIM_E_FILE;
  if (npim_host_op_joins(&op)) {
    join(run, step, &op, &to);
  } else {
    execute(run, step, &op, &to);
  }
  const uint64_t spent = now_ns(run) - start;
  run->report->host_ns += spent;
  if (run->job->totals != NULL && step->layer != NO_LAYER) {
    run->job->totals[step->layer].host_ns += spent;
  }
  return NPIM_OK;
}

/* Chip */

static int load(struct steps_run *run, const struct npim_step *step) {
  if (run->loaded == step->data) return NPIM_OK;
  const uint64_t start = now_ns(run);
  run->loaded = NULL;
  const int result = npim_program_load_step(run->device, step, run->job->timeout_ns, run->why);
  if (result != NPIM_OK) return result;
  run->loaded = step->data;
  run->report->load_ns += now_ns(run) - start;
  return NPIM_OK;
}

/* The chip counts from when the control program was loaded; what stays loaded is counted at the
   end of the run. */
static int count_stages(const struct steps_run *run, const struct npim_step *step) {
  if (run->job->totals == NULL) return NPIM_OK;
  const int result = npim_collect_counters(run->device, run->program, step->stages,
                                           run->job->timeout_ns, run->job->totals);
  if (result == NPIM_OK) return NPIM_OK;
  return NPIM_REFUSE(run->why, result, "counters of the stages: %s", npim_error_text(result));
}

static int run_on_chip(struct steps_run *run, const struct npim_step *step, bool is_last_of_load) {
  const struct npim_tensor from = input_of(run, step, 0), to = output_of(run, step);
  struct npim_completion completion = {0};
  struct npim_descriptor command;
  const struct npim_run what = {
      .images = address_of(run, &from),
      .count = run->count,
      .image_bytes = from.shape.height * from.shape.width * from.pixel_bytes,
      .image_stride = from.image_bytes,
      .outputs = address_of(run, &to),
      .output_bytes = to.shape.height * to.shape.width * to.pixel_bytes,
      .output_stride = to.image_bytes,
      .layer_by_layer = run->job->layer_by_layer,
  };
  int result = load(run, step);
  if (result != NPIM_OK) return result;
  result = npim_make_run(run->device, &what, &command);
  if (result == NPIM_OK) {
    command.flags |= NPIM_FLAG_IMAGE_NUMBER; /* the chip has forgotten earlier batches */
    command.offset = run->first;
    result = npim_execute(run->device, &command, run->job->timeout_ns, &completion);
  }
  if (result != NPIM_OK) {
    return npim_explain_run(run->why, run->first, run->count, result, &completion);
  }
  run->report->chip_ns += completion.duration_ns;
  return is_last_of_load ? count_stages(run, step) : NPIM_OK;
}

/* Whether another step takes the chip before this one has it again. */
static bool has_chip_for_itself(const struct npim_program *program) {
  struct npim_step step;
  uint32_t on_chip = 0;
  for (uint32_t i = 0; npim_program_step(program, i, &step); ++i) {
    on_chip += step.kind == NPIM_STEP_CHIP ? 1 : 0;
  }
  return on_chip <= 1;
}

/* Batches */

static int run_batch(struct steps_run *run) {
  const bool stays = has_chip_for_itself(run->program);
  const bool is_last = run->first + run->count == run->job->count;
  struct npim_step step;
  int result = NPIM_OK;
  for (uint32_t i = 0; result == NPIM_OK && npim_program_step(run->program, i, &step); ++i) {
    if (step.kind == NPIM_STEP_CHIP) {
      result = run_on_chip(run, &step, !stays || is_last);
    } else if (step.kind == NPIM_STEP_HOST) {
      result = run_on_host(run, &step);
    }
  }
  return result;
}

static void deliver(const struct steps_run *run, int32_t *scratch) {
  const size_t bytes = output_bytes(run->program);
  for (uint32_t i = 0; i < run->count; ++i) {
    npim_program_decode_outputs(run->program, run->outputs + i * bytes, scratch);
    run->job->on_output(run->job->context, run->first + i, scratch);
  }
  run->report->images_done += run->count;
}

static void take_images(struct steps_run *run) {
  const size_t bytes = npim_program_input_bytes(run->program);
  run->sources = run->job->images + run->first * bytes;
  if (run->images == NULL) return;
  for (uint32_t i = 0; i < run->count; ++i) {
    npim_program_encode_image(run->program, run->sources + i * bytes, run->images + i * bytes);
  }
  run->sources = run->images;
}

static int run_batches(struct steps_run *run, int32_t *scratch) {
  for (run->first = 0; run->first < run->job->count; run->first += run->count) {
    const uint32_t left = run->job->count - run->first;
    run->count = left < run->batch ? left : run->batch;
    take_images(run);
    const int result = run_batch(run);
    if (result != NPIM_OK) return result;
    deliver(run, scratch);
  }
  return NPIM_OK;
}

/* Bytes of the buffers for a batch; 0 for what is not needed. */
struct sizes {
  size_t outputs, images, workspace;
};

static struct sizes sizes_of(const struct steps_run *run) {
  const struct npim_program *program = run->program;
  const struct sizes sizes = {
      (size_t)run->batch * output_bytes(program),
      program->input_table == NULL ? 0 : (size_t)run->batch * npim_program_input_bytes(program),
      (size_t)run->batch * (size_t)program->workspace_bytes,
  };
  return sizes;
}

static void free_buffers(struct steps_run *run) {
  const struct npim_port *port = run->device->port;
  const struct sizes sizes = sizes_of(run);
  if (run->workspace != NULL) port->dma_free(port->context, run->workspace, sizes.workspace);
  if (run->images != NULL) port->dma_free(port->context, run->images, sizes.images);
  if (run->outputs != NULL) port->dma_free(port->context, run->outputs, sizes.outputs);
  run->workspace = run->images = run->outputs = NULL;
}

static bool allocate(struct steps_run *run, size_t bytes, uint8_t **to) {
  const struct npim_port *port = run->device->port;
  if (bytes == 0) return true;
  *to = port->dma_alloc(port->context, bytes, ALIGNMENT);
  return *to != NULL;
}

static bool allocate_buffers(struct steps_run *run) {
  for (; run->batch != 0; run->batch /= 2) {
    const struct sizes sizes = sizes_of(run);
    if (allocate(run, sizes.outputs, &run->outputs) && allocate(run, sizes.images, &run->images) &&
        allocate(run, sizes.workspace, &run->workspace)) {
      return true;
    }
    free_buffers(run);
  }
  return false;
}

int npim_run_steps(struct npim_device *device, const struct npim_program *program,
                   const struct npim_network_job *job, int32_t *scratch,
                   struct npim_network_report *report, struct npim_message *why) {
  struct steps_run run;
  memset(&run, 0, sizeof run);
  run.device = device;
  run.program = program;
  run.job = job;
  run.report = report;
  run.why = why;
  run.batch = job->batch < job->count ? job->batch : job->count;
  if (job->batch == 0) return NPIM_REFUSE(why, NPIM_E_ARGUMENT, "batch of 0 images");
  if (job->count == 0) return NPIM_OK;
  if (!allocate_buffers(&run)) {
    return NPIM_REFUSE(why, NPIM_E_NO_MEMORY,
                       "no DMA memory for the tensors of one image (%" PRIu64 " bytes)",
                       program->workspace_bytes);
  }
  const int result = run_batches(&run, scratch);
  /* A command that is still on its way would write into memory that is given back here. */
  if (result != NPIM_OK && npim_cancel(device, job->timeout_ns) != NPIM_OK) {
    (void)npim_reset(device, job->timeout_ns);
  }
  free_buffers(&run);
  return result;
}
