/* Runs a loaded program over many images, and does what the chip does not: softmax and argmax. */
#ifndef NPIM_RUNTIME_H
#define NPIM_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#include "npim/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a layer has done in a run. */
struct npim_layer_totals {
  uint64_t windows, conversions, input_cycles; /* summed over the stages */
  uint64_t busy_ns, wait_input_ns;             /* of the stage that worked longest */
  uint64_t host_ns;                            /* that the host needed for it */
};

struct npim_network_job {
  const uint8_t *images; /* in memory that the chip reaches, one after the other */
  uint32_t count;
  uint32_t batch;      /* images per command, at least 1 */
  uint64_t timeout_ns; /* per command */
  /* Called in order with the outputs of each image: npim_program_outputs() values. May be slow: the
     chip works on the next batch meanwhile. */
  void (*on_output)(void *context, uint32_t image, const int32_t *outputs);
  void *context;
  /* One per layer, cleared and filled in by the run; or NULL. A program that the chip runs alone
     does not need them: the chip has kept count. */
  struct npim_layer_totals *totals;
  bool layer_by_layer; /* as in struct npim_run */
};

struct npim_network_report {
  uint32_t images_done;
  uint64_t chip_ns; /* durations of all RUN commands */
  uint64_t load_ns; /* durations of all LOAD_CONTROL commands in between */
  uint64_t host_ns; /* time of the host's operations */
};

/* Streams all images in batches, which are made smaller if there is too little DMA memory for them.
   If the chip runs the network alone, two batches are on their way at a time; else the steps of the
   program follow each other for each batch. `scratch` holds one image's outputs. Stops at
   the first command that fails and says which in *why. */
int npim_network_run(struct npim_device *device, const struct npim_program *program,
                     const struct npim_network_job *run, int32_t *scratch,
                     struct npim_network_report *report, struct npim_message *why);

/* Calibrates the whole chip, which is worth while once a program is loaded and after every change
   of temperature. Converters that cannot be trimmed are taken out of service; *retired (may be
   NULL) counts them. */
int npim_calibrate_chip(struct npim_device *device, uint64_t timeout_ns, uint32_t *retired,
                        struct npim_message *why);
/* Only the tiles that hold the program's weights. */
int npim_calibrate_program(struct npim_device *device, const struct npim_program *program,
                           uint64_t timeout_ns, uint32_t *retired, struct npim_message *why);

struct npim_layer_report {
  struct npim_layer layer;
  struct npim_layer_totals totals;
};

/* Hands out what the layers did, in order: `totals` of a run or, if that is NULL and the chip runs
   the network alone, the counters of its stages. */
int npim_network_layers(struct npim_device *device, const struct npim_program *program,
                        const struct npim_layer_totals *totals, uint64_t timeout_ns,
                        void (*on_layer)(void *context, const struct npim_layer_report *report),
                        void *context);

/* Adds the counters of the stages that are loaded, `stages` of them, to the layers' totals. */
int npim_collect_counters(struct npim_device *device, const struct npim_program *program,
                          uint32_t stages, uint64_t timeout_ns, struct npim_layer_totals *totals);

/* Index of the largest value; the first of equal ones. count must not be 0. */
uint32_t npim_argmax(const int32_t *values, uint32_t count);

/* Softmax of scale * values into out (may not overlap). count must not be 0. */
void npim_softmax(const int32_t *values, uint32_t count, double scale, float *out);

#ifdef __cplusplus
}
#endif

#endif
