#include "boot/harts.h"

#include <stddef.h>

#include "boot/board.h"

struct job {
  void (*function)(void *argument); /* NULL: none */
  void *argument;
};

static struct job jobs[HARTS_MOST];

/* start.S takes the end of a hart's stack from here. */
unsigned char harts_stacks[HARTS_MOST][HARTS_STACK_BYTES] __attribute__((aligned(16)));

static volatile uint32_t *msip(uint64_t hart) {
  return (volatile uint32_t *)(board.clint + 4 * hart);
}

unsigned harts_count(void) {
  unsigned count = 0;
  npim_fdt_node node = NPIM_FDT_NONE;
  if (!board.has_tree) return 1;
  while ((node = npim_fdt_compatible(&board.tree, node, "riscv")) != NPIM_FDT_NONE) ++count;
  if (count == 0) return 1;
  return count < HARTS_MOST ? count : HARTS_MOST;
}

bool harts_busy(unsigned hart) {
  return hart < HARTS_MOST && __atomic_load_n(&jobs[hart].function, __ATOMIC_ACQUIRE) != NULL;
}

bool harts_start(unsigned hart, void (*function)(void *argument), void *argument) {
  if (hart == 0 || hart >= harts_count() || function == NULL || harts_busy(hart)) return false;
  jobs[hart].argument = argument;
  __atomic_store_n(&jobs[hart].function, function, __ATOMIC_RELEASE);
  __asm__ volatile("fence rw, o" ::: "memory");
  *msip(hart) = 1;
  return true;
}

void harts_woken(uint64_t hart) {
  *msip(hart) = 0;
  __asm__ volatile("fence o, rw" ::: "memory");
  void (*function)(void *argument) = __atomic_load_n(&jobs[hart].function, __ATOMIC_ACQUIRE);
  if (function == NULL) return;
  function(jobs[hart].argument);
  __atomic_store_n(&jobs[hart].function, NULL, __ATOMIC_RELEASE);
}
