#include <inttypes.h>
#include <string.h>

#include "npim/runtime.h"
#include "runtime/message.h"
#include "runtime/run_steps.h"

#define BUFFERS 2U
#define OUTPUT_ALIGNMENT 64U

/* One batch on its way. */
struct batch {
  uint8_t *outputs; /* of the whole batch */
  uint8_t *images;  /* as the chip sees them; NULL: as they came */
  npim_ticket ticket;
  uint32_t first, count;
};

struct stream {
  struct npim_device *device;
  const struct npim_program *program;
  const struct npim_network_job *run;
  int32_t *scratch;
  struct npim_network_report *report;
  struct npim_message *why;
  uint32_t output_bytes;
  uint32_t images_per_batch; /* that the buffers have room for */
};

int npim_explain_run(struct npim_message *why, uint32_t first, uint32_t count, int result,
                     const struct npim_completion *completion) {
  return NPIM_REFUSE(why, result,
                     "run of images %" PRIu32 " to %" PRIu32 ": %s (%s, address 0x%" PRIx64
                     ", detail %" PRIu32 ")",
                     first, first + count - 1, npim_error_text(result), npim_error_name(result),
                     completion->fault_address, completion->detail);
}

static int explain(const struct stream *stream, const struct batch *batch, int result,
                   const struct npim_completion *completion) {
  return npim_explain_run(stream->why, batch->first, batch->count, result, completion);
}

static int submit_batch(const struct stream *stream, struct batch *batch, uint32_t first) {
  const struct npim_network_job *run = stream->run;
  const struct npim_completion none = {0};
  const uint32_t image_bytes = npim_program_input_bytes(stream->program);
  const uint32_t left = run->count - first;
  struct npim_descriptor command;
  batch->first = first;
  batch->count = left < stream->images_per_batch ? left : stream->images_per_batch;
  const uint8_t *images = run->images + (size_t)first * image_bytes;
  if (batch->images != NULL) {
    for (uint32_t i = 0; i < batch->count; ++i) {
      const size_t offset = (size_t)i * image_bytes;
      npim_program_encode_image(stream->program, images + offset, batch->images + offset);
    }
    images = batch->images;
  }
  const struct npim_run what = {
      .images = images,
      .count = batch->count,
      .image_bytes = image_bytes,
      .image_stride = image_bytes,
      .outputs = batch->outputs,
      .output_bytes = stream->output_bytes,
      .output_stride = stream->output_bytes,
      .layer_by_layer = run->layer_by_layer,
  };
  int result = npim_make_run(stream->device, &what, &command);
  command.flags |= NPIM_FLAG_IMAGE_NUMBER;
  command.offset = batch->first;
  if (result == NPIM_OK) result = npim_submit(stream->device, &command, &batch->ticket);
  return result == NPIM_OK ? NPIM_OK : explain(stream, batch, result, &none);
}

static void deliver(const struct stream *stream, const struct batch *batch) {
  for (uint32_t i = 0; i < batch->count; ++i) {
    npim_program_decode_outputs(stream->program, batch->outputs + (size_t)i * stream->output_bytes,
                                stream->scratch);
    stream->run->on_output(stream->run->context, batch->first + i, stream->scratch);
  }
  stream->report->images_done += batch->count;
}

static int finish_batch(const struct stream *stream, const struct batch *batch) {
  struct npim_completion completion = {0};
  const int result = npim_wait(stream->device, batch->ticket, stream->run->timeout_ns, &completion);
  if (result != NPIM_OK) return explain(stream, batch, result, &completion);
  stream->report->chip_ns += completion.duration_ns;
  return NPIM_OK;
}

/* While the host handles the outputs of one batch, the chip works on the next. */
static int run_batches(const struct stream *stream, struct batch batches[BUFFERS]) {
  uint32_t next = 0, submitted = 0, finished = 0;
  int result = NPIM_OK;
  while (next < stream->run->count || finished < submitted) {
    while (next < stream->run->count && submitted - finished < BUFFERS) {
      struct batch *batch = &batches[submitted % BUFFERS];
      result = submit_batch(stream, batch, next);
      if (result != NPIM_OK) return result;
      next += batch->count;
      ++submitted;
    }
    const struct batch *oldest = &batches[finished % BUFFERS];
    result = finish_batch(stream, oldest);
    if (result != NPIM_OK) return result;
    deliver(stream, oldest);
    ++finished;
  }
  return result;
}

static void free_buffers(const struct npim_port *port, struct batch batches[BUFFERS],
                         size_t output_bytes, size_t image_bytes) {
  for (uint32_t i = 0; i < BUFFERS; ++i) {
    struct batch *batch = &batches[i];
    if (batch->images != NULL) port->dma_free(port->context, batch->images, image_bytes);
    if (batch->outputs != NULL) port->dma_free(port->context, batch->outputs, output_bytes);
  }
}

/* `image_bytes` is 0 if the chip reads the images where they are. */
static bool allocate_buffers(const struct npim_port *port, struct batch batches[BUFFERS],
                             size_t output_bytes, size_t image_bytes) {
  bool well = true;
  for (uint32_t i = 0; i < BUFFERS && well; ++i) {
    struct batch *batch = &batches[i];
    batch->outputs = port->dma_alloc(port->context, output_bytes, OUTPUT_ALIGNMENT);
    well = batch->outputs != NULL;
    if (!well || image_bytes == 0) continue;
    batch->images = port->dma_alloc(port->context, image_bytes, OUTPUT_ALIGNMENT);
    well = batch->images != NULL;
  }
  if (!well) free_buffers(port, batches, output_bytes, image_bytes);
  return well;
}

static int run_chip_alone(struct npim_device *device, const struct npim_program *program,
                          const struct npim_network_job *run, int32_t *scratch,
                          struct npim_network_report *report, struct npim_message *why) {
  const struct npim_port *port = device->port;
  struct batch batches[BUFFERS];
  struct stream stream = {device, program, run, scratch, report, why, 0, 0};
  memset(batches, 0, sizeof batches);
  const uint32_t input_bytes = npim_program_input_bytes(program);
  stream.output_bytes = npim_program_outputs(program) * program->output_element_bytes;
  if (run->batch == 0 || run->batch > UINT32_MAX / stream.output_bytes ||
      run->batch > UINT32_MAX / input_bytes) {
    return NPIM_REFUSE(why, NPIM_E_ARGUMENT, "batch of %" PRIu32 " images", run->batch);
  }
  stream.images_per_batch = run->batch < run->count ? run->batch : run->count;
  size_t bytes, image_bytes;
  for (;;) {
    bytes = (size_t)stream.images_per_batch * stream.output_bytes;
    image_bytes = program->input_table == NULL ? 0 : (size_t)stream.images_per_batch * input_bytes;
    if (allocate_buffers(port, batches, bytes, image_bytes)) break;
    if (stream.images_per_batch <= 1) {
      return NPIM_REFUSE(why, NPIM_E_NO_MEMORY,
                         "no DMA memory for an image of %zu and outputs of %zu bytes", image_bytes,
                         bytes);
    }
    stream.images_per_batch /= 2;
    memset(batches, 0, sizeof batches);
  }
  const int result = run_batches(&stream, batches);
  /* A batch that is still on its way would write into memory that is given back here. */
  if (result != NPIM_OK && npim_cancel(device, run->timeout_ns) != NPIM_OK) {
    (void)npim_reset(device, run->timeout_ns);
  }
  free_buffers(port, batches, bytes, image_bytes);
  return result;
}

/* The totals of a program that the chip runs alone count from when it was loaded. */
int npim_network_run(struct npim_device *device, const struct npim_program *program,
                     const struct npim_network_job *run, int32_t *scratch,
                     struct npim_network_report *report, struct npim_message *why) {
  struct npim_step step;
  memset(report, 0, sizeof *report);
  if (run->totals != NULL) {
    memset(run->totals, 0, program->layer_count * sizeof *run->totals);
  }
  if (!program->is_chip_alone) return npim_run_steps(device, program, run, scratch, report, why);
  const int result = run_chip_alone(device, program, run, scratch, report, why);
  if (result != NPIM_OK || run->totals == NULL) return result;
  (void)npim_program_step(program, 0, &step);
  return npim_collect_counters(device, program, step.stages, run->timeout_ns, run->totals);
}
