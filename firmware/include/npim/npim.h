/* Driver of the Neural-PIM accelerator. Needs no operating system: everything that depends on where
   it runs comes in through struct npim_port. Allocates nothing but DMA memory of the port.

   Life of a device:
     npim_probe     is it there, and what can it do
     npim_open      rings, enable
     npim_submit    put a command into the ring; npim_poll or npim_wait for its completion
     npim_cancel    end everything that is queued or running
     npim_reset     recover from anything: back to the state after npim_open
     npim_close     disable and give the rings back

   Functions return 0 (NPIM_OK), a negative value of enum npim_result for what the driver found, or
   a positive value of enum npim_error for what the chip reported. npim_error_text() explains all of
   them. The chip executes commands in order; a command that fails does not stop those behind it. A
   device is used from one thread at a time. */
#ifndef NPIM_NPIM_H
#define NPIM_NPIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "npim/regs.h"

#ifdef __cplusplus
extern "C" {
#endif

enum npim_result {
  NPIM_OK = 0,
  NPIM_E_NO_DEVICE = -1,  /* nothing, or something else, answers at the register block */
  NPIM_E_VERSION = -2,    /* the register map's major version is not this driver's */
  NPIM_E_ARGUMENT = -3,   /* a size, pointer or ticket makes no sense, or is not DMA memory */
  NPIM_E_NO_MEMORY = -4,  /* the port has no more DMA memory */
  NPIM_E_STATE = -5,      /* the device is not open */
  NPIM_E_QUEUE_FULL = -6, /* the ring holds as many commands as it can */
  NPIM_E_BUSY = -7,       /* npim_poll: not complete yet */
  NPIM_E_TIMEOUT = -8,    /* the chip did not answer in time; cancel or reset */
  NPIM_E_STALE = -9,      /* the completion record was overwritten by later commands, or is lost */
  NPIM_E_FILE = -10,      /* a file is damaged or does not fit; a message says how */
};

/* Text for every result above and every chip error. Never NULL. */
const char *npim_error_text(int result);
/* Short name: "TIMEOUT", "WEIGHTS_NOT_PROGRAMMED". Never NULL. */
const char *npim_error_name(int result);

/* What the driver needs from where it runs. `context` is passed to every function. */
struct npim_port {
  void *context;
  /* Registers, by offset in the block; ordered among themselves. */
  uint32_t (*read32)(void *context, uint32_t offset);
  void (*write32)(void *context, uint32_t offset, uint32_t value);
  /* Makes all writes to DMA memory visible to the chip before the doorbell that follows. */
  void (*barrier_before_doorbell)(void *context);
  /* Makes what the chip wrote before the completion record visible to reads that follow. */
  void (*barrier_after_completion)(void *context);
  /* Memory that the chip can reach, aligned to `alignment` (a power of two); NULL when there is
     none. Blocks are freed in the reverse order of their allocation. */
  void *(*dma_alloc)(void *context, size_t bytes, size_t alignment);
  void (*dma_free)(void *context, void *memory, size_t bytes);
  /* The chip's address of memory of this port. False when the chip cannot reach all of it. */
  bool (*bus_address)(void *context, const void *memory, size_t bytes, uint64_t *address);
  /* Sleeps until the chip's interrupt line is high or the time is over; may return early. */
  void (*wait_for_interrupt)(void *context, uint64_t timeout_ns);
  uint64_t (*now_ns)(void *context);
};

/* Capabilities, as npim_probe() read them. */
struct npim_info {
  uint16_t version_major, version_minor;
  uint32_t tiles;
  uint16_t imas_per_tile, arrays_per_ima;
  uint16_t array_rows, array_columns;
  uint8_t cell_bits, dac_bits, nnadc_bits;
  uint8_t code_format;         /* 1 signed 8 bit, 2 sign plus 8 bits, 3 lossless */
  uint32_t edram_bytes;        /* per tile */
  uint8_t range_divisors_mask; /* bit k: divisor 2^k */
  uint8_t bitline_gains_mask;  /* bit k: gain 2^k */
  uint8_t queue_log2_limit;
  uint8_t fidelity; /* 0 ideal, 1 statistical, 2 circuit */
  bool counts_energy;
  bool energy_is_powered; /* power times powered time; else counts times energy per action */
};

/* The error that the chip keeps in its registers: the first since it was last cleared. */
struct npim_fault {
  uint32_t code; /* enum npim_error */
  uint32_t command;
  uint64_t address;
};

/* Order as in the register map and in results files. energy_pj is all ones when not implemented. */
struct npim_counters {
  uint64_t cycles, windows, conversions, dma_read_bytes, dma_write_bytes, commands, energy_pj;
};

/* What went wrong in the analog parts without ending a command; since the last reset. */
struct npim_error_counters {
  uint64_t clipped;         /* conversions with the lowest or highest code */
  uint64_t verify_failures; /* cells that were not at their level after programming */
  uint64_t injected_faults;
};

/* Energy since the reset, leakage included. Counted as the chip says (npim_info.energy_is_powered).
 */
struct npim_energy {
  uint64_t chip_pj; /* without the links */
  uint64_t links_pj;
};

/* Caller provides the storage; the members are the driver's own. */
struct npim_device {
  const struct npim_port *port;
  struct npim_info info;
  struct npim_descriptor *queue;
  volatile struct npim_completion *completions;
  uint64_t queue_address, completions_address;
  uint32_t queue_log2;
  uint32_t head, tail; /* free-running, as the chip's */
  uint32_t irq_batch;
  bool is_open;
  struct npim_fault fault; /* latest that the driver took from the chip */
};

/* Names a submitted command. */
typedef uint32_t npim_ticket;

/* Checks identity and version and reads the capabilities into device->info. Changes no state of the
   chip. `port` must outlive the device. */
int npim_probe(struct npim_device *device, const struct npim_port *port);

/* Resets the chip, allocates rings of 2^queue_log2 commands (1 to info.queue_log2_limit) and
   enables it. On an error nothing stays allocated. */
int npim_open(struct npim_device *device, uint32_t queue_log2);

/* Disables the chip and frees the rings. Commands that have not completed are lost. */
void npim_close(struct npim_device *device);

/* Flagged completions per interrupt, 1 to 65535; kept over resets. */
int npim_set_irq_batch(struct npim_device *device, uint32_t commands);

/* Copies a command into the ring and rings the doorbell. *ticket may be NULL. */
int npim_submit(struct npim_device *device, const struct npim_descriptor *command,
                npim_ticket *ticket);

/* NPIM_E_BUSY, or the outcome of a completed command; *completion (may be NULL) gets its record. */
int npim_poll(struct npim_device *device, npim_ticket ticket, struct npim_completion *completion);

/* Sleeps until the command has completed and returns its outcome as npim_poll does. NPIM_E_TIMEOUT
   leaves it queued. A command without NPIM_FLAG_INTERRUPT is polled every millisecond. */
int npim_wait(struct npim_device *device, npim_ticket ticket, uint64_t timeout_ns,
              struct npim_completion *completion);

/* Submits with NPIM_FLAG_INTERRUPT set and waits. */
int npim_execute(struct npim_device *device, const struct npim_descriptor *command,
                 uint64_t timeout_ns, struct npim_completion *completion);

/* Ends the running command and all queued ones, which complete with NPIM_ERROR_CANCELLED. */
int npim_cancel(struct npim_device *device, uint64_t timeout_ns);

/* Soft reset: aborts everything; control vectors and weights are gone; rings are set up anew and
   are empty. Earlier tickets are void. */
int npim_reset(struct npim_device *device, uint64_t timeout_ns);

/* Reads the fault registers and clears them. Code 0 when there was none. */
int npim_take_fault(struct npim_device *device, struct npim_fault *fault);

int npim_read_counters(struct npim_device *device, struct npim_counters *counters);
int npim_read_error_counters(struct npim_device *device, struct npim_error_counters *counters);

/* False when the chip does not count energy. */
bool npim_read_energy(const struct npim_device *device, struct npim_energy *energy);

/* The commands. Memory must be the port's (npim_port.bus_address must know it). */
int npim_load_control(struct npim_device *device, const void *control, uint32_t bytes,
                      uint64_t timeout_ns, struct npim_completion *completion);
int npim_program_weights(struct npim_device *device, const void *weights, uint32_t bytes,
                         uint64_t timeout_ns, struct npim_completion *completion);
int npim_read_back(struct npim_device *device, uint8_t region, uint16_t tile, uint16_t array,
                   uint32_t offset, void *to, uint32_t bytes, uint64_t timeout_ns);

/* Sets range and bit-line gain of stage `stage` (in load order) until control vectors are loaded
   again. The product must stay what the network was quantised for. */
int npim_set_converter(struct npim_device *device, uint32_t stage, uint32_t range_divisor,
                       uint16_t bitline_gain, uint64_t timeout_ns);
/* Trims the converters of a tile, or of all (NPIM_ALL_TILES). With NPIM_ERROR_CONVERTER_FAILED the
   completion tells how many could not be trimmed (detail) and which is the first (fault address:
   tile << 16 | converter). */
#define NPIM_ALL_TILES UINT16_C(0xffff)
int npim_calibrate(struct npim_device *device, uint16_t tile, uint64_t timeout_ns,
                   struct npim_completion *completion);
/* Takes a converter out of service or puts it back. */
int npim_converter_service(struct npim_device *device, uint16_t tile, uint16_t converter,
                           bool in_service, uint64_t timeout_ns);
/* Trims and state of converter `converter` of a tile. *state must be the port's memory. */
int npim_read_converter(struct npim_device *device, uint16_t tile, uint16_t converter,
                        struct npim_converter_state *state, uint64_t timeout_ns);
/* Breaks a cell (element: row << 16 | column) of an array, a converter (element: its code), or a
   tile, for tests. */
int npim_inject_fault(struct npim_device *device, enum npim_fault_kind kind, uint16_t tile,
                      uint16_t array_or_converter, uint32_t element, uint64_t timeout_ns);
/* Programs levels [row][column] of a whole array. The completion's detail tells how many cells have
   not reached theirs. */
int npim_program_levels(struct npim_device *device, uint16_t tile, uint16_t array,
                        const uint8_t *levels, uint32_t bytes, uint64_t timeout_ns,
                        struct npim_completion *completion);

struct npim_run {
  const void *images;
  uint32_t count;
  uint32_t image_bytes, image_stride;
  void *outputs;
  uint32_t output_bytes, output_stride;
  bool layer_by_layer; /* a layer begins an image when it has all of it */
};

/* Fills a RUN command with its interrupt flag set. NPIM_E_ARGUMENT when a buffer is not the port's.
 */
int npim_make_run(struct npim_device *device, const struct npim_run *run,
                  struct npim_descriptor *command);

#ifdef __cplusplus
}
#endif

#endif
