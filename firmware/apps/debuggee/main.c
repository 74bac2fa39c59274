/* Something to debug: functions, recursion, floating point, variables to watch, and three ways to
   take for ever. The boot argument "case=N" chooses. The test of the GDB server drives it
   (testbench/integration/gdb). */
#include <inttypes.h>
#include <stdio.h>

#include "boot/board.h"

#define MIE_TIMER (UINT64_C(1) << 7)

/* A function of its own, called as written. */
#define APART __attribute__((noipa))

volatile uint64_t watched = 1;
volatile uint64_t total;
volatile uint64_t spins;
volatile uint64_t ticks;
volatile double ratio = 0.5;

APART static uint64_t factorial(uint64_t n) {
  const uint64_t result = n < 2 ? 1 : n * factorial(n - 1);
  __asm__ volatile("" ::: "memory"); /* keeps the recursion */
  return result;
}

APART static void set_watched(uint64_t value) {
  watched = value;
}

APART static uint64_t get_watched(void) {
  return watched;
}

static int compute(void) {
  for (uint64_t i = 1; i <= 6; ++i) {
    total += factorial(i);
    ratio *= 1.5;
  }
  set_watched(42);
  total += get_watched();
  printf("debuggee: total %" PRIu64 ", ratio in thousandths %" PRIu64 "\n", total,
         (uint64_t)(ratio * 1000));
  return 0;
}

static int spin(void) {
  for (;;) ++spins;
  return 0;
}

/* Sleeps a millisecond at a time. */
static int tick(void) {
  volatile uint64_t *const mtime = (volatile uint64_t *)(board.clint + 0xbff8);
  volatile uint64_t *const mtimecmp = (volatile uint64_t *)(board.clint + 0x4000);
  __asm__ volatile("csrci mstatus, 8\n csrs mie, %0" ::"r"(MIE_TIMER));
  for (;;) {
    *mtimecmp = *mtime + board.timebase_hz / 1000;
    __asm__ volatile("wfi");
    ++ticks;
  }
  return 0;
}

static int sleep_for_ever(void) {
  __asm__ volatile("csrci mstatus, 8\n csrw mie, zero");
  for (;;) __asm__ volatile("wfi");
  return 0;
}

int main(void) {
  static int (*const cases[])(void) = {compute, spin, tick, sleep_for_ever};
  const uint64_t chosen = board_argument("case", 0);
  if (chosen >= sizeof cases / sizeof *cases) return 1;
  return cases[chosen]();
}
