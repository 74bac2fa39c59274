/* The results file: what the firmware computed, for tools. Little endian: the header, then u32
   predictions[count], then s32 logits[count][outputs]. */
#ifndef NPIM_RESULTS_H
#define NPIM_RESULTS_H

#include <stddef.h>
#include <stdint.h>

#include "npim/regs.h"

#define NPIM_RESULTS_MAGIC 0x5345524eu /* 'NRES' */
#define NPIM_RESULTS_VERSION 1u
#define NPIM_RESULTS_COUNTERS 7u

struct npim_results_header {
  uint32_t magic, version;
  uint32_t count, outputs; /* images; values per image */
  uint64_t chip_ns;        /* time of the RUN commands, summed */
  uint64_t hart_cycles;    /* of the host hart, from the first submission to the last completion */
  uint32_t correct, labelled; /* images whose label was predicted; images that have a label */
  uint64_t counters[NPIM_RESULTS_COUNTERS]; /* the chip's, in the order of the register map */
};
NPIM_STATIC_ASSERT(sizeof(struct npim_results_header) == 96, "size of the results header");
NPIM_STATIC_ASSERT(offsetof(struct npim_results_header, counters) == 40, "offset of the counters");

#ifdef __cplusplus
extern "C" {
#endif

struct npim_device;

/* Of a whole file. */
uint64_t npim_results_bytes(uint32_t count, uint32_t outputs);

/* One image's class and logits. `file` has room for npim_results_bytes(). */
void npim_results_store(uint8_t *file, uint32_t count, uint32_t outputs, uint32_t image,
                        uint32_t class_number, const int32_t *logits);

/* Writes the header, with magic, version and the chip's counters filled in. */
void npim_results_finish(uint8_t *file, const struct npim_results_header *header,
                         struct npim_device *device);

#ifdef __cplusplus
}
#endif

#endif
