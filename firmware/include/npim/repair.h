/* Finds stuck cells by a march test and maps a program around them. */
#ifndef NPIM_REPAIR_H
#define NPIM_REPAIR_H

#include <stddef.h>
#include <stdint.h>

#include "npim/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A cell that does not take every level. */
struct npim_stuck_cell {
  uint16_t tile, array, row, column;
  uint8_t level; /* where it stays */
};

struct npim_march {
  /* rows * columns bytes each; the first two in memory that the chip reaches */
  uint8_t *levels, *sensed, *seen;
  /* What has been found. A test that finds more than `capacity` ends with NPIM_E_NO_MEMORY. */
  struct npim_stuck_cell *cells;
  uint32_t capacity, count;
};

/* March C- over the cells of one array, with their lowest level as 0 and the highest as 1:
     (w0); (r0, w1); (r1, w0); (r0, w1); (r1, w0); (r0)
   A write or read is one command for the whole array, so the order of addresses within an element
   is the write circuit's. Destroys what the array holds. Adds to march->cells. */
int npim_march_array(struct npim_device *device, uint16_t tile, uint16_t array,
                     struct npim_march *march, uint64_t timeout_ns);

/* An array that a program uses. */
struct npim_array_record {
  const int8_t *values; /* [rows][vectors] */
  uint8_t *record;      /* among the weights */
  uint16_t tile, array, rows, vectors;
  uint8_t shift;     /* magnitudes count 2^shift */
  uint16_t moved_to; /* array of the same tile */
};

/* Lists the arrays of a program's weights, in their order. NPIM_E_NO_MEMORY for more than
   `capacity`, NPIM_E_FILE for a damaged list. */
int npim_list_arrays(uint8_t *weights, uint32_t bytes, struct npim_array_record *records,
                     uint32_t capacity, uint32_t *count);

/* Columns that one signed weight takes. */
uint32_t npim_columns_per_vector(const struct npim_info *chip);

/* Level that the cell at (row, column) must have for an array's weights. */
uint8_t npim_wanted_level(const struct npim_array_record *record, const struct npim_info *chip,
                          uint16_t row, uint16_t column);

struct npim_repair_report {
  uint32_t harmed;  /* arrays with a stuck cell that spoils a weight */
  uint32_t moved;   /* to a spare array */
  uint32_t swapped; /* with another array of the program that the stuck cells do not hurt */
  uint32_t left;    /* for which there was nothing */
};

/* Gives each array that stuck cells spoil another place in its tile: a spare array, rather one of
   the same IMA, or that of another array of the program when neither suffers. Rewrites control
   vectors and weights in `file`, which the program was opened from. Arrays of the tiles in question
   that are not among the stuck cells are taken to be good. */
int npim_repair(const struct npim_info *chip, const struct npim_program *program, uint8_t *file,
                struct npim_array_record *records, uint32_t count, const struct npim_march *march,
                struct npim_repair_report *report, struct npim_message *why);

#ifdef __cplusplus
}
#endif

#endif
