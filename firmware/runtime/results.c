#include "npim/results.h"

#include <string.h>

#include "npim/npim.h"

uint64_t npim_results_bytes(uint32_t count, uint32_t outputs) {
  return sizeof(struct npim_results_header) + 4 * (uint64_t)count * (1 + (uint64_t)outputs);
}

void npim_results_store(uint8_t *file, uint32_t count, uint32_t outputs, uint32_t image,
                        uint32_t class_number, const int32_t *logits) {
  uint8_t *predictions = file + sizeof(struct npim_results_header);
  uint8_t *values = predictions + 4 * (size_t)count;
  memcpy(predictions + 4 * (size_t)image, &class_number, 4);
  memcpy(values + 4 * (size_t)image * outputs, logits, 4 * (size_t)outputs);
}

void npim_results_finish(uint8_t *file, const struct npim_results_header *header,
                         struct npim_device *device) {
  struct npim_counters counters;
  struct npim_results_header whole = *header;
  whole.magic = NPIM_RESULTS_MAGIC;
  whole.version = NPIM_RESULTS_VERSION;
  (void)npim_read_counters(device, &counters);
  NPIM_STATIC_ASSERT(sizeof counters == sizeof whole.counters,
                     "the same counters in the same order");
  memcpy(whole.counters, &counters, sizeof whole.counters);
  memcpy(file, &whole, sizeof whole);
}
