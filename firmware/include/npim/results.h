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

#endif
