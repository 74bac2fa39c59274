#include "npim/program.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/bytes.h"
#include "runtime/message.h"
#include "runtime/schedule.h"

#define MAGIC 0x4752504eU /* 'NPRG' */
#define VERSION_MAJOR 4U
#define HEADER_BYTES 128U
#define CHECKSUM_FROM 24U
#define SECTION_BYTES 32U
#define MOST_SECTIONS 64U
#define SECTION_ALIGNMENT 64U
#define LAYER_BYTES 64U
#define LARGEST_DIMENSION (1U << 20)
#define MOST_LAYERS 65536U

enum section_type {
  SECTION_CONTROL = 1,
  SECTION_WEIGHTS = 2,
  SECTION_LAYERS = 3,
  SECTION_INPUT_TABLE = 5,
  SECTION_SCHEDULE = 6,
  SECTION_HOST_OPERATIONS = 7
};

struct section {
  const uint8_t *data;
  uint64_t bytes;
};

static int check_envelope(const uint8_t *file, size_t bytes, struct npim_message *why) {
  if (bytes < HEADER_BYTES) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program file of %zu bytes is shorter than its header",
                       bytes);
  }
  if (npim_get32(file) != MAGIC) {
    return NPIM_REFUSE(why, NPIM_E_FILE,
                       "not a Neural-PIM program: magic 0x%08" PRIx32 " at offset 0",
                       npim_get32(file));
  }
  if (npim_get16(file + 4) != VERSION_MAJOR) {
    return NPIM_REFUSE(why, NPIM_E_FILE,
                       "program version %u.%u, this firmware reads version %u.x: compile again",
                       npim_get16(file + 4), npim_get16(file + 6), VERSION_MAJOR);
  }
  if (npim_get64(file + 8) != bytes) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program header says %" PRIu64 " bytes, the file has %zu",
                       npim_get64(file + 8), bytes);
  }
  const uint32_t expected = npim_get32(file + 16);
  const uint32_t actual = npim_crc32(file + CHECKSUM_FROM, bytes - CHECKSUM_FROM);
  if (expected != actual) {
    return NPIM_REFUSE(why, NPIM_E_FILE,
                       "program is damaged: checksum 0x%08" PRIx32 ", the header says 0x%08" PRIx32,
                       actual, expected);
  }
  return NPIM_OK;
}

static void read_requirements(const uint8_t *from, struct npim_requirements *needs) {
  needs->tiles = npim_get32(from);
  needs->imas_per_tile = npim_get16(from + 4);
  needs->arrays_per_ima = npim_get16(from + 6);
  needs->array_rows = npim_get16(from + 8);
  needs->array_columns = npim_get16(from + 10);
  needs->cell_bits = from[12];
  needs->dac_bits = from[13];
  needs->nnadc_bits = from[14];
  needs->code_format = from[15];
  needs->edram_bytes = npim_get32(from + 16);
  needs->range_divisors_mask = from[20];
  needs->bitline_gains_mask = from[21];
}

static bool read_shape(const uint8_t *from, struct npim_shape *shape) {
  shape->height = npim_get32(from);
  shape->width = npim_get32(from + 4);
  shape->channels = npim_get32(from + 8);
  if (shape->height == 0 || shape->height > LARGEST_DIMENSION) return false;
  if (shape->width == 0 || shape->width > LARGEST_DIMENSION) return false;
  if (shape->channels == 0 || shape->channels > LARGEST_DIMENSION) return false;
  const uint64_t area = (uint64_t)shape->height * shape->width;
  return area <= UINT32_MAX / 4 / shape->channels;
}

static int read_header(struct npim_program *program, const uint8_t *file,
                       struct npim_message *why) {
  read_requirements(file + 24, &program->requirements);
  if (!read_shape(file + 48, &program->input) || !read_shape(file + 60, &program->output)) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program header: a tensor dimension is out of range");
  }
  program->output_element_bytes = npim_get32(file + 72);
  if (program->output_element_bytes != 1 && program->output_element_bytes != 4) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program header: outputs of %" PRIu32 " bytes",
                       program->output_element_bytes);
  }
  program->layer_count = npim_get32(file + 76);
  memcpy(program->name, file + 80, sizeof program->name);
  program->name[sizeof program->name - 1] = '\0';
  const uint64_t scale_bits = npim_get64(file + 112);
  memcpy(&program->output_scale, &scale_bits, sizeof program->output_scale);
  program->classes = npim_get32(file + 120);
  return NPIM_OK;
}

/* Makes sure that every section lies between the table and the end of the file. The number of
   sections is not under the checksum: a wrong one makes the table reach into the first section. */
static int check_sections(const uint8_t *file, size_t bytes, struct npim_message *why) {
  const uint32_t sections = npim_get32(file + 20);
  if (sections > MOST_SECTIONS || (bytes - HEADER_BYTES) / SECTION_BYTES < sections) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "program says it has %" PRIu32 " sections", sections);
  }
  const size_t table_end = HEADER_BYTES + (size_t)sections * SECTION_BYTES;
  for (uint32_t i = 0; i < sections; ++i) {
    const uint8_t *entry = file + HEADER_BYTES + (size_t)i * SECTION_BYTES;
    const uint64_t offset = npim_get64(entry + 8), size = npim_get64(entry + 16);
    if (offset < table_end || offset > bytes || size > bytes - offset || size > UINT32_MAX ||
        offset % SECTION_ALIGNMENT != 0) {
      return NPIM_REFUSE(why, NPIM_E_FILE, "program section %" PRIu32 " lies outside the file", i);
    }
  }
  return NPIM_OK;
}

static bool find_section(const uint8_t *file, uint32_t type, struct section *found) {
  const uint32_t sections = npim_get32(file + 20);
  for (uint32_t i = 0; i < sections; ++i) {
    const uint8_t *entry = file + HEADER_BYTES + (size_t)i * SECTION_BYTES;
    if (npim_get32(entry) != type) continue;
    *found = (struct section){file + npim_get64(entry + 8), npim_get64(entry + 16)};
    return true;
  }
  return false;
}

static int need_section(const uint8_t *file, uint32_t type, struct section *found,
                        struct npim_message *why) {
  if (find_section(file, type, found)) return NPIM_OK;
  return NPIM_REFUSE(why, NPIM_E_FILE, "program has no section of type %" PRIu32, type);
}

int npim_program_open(struct npim_program *program, const void *file, size_t bytes,
                      struct npim_message *why) {
  struct section control, weights, layers, table, schedule, operations;
  int result = check_envelope(file, bytes, why);
  memset(program, 0, sizeof *program);
  if (result == NPIM_OK) result = read_header(program, file, why);
  if (result == NPIM_OK) result = check_sections(file, bytes, why);
  if (result == NPIM_OK) result = need_section(file, SECTION_CONTROL, &control, why);
  if (result == NPIM_OK) result = need_section(file, SECTION_WEIGHTS, &weights, why);
  if (result == NPIM_OK) result = need_section(file, SECTION_LAYERS, &layers, why);
  if (result == NPIM_OK) result = need_section(file, SECTION_SCHEDULE, &schedule, why);
  if (result == NPIM_OK) result = need_section(file, SECTION_HOST_OPERATIONS, &operations, why);
  if (result != NPIM_OK) return result;
  if (program->layer_count > MOST_LAYERS ||
      layers.bytes != (uint64_t)program->layer_count * LAYER_BYTES) {
    return NPIM_REFUSE(why, NPIM_E_FILE,
                       "program's layer section does not hold the header's layers");
  }
  if (find_section(file, SECTION_INPUT_TABLE, &table)) {
    if (table.bytes != (uint64_t)program->input.channels * 256) {
      return NPIM_REFUSE(why, NPIM_E_FILE, "program's input table is not one of 256 per channel");
    }
    program->input_table = table.data;
  }
  program->control = control.data;
  program->control_bytes = control.bytes;
  program->operations = operations.data;
  program->operations_bytes = operations.bytes;
  program->weights = weights.data;
  program->weights_bytes = (uint32_t)weights.bytes;
  program->layers = layers.data;
  return npim_schedule_open(program, schedule.data, schedule.bytes, why);
}

static int refuse_less(const char *what, uint64_t needed, uint64_t there,
                       struct npim_message *why) {
  return NPIM_REFUSE(why, NPIM_E_FILE,
                     "program needs %" PRIu64 " %s, this chip has %" PRIu64
                     ": compile for this chip",
                     needed, what, there);
}

static int refuse_other(const char *what, uint64_t needed, uint64_t there,
                        struct npim_message *why) {
  return NPIM_REFUSE(why, NPIM_E_FILE,
                     "program was compiled for %s %" PRIu64 ", this chip has %" PRIu64
                     ": compile for this chip",
                     what, needed, there);
}

int npim_program_check(const struct npim_program *program, const struct npim_info *chip,
                       struct npim_message *why) {
  const struct npim_requirements *needs = &program->requirements;
  if (needs->tiles > chip->tiles) return refuse_less("tiles", needs->tiles, chip->tiles, why);
  if (needs->edram_bytes > chip->edram_bytes) {
    return refuse_less("bytes of eDRAM per tile", needs->edram_bytes, chip->edram_bytes, why);
  }
  /* Array numbers and row blocks in the control vectors follow from these: they must be equal. */
  const struct {
    const char *what;
    uint64_t needed, there;
  } equal[] = {
      {"IMAs per tile:", needs->imas_per_tile, chip->imas_per_tile},
      {"arrays per IMA:", needs->arrays_per_ima, chip->arrays_per_ima},
      {"array rows:", needs->array_rows, chip->array_rows},
      {"array columns:", needs->array_columns, chip->array_columns},
      {"cell bits:", needs->cell_bits, chip->cell_bits},
      {"NNADC bits:", needs->nnadc_bits, chip->nnadc_bits},
      {"code format:", needs->code_format, chip->code_format},
  };
  for (size_t i = 0; i < sizeof equal / sizeof equal[0]; ++i) {
    if (equal[i].needed != equal[i].there) {
      return refuse_other(equal[i].what, equal[i].needed, equal[i].there, why);
    }
  }
  if ((needs->range_divisors_mask & ~chip->range_divisors_mask) != 0) {
    return refuse_other("NNADC range mask:", needs->range_divisors_mask, chip->range_divisors_mask,
                        why);
  }
  if ((needs->bitline_gains_mask & ~chip->bitline_gains_mask) != 0) {
    return refuse_other("bit-line gain mask:", needs->bitline_gains_mask, chip->bitline_gains_mask,
                        why);
  }
  return NPIM_OK;
}

static int explain(const char *what, int result, const struct npim_completion *completion,
                   struct npim_message *why) {
  return NPIM_REFUSE(why, result, "%s: %s (%s, address 0x%" PRIx64 ", detail %" PRIu32 ")", what,
                     npim_error_text(result), npim_error_name(result), completion->fault_address,
                     completion->detail);
}

int npim_program_load_step(struct npim_device *device, const struct npim_step *step,
                           uint64_t timeout_ns, struct npim_message *why) {
  struct npim_completion completion = {0};
  const int result = npim_load_control(device, step->data, step->bytes, timeout_ns, &completion);
  if (result == NPIM_OK) return NPIM_OK;
  return explain("loading control vectors", result, &completion, why);
}

int npim_program_load(struct npim_device *device, const struct npim_program *program,
                      uint64_t timeout_ns, struct npim_message *why) {
  struct npim_completion completion = {0};
  struct npim_step step;
  int result = NPIM_OK;
  if (program->is_chip_alone && npim_program_step(program, 0, &step)) {
    result = npim_program_load_step(device, &step, timeout_ns, why);
  }
  if (result != NPIM_OK) return result;
  if (program->weights_bytes == 0) return NPIM_OK; /* a network without arrays */
  result = npim_program_weights(device, program->weights, program->weights_bytes, timeout_ns,
                                &completion);
  if (result != NPIM_OK) return explain("programming weights", result, &completion, why);
  return NPIM_OK;
}

bool npim_program_layer(const struct npim_program *program, uint32_t index,
                        struct npim_layer *layer) {
  if (index >= program->layer_count) return false;
  const uint8_t *record = program->layers + (size_t)index * LAYER_BYTES;
  layer->layer = npim_get16(record);
  layer->op = record[2];
  layer->on_host = (record[3] & 1) != 0;
  layer->stages = npim_get16(record + 4);
  layer->tiles = npim_get16(record + 6);
  layer->arrays = npim_get32(record + 8);
  layer->windows = npim_get32(record + 12);
  memcpy(layer->name, record + 16, sizeof layer->name);
  layer->name[sizeof layer->name - 1] = '\0';
  return true;
}

const char *npim_layer_op_name(uint8_t op) {
  static const char *const names[] = {"?",      "conv",       "max pool", "avg pool",
                                      "add",    "concat",     "lookup",   "multiply",
                                      "gather", "avg inside", "LRN"};
  return op < sizeof names / sizeof names[0] ? names[op] : names[0];
}

static uint32_t elements(const struct npim_shape *shape) {
  return shape->height * shape->width * shape->channels;
}

uint32_t npim_program_outputs(const struct npim_program *program) {
  return elements(&program->output);
}

uint32_t npim_program_input_bytes(const struct npim_program *program) {
  return elements(&program->input);
}

void npim_program_encode_image(const struct npim_program *program, const uint8_t *image,
                               uint8_t *to) {
  const uint32_t channels = program->input.channels;
  const uint32_t pixels = program->input.height * program->input.width;
  if (program->input_table == NULL) {
    memcpy(to, image, (size_t)pixels * channels);
    return;
  }
  for (uint32_t pixel = 0; pixel < pixels; ++pixel) {
    const uint8_t *table = program->input_table;
    for (uint32_t c = 0; c < channels; ++c, table += 256) *to++ = table[*image++];
  }
}

void npim_program_decode_outputs(const struct npim_program *program, const uint8_t *from,
                                 int32_t *to) {
  const uint32_t outputs = npim_program_outputs(program);
  for (uint32_t i = 0; i < outputs; ++i) {
    to[i] =
        program->output_element_bytes == 4 ? (int32_t)npim_get32(from + 4 * (size_t)i) : from[i];
  }
}
