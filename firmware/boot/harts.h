/* Harts other than 0. They sleep until hart 0 gives them a function. A function runs with interrupts
   off, on a stack of its own, and shares everything else: it must not use the C library's streams or
   errno, which hart 0 uses. */
#ifndef NPIM_BOOT_HARTS_H
#define NPIM_BOOT_HARTS_H

#include <stdbool.h>
#include <stdint.h>

#define HARTS_MOST 32U
#define HARTS_STACK_BYTES 4096U

/* How many the device tree names; 1 without a tree. At most HARTS_MOST. */
unsigned harts_count(void);

/* Lets a sleeping hart (1 .. count - 1) call function(argument), after which it sleeps again. False
   for other numbers and for one that has not come back yet. */
bool harts_start(unsigned hart, void (*function)(void *argument), void *argument);

/* Whether the function of harts_start() has not returned yet. */
bool harts_busy(unsigned hart);

/* Called by start.S on a hart that was woken. */
void harts_woken(uint64_t hart);

#endif
