/* What the firmware knows of the board that it runs on. Found in the device tree; where a part is
   absent from the tree, the address that QEMU's `virt` machine has for it. */
#ifndef NPIM_BOOT_BOARD_H
#define NPIM_BOOT_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "npim/fdt.h"

#define BOARD_EXIT_PASS 0U
#define BOARD_EXIT_FAIL 1U
#define BOARD_EXIT_TRAP 1U

struct board {
  bool has_tree;
  struct npim_fdt tree;
  const char *bootargs; /* "" when there are none */
  uint64_t uart, clint, plic, finisher;
  uint64_t timebase_hz; /* of mtime */
  uint64_t accelerator; /* 0: the tree names none */
  uint32_t accelerator_irq;
};

/* A file that the board placed in DRAM under a name. */
struct board_file {
  uint8_t *data;
  uint64_t bytes;
};

extern struct board board;

/* C entry, called by start.S. Does not return. */
void boot_main(uint64_t hart, const void *device_tree);

/* Ends the simulation through the test finisher: 0 is pass, others fail with that code. */
_Noreturn void board_exit(unsigned code);

/* The file that the tree lists under `name`. False when there is none. */
bool board_find_file(const char *name, struct board_file *file);

/* The number after `key` in the boot arguments ("count=500"), or `fallback`. */
uint64_t board_argument(const char *key, uint64_t fallback);

/* Sends and receives over the UART; console_read gives -1 when no character waits. */
void console_write(char c);
int console_read(void);

static inline uint64_t board_cycles(void) {
  uint64_t cycles;
  __asm__ volatile("csrr %0, mcycle" : "=r"(cycles));
  return cycles;
}

#endif
