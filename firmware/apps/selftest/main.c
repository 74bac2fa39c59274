/* Tests the chip through the driver, and the board's answers to wrong accesses. Prints one line per
   check and a count; ends with failure when one failed. */
#include <stdio.h>

#include "apps/selftest/checks.h"
#include "boot/board.h"
#include "boot/trap.h"
#include "port/baremetal/port.h"

#define HOLE UINT64_C(0x50000000)
#define CAUSE_FETCH_FAULT 1U
#define CAUSE_LOAD_FAULT 5U
#define CAUSE_STORE_FAULT 7U
#define MSTATUS_MIE (UINT64_C(1) << 3)
#define MIE_EXTERNAL (UINT64_C(1) << 11)
#define EXTERNAL_INTERRUPT 11U

static void report(void *context, bool passed, const char *name, const char *detail) {
  (void)context;
  printf("%s  %s%s%s\n", passed ? "pass" : "FAIL", name, *detail != '\0' ? ": " : "", detail);
}

static void expect_trap(struct selftest *test, const char *name, uint64_t cause, uint64_t value) {
  const struct trap_record trap = trap_expect_end();
  char detail[96] = "";
  const bool right = trap.happened && trap.cause == cause && trap.value == value;
  if (!right) {
    snprintf(detail, sizeof detail, "%s, mtval 0x%llx",
             trap.happened ? trap_name(trap.cause) : "no trap", (unsigned long long)trap.value);
  }
  selftest_check(test, right, name, detail);
}

static void check_traps(struct selftest *test) {
  const uint64_t id = board.accelerator + NPIM_REG_ID, hole = board.accelerator + 0xffc;
  trap_expect_begin();
  *(volatile uint32_t *)id = 0;
  expect_trap(test, "writing a read-only register traps", CAUSE_STORE_FAULT, id);
  trap_expect_begin();
  (void)*(volatile uint32_t *)hole;
  expect_trap(test, "reading where no register is traps", CAUSE_LOAD_FAULT, hole);
  trap_expect_begin();
  (void)*(volatile uint8_t *)id;
  expect_trap(test, "reading a byte of a register traps", CAUSE_LOAD_FAULT, id);
  trap_expect_begin();
  (void)*(volatile uint32_t *)HOLE;
  expect_trap(test, "reading an unmapped address traps", CAUSE_LOAD_FAULT, HOLE);
  trap_expect_begin();
  ((void (*)(void))HOLE)();
  expect_trap(test, "jumping to an unmapped address traps", CAUSE_FETCH_FAULT, HOLE);
}

static volatile uint32_t interrupts, source;

static void on_interrupt(uint64_t number) {
  if (number != EXTERNAL_INTERRUPT) return;
  ++interrupts;
  source = plic_claim();
  *(volatile uint32_t *)(board.accelerator + NPIM_REG_IRQ_STATUS) = NPIM_IRQ_STATUS_RESET_DONE_MASK;
  plic_complete(source);
}

/* The other way to take an interrupt: through the trap vector. */
static void check_vectored_interrupt(struct selftest *test) {
  const struct npim_port *port = test->port;
  const uint64_t deadline = port->now_ns(port->context) + 1000000;
  plic_complete(board.accelerator_irq); /* the port's last wait may still hold the claim */
  interrupts = source = 0;
  trap_on_interrupt(on_interrupt);
  port->write32(port->context, NPIM_REG_CONTROL, NPIM_CONTROL_SOFT_RESET_MASK);
  port->write32(port->context, NPIM_REG_IRQ_MASK, NPIM_IRQ_MASK_RESET_DONE_MASK);
  __asm__ volatile("csrs mie, %0" ::"r"(MIE_EXTERNAL));
  __asm__ volatile("csrs mstatus, %0" ::"r"(MSTATUS_MIE) : "memory");
  while (interrupts == 0 && port->now_ns(port->context) < deadline) {
  }
  __asm__ volatile("csrc mstatus, %0" ::"r"(MSTATUS_MIE) : "memory");
  __asm__ volatile("csrc mie, %0" ::"r"(MIE_EXTERNAL));
  trap_on_interrupt(NULL);
  selftest_check(test, interrupts == 1, "the reset's end interrupts once", "");
  selftest_check(test, source == board.accelerator_irq, "from the source in the device tree", "");
}

int main(void) {
  struct npim_port port;
  struct selftest test = {.port = &port, .hole = HOLE, .report = report};
  if (!baremetal_port(&port)) {
    printf("error: the device tree names no accelerator\n");
    return 1;
  }
  (void)selftest_run(&test);
  check_traps(&test);
  check_vectored_interrupt(&test);
  printf("selftest: %u passed, %u failed\n", test.passed, test.failed);
  return test.failed == 0 ? 0 : 1;
}
