/* Classifies images on the chip, through /dev/npim0.
   usage: npim_classify PROGRAM.npim IMAGES.idx [LABELS.idx] [count=N] [batch=N] [show=N]
   Exit status: 0 well, 1 something failed. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/linux_port.h"
#include "npim/idx.h"
#include "npim/runtime.h"

#define TIMEOUT_NS UINT64_C(60000000000)

struct file {
  const uint8_t *data;
  size_t bytes;
};

struct run {
  struct npim_device device;
  struct npim_program program;
  struct npim_images images;
  struct npim_labels labels; /* count 0: none */
  uint32_t count, batch, show;
  uint32_t correct;
  int32_t *logits; /* of all images, in order */
};

static bool fail(const char *what, const char *why) {
  fprintf(stderr, "npim_classify: %s: %s\n", what, why);
  return false;
}

static bool map_file(const char *path, struct file *to) {
  struct stat status;
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  void *data = MAP_FAILED;
  if (descriptor < 0) return fail(path, strerror(errno));
  if (fstat(descriptor, &status) == 0) {
    data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  }
  const int error = errno;
  (void)close(descriptor);
  if (data == MAP_FAILED) return fail(path, strerror(error));
  *to = (struct file){data, (size_t)status.st_size};
  return true;
}

/* The chip reads control vectors, weights and images by DMA: they need memory that it reaches. */
static bool copy_to_dma(const struct npim_port *port, const char *what, const uint8_t **data,
                        size_t bytes) {
  void *memory = port->dma_alloc(port->context, bytes, 64);
  if (memory == NULL) return fail(what, "no DMA memory");
  memcpy(memory, *data, bytes);
  *data = memory;
  return true;
}

static bool read_program(struct run *run, const char *path) {
  struct npim_message why;
  struct file file;
  if (!map_file(path, &file)) return false;
  if (!copy_to_dma(run->device.port, path, &file.data, file.bytes)) return false;
  if (npim_program_open(&run->program, file.data, file.bytes, &why) != NPIM_OK ||
      npim_program_check(&run->program, &run->device.info, &why) != NPIM_OK) {
    return fail(path, why.text);
  }
  return true;
}

static bool read_images(struct run *run, const char *path) {
  const struct npim_shape *wanted = &run->program.input;
  const struct npim_shape *there = &run->images.shape;
  struct npim_message why;
  struct file file;
  if (!map_file(path, &file)) return false;
  if (npim_idx_images(&run->images, file.data, file.bytes, &why) != NPIM_OK) {
    return fail(path, why.text);
  }
  if (there->height != wanted->height || there->width != wanted->width ||
      there->channels != wanted->channels) {
    return fail(path, "the images do not have the network's shape");
  }
  return true;
}

static bool read_labels(struct run *run, const char *path) {
  struct npim_message why;
  struct file file;
  if (!map_file(path, &file)) return false;
  if (npim_idx_labels(&run->labels, file.data, file.bytes, &why) != NPIM_OK) {
    return fail(path, why.text);
  }
  if (run->labels.count != run->images.count) return fail(path, "not as many labels as images");
  return true;
}

/* "count=12" */
static bool read_setting(const char *argument, const char *key, uint32_t *value) {
  const size_t length = strlen(key);
  if (strncmp(argument, key, length) != 0 || argument[length] != '=') return false;
  *value = (uint32_t)strtoul(argument + length + 1, NULL, 0);
  return true;
}

static void draw(const struct run *run, uint32_t image) {
  static const char shades[] = " .:-=+*#%@";
  const struct npim_shape *shape = &run->images.shape;
  const uint8_t *pixels =
      run->images.pixels + (size_t)image * npim_program_input_bytes(&run->program);
  for (uint32_t y = 0; y + 1 < shape->height; y += 2) {
    printf("  |");
    for (uint32_t x = 0; x < shape->width; ++x) {
      const uint32_t sum = pixels[(size_t)(y * shape->width + x) * shape->channels] +
                           pixels[(size_t)((y + 1) * shape->width + x) * shape->channels];
      putchar(shades[sum * (sizeof shades - 2) / 510]);
    }
    printf("|\n");
  }
}

static void on_output(void *context, uint32_t image, const int32_t *outputs) {
  struct run *run = context;
  const uint32_t size = npim_program_outputs(&run->program);
  const uint32_t class = npim_argmax(outputs, size);
  memcpy(run->logits + (size_t)image * size, outputs, size * sizeof *outputs);
  if (run->labels.count != 0 && run->labels.values[image] == class) ++run->correct;
  if (image >= run->show) return;
  draw(run, image);
  printf("image %" PRIu32 ": class %" PRIu32, image, class);
  if (run->labels.count != 0) printf(", label %u", run->labels.values[image]);
  printf("\n");
}

static bool classify(struct run *run) {
  struct npim_network_report report;
  struct npim_message why;
  const uint32_t outputs = npim_program_outputs(&run->program);
  const uint8_t *pixels = run->images.pixels;
  const size_t bytes = (size_t)run->count * npim_program_input_bytes(&run->program);
  int32_t *scratch = calloc(outputs, sizeof *scratch);
  run->logits = calloc((size_t)run->count * outputs, sizeof *run->logits);
  if (scratch == NULL || run->logits == NULL) return fail("outputs", "out of memory");
  if (npim_program_load(&run->device, &run->program, TIMEOUT_NS, &why) != NPIM_OK) {
    return fail("load", why.text);
  }
  printf("network \"%s\": %" PRIu32 " layers loaded\n", run->program.name,
         run->program.layer_count);
  if (!copy_to_dma(run->device.port, "images", &pixels, bytes)) return false;
  const struct npim_network_job what = {pixels,    run->count, run->batch, TIMEOUT_NS,
                                        on_output, run,        NULL,       false};
  if (npim_network_run(&run->device, &run->program, &what, scratch, &report, &why) != NPIM_OK) {
    return fail("run", why.text);
  }
  printf("%" PRIu32 " images, chip time %" PRIu64 " us\n", report.images_done,
         report.chip_ns / 1000);
  if (run->labels.count != 0) {
    printf("accuracy: %" PRIu32 " of %" PRIu32 "\n", run->correct, run->count);
  }
  /* Little endian, as in a results file: for comparison with other runs. */
  printf("logits: %" PRIu32 " x %" PRIu32 ", crc32 %08" PRIx32 "\n", run->count, outputs,
         npim_crc32(run->logits, (size_t)run->count * outputs * sizeof *run->logits));
  free(scratch);
  free(run->logits);
  return true;
}

static bool run_all(struct run *run, int files, char *const *paths) {
  const struct npim_info *info = &run->device.info;
  printf("chip: register map %u.%u, %" PRIu32 " tiles of %u x %u arrays, %u x %u cells\n",
         info->version_major, info->version_minor, info->tiles, info->imas_per_tile,
         info->arrays_per_ima, info->array_rows, info->array_columns);
  if (!read_program(run, paths[0]) || !read_images(run, paths[1])) return false;
  if (files > 2 && !read_labels(run, paths[2])) return false;
  if (run->count == 0 || run->count > run->images.count) run->count = run->images.count;
  if (run->count == 0) return fail(paths[1], "has no images");
  return classify(run);
}

int main(int argc, char **argv) {
  static struct run run = {.batch = 32, .show = 3};
  struct npim_linux_port linux_port;
  struct npim_port port;
  char *paths[3];
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    if (read_setting(argv[i], "count", &run.count) || read_setting(argv[i], "batch", &run.batch) ||
        read_setting(argv[i], "show", &run.show)) {
      continue;
    }
    if (files == 3) files = -1;
    if (files < 0) break;
    paths[files++] = argv[i];
  }
  if (files < 2 || run.batch == 0) {
    fprintf(stderr,
            "usage: npim_classify PROGRAM.npim IMAGES [LABELS] [count=N] [batch=N] [show=N]\n");
    return 1;
  }
  const int error = npim_linux_connect(&linux_port, &port, "/dev/npim0");
  if (error != 0) return fail("/dev/npim0", strerror(error)) ? 0 : 1;
  int result = npim_probe(&run.device, &port);
  if (result == NPIM_OK) result = npim_open(&run.device, 0);
  const bool ok =
      result == NPIM_OK ? run_all(&run, files, paths) : fail("chip", npim_error_text(result));
  npim_close(&run.device);
  npim_linux_disconnect(&linux_port);
  return ok ? 0 : 1;
}
