#include <string.h>

#include "npim/repair.h"

static int write_all(struct npim_device *device, uint16_t tile, uint16_t array, uint8_t level,
                     const struct npim_march *march, uint64_t timeout_ns) {
  const uint32_t cells = (uint32_t)device->info.array_rows * device->info.array_columns;
  memset(march->levels, level, cells);
  return npim_program_levels(device, tile, array, march->levels, cells, timeout_ns, NULL);
}

/* Reads all cells; those that are not at `level` join the list, once. */
static int read_all(struct npim_device *device, uint16_t tile, uint16_t array, uint8_t level,
                    struct npim_march *march, uint64_t timeout_ns) {
  const uint32_t columns = device->info.array_columns;
  const uint32_t cells = (uint32_t)device->info.array_rows * columns;
  const int result =
      npim_read_back(device, NPIM_REGION_LEVELS, tile, array, 0, march->sensed, cells, timeout_ns);
  if (result != NPIM_OK) return result;
  for (uint32_t i = 0; i < cells; ++i) {
    if (march->sensed[i] == level || march->seen[i] != 0) continue;
    if (march->count == march->capacity) return NPIM_E_NO_MEMORY;
    march->seen[i] = 1;
    march->cells[march->count++] = (struct npim_stuck_cell){
        .tile = tile,
        .array = array,
        .row = (uint16_t)(i / columns),
        .column = (uint16_t)(i % columns),
        .level = march->sensed[i],
    };
  }
  return NPIM_OK;
}

int npim_march_array(struct npim_device *device, uint16_t tile, uint16_t array,
                     struct npim_march *march, uint64_t timeout_ns) {
  const uint8_t highest = (uint8_t)((1U << device->info.cell_bits) - 1);
  const uint8_t after_reading[] = {highest, 0, highest, 0};
  uint8_t level = 0;
  memset(march->seen, 0, (size_t)device->info.array_rows * device->info.array_columns);
  int result = write_all(device, tile, array, level, march, timeout_ns);
  for (size_t i = 0; i < sizeof after_reading && result == NPIM_OK; ++i) {
    result = read_all(device, tile, array, level, march, timeout_ns);
    level = after_reading[i];
    if (result == NPIM_OK) result = write_all(device, tile, array, level, march, timeout_ns);
  }
  return result == NPIM_OK ? read_all(device, tile, array, level, march, timeout_ns) : result;
}
