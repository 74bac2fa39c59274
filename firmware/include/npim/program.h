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
  bool on_host;
  uint16_t stages;
  uint16_t tiles;
  uint32_t arrays;
  uint32_t windows; /* per image */
  char name[48];    /* terminated */
};

/* Who holds a tensor, from where on. */
enum npim_place { NPIM_PLACE_IMAGES = 0, NPIM_PLACE_OUTPUTS = 1, NPIM_PLACE_WORKSPACE = 2 };

/* Between steps: pixel p (row-major) of image i begins first_byte + i * image_bytes +
   p * pixel_bytes after its place's start, in the workspace `buffer` bytes times the images of a
   batch further on. */
struct npim_tensor {
  struct npim_shape shape;
  uint8_t place; /* enum npim_place */
  uint8_t element_bytes;
  uint32_t pixel_bytes, image_bytes, first_byte;
  uint64_t buffer;
};

enum npim_step_kind { NPIM_STEP_CHIP = 1, NPIM_STEP_HOST = 2, NPIM_STEP_VIEW = 3 };

/* What is done for each batch, in order. */
struct npim_step {
  uint8_t kind;   /* enum npim_step_kind */
  uint32_t layer; /* host: of the network, or all ones: tensors are put side by side */
  uint32_t input_count;
  const uint8_t *inputs; /* u32 numbers of tensors, little endian */
  uint32_t output;
  uint32_t stages;     /* of the chip's control program */
  const uint8_t *data; /* the chip's control program, or the host's operation (npim/host_ops.h) */
  uint32_t bytes;
};

struct npim_program {
  char name[32]; /* terminated */
  struct npim_requirements requirements;
  struct npim_shape input, output;
  uint32_t output_element_bytes; /* 1 (u8) or 4 (s32) */
  double output_scale;
  uint32_t classes; /* 0: not a classifier */
  uint32_t layer_count;
  const uint8_t *weights, *layers; /* inside the file */
  const uint8_t *input_table;      /* [channels][256], or NULL: see below */
  uint32_t weights_bytes;
  uint32_t tensor_count, step_count;
  const uint8_t *tensors, *steps, *step_inputs, *control, *operations;
  uint64_t control_bytes, operations_bytes;
  uint64_t workspace_bytes; /* per image of a batch */
  bool is_chip_alone;       /* one step, on the chip, from the images to the outputs */
};

/* Checks magic, version, size, checksum, section table and the steps. NPIM_OK, or NPIM_E_FILE and a
   message. The file must be aligned to 8 bytes and stay where it is while the program is used. */
int npim_program_open(struct npim_program *program, const void *file, size_t bytes,
                      struct npim_message *why);

/* Does the chip offer what the program needs? NPIM_OK, or NPIM_E_FILE and a message with both
 * sides. */
int npim_program_check(const struct npim_program *program, const struct npim_info *chip,
                       struct npim_message *why);

/* Loads weights and, if the chip runs one control program only, its control vectors. The outcome of
   the command that failed, and a message. */
int npim_program_load(struct npim_device *device, const struct npim_program *program,
                      uint64_t timeout_ns, struct npim_message *why);

/* Layer record `index`; false beyond the end. */
bool npim_program_layer(const struct npim_program *program, uint32_t index,
                        struct npim_layer *layer);

const char *npim_layer_op_name(uint8_t op);

/* Tensor or step `index`; false beyond the end. */
bool npim_program_tensor(const struct npim_program *program, uint32_t index,
                         struct npim_tensor *tensor);
bool npim_program_step(const struct npim_program *program, uint32_t index, struct npim_step *step);

/* Input `number` of a step: the number of a tensor. */
uint32_t npim_step_input(const struct npim_step *step, uint32_t number);

/* The control program of a step of the chip. */
int npim_program_load_step(struct npim_device *device, const struct npim_step *step,
                           uint64_t timeout_ns, struct npim_message *why);

/* Values per output and bytes per image. */
uint32_t npim_program_outputs(const struct npim_program *program);
uint32_t npim_program_input_bytes(const struct npim_program *program);

/* What the host does to an image before the chip sees it: byte b of channel c becomes element b of
   table c of the program. Without tables a copy. */
void npim_program_encode_image(const struct npim_program *program, const uint8_t *image,
                               uint8_t *to);

/* The outputs of one image as the last step left them, as numbers. */
void npim_program_decode_outputs(const struct npim_program *program, const uint8_t *from,
                                 int32_t *to);

/* CRC-32 (IEEE 802.3, reflected). */
uint32_t npim_crc32(const void *data, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
