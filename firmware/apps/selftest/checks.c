#include "apps/selftest/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apps/selftest/blobs.h"

#define QUEUE_LOG2 3U
#define QUEUE_ENTRIES (1U << QUEUE_LOG2)
#define TIMEOUT_NS UINT64_C(1000000000)
#define BUFFER_BYTES 65536U
#define MOST_ROWS 1024U
#define WEIGHT 127
#define PIXEL 255U
#define LONG_RUN_PIXELS 64

struct bench {
  struct selftest *test;
  struct npim_device device;
  uint8_t *in, *out; /* DMA memory */
  uint32_t rows;
};

void selftest_check(struct selftest *test, bool passed, const char *name, const char *detail) {
  if (passed) {
    ++test->passed;
  } else {
    ++test->failed;
  }
  test->report(test->context, passed, name, detail);
}

static void expect(struct bench *bench, const char *name, int wanted, int result) {
  char detail[96] = "";
  if (wanted != result) {
    snprintf(detail, sizeof detail, "expected %s, got %s", npim_error_name(wanted),
             npim_error_name(result));
  }
  selftest_check(bench->test, wanted == result, name, detail);
}

static void expect_value(struct bench *bench, const char *name, uint64_t wanted, uint64_t value) {
  char detail[96] = "";
  if (wanted != value) {
    snprintf(detail, sizeof detail, "expected 0x%" PRIx64 ", got 0x%" PRIx64, wanted, value);
  }
  selftest_check(bench->test, wanted == value, name, detail);
}

static uint32_t reg(const struct bench *bench, uint32_t offset) {
  return bench->test->port->read32(bench->test->port->context, offset);
}

static void set_reg(const struct bench *bench, uint32_t offset, uint32_t value) {
  bench->test->port->write32(bench->test->port->context, offset, value);
}

static uint64_t address_of(const struct bench *bench, const void *memory) {
  uint64_t address = 0;
  (void)bench->test->port->bus_address(bench->test->port->context, memory, 1, &address);
  return address;
}

static void fresh(struct bench *bench) {
  expect(bench, "reset", NPIM_OK, npim_reset(&bench->device, TIMEOUT_NS));
}

static int load(struct bench *bench, const struct blob_stage *stage) {
  const uint32_t bytes = blob_control(stage, bench->in);
  return npim_load_control(&bench->device, bench->in, bytes, TIMEOUT_NS, NULL);
}

static int program(struct bench *bench, uint16_t tile, uint16_t array, uint32_t rows) {
  const uint32_t bytes = blob_weights(tile, array, (uint16_t)rows, WEIGHT, bench->in);
  return npim_program_weights(&bench->device, bench->in, bytes, TIMEOUT_NS, NULL);
}

/* A run of `count` images of `pixels` pixels. */
static struct npim_descriptor run_command(struct bench *bench, uint32_t count, uint32_t pixels) {
  struct npim_descriptor command;
  const struct npim_run run = {
      .images = bench->in,
      .count = count,
      .image_bytes = bench->rows * pixels,
      .image_stride = bench->rows * pixels,
      .outputs = bench->out,
      .output_bytes = 4 * BLOB_OUTPUTS * pixels,
      .output_stride = 4 * BLOB_OUTPUTS * pixels,
  };
  memset(bench->in, PIXEL, (size_t)count * bench->rows * pixels);
  (void)npim_make_run(&bench->device, &run, &command);
  return command;
}

static int execute(struct bench *bench, const struct npim_descriptor *command) {
  return npim_execute(&bench->device, command, TIMEOUT_NS, NULL);
}

static struct npim_descriptor command_of(uint8_t opcode) {
  struct npim_descriptor command;
  memset(&command, 0, sizeof command);
  command.opcode = opcode;
  return command;
}

/* Stage loaded and weights programmed: ready to run. */
static void prepare(struct bench *bench, int32_t pixels) {
  struct blob_stage stage = blob_default(bench->rows);
  stage.image_width = pixels;
  expect(bench, "load control vectors", NPIM_OK, load(bench, &stage));
  expect(bench, "program weights", NPIM_OK, program(bench, 0, 0, bench->rows));
}

static void check_identity(struct bench *bench) {
  const struct npim_info *info = &bench->device.info;
  expect_value(bench, "register map version", NPIM_ABI_MAJOR, info->version_major);
  selftest_check(bench->test, info->tiles > 0 && info->array_rows > 0, "capabilities", "");
  set_reg(bench, NPIM_REG_SCRATCH, 0xa5c35a3cU);
  expect_value(bench, "scratch register keeps its value", 0xa5c35a3cU,
               reg(bench, NPIM_REG_SCRATCH));
  const bool counts = info->counts_energy;
  const bool all_ones = reg(bench, NPIM_REG_COUNTER_ENERGY_PJ) == UINT32_MAX &&
                        reg(bench, NPIM_REG_COUNTER_ENERGY_PJ + 4) == UINT32_MAX;
  selftest_check(bench->test, counts != all_ones, "energy counter says whether it counts", "");
}

static void check_simple_commands(struct bench *bench) {
  struct npim_completion completion;
  struct npim_descriptor command = command_of(NPIM_OP_NOP);
  command.tag = 0xbeef;
  expect(bench, "no-op", NPIM_OK, npim_execute(&bench->device, &command, TIMEOUT_NS, &completion));
  expect_value(bench, "completion carries the tag", 0xbeef, completion.tag);
  command = command_of(NPIM_OP_BARRIER);
  expect(bench, "barrier", NPIM_OK, execute(bench, &command));
}

static void check_run(struct bench *bench) {
  int32_t outputs[2][BLOB_OUTPUTS];
  struct npim_counters before, after;
  const int64_t d = (int64_t)bench->rows * WEIGHT * PIXEL;
  fresh(bench);
  prepare(bench, 1);
  (void)npim_read_counters(&bench->device, &before);
  const struct npim_descriptor command = run_command(bench, 2, 1);
  expect(bench, "run", NPIM_OK, execute(bench, &command));
  (void)npim_read_counters(&bench->device, &after);
  memcpy(outputs, bench->out, sizeof outputs);
  const int32_t code = blob_code(d, bench->device.info.array_rows, bench->device.info.code_format);
  expect_value(bench, "output of the positive weights", (uint64_t)code, (uint64_t)outputs[0][0]);
  expect_value(bench, "output of the negative weights", (uint64_t)-code, (uint64_t)outputs[0][1]);
  selftest_check(bench->test, memcmp(outputs[0], outputs[1], sizeof outputs[0]) == 0,
                 "equal images give equal outputs", "");
  expect_value(bench, "window counter", 2, after.windows - before.windows);
  expect_value(bench, "command counter", 1, after.commands - before.commands);
  selftest_check(bench->test, after.cycles > before.cycles, "cycle counter moves", "");
  selftest_check(bench->test, after.conversions > before.conversions, "conversion counter moves",
                 "");
  selftest_check(bench->test, after.dma_read_bytes >= before.dma_read_bytes + 2 * bench->rows,
                 "DMA read counter moves", "");
  selftest_check(bench->test, after.dma_write_bytes >= before.dma_write_bytes + sizeof outputs,
                 "DMA write counter moves", "");
}

static void check_read_back(struct bench *bench) {
  struct npim_stage_counters counters;
  int8_t weights[2 * BLOB_OUTPUTS];
  expect(bench, "read weights back", NPIM_OK,
         npim_read_back(&bench->device, NPIM_REGION_WEIGHTS, 0, 0, 0, bench->out, sizeof weights,
                        TIMEOUT_NS));
  memcpy(weights, bench->out, sizeof weights);
  selftest_check(bench->test, weights[0] == WEIGHT, "weights are those that were programmed", "");
  expect(bench, "read eDRAM back", NPIM_OK,
         npim_read_back(&bench->device, NPIM_REGION_EDRAM, 0, 0, 0, bench->out, 64, TIMEOUT_NS));
  expect(bench, "read stage counters back", NPIM_OK,
         npim_read_back(&bench->device, NPIM_REGION_STAGE_COUNTERS, 0, 0, 0, bench->out,
                        sizeof counters, TIMEOUT_NS));
  memcpy(&counters, bench->out, sizeof counters);
  expect_value(bench, "stage counters know the run", 2, counters.windows);
}

static void check_descriptor_errors(struct bench *bench) {
  struct npim_descriptor command = command_of(99);
  expect(bench, "unknown opcode", NPIM_ERROR_UNKNOWN_OPCODE, execute(bench, &command));
  command = command_of(NPIM_OP_NOP);
  command.reserved0 = 1;
  expect(bench, "reserved field", NPIM_ERROR_BAD_DESCRIPTOR, execute(bench, &command));
  command = command_of(NPIM_OP_NOP);
  command.flags = 0x80;
  expect(bench, "unknown flag", NPIM_ERROR_BAD_DESCRIPTOR, execute(bench, &command));
  command = command_of(NPIM_OP_LOAD_CONTROL);
  command.source = address_of(bench, bench->in);
  expect(bench, "size of zero", NPIM_ERROR_BAD_SIZE, execute(bench, &command));
}

static void check_dma_errors(struct bench *bench) {
  struct npim_completion completion;
  struct npim_descriptor command = command_of(NPIM_OP_LOAD_CONTROL);
  command.source = bench->test->hole;
  command.source_bytes = 256;
  expect(bench, "read from a hole", NPIM_ERROR_DMA_READ_FAULT,
         npim_execute(&bench->device, &command, TIMEOUT_NS, &completion));
  expect_value(bench, "fault address", bench->test->hole, completion.fault_address);
  command = command_of(NPIM_OP_READ_BACK);
  command.region = NPIM_REGION_EDRAM;
  command.destination = bench->test->hole;
  command.destination_bytes = 64;
  expect(bench, "write to a hole", NPIM_ERROR_DMA_WRITE_FAULT,
         npim_execute(&bench->device, &command, TIMEOUT_NS, &completion));
  expect_value(bench, "fault address", bench->test->hole, completion.fault_address);
}

static int read_back(struct bench *bench, uint8_t region, uint16_t tile, uint16_t array,
                     uint32_t offset) {
  return npim_read_back(&bench->device, region, tile, array, offset, bench->out, 64, TIMEOUT_NS);
}

static void check_region_errors(struct bench *bench) {
  const struct npim_info *info = &bench->device.info;
  const uint16_t arrays = (uint16_t)(info->imas_per_tile * info->arrays_per_ima);
  expect(bench, "region that does not exist", NPIM_ERROR_BAD_REGION, read_back(bench, 9, 0, 0, 0));
  expect(bench, "tile that does not exist", NPIM_ERROR_TILE_OUT_OF_RANGE,
         read_back(bench, NPIM_REGION_EDRAM, (uint16_t)info->tiles, 0, 0));
  expect(bench, "array that does not exist", NPIM_ERROR_ARRAY_OUT_OF_RANGE,
         read_back(bench, NPIM_REGION_WEIGHTS, 0, arrays, 0));
  expect(bench, "beyond the eDRAM", NPIM_ERROR_EDRAM_OUT_OF_RANGE,
         read_back(bench, NPIM_REGION_EDRAM, 0, 0, info->edram_bytes - 32));
  expect(bench, "weights of a tile that does not exist", NPIM_ERROR_TILE_OUT_OF_RANGE,
         program(bench, (uint16_t)info->tiles, 0, 8));
  expect(bench, "weights of an array that does not exist", NPIM_ERROR_ARRAY_OUT_OF_RANGE,
         program(bench, 0, arrays, 8));
  expect(bench, "more weights than an array has rows", NPIM_ERROR_BAD_WEIGHTS,
         program(bench, 0, 0, bench->rows + 1));
}

static void check_control_errors(struct bench *bench) {
  const struct npim_info *info = &bench->device.info;
  struct blob_stage stage = blob_default(bench->rows);
  const uint32_t bytes = blob_control(&stage, bench->in);
  bench->in[0] ^= 0xff;
  expect(bench, "damaged control vectors", NPIM_ERROR_BAD_CONTROL_VECTOR,
         npim_load_control(&bench->device, bench->in, bytes, TIMEOUT_NS, NULL));
  (void)blob_control(&stage, bench->in);
  expect(bench, "truncated control vectors", NPIM_ERROR_BAD_CONTROL_VECTOR,
         npim_load_control(&bench->device, bench->in, bytes - 8, TIMEOUT_NS, NULL));
  stage.tile = (uint16_t)info->tiles;
  expect(bench, "stage on a tile that does not exist", NPIM_ERROR_TILE_OUT_OF_RANGE,
         load(bench, &stage));
  stage = blob_default(bench->rows);
  stage.array = (uint16_t)(info->imas_per_tile * info->arrays_per_ima);
  expect(bench, "stage on an array that does not exist", NPIM_ERROR_ARRAY_OUT_OF_RANGE,
         load(bench, &stage));
  stage = blob_default(bench->rows);
  stage.edram_offset = info->edram_bytes - bench->rows / 2;
  expect(bench, "buffer beyond the eDRAM", NPIM_ERROR_EDRAM_OUT_OF_RANGE, load(bench, &stage));
  stage = blob_default(bench->rows);
  stage.producers = 2;
  expect(bench, "stream that nobody sends", NPIM_ERROR_BAD_CONTROL_VECTOR, load(bench, &stage));
  stage = blob_default(bench->rows);
  stage.range_divisor = 64;
  expect(bench, "converter range that does not exist", NPIM_ERROR_CONVERTER_UNAVAILABLE,
         load(bench, &stage));
  stage = blob_default(bench->rows);
  stage.bitline_gain = 3;
  expect(bench, "bit-line gain that does not exist", NPIM_ERROR_CONVERTER_UNAVAILABLE,
         load(bench, &stage));
}

static void check_run_errors(struct bench *bench) {
  struct blob_stage stage = blob_default(bench->rows);
  fresh(bench);
  struct npim_descriptor command = run_command(bench, 1, 1);
  expect(bench, "run before loading", NPIM_ERROR_CONTROL_NOT_LOADED, execute(bench, &command));
  expect(bench, "load control vectors", NPIM_OK, load(bench, &stage));
  command = run_command(bench, 1, 1);
  expect(bench, "run before programming", NPIM_ERROR_WEIGHTS_NOT_PROGRAMMED,
         execute(bench, &command));
  expect(bench, "program weights", NPIM_OK, program(bench, 0, 0, bench->rows));
  command = run_command(bench, 1, 1);
  command.source_bytes -= 1;
  expect(bench, "run with images of a wrong size", NPIM_ERROR_BAD_SIZE, execute(bench, &command));
  command = run_command(bench, 1, 1);
  command.source = bench->test->hole;
  expect(bench, "run on images in a hole", NPIM_ERROR_DMA_READ_FAULT, execute(bench, &command));
  command = run_command(bench, 1, 1);
  command.destination = bench->test->hole;
  expect(bench, "run with outputs in a hole", NPIM_ERROR_DMA_WRITE_FAULT, execute(bench, &command));
  command = run_command(bench, 1, 1);
  expect(bench, "run after failed runs", NPIM_OK, execute(bench, &command));
}

static void check_stall(struct bench *bench) {
  struct npim_descriptor command;
  const struct npim_run run = {
      .images = bench->in,
      .count = 1,
      .image_bytes = BLOB_STALL_BYTES,
      .image_stride = BLOB_STALL_BYTES,
      .outputs = bench->out,
      .output_bytes = BLOB_STALL_BYTES,
      .output_stride = BLOB_STALL_BYTES,
  };
  const uint32_t bytes = blob_stalling_control(bench->in);
  expect(bench, "load a program that will stall", NPIM_OK,
         npim_load_control(&bench->device, bench->in, bytes, TIMEOUT_NS, NULL));
  (void)npim_make_run(&bench->device, &run, &command);
  expect(bench, "run that cannot make progress", NPIM_ERROR_STALLED, execute(bench, &command));
  struct blob_stage stage = blob_default(bench->rows);
  expect(bench, "load control vectors after a stall", NPIM_OK, load(bench, &stage));
  command = run_command(bench, 1, 1);
  expect(bench, "run after a stall", NPIM_OK, execute(bench, &command));
}

static void expect_fault(struct bench *bench, const char *name, uint32_t wanted) {
  struct npim_fault fault;
  (void)npim_take_fault(&bench->device, &fault);
  expect(bench, name, (int)wanted, (int)fault.code);
  expect_value(bench, "the error is cleared", 0, reg(bench, NPIM_REG_ERROR_CODE));
}

static void check_doorbell_errors(struct bench *bench) {
  struct npim_descriptor command = command_of(NPIM_OP_NOP);
  fresh(bench);
  set_reg(bench, NPIM_REG_QUEUE_TAIL, QUEUE_ENTRIES + 1);
  expect_fault(bench, "doorbell beyond the ring", NPIM_ERROR_QUEUE_OVERRUN);
  expect_value(bench, "the wrong doorbell has no effect", 0, reg(bench, NPIM_REG_QUEUE_TAIL));
  set_reg(bench, NPIM_REG_QUEUE_SIZE, 1);
  expect_fault(bench, "ring changed while enabled", NPIM_ERROR_QUEUE_CONFIGURATION);
  expect_value(bench, "the ring is as before", QUEUE_LOG2, reg(bench, NPIM_REG_QUEUE_SIZE));
  set_reg(bench, NPIM_REG_CONTROL, 0);
  set_reg(bench, NPIM_REG_QUEUE_TAIL, 1);
  expect_fault(bench, "doorbell while disabled", NPIM_ERROR_DOORBELL_DISABLED);
  set_reg(bench, NPIM_REG_QUEUE_SIZE, 0);
  set_reg(bench, NPIM_REG_CONTROL, NPIM_CONTROL_ENABLE_MASK);
  expect_fault(bench, "enabled without a ring", NPIM_ERROR_QUEUE_CONFIGURATION);
  expect_value(bench, "stays disabled", 0, reg(bench, NPIM_REG_CONTROL));
  fresh(bench);
  expect(bench, "no-op after wrong doorbells", NPIM_OK, execute(bench, &command));
}

static void check_ring_in_a_hole(struct bench *bench) {
  struct npim_fault fault;
  fresh(bench);
  set_reg(bench, NPIM_REG_CONTROL, 0);
  set_reg(bench, NPIM_REG_QUEUE_BASE_LO, (uint32_t)bench->test->hole);
  set_reg(bench, NPIM_REG_QUEUE_BASE_HI, (uint32_t)(bench->test->hole >> 32));
  set_reg(bench, NPIM_REG_CONTROL, NPIM_CONTROL_ENABLE_MASK);
  const struct npim_descriptor command = command_of(NPIM_OP_NOP);
  expect(bench, "descriptor ring in a hole", NPIM_ERROR_DMA_READ_FAULT, execute(bench, &command));
  (void)npim_take_fault(&bench->device, &fault);
  expect_value(bench, "fault address", bench->test->hole, fault.address);
}

static void check_cancel(struct bench *bench) {
  npim_ticket first, second;
  fresh(bench);
  prepare(bench, LONG_RUN_PIXELS);
  const struct npim_descriptor run = run_command(bench, 4, LONG_RUN_PIXELS);
  struct npim_descriptor nop = command_of(NPIM_OP_NOP);
  expect(bench, "submit a long run", NPIM_OK, npim_submit(&bench->device, &run, &first));
  expect(bench, "submit a no-op behind it", NPIM_OK, npim_submit(&bench->device, &nop, &second));
  expect(bench, "wait no longer than asked", NPIM_E_TIMEOUT,
         npim_wait(&bench->device, first, 1000, NULL));
  expect(bench, "cancel", NPIM_OK, npim_cancel(&bench->device, TIMEOUT_NS));
  expect(bench, "the run is cancelled", NPIM_ERROR_CANCELLED,
         npim_poll(&bench->device, first, NULL));
  expect(bench, "the no-op is cancelled", NPIM_ERROR_CANCELLED,
         npim_poll(&bench->device, second, NULL));
  const struct npim_descriptor again = run_command(bench, 1, LONG_RUN_PIXELS);
  expect(bench, "run after a cancel", NPIM_OK, execute(bench, &again));
}

static void check_reset_while_running(struct bench *bench) {
  npim_ticket ticket;
  const struct npim_descriptor run = run_command(bench, 4, LONG_RUN_PIXELS);
  expect(bench, "submit a long run", NPIM_OK, npim_submit(&bench->device, &run, &ticket));
  expect(bench, "the run has begun", NPIM_E_TIMEOUT, npim_wait(&bench->device, ticket, 1000, NULL));
  fresh(bench);
  expect_value(bench, "the queue is empty", 0, reg(bench, NPIM_REG_QUEUE_HEAD));
  expect(bench, "the reset forgot the control vectors", NPIM_ERROR_CONTROL_NOT_LOADED,
         execute(bench, &run));
  prepare(bench, 1);
  const struct npim_descriptor again = run_command(bench, 1, 1);
  expect(bench, "run after a reset", NPIM_OK, execute(bench, &again));
}

/* Waits for the interrupt causes, at most a millisecond, and gives them. */
static uint32_t causes(struct bench *bench) {
  const struct npim_port *port = bench->test->port;
  const uint64_t deadline = port->now_ns(port->context) + 1000000;
  while ((reg(bench, NPIM_REG_STATUS) & NPIM_STATUS_IDLE_MASK) == 0 &&
         port->now_ns(port->context) < deadline) {
    port->wait_for_interrupt(port->context, 10000);
  }
  return reg(bench, NPIM_REG_IRQ_STATUS);
}

static void submit_flagged(struct bench *bench, unsigned count) {
  struct npim_descriptor command = command_of(NPIM_OP_NOP);
  command.flags = NPIM_FLAG_INTERRUPT;
  for (unsigned i = 0; i < count; ++i) {
    expect(bench, "submit", NPIM_OK, npim_submit(&bench->device, &command, NULL));
  }
}

static void check_interrupts(struct bench *bench) {
  struct npim_descriptor command = command_of(NPIM_OP_NOP);
  fresh(bench);
  expect(bench, "submit without the interrupt flag", NPIM_OK,
         npim_submit(&bench->device, &command, NULL));
  expect_value(bench, "no flag, no interrupt", 0, causes(bench));
  submit_flagged(bench, 1);
  expect_value(bench, "interrupt per completion", NPIM_IRQ_STATUS_COMPLETION_MASK, causes(bench));
  set_reg(bench, NPIM_REG_IRQ_STATUS, NPIM_IRQ_STATUS_COMPLETION_MASK);
  expect_value(bench, "writing 1 clears the cause", 0, reg(bench, NPIM_REG_IRQ_STATUS));
  expect(bench, "interrupts per batch", NPIM_OK, npim_set_irq_batch(&bench->device, 4));
  submit_flagged(bench, 2);
  expect_value(bench, "an empty queue ends a batch early", NPIM_IRQ_STATUS_COMPLETION_MASK,
               causes(bench));
  set_reg(bench, NPIM_REG_IRQ_STATUS, NPIM_IRQ_STATUS_COMPLETION_MASK);
  expect(bench, "interrupts per completion", NPIM_OK, npim_set_irq_batch(&bench->device, 1));
  command.opcode = 99;
  expect(bench, "submit a wrong command", NPIM_OK, npim_submit(&bench->device, &command, NULL));
  expect_value(bench, "interrupt for an error", NPIM_IRQ_STATUS_ERROR_MASK, causes(bench));
  expect_fault(bench, "the fault registers tell it", NPIM_ERROR_UNKNOWN_OPCODE);
}

static void check_queue_full(struct bench *bench) {
  npim_ticket last;
  fresh(bench);
  prepare(bench, LONG_RUN_PIXELS);
  const struct npim_descriptor run = run_command(bench, 1, LONG_RUN_PIXELS);
  const struct npim_descriptor nop = command_of(NPIM_OP_NOP);
  (void)npim_submit(&bench->device, &run, NULL);
  for (unsigned i = 1; i < QUEUE_ENTRIES; ++i) (void)npim_submit(&bench->device, &nop, &last);
  expect(bench, "full ring", NPIM_E_QUEUE_FULL, npim_submit(&bench->device, &nop, NULL));
  expect(bench, "the ring drains", NPIM_OK, npim_wait(&bench->device, last, TIMEOUT_NS, NULL));
  expect(bench, "and takes commands again", NPIM_OK, execute(bench, &nop));
}

static void run_checks(struct bench *bench) {
  check_identity(bench);
  check_simple_commands(bench);
  check_run(bench);
  check_read_back(bench);
  check_descriptor_errors(bench);
  check_dma_errors(bench);
  check_region_errors(bench);
  check_control_errors(bench);
  check_run_errors(bench);
  check_stall(bench);
  check_doorbell_errors(bench);
  check_ring_in_a_hole(bench);
  check_cancel(bench);
  check_reset_while_running(bench);
  check_interrupts(bench);
  check_queue_full(bench);
}

bool selftest_run(struct selftest *test) {
  static struct bench bench;
  const struct npim_port *port = test->port;
  bench = (struct bench){.test = test};
  bench.in = port->dma_alloc(port->context, BUFFER_BYTES, 64);
  bench.out = port->dma_alloc(port->context, BUFFER_BYTES, 64);
  int result = bench.in != NULL && bench.out != NULL ? NPIM_OK : NPIM_E_NO_MEMORY;
  if (result == NPIM_OK) result = npim_probe(&bench.device, port);
  expect(&bench, "probe", NPIM_OK, result);
  if (result != NPIM_OK) return false;
  result = npim_open(&bench.device, QUEUE_LOG2);
  expect(&bench, "open", NPIM_OK, result);
  if (result != NPIM_OK) return false;
  bench.rows = bench.device.info.array_rows < MOST_ROWS ? bench.device.info.array_rows : MOST_ROWS;
  run_checks(&bench);
  npim_close(&bench.device);
  port->dma_free(port->context, bench.out, BUFFER_BYTES);
  port->dma_free(port->context, bench.in, BUFFER_BYTES);
  return test->failed == 0;
}
