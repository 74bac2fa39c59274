/* Traps of the host hart: an unexpected one is reported and ends the run; a test may expect one. */
#ifndef NPIM_BOOT_TRAP_H
#define NPIM_BOOT_TRAP_H

#include <stdbool.h>
#include <stdint.h>

/* As start.S stores it; f holds ft0..ft11, fa0..fa7. */
struct trap_frame {
  uint64_t x[32]; /* x[0] is unused */
  uint64_t mepc;
  uint64_t fcsr;
  double f[20];
};
_Static_assert(sizeof(struct trap_frame) == 54 * 8, "start.S saves a frame of this size");

/* An exception that a test provoked. */
struct trap_record {
  bool happened;
  uint64_t cause;
  uint64_t pc;
  uint64_t value; /* mtval */
};

/* Called by the vector. Interrupts go to the handler of trap_on_interrupt(); an exception inside
   trap_expect_begin()/end() is recorded and the instruction skipped; everything else is fatal. */
void trap_handle(struct trap_frame *frame, uint64_t cause, uint64_t value);

/* From here on exceptions are recorded instead of ending the run. */
void trap_expect_begin(void);
/* Ends the expectation and tells the first exception since it began. */
struct trap_record trap_expect_end(void);

/* The function that interrupts call with their number (mcause without its top bit). */
void trap_on_interrupt(void (*handler)(uint64_t number));

const char *trap_name(uint64_t cause);

#endif
