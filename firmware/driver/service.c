/* Commands that look after the analog parts. */
#include "npim/npim.h"

int npim_set_converter(struct npim_device *device, uint32_t stage, uint32_t range_divisor,
                       uint16_t bitline_gain, uint64_t timeout_ns) {
  const struct npim_descriptor command = {
      .opcode = NPIM_OP_SET_CONVERTER,
      .offset = stage,
      .count = range_divisor,
      .array = bitline_gain,
  };
  return npim_execute(device, &command, timeout_ns, NULL);
}

int npim_calibrate(struct npim_device *device, uint16_t tile, uint64_t timeout_ns,
                   struct npim_completion *completion) {
  const struct npim_descriptor command = {.opcode = NPIM_OP_CALIBRATE, .tile = tile};
  return npim_execute(device, &command, timeout_ns, completion);
}

int npim_converter_service(struct npim_device *device, uint16_t tile, uint16_t converter,
                           bool in_service, uint64_t timeout_ns) {
  const struct npim_descriptor command = {
      .opcode = NPIM_OP_CONVERTER_SERVICE,
      .tile = tile,
      .array = converter,
      .count = in_service ? 1 : 0,
  };
  return npim_execute(device, &command, timeout_ns, NULL);
}

int npim_read_converter(struct npim_device *device, uint16_t tile, uint16_t converter,
                        struct npim_converter_state *state, uint64_t timeout_ns) {
  return npim_read_back(device, NPIM_REGION_CONVERTERS, tile, 0,
                        converter * (uint32_t)sizeof *state, state, sizeof *state, timeout_ns);
}

int npim_inject_fault(struct npim_device *device, enum npim_fault_kind kind, uint16_t tile,
                      uint16_t array_or_converter, uint32_t element, uint64_t timeout_ns) {
  const struct npim_descriptor command = {
      .opcode = NPIM_OP_INJECT_FAULT,
      .region = (uint8_t)kind,
      .tile = tile,
      .array = array_or_converter,
      .offset = element,
  };
  return npim_execute(device, &command, timeout_ns, NULL);
}

int npim_program_levels(struct npim_device *device, uint16_t tile, uint16_t array,
                        const uint8_t *levels, uint32_t bytes, uint64_t timeout_ns,
                        struct npim_completion *completion) {
  struct npim_descriptor command = {
      .opcode = NPIM_OP_PROGRAM_LEVELS,
      .tile = tile,
      .array = array,
      .source_bytes = bytes,
  };
  const struct npim_port *port = device->port;
  if (!device->is_open) return NPIM_E_STATE;
  if (!port->bus_address(port->context, levels, bytes, &command.source)) return NPIM_E_ARGUMENT;
  return npim_execute(device, &command, timeout_ns, completion);
}
