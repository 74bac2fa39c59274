/* March test of the crossbars that a program uses, and repair: classifies images, breaks cells,
   shows what that does, finds the stuck cells, maps the program around them and classifies again.
   Files as for demo_cnn: program, images, and if wanted labels and results (of the last run).
   Boot arguments: faults=N cells to break (default 200; 0: only what is broken already), seed=N,
   count=N images (default all), batch=N images per command (default 32), list=N stuck cells to
   print (default 8). Fails if the repaired program classifies an image otherwise than before. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "boot/board.h"
#include "npim/idx.h"
#include "npim/repair.h"
#include "npim/results.h"
#include "npim/runtime.h"
#include "port/baremetal/port.h"

#define QUEUE_LOG2 4U
#define TIMEOUT_NS UINT64_C(60000000000)
#define MOST_IMAGES 16384U
#define MOST_OUTPUTS 1024U
#define MOST_ARRAYS 4096U
#define MOST_STUCK 16384U

static struct {
  struct npim_port port;
  struct npim_device device;
  struct npim_program program;
  struct board_file file;
  struct npim_images images;
  struct npim_labels labels; /* count 0: none */
  struct board_file results; /* bytes 0: none */
  uint32_t count, batch, list;
  uint64_t random;
  struct npim_array_record arrays[MOST_ARRAYS];
  uint32_t array_count;
  struct npim_stuck_cell stuck[MOST_STUCK];
  struct npim_march march;
} app;

static int32_t scratch[MOST_OUTPUTS];

/* What one run gave. */
struct verdicts {
  uint32_t checksum[MOST_IMAGES]; /* of the outputs */
  uint16_t class[MOST_IMAGES];
  uint32_t correct;
};
static struct verdicts before, now;

static bool fail(const char *what, const char *why) {
  printf("error: %s: %s\n", what, why);
  return false;
}

static bool failed(const char *what, int result) {
  return result == NPIM_OK ? false : !fail(what, npim_error_text(result));
}

static bool open_chip(void) {
  if (!baremetal_port(&app.port)) return fail("chip", "the device tree names no accelerator");
  if (failed("probe", npim_probe(&app.device, &app.port))) return false;
  return !failed("open", npim_open(&app.device, QUEUE_LOG2));
}

static bool read_files(void) {
  struct npim_message why;
  struct board_file file;
  if (!board_find_file("program", &app.file)) return fail("program", "no such file");
  if (npim_program_open(&app.program, app.file.data, app.file.bytes, &why) != NPIM_OK ||
      npim_program_check(&app.program, &app.device.info, &why) != NPIM_OK) {
    return fail("program", why.text);
  }
  if (npim_program_outputs(&app.program) > MOST_OUTPUTS) return fail("program", "many outputs");
  if (!board_find_file("images", &file)) return fail("images", "no such file");
  if (npim_idx_images(&app.images, file.data, file.bytes, &why) != NPIM_OK) {
    return fail("images", why.text);
  }
  if (app.images.shape.height != app.program.input.height ||
      app.images.shape.width != app.program.input.width ||
      app.images.shape.channels != app.program.input.channels) {
    return fail("images", "they do not fit the network");
  }
  if (board_find_file("labels", &file) &&
      npim_idx_labels(&app.labels, file.data, file.bytes, &why) != NPIM_OK) {
    return fail("labels", why.text);
  }
  if (app.labels.count != 0 && app.labels.count != app.images.count) {
    return fail("labels", "there must be as many as images");
  }
  if (!board_find_file("results", &app.results)) app.results.bytes = 0;
  return true;
}

static bool read_arguments(void) {
  const uint64_t most = app.images.count < MOST_IMAGES ? app.images.count : MOST_IMAGES;
  const uint64_t count = board_argument("count", most), batch = board_argument("batch", 32);
  app.count = (uint32_t)(count < most ? count : most);
  app.batch = (uint32_t)(batch < 65536 ? batch : 65536);
  app.list = (uint32_t)board_argument("list", 8);
  app.random = board_argument("seed", 1) * UINT64_C(0x9e3779b97f4a7c15) + 1;
  if (app.count == 0 || app.batch == 0) return fail("arguments", "count and batch start at 1");
  const uint64_t needed = npim_results_bytes(app.count, npim_program_outputs(&app.program));
  if (app.results.bytes != 0 && app.results.bytes < needed) return fail("results", "too small");
  return true;
}

/* The board has placed the program in memory, where it may be changed. */
static uint8_t *writable(const uint8_t *part) {
  return app.file.data + (part - (const uint8_t *)app.file.data);
}

static bool list_arrays(void) {
  const int result = npim_list_arrays(writable(app.program.weights), app.program.weights_bytes,
                                      app.arrays, MOST_ARRAYS, &app.array_count);
  return !failed("list of arrays", result);
}

static void on_output(void *context, uint32_t image, const int32_t *outputs) {
  struct verdicts *to = context;
  const uint32_t size = npim_program_outputs(&app.program);
  const uint32_t class = npim_argmax(outputs, size);
  to->checksum[image] = npim_crc32(outputs, 4 * (size_t)size);
  to->class[image] = (uint16_t) class;
  if (app.labels.count != 0 && app.labels.values[image] == class) ++to->correct;
  if (app.results.bytes != 0) {
    npim_results_store(app.results.data, app.count, npim_program_outputs(&app.program), image,
                       class, outputs);
  }
}

static bool classify(const char *title, struct verdicts *to) {
  struct npim_message why;
  struct npim_network_report report;
  struct npim_error_counters errors;
  const struct npim_network_job run = {
      .images = app.images.pixels,
      .count = app.count,
      .batch = app.batch,
      .timeout_ns = TIMEOUT_NS,
      .on_output = on_output,
      .context = to,
  };
  to->correct = 0;
  (void)npim_read_error_counters(&app.device, &errors);
  const uint64_t failures = errors.verify_failures;
  if (npim_program_load(&app.device, &app.program, TIMEOUT_NS, &why) != NPIM_OK) {
    return fail("load", why.text);
  }
  (void)npim_read_error_counters(&app.device, &errors);
  if (app.device.info.fidelity != 0 &&
      npim_calibrate_chip(&app.device, TIMEOUT_NS, NULL, &why) != NPIM_OK) {
    return fail("calibrate", why.text);
  }
  if (npim_network_run(&app.device, &app.program, &run, scratch, &report, &why) != NPIM_OK) {
    return fail("run", why.text);
  }
  printf("%s: %" PRIu64 " cells not at their level", title, errors.verify_failures - failures);
  if (app.labels.count != 0) {
    printf(", %" PRIu32 " of %" PRIu32 " images right", to->correct, app.count);
  }
  printf("\n");
  return true;
}

static void compare(uint32_t *same_class, uint32_t *same_outputs) {
  *same_class = *same_outputs = 0;
  for (uint32_t i = 0; i < app.count; ++i) {
    *same_class += now.class[i] == before.class[i];
    *same_outputs += now.checksum[i] == before.checksum[i];
  }
  printf("  %" PRIu32 " of %" PRIu32 " images classified as before, %" PRIu32
         " with the same outputs\n",
         *same_class, app.count, *same_outputs);
}

static uint32_t random_below(uint32_t limit) {
  app.random ^= app.random << 13;
  app.random ^= app.random >> 7;
  app.random ^= app.random << 17;
  return (uint32_t)((app.random >> 32) * limit >> 32);
}

/* Among the cells that the program uses. */
static bool inject(uint32_t faults) {
  const uint32_t width = npim_columns_per_vector(&app.device.info);
  for (uint32_t i = 0; i < faults; ++i) {
    const struct npim_array_record *array = &app.arrays[random_below(app.array_count)];
    const uint32_t row = random_below(array->rows);
    const uint32_t column = random_below(array->vectors * width);
    const enum npim_fault_kind kind =
        random_below(2) != 0 ? NPIM_FAULT_STUCK_ON : NPIM_FAULT_STUCK_OFF;
    const int result = npim_inject_fault(&app.device, kind, array->tile, array->array,
                                         row << 16 | column, TIMEOUT_NS);
    if (failed("fault", result)) return false;
  }
  if (faults != 0) printf("%" PRIu32 " cells made stuck\n", faults);
  return true;
}

static bool is_first_of_tile(uint32_t record) {
  for (uint32_t i = 0; i < record; ++i) {
    if (app.arrays[i].tile == app.arrays[record].tile) return false;
  }
  return true;
}

/* All arrays of the tiles that the program uses, spare ones too. */
static bool march(void) {
  const struct npim_info *chip = &app.device.info;
  const size_t cells = (size_t)chip->array_rows * chip->array_columns;
  const uint32_t arrays = (uint32_t)chip->imas_per_tile * chip->arrays_per_ima;
  uint32_t tested = 0;
  app.march.cells = app.stuck;
  app.march.capacity = MOST_STUCK;
  app.march.levels = app.port.dma_alloc(app.port.context, cells, 64);
  app.march.sensed = app.port.dma_alloc(app.port.context, cells, 64);
  app.march.seen = app.port.dma_alloc(app.port.context, cells, 64);
  if (app.march.levels == NULL || app.march.sensed == NULL || app.march.seen == NULL) {
    return fail("march", "no memory");
  }
  for (uint32_t i = 0; i < app.array_count; ++i) {
    if (!is_first_of_tile(i)) continue;
    for (uint32_t array = 0; array < arrays; ++array, ++tested) {
      const int result = npim_march_array(&app.device, app.arrays[i].tile, (uint16_t)array,
                                          &app.march, TIMEOUT_NS);
      if (failed("march", result)) return false;
    }
  }
  printf("march C-: %" PRIu32 " arrays, %" PRIu32 " stuck cells\n", tested, app.march.count);
  for (uint32_t i = 0; i < app.march.count && i < app.list; ++i) {
    const struct npim_stuck_cell *cell = &app.stuck[i];
    printf("  tile %u array %u row %u column %u stuck at %u\n", cell->tile, cell->array, cell->row,
           cell->column, cell->level);
  }
  if (app.march.count > app.list) printf("  ...\n");
  return true;
}

static bool repair(void) {
  struct npim_repair_report report;
  struct npim_message why;
  const int result = npim_repair(&app.device.info, &app.program, app.file.data, app.arrays,
                                 app.array_count, &app.march, &report, &why);
  if (result != NPIM_OK) return fail("repair", why.text);
  printf("repair: %" PRIu32 " of %" PRIu32 " arrays spoilt, %" PRIu32
         " moved to spare ones, %" PRIu32 " swapped, %" PRIu32 " left\n",
         report.harmed, app.array_count, report.moved, report.swapped, report.left);
  return true;
}

static void write_results(void) {
  const struct npim_results_header header = {
      .count = app.count,
      .outputs = npim_program_outputs(&app.program),
      .correct = now.correct,
      .labelled = app.labels.count != 0 ? app.count : 0,
  };
  if (app.results.bytes != 0) npim_results_finish(app.results.data, &header, &app.device);
}

static bool test_and_repair(void) {
  const uint32_t faults = (uint32_t)board_argument("faults", 200);
  uint32_t same_class, same_outputs;
  if (!classify("before", &before) || !inject(faults)) return false;
  if (!classify("broken", &now)) return false;
  compare(&same_class, &same_outputs);
  if (!march() || !repair() || !classify("repaired", &now)) return false;
  compare(&same_class, &same_outputs);
  write_results();
  if (same_class == app.count) return true;
  return fail("repair", "images are classified otherwise than before");
}

int main(void) {
  const bool ok =
      open_chip() && read_files() && read_arguments() && list_arrays() && test_and_repair();
  npim_close(&app.device);
  return ok ? 0 : 1;
}
