/* Program files (*.npim) as the firmware uses them: in place, in the memory where the loader put
   them. Layout: models/program/program_file.h. */
#ifndef NPIM_PROGRAM_H
#define NPIM_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npim/npim.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why something was refused, for people. */
struct npim_message {
  char text[192];
};

struct npim_shape {
  uint32_t height, width, channels;
};

struct npim_requirements {
  uint32_t tiles;
  uint16_t imas_per_tile, arrays_per_ima, array_rows, array_columns;
  uint8_t cell_bits, dac_bits, nnadc_bits, code_format;
  uint32_t edram_bytes;
  uint8_t range_divisors_mask, bitline_gains_mask;
};

struct npim_layer {
  uint32_t layer;
  uint8_t op; /* npim_layer_op_name() */
  uint16_t stages;
  uint16_t tiles;
  uint32_t arrays;
  uint32_t windows; /* per image */
  char name[48];    /* terminated */
};

struct npim_program {
  char name[32]; /* terminated */
  struct npim_requirements requirements;
  struct npim_shape input, output;
  uint32_t output_element_bytes; /* 1 (u8) or 4 (s32) */
  double output_scale;
  uint32_t classes; /* 0: not a classifier */
  uint32_t layer_count;
  const uint8_t *control, *weights, *layers; /* inside the file */
  const uint8_t *input_table;                /* [channels][256], or NULL: see below */
  uint32_t control_bytes, weights_bytes;
};

/* Checks magic, version, size, checksum and section table. NPIM_OK, or NPIM_E_FILE and a message.
   The file must stay where it is while the program is used. */
int npim_program_open(struct npim_program *program, const void *file, size_t bytes,
                      struct npim_message *why);

/* Does the chip offer what the program needs? NPIM_OK, or NPIM_E_FILE and a message with both
 * sides. */
int npim_program_check(const struct npim_program *program, const struct npim_info *chip,
                       struct npim_message *why);

/* Loads control vectors and weights. The outcome of the command that failed, and a message. */
int npim_program_load(struct npim_device *device, const struct npim_program *program,
                      uint64_t timeout_ns, struct npim_message *why);

/* Layer record `index`; false beyond the end. */
bool npim_program_layer(const struct npim_program *program, uint32_t index,
                        struct npim_layer *layer);

const char *npim_layer_op_name(uint8_t op);

/* Values per output and bytes per image. */
uint32_t npim_program_outputs(const struct npim_program *program);
uint32_t npim_program_input_bytes(const struct npim_program *program);

/* What the host does to an image before the chip sees it: byte b of channel c becomes element b of
   table c of the program. Without tables a copy. */
void npim_program_encode_image(const struct npim_program *program, const uint8_t *image,
                               uint8_t *to);

/* CRC-32 (IEEE 802.3, reflected). */
uint32_t npim_crc32(const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
