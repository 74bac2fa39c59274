#include "npim/repair.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/bytes.h"
#include "runtime/message.h"

/* Layout of control vectors and weights: models/program/stage.cpp. */
#define CONTROL_MAGIC UINT32_C(0x4c52544e)
#define CONTROL_VERSION 3U
#define SHAPE_BYTES 12U
#define WINDOW_BYTES 40U
#define DESTINATION_BYTES 18U
#define USE_BYTES 8U
#define CONSTANT_BYTES 6U
#define RECORD_BYTES 8U /* header of an array's weights */

/* A walk through control vectors that never leaves them. */
struct walk {
  uint8_t *at;
  uint32_t left;
  bool broken;
};

static uint8_t *take(struct walk *walk, uint64_t bytes) {
  uint8_t *here = walk->at;
  if (walk->broken || bytes > walk->left) {
    walk->broken = true;
    return NULL;
  }
  walk->at += bytes;
  walk->left -= (uint32_t)bytes;
  return here;
}

static uint32_t take32(struct walk *walk) {
  const uint8_t *value = take(walk, 4);
  return value == NULL ? 0 : npim_get32(value);
}

static void skip_list(struct walk *walk, uint32_t bytes_each) {
  (void)take(walk, (uint64_t)take32(walk) * bytes_each);
}

static void put16(uint8_t *to, uint16_t value) {
  to[0] = (uint8_t)value;
  to[1] = (uint8_t)(value >> 8);
}

int npim_list_arrays(uint8_t *weights, uint32_t bytes, struct npim_array_record *records,
                     uint32_t capacity, uint32_t *count) {
  struct walk walk = {weights, bytes, false};
  *count = 0;
  while (walk.left != 0) {
    uint8_t *header = take(&walk, RECORD_BYTES);
    if (header == NULL) return NPIM_E_FILE;
    const uint32_t values = (uint32_t)npim_get16(header + 4) * header[6];
    const uint8_t *cells = take(&walk, ((uint64_t)values + 7) / 8 * 8);
    if (values == 0 || cells == NULL) return NPIM_E_FILE;
    if (*count == capacity) return NPIM_E_NO_MEMORY;
    records[(*count)++] = (struct npim_array_record){
        .values = (const int8_t *)cells,
        .record = header,
        .tile = npim_get16(header),
        .array = npim_get16(header + 2),
        .rows = npim_get16(header + 4),
        .vectors = header[6],
        .shift = header[7],
        .moved_to = npim_get16(header + 2),
    };
  }
  return NPIM_OK;
}

uint32_t npim_columns_per_vector(const struct npim_info *chip) {
  return 2U * ((8U + chip->cell_bits - 1U) / chip->cell_bits);
}

/* Column 2d of a vector holds digit d of positive weights, column 2d + 1 that of negative ones. */
uint8_t npim_wanted_level(const struct npim_array_record *record, const struct npim_info *chip,
                          uint16_t row, uint16_t column) {
  const uint32_t width = npim_columns_per_vector(chip), vector = column / width;
  const uint32_t digit = column % width / 2, negative = column % 2;
  if (row >= record->rows || vector >= record->vectors) return 0;
  const int weight = record->values[(uint32_t)row * record->vectors + vector];
  if ((weight < 0) != (negative != 0)) return 0;
  const uint32_t magnitude = (uint32_t)(weight < 0 ? -weight : weight) << record->shift;
  return (uint8_t)((magnitude >> (digit * chip->cell_bits)) & ((1U << chip->cell_bits) - 1U));
}

/* Would the cells of `array` (in the record's tile) spoil one of the record's weights? Word lines
   that are not driven and bit lines that are not converted do no harm. */
static bool spoils(const struct npim_array_record *record, uint16_t array,
                   const struct npim_info *chip, const struct npim_march *march) {
  for (uint32_t i = 0; i < march->count; ++i) {
    const struct npim_stuck_cell *cell = &march->cells[i];
    if (cell->tile != record->tile || cell->array != array) continue;
    if (cell->row >= record->rows) continue;
    if (cell->column / npim_columns_per_vector(chip) >= record->vectors) continue;
    if (npim_wanted_level(record, chip, cell->row, cell->column) != cell->level) return true;
  }
  return false;
}

static struct npim_array_record *owner(struct npim_array_record *records, uint32_t count,
                                       uint16_t tile, uint16_t array) {
  for (uint32_t i = 0; i < count; ++i) {
    if (records[i].tile == tile && records[i].moved_to == array) return &records[i];
  }
  return NULL;
}

/* Tries one place. */
static bool place(struct npim_array_record *record, uint16_t array, bool allow_swap,
                  const struct npim_info *chip, struct npim_array_record *records, uint32_t count,
                  const struct npim_march *march, struct npim_repair_report *report) {
  struct npim_array_record *other = owner(records, count, record->tile, array);
  if (other == record || spoils(record, array, chip, march)) return false;
  if (other == NULL) {
    if (allow_swap) return false; /* tried before */
    record->moved_to = array;
    ++report->moved;
    return true;
  }
  if (!allow_swap || spoils(other, record->moved_to, chip, march)) return false;
  other->moved_to = record->moved_to;
  record->moved_to = array;
  ++report->swapped;
  return true;
}

/* Spare arrays of the IMA, spare arrays of the tile, then swaps, again first in the IMA: its input
   and output registers have room for what they have now. */
static bool find_place(struct npim_array_record *record, const struct npim_info *chip,
                       struct npim_array_record *records, uint32_t count,
                       const struct npim_march *march, struct npim_repair_report *report) {
  const uint32_t arrays = (uint32_t)chip->imas_per_tile * chip->arrays_per_ima;
  const uint32_t ima = record->moved_to / chip->arrays_per_ima;
  for (int pass = 0; pass < 4; ++pass) {
    const bool same_ima = pass % 2 == 0, allow_swap = pass >= 2;
    for (uint32_t array = 0; array < arrays; ++array) {
      if ((array / chip->arrays_per_ima == ima) != same_ima) continue;
      if (place(record, (uint16_t)array, allow_swap, chip, records, count, march, report)) {
        return true;
      }
    }
  }
  return false;
}

static uint16_t new_place(const struct npim_array_record *records, uint32_t count, uint16_t tile,
                          uint16_t array) {
  for (uint32_t i = 0; i < count; ++i) {
    if (records[i].tile == tile && records[i].array == array) return records[i].moved_to;
  }
  return array;
}

static void rewrite_stage(struct walk *walk, const struct npim_array_record *records,
                          uint32_t count) {
  const uint8_t *head = take(walk, 8);
  const uint16_t tile = head == NULL ? 0 : npim_get16(head);
  const uint32_t inputs = take32(walk);
  for (uint32_t i = 0; i < inputs && !walk->broken; ++i) {
    (void)take(walk, 4 + SHAPE_BYTES + 6);
    skip_list(walk, CONSTANT_BYTES);
  }
  (void)take(walk, WINDOW_BYTES + SHAPE_BYTES + 2 + 8 + 4 + 10);
  const uint32_t arrays = take32(walk);
  for (uint32_t i = 0; i < arrays && !walk->broken; ++i) {
    uint8_t *use = take(walk, USE_BYTES);
    if (use != NULL) put16(use, new_place(records, count, tile, npim_get16(use)));
  }
  skip_list(walk, 4); /* table */
  (void)take(walk, 9);
  skip_list(walk, 4); /* multipliers */
  skip_list(walk, 8); /* biases */
  (void)take(walk, 13);
  skip_list(walk, DESTINATION_BYTES);
}

static int rewrite_control(uint8_t *control, uint32_t bytes,
                           const struct npim_array_record *records, uint32_t count,
                           struct npim_message *why) {
  struct walk walk = {control, bytes, false};
  const uint8_t *head = take(&walk, 8 + 2 * SHAPE_BYTES);
  if (head == NULL || npim_get32(head) != CONTROL_MAGIC ||
      npim_get16(head + 4) != CONTROL_VERSION) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "control vectors are not of version %u", CONTROL_VERSION);
  }
  skip_list(&walk, DESTINATION_BYTES);
  const uint32_t stages = take32(&walk);
  for (uint32_t i = 0; i < stages && !walk.broken; ++i) rewrite_stage(&walk, records, count);
  if (walk.broken || walk.left != 0) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "control vectors are damaged");
  }
  return NPIM_OK;
}

/* Whether an earlier step has the same control program, which is rewritten already. */
static bool is_rewritten(const struct npim_program *program, uint32_t before,
                         const uint8_t *control) {
  struct npim_step step;
  for (uint32_t i = 0; i < before && npim_program_step(program, i, &step); ++i) {
    if (step.kind == NPIM_STEP_CHIP && step.data == control) return true;
  }
  return false;
}

static int rewrite_steps(const struct npim_program *program, uint8_t *file,
                         const struct npim_array_record *records, uint32_t count,
                         struct npim_message *why) {
  struct npim_step step;
  for (uint32_t i = 0; npim_program_step(program, i, &step); ++i) {
    if (step.kind != NPIM_STEP_CHIP || is_rewritten(program, i, step.data)) continue;
    uint8_t *control = file + (step.data - (const uint8_t *)file);
    const int result = rewrite_control(control, step.bytes, records, count, why);
    if (result != NPIM_OK) return result;
  }
  return NPIM_OK;
}

int npim_repair(const struct npim_info *chip, const struct npim_program *program, uint8_t *file,
                struct npim_array_record *records, uint32_t count, const struct npim_march *march,
                struct npim_repair_report *report, struct npim_message *why) {
  memset(report, 0, sizeof *report);
  for (uint32_t i = 0; i < count; ++i) {
    if (!spoils(&records[i], records[i].moved_to, chip, march)) continue;
    ++report->harmed;
    if (!find_place(&records[i], chip, records, count, march, report)) ++report->left;
  }
  const int result = rewrite_steps(program, file, records, count, why);
  if (result != NPIM_OK) return result;
  for (uint32_t i = 0; i < count; ++i) {
    put16(records[i].record + 2, records[i].moved_to);
    records[i].array = records[i].moved_to;
  }
  return NPIM_OK;
}
