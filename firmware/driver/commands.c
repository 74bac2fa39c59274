/* Commands in terms of memory instead of bus addresses. */
#include <string.h>

#include "npim/npim.h"

static bool address_of(const struct npim_device *device, const void *memory, size_t bytes,
                       uint64_t *address) {
  const struct npim_port *port = device->port;
  return memory != NULL && port->bus_address(port->context, memory, bytes, address);
}

static int move_in(struct npim_device *device, uint8_t opcode, const void *data, uint32_t bytes,
                   uint64_t timeout_ns, struct npim_completion *completion) {
  struct npim_descriptor command;
  memset(&command, 0, sizeof command);
  command.opcode = opcode;
  command.source_bytes = bytes;
  if (!address_of(device, data, bytes, &command.source)) return NPIM_E_ARGUMENT;
  return npim_execute(device, &command, timeout_ns, completion);
}

int npim_load_control(struct npim_device *device, const void *control, uint32_t bytes,
                      uint64_t timeout_ns, struct npim_completion *completion) {
  return move_in(device, NPIM_OP_LOAD_CONTROL, control, bytes, timeout_ns, completion);
}

int npim_program_weights(struct npim_device *device, const void *weights, uint32_t bytes,
                         uint64_t timeout_ns, struct npim_completion *completion) {
  return move_in(device, NPIM_OP_PROGRAM_WEIGHTS, weights, bytes, timeout_ns, completion);
}

int npim_read_back(struct npim_device *device, uint8_t region, uint16_t tile, uint16_t array,
                   uint32_t offset, void *to, uint32_t bytes, uint64_t timeout_ns) {
  struct npim_descriptor command;
  memset(&command, 0, sizeof command);
  command.opcode = NPIM_OP_READ_BACK;
  command.region = region;
  command.tile = tile;
  command.array = array;
  command.offset = offset;
  command.destination_bytes = bytes;
  if (!address_of(device, to, bytes, &command.destination)) return NPIM_E_ARGUMENT;
  return npim_execute(device, &command, timeout_ns, NULL);
}

/* Bytes that `count` items of `bytes`, one every `stride`, span; 0 when that is nonsense. */
static size_t span(uint32_t count, uint32_t bytes, uint32_t stride) {
  if (count == 0 || bytes == 0 || (count > 1 && stride < bytes)) return 0;
  return (size_t)(count - 1) * stride + bytes;
}

int npim_make_run(struct npim_device *device, const struct npim_run *run,
                  struct npim_descriptor *command) {
  const size_t in = span(run->count, run->image_bytes, run->image_stride);
  const size_t out = span(run->count, run->output_bytes, run->output_stride);
  memset(command, 0, sizeof *command);
  if (in == 0 || out == 0) return NPIM_E_ARGUMENT;
  command->opcode = NPIM_OP_RUN;
  command->flags = NPIM_FLAG_INTERRUPT;
  if (run->layer_by_layer) command->flags |= NPIM_FLAG_LAYER_BY_LAYER;
  command->count = run->count;
  command->source_bytes = run->image_bytes;
  command->source_stride = run->image_stride;
  command->destination_bytes = run->output_bytes;
  command->destination_stride = run->output_stride;
  if (!address_of(device, run->images, in, &command->source)) return NPIM_E_ARGUMENT;
  if (!address_of(device, run->outputs, out, &command->destination)) return NPIM_E_ARGUMENT;
  return NPIM_OK;
}
