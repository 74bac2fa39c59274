/* Runs a convolutional network on the chip. Files, placed in DRAM by the board:
     program   a compiled network (*.npim)            required
     images    IDX, unsigned bytes                    required
     labels    IDX                                    for the accuracy
     results   room for struct npim_results_header and what follows it (npim/results.h)
   Boot arguments: count=N images (default all), batch=N images per command (default 32), show=N
   images drawn as text (default 5), calibrate=0 or 1 (default 1 on a chip that is not ideal). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "boot/board.h"
#include "npim/idx.h"
#include "npim/results.h"
#include "npim/runtime.h"
#include "port/baremetal/port.h"

#define QUEUE_LOG2 4U
#define LOAD_TIMEOUT_NS UINT64_C(60000000000)
#define RUN_TIMEOUT_NS UINT64_C(60000000000)
#define MOST_OUTPUTS 16384U
#define MOST_LAYERS 8192U
#define PICTURE_WIDTH 64U

struct demo {
  struct npim_port port;
  struct npim_device device;
  struct npim_program program;
  struct npim_images images;
  struct npim_labels labels; /* count 0: none */
  struct board_file results; /* bytes 0: none */
  uint32_t count, batch, show;
  bool layer_by_layer;
  uint32_t energies; /* layers whose energy is known */
  uint32_t correct, labelled;
};

static struct demo demo;
static int32_t scratch[MOST_OUTPUTS];
static struct npim_layer_totals layer_totals[MOST_LAYERS];
static struct npim_layer_energy layer_energies[MOST_LAYERS];

static bool fail(const char *what, const char *why) {
  printf("error: %s: %s\n", what, why);
  return false;
}

static void print_chip(const struct npim_info *info) {
  static const char *const codes[] = {"?", "signed 8 bit", "sign plus 8 bits", "lossless"};
  printf("Neural-PIM chip, register map %u.%u: %" PRIu32
         " tiles of %u x %u arrays, %u x %u cells\n",
         info->version_major, info->version_minor, info->tiles, info->imas_per_tile,
         info->arrays_per_ima, info->array_rows, info->array_columns);
  printf("%u-bit cells, %u-bit DAC, %u-bit NNADC (%s), %" PRIu32 " KiB eDRAM per tile\n",
         info->cell_bits, info->dac_bits, info->nnadc_bits,
         codes[info->code_format < 4 ? info->code_format : 0], info->edram_bytes / 1024);
}

static bool open_chip(void) {
  if (!baremetal_port(&demo.port)) return fail("chip", "the device tree names no accelerator");
  int result = npim_probe(&demo.device, &demo.port);
  if (result != NPIM_OK) return fail("probe", npim_error_text(result));
  print_chip(&demo.device.info);
  result = npim_open(&demo.device, QUEUE_LOG2);
  return result == NPIM_OK ? true : fail("open", npim_error_text(result));
}

static bool read_program(void) {
  struct board_file file;
  struct npim_message why;
  if (!board_find_file("program", &file)) return fail("program", "no such file in the device tree");
  if (npim_program_open(&demo.program, file.data, file.bytes, &why) != NPIM_OK) {
    return fail("program", why.text);
  }
  if (npim_program_outputs(&demo.program) > MOST_OUTPUTS) {
    return fail("program", "more outputs than this demo prints");
  }
  if (demo.program.layer_count > MOST_LAYERS) {
    return fail("program", "more layers than this demo lists");
  }
  if (npim_program_check(&demo.program, &demo.device.info, &why) != NPIM_OK) {
    return fail("program", why.text);
  }
  return true;
}

static bool read_images(void) {
  struct board_file file;
  struct npim_message why;
  const struct npim_shape *wanted = &demo.program.input;
  const struct npim_shape *there = &demo.images.shape;
  if (!board_find_file("images", &file)) return fail("images", "no such file in the device tree");
  if (npim_idx_images(&demo.images, file.data, file.bytes, &why) != NPIM_OK) {
    return fail("images", why.text);
  }
  if (there->height != wanted->height || there->width != wanted->width ||
      there->channels != wanted->channels) {
    printf("images are %" PRIu32 " x %" PRIu32 " x %" PRIu32 ", the network takes %" PRIu32
           " x %" PRIu32 " x %" PRIu32 "\n",
           there->height, there->width, there->channels, wanted->height, wanted->width,
           wanted->channels);
    return fail("images", "they do not fit the network");
  }
  return true;
}

static bool read_labels(void) {
  struct board_file file;
  struct npim_message why;
  if (!board_find_file("labels", &file)) return true;
  if (npim_idx_labels(&demo.labels, file.data, file.bytes, &why) != NPIM_OK) {
    return fail("labels", why.text);
  }
  if (demo.labels.count != demo.images.count) {
    printf("%" PRIu32 " labels for %" PRIu32 " images\n", demo.labels.count, demo.images.count);
    return fail("labels", "there must be as many as images");
  }
  return true;
}

static uint32_t limited_argument(const char *key, uint32_t fallback, uint32_t most) {
  const uint64_t value = board_argument(key, fallback);
  return value < most ? (uint32_t)value : most;
}

static bool read_arguments(void) {
  demo.count = limited_argument("count", demo.images.count, demo.images.count);
  demo.batch = limited_argument("batch", 32, 65536);
  demo.show = limited_argument("show", 5, demo.count);
  demo.layer_by_layer = board_argument("layer_by_layer", 0) != 0;
  if (demo.count == 0) return fail("count", "no image to run");
  if (demo.batch == 0) return fail("batch", "must be at least 1");
  return true;
}

static bool find_results(void) {
  if (!board_find_file("results", &demo.results)) {
    demo.results.bytes = 0;
    return true;
  }
  const uint64_t needed = npim_results_bytes(demo.count, npim_program_outputs(&demo.program));
  return demo.results.bytes >= needed ? true : fail("results", "the file is too small");
}

/* A chip with real analog parts wants its converters and shift-and-adds trimmed. */
static bool calibrate(void) {
  struct npim_message why;
  uint32_t retired;
  if (board_argument("calibrate", demo.device.info.fidelity != 0) == 0) return true;
  if (npim_calibrate_program(&demo.device, &demo.program, LOAD_TIMEOUT_NS, &retired, &why) !=
      NPIM_OK) {
    return fail("calibrate", why.text);
  }
  printf("Chip calibrated, %" PRIu32 " converters out of service\n", retired);
  return true;
}

static bool load_network(void) {
  struct npim_message why;
  const uint64_t start = demo.port.now_ns(demo.port.context);
  if (npim_program_load(&demo.device, &demo.program, LOAD_TIMEOUT_NS, &why) != NPIM_OK) {
    return fail("load", why.text);
  }
  printf("Network \"%s\": %" PRIu32 " layers, %" PRIu32 " bytes of weights programmed in %" PRIu64
         " us",
         demo.program.name, demo.program.layer_count, demo.program.weights_bytes,
         (demo.port.now_ns(demo.port.context) - start) / 1000);
  struct npim_energy energy;
  if (npim_read_energy(&demo.device, &energy)) printf(" and %.1f uJ", (double)energy.chip_pj / 1e6);
  printf("\n");
  return calibrate();
}

/* Brightness of a pixel, times the number of channels. */
static uint32_t brightness(const uint8_t *pixels, uint32_t x, uint32_t y) {
  const struct npim_shape *shape = &demo.images.shape;
  const uint8_t *pixel = pixels + (size_t)(y * shape->width + x) * shape->channels;
  uint32_t sum = 0;
  for (uint32_t c = 0; c < shape->channels; ++c) sum += pixel[c];
  return sum;
}

/* Two rows of pixels per line of text. */
static void draw(uint32_t image) {
  static const char shades[] = " .:-=+*#%@";
  const struct npim_shape *shape = &demo.images.shape;
  const size_t bytes = (size_t)npim_program_input_bytes(&demo.program);
  const uint8_t *pixels = demo.images.pixels + image * bytes;
  if (shape->width > PICTURE_WIDTH) return;
  for (uint32_t y = 0; y < shape->height; y += 2) {
    char line[PICTURE_WIDTH + 1];
    for (uint32_t x = 0; x < shape->width; ++x) {
      const uint32_t below = y + 1 < shape->height ? y + 1 : y;
      const uint32_t sum = brightness(pixels, x, y) + brightness(pixels, x, below);
      line[x] = shades[sum * (sizeof shades - 2) / (510 * shape->channels)];
    }
    line[shape->width] = '\0';
    printf("  |%s|\n", line);
  }
}

static void show(uint32_t image, const int32_t *outputs, uint32_t class) {
  static float probabilities[MOST_OUTPUTS];
  npim_softmax(outputs, npim_program_outputs(&demo.program), demo.program.output_scale,
               probabilities);
  draw(image);
  printf("image %" PRIu32 ": class %" PRIu32 " (%.1f %%)", image, class,
         100.0 * (double)probabilities[class]);
  if (demo.labels.count != 0) printf(", label %u", demo.labels.values[image]);
  printf("\n");
}

static void on_output(void *context, uint32_t image, const int32_t *outputs) {
  (void)context;
  const uint32_t class = npim_argmax(outputs, npim_program_outputs(&demo.program));
  if (demo.labels.count != 0) {
    ++demo.labelled;
    if (demo.labels.values[image] == class) ++demo.correct;
  }
  if (image < demo.show) show(image, outputs, class);
  if (demo.results.bytes != 0) {
    npim_results_store(demo.results.data, demo.count, npim_program_outputs(&demo.program), image,
                       class, outputs);
  }
}

static void on_layer(void *context, const struct npim_layer_report *report) {
  const struct npim_layer_totals *totals = &report->totals;
  (void)context;
  if (report->layer.on_host) {
    printf("%5" PRIu32 "  %-9s %6s %10s %11s %12s %10.1f %10s  %s\n", report->layer.layer,
           npim_layer_op_name(report->layer.op), "host", "", "", "",
           (double)totals->host_ns / 1000.0, "-", report->layer.name);
    return;
  }
  printf("%5" PRIu32 "  %-9s %6u %10" PRIu64 " %11" PRIu64 " %12" PRIu64 " %10.1f ",
         report->layer.layer, npim_layer_op_name(report->layer.op), report->layer.stages,
         totals->windows, totals->conversions, totals->input_cycles,
         (double)totals->busy_ns / 1000.0);
  if (report->layer.layer < demo.energies) {
    printf("%10.3f", (double)layer_energies[report->layer.layer].energy_pj / 1e6);
  } else {
    printf("%10s", "-");
  }
  printf("  %s\n", report->layer.name);
}

/* Asks the chip for the energy of all layers up to the last one with stages. */
static void read_layer_energies(void) {
  struct npim_layer layer;
  uint32_t layers = 0;
  for (uint32_t i = 0; npim_program_layer(&demo.program, i, &layer); ++i) {
    if (layer.stages > 0 && layer.layer >= layers) layers = layer.layer + 1;
  }
  demo.energies = 0;
  if (!demo.device.info.counts_energy || layers == 0 || layers > MOST_LAYERS) return;
  if (npim_read_back(&demo.device, NPIM_REGION_LAYER_ENERGY, 0, 0, 0, layer_energies,
                     layers * (uint32_t)sizeof layer_energies[0], LOAD_TIMEOUT_NS) == NPIM_OK) {
    demo.energies = layers;
  }
}

static void report_energy(const struct npim_energy *before) {
  struct npim_energy after;
  if (!npim_read_energy(&demo.device, &after)) {
    printf("the chip counts no energy\n");
    return;
  }
  const double images = (double)demo.count * 1e6;
  printf("energy per image, %s: %.3f uJ, and %.2f uJ of the links\n",
         demo.device.info.energy_is_powered ? "powered time" : "per action",
         (double)(after.chip_pj - before->chip_pj) / images,
         (double)(after.links_pj - before->links_pj) / images);
}

static bool report_layers(void) {
  read_layer_energies();
  printf(
      "layer  op        stages    windows conversions input cycles    busy us  energy uJ  name\n");
  const int result = npim_network_layers(&demo.device, &demo.program,
                                         demo.program.is_chip_alone ? NULL : layer_totals,
                                         LOAD_TIMEOUT_NS, on_layer, NULL);
  return result == NPIM_OK ? true : fail("layer counters", npim_error_text(result));
}

static void write_results(const struct npim_network_report *report, uint64_t hart_cycles) {
  const struct npim_results_header header = {
      .count = demo.count,
      .outputs = npim_program_outputs(&demo.program),
      .chip_ns = report->chip_ns,
      .hart_cycles = hart_cycles,
      .correct = demo.correct,
      .labelled = demo.labelled,
  };
  if (demo.results.bytes != 0) npim_results_finish(demo.results.data, &header, &demo.device);
}

static bool classify(void) {
  struct npim_network_report report;
  struct npim_message why;
  const struct npim_network_job run = {demo.images.pixels,
                                       demo.count,
                                       demo.batch,
                                       RUN_TIMEOUT_NS,
                                       on_output,
                                       NULL,
                                       demo.program.is_chip_alone ? NULL : layer_totals,
                                       demo.layer_by_layer};
  struct npim_energy before = {0};
  (void)npim_read_energy(&demo.device, &before);
  const uint64_t start_ns = demo.port.now_ns(demo.port.context), start = board_cycles();
  if (npim_network_run(&demo.device, &demo.program, &run, scratch, &report, &why) != NPIM_OK) {
    return fail("run", why.text);
  }
  const uint64_t cycles = board_cycles() - start;
  const uint64_t elapsed_ns = demo.port.now_ns(demo.port.context) - start_ns;
  if (!report_layers()) return false;
  write_results(&report, cycles);
  printf("%" PRIu32 " images, chip time %.1f us (%.2f us per image), elapsed %.1f us\n", demo.count,
         (double)report.chip_ns / 1000.0, (double)report.chip_ns / 1000.0 / (double)demo.count,
         (double)elapsed_ns / 1000.0);
  report_energy(&before);
  if (!demo.program.is_chip_alone) {
    printf("of it %.1f us on the host and %.1f us loading control vectors, %" PRIu32 " steps\n",
           (double)report.host_ns / 1000.0, (double)report.load_ns / 1000.0,
           demo.program.step_count);
  }
  if (demo.labelled != 0) {
    printf("accuracy: %" PRIu32 " of %" PRIu32 " (%.2f %%)\n", demo.correct, demo.labelled,
           100.0 * (double)demo.correct / (double)demo.labelled);
  }
  return true;
}

int main(void) {
  const bool ok = open_chip() && read_program() && read_images() && read_labels() &&
                  read_arguments() && find_results() && load_network() && classify();
  npim_close(&demo.device);
  return ok ? 0 : 1;
}
