#include <inttypes.h>

#include "npim/runtime.h"
#include "runtime/message.h"

int npim_calibrate_chip(struct npim_device *device, uint64_t timeout_ns, uint32_t *retired,
                        struct npim_message *why) {
  uint32_t count = 0;
  int result;
  for (;;) {
    struct npim_completion completion = {0};
    result = npim_calibrate(device, NPIM_ALL_TILES, timeout_ns, &completion);
    if (result != NPIM_ERROR_CONVERTER_FAILED) break;
    const uint16_t tile = (uint16_t)(completion.fault_address >> 16);
    const uint16_t converter = (uint16_t)completion.fault_address;
    result = npim_converter_service(device, tile, converter, false, timeout_ns);
    if (result != NPIM_OK) break;
    ++count;
  }
  if (retired != NULL) *retired = count;
  if (result == NPIM_OK) return NPIM_OK;
  return NPIM_REFUSE(why, result, "calibration: %s (%s)", npim_error_text(result),
                     npim_error_name(result));
}
