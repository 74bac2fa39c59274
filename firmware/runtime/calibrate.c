#include <inttypes.h>
#include <string.h>

#include "npim/runtime.h"
#include "runtime/bytes.h"
#include "runtime/message.h"

#define RECORD_BYTES 8U
#define TILES_AT_A_TIME 1024U

struct calibration {
  struct npim_device *device;
  uint64_t timeout_ns;
  uint32_t retired;
};

/* Until all converters that remain in service are well. */
static int calibrate(struct calibration *work, uint16_t tile) {
  for (;;) {
    struct npim_completion completion = {0};
    int result = npim_calibrate(work->device, tile, work->timeout_ns, &completion);
    if (result != NPIM_ERROR_CONVERTER_FAILED) return result;
    const uint16_t of_tile = (uint16_t)(completion.fault_address >> 16);
    const uint16_t converter = (uint16_t)completion.fault_address;
    result = npim_converter_service(work->device, of_tile, converter, false, work->timeout_ns);
    if (result != NPIM_OK) return result;
    ++work->retired;
  }
}

static int report(const struct calibration *work, int result, uint32_t *retired,
                  struct npim_message *why) {
  if (retired != NULL) *retired = work->retired;
  if (result == NPIM_OK) return NPIM_OK;
  return NPIM_REFUSE(why, result, "calibration: %s (%s)", npim_error_text(result),
                     npim_error_name(result));
}

int npim_calibrate_chip(struct npim_device *device, uint64_t timeout_ns, uint32_t *retired,
                        struct npim_message *why) {
  struct calibration work = {device, timeout_ns, 0};
  const int result = calibrate(&work, NPIM_ALL_TILES);
  return report(&work, result, retired, why);
}

/* Marks those of the tiles from `first` on that hold weights. */
static void find_tiles(const struct npim_program *program, uint32_t first, uint8_t *found) {
  const uint8_t *at = program->weights;
  uint32_t left = program->weights_bytes;
  memset(found, 0, TILES_AT_A_TIME / 8);
  while (left >= RECORD_BYTES) {
    const uint32_t tile = npim_get16(at);
    const uint64_t values = (uint64_t)npim_get16(at + 4) * at[6];
    const uint64_t bytes = RECORD_BYTES + (values + 7) / 8 * 8;
    if (tile >= first && tile < first + TILES_AT_A_TIME) {
      found[(tile - first) / 8] |= (uint8_t)(1U << (tile - first) % 8);
    }
    if (bytes > left) return;
    at += bytes;
    left -= (uint32_t)bytes;
  }
}

int npim_calibrate_program(struct npim_device *device, const struct npim_program *program,
                           uint64_t timeout_ns, uint32_t *retired, struct npim_message *why) {
  struct calibration work = {device, timeout_ns, 0};
  uint8_t found[TILES_AT_A_TIME / 8];
  int result = NPIM_OK;
  for (uint32_t first = 0; first <= UINT16_MAX && result == NPIM_OK; first += TILES_AT_A_TIME) {
    if (first >= program->requirements.tiles) break;
    find_tiles(program, first, found);
    for (uint32_t i = 0; i < TILES_AT_A_TIME && result == NPIM_OK; ++i) {
      const bool holds_weights = (found[i / 8] >> i % 8 & 1U) != 0;
      if (holds_weights) result = calibrate(&work, (uint16_t)(first + i));
    }
  }
  return report(&work, result, retired, why);
}
