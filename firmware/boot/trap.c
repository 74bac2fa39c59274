#include "boot/trap.h"

#include <stddef.h>
#include <stdio.h>

#include "boot/board.h"

#define INTERRUPT_BIT (UINT64_C(1) << 63)

static struct trap_record expected;
static bool expecting;
static void (*interrupt_handler)(uint64_t number);

const char *trap_name(uint64_t cause) {
  static const char *const names[] = {
      "instruction address misaligned",
      "instruction access fault",
      "illegal instruction",
      "breakpoint",
      "load address misaligned",
      "load access fault",
      "store address misaligned",
      "store access fault",
      "environment call from U-mode",
      "environment call from S-mode",
      "reserved",
      "environment call from M-mode",
      "instruction page fault",
      "load page fault",
      "reserved",
      "store page fault",
  };
  if ((cause & INTERRUPT_BIT) != 0) return "interrupt";
  return cause < sizeof names / sizeof names[0] ? names[cause] : "reserved";
}

static void fatal(const struct trap_frame *frame, uint64_t cause, uint64_t value) {
  static bool entered;
  if (entered) board_exit(BOARD_EXIT_TRAP); /* a trap in the report of a trap */
  entered = true;
  printf("\nTrap: %s (mcause 0x%llx) at mepc 0x%llx, mtval 0x%llx\n", trap_name(cause),
         (unsigned long long)cause, (unsigned long long)frame->mepc, (unsigned long long)value);
  printf("ra 0x%llx  sp 0x%llx  a0 0x%llx  a1 0x%llx\n", (unsigned long long)frame->x[1],
         (unsigned long long)frame->x[2], (unsigned long long)frame->x[10],
         (unsigned long long)frame->x[11]);
  board_exit(BOARD_EXIT_TRAP);
}

/* Compressed instructions are two bytes long. A fetch fault cannot be skipped. */
static uint64_t next_instruction(uint64_t pc) {
  const uint16_t low = *(const uint16_t *)pc;
  return pc + ((low & 3U) == 3U ? 4 : 2);
}

static bool is_fetch_fault(uint64_t cause) {
  return cause == 0 || cause == 1 || cause == 12;
}

void trap_handle(struct trap_frame *frame, uint64_t cause, uint64_t value) {
  if ((cause & INTERRUPT_BIT) != 0 && interrupt_handler != NULL) {
    interrupt_handler(cause & ~INTERRUPT_BIT);
    return;
  }
  if ((cause & INTERRUPT_BIT) != 0 || !expecting) fatal(frame, cause, value);
  if (!expected.happened) {
    expected = (struct trap_record){true, cause, frame->mepc, value};
  }
  /* A test that jumps to nowhere calls it: go back to the caller. */
  frame->mepc = is_fetch_fault(cause) ? frame->x[1] : next_instruction(frame->mepc);
}

void trap_expect_begin(void) {
  expected = (struct trap_record){0};
  expecting = true;
}

struct trap_record trap_expect_end(void) {
  expecting = false;
  return expected;
}

void trap_on_interrupt(void (*handler)(uint64_t number)) {
  interrupt_handler = handler;
}
