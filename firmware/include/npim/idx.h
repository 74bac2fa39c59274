/* IDX files (MNIST and its relatives) in place: unsigned bytes, images of rank 3 (count, height,
   width) or 4 (and channels), labels of rank 1. */
#ifndef NPIM_IDX_H
#define NPIM_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "npim/program.h"

#ifdef __cplusplus
extern "C" {
#endif

struct npim_images {
  uint32_t count;
  struct npim_shape shape;
  const uint8_t *pixels; /* count images, one after the other */
};

struct npim_labels {
  uint32_t count;
  const uint8_t *values;
};

/* NPIM_OK, or NPIM_E_FILE and a message. */
int npim_idx_images(struct npim_images *images, const void *file, size_t bytes,
                    struct npim_message *why);
int npim_idx_labels(struct npim_labels *labels, const void *file, size_t bytes,
                    struct npim_message *why);

#ifdef __cplusplus
}
#endif

#endif
