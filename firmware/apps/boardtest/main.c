/* Exercises what the board shares with QEMU's `virt` machine: UART, CLINT, PLIC, traps, floating
   point, misaligned access, atomics, finisher. Prints only what does not depend on time, so that
   the output is the same on both. Needs no chip. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "boot/board.h"
#include "boot/trap.h"

#define UART_DATA 0
#define UART_IER 1
#define UART_IIR 2
#define UART_LCR 3
#define UART_MCR 4
#define UART_LSR 5
#define UART_MSR 6
#define UART_SCR 7
#define UART_IRQ 10U

#define MIE_SOFTWARE (UINT64_C(1) << 3)
#define MIE_TIMER (UINT64_C(1) << 7)
#define MIE_EXTERNAL (UINT64_C(1) << 11)
#define MSTATUS_MIE (UINT64_C(1) << 3)

#define UNMAPPED UINT64_C(0x20000)

#define READ_CSR(name)                                  \
  __extension__({                                       \
    uint64_t value_;                                    \
    __asm__ volatile("csrr %0, " #name : "=r"(value_)); \
    value_;                                             \
  })
#define SET_CSR(name, bits) __asm__ volatile("csrs " #name ", %0" ::"r"(bits) : "memory")
#define CLEAR_CSR(name, bits) __asm__ volatile("csrc " #name ", %0" ::"r"(bits) : "memory")

static volatile uint8_t *uart(unsigned reg) {
  return (volatile uint8_t *)(board.uart + reg);
}
static volatile uint32_t *plic(uint64_t offset) {
  return (volatile uint32_t *)(board.plic + offset);
}
static volatile uint64_t *clint64(uint64_t offset) {
  return (volatile uint64_t *)(board.clint + offset);
}
static volatile uint32_t *msip(void) {
  return (volatile uint32_t *)board.clint;
}

static void print_hex(const char *what, uint64_t value) {
  printf("  %s 0x%" PRIx64 "\n", what, value);
}

static uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* --- UART ------------------------------------------------------------------------------------ */

static void test_uart(void) {
  printf("UART\n");
  print_hex("IER", *uart(UART_IER));
  print_hex("IIR", *uart(UART_IIR));
  print_hex("LCR", *uart(UART_LCR));
  print_hex("MCR", *uart(UART_MCR));
  print_hex("LSR", *uart(UART_LSR));
  print_hex("MSR", *uart(UART_MSR));
  *uart(UART_SCR) = 0xa5;
  print_hex("SCR", *uart(UART_SCR));
  *uart(UART_LCR) = 0x83;
  const unsigned low = *uart(UART_DATA), high = *uart(UART_IER);
  *uart(UART_LCR) = 0x03;
  print_hex("divisor", (high << 8) | low);
  *uart(UART_MCR) = 0x1b;
  const unsigned modem = *uart(UART_MSR);
  *uart(UART_DATA) = 'L';
  const unsigned status = *uart(UART_LSR), looped = *uart(UART_DATA);
  *uart(UART_MCR) = 0x08;
  print_hex("MSR in loopback", modem);
  print_hex("LSR after loopback", status);
  print_hex("byte looped back", looped);
}

/* --- Interrupts ------------------------------------------------------------------------------ */

static volatile unsigned timer_interrupts, software_interrupts, external_interrupts;
static volatile uint32_t claimed, second_claim, interrupt_id;

static void on_interrupt(uint64_t number) {
  switch (number) {
    case 3:
      ++software_interrupts;
      *msip() = 0;
      break;
    case 7:
      ++timer_interrupts;
      *clint64(0x4000) = timer_interrupts < 3 ? *clint64(0xbff8) + 100 : UINT64_MAX;
      break;
    case 11:
      ++external_interrupts;
      claimed = *plic(0x200004);
      interrupt_id = *uart(UART_IIR); /* acknowledges THR empty */
      second_claim = *plic(0x200004);
      *plic(0x200004) = claimed;
      break;
    default:
      break;
  }
}

static void test_clint(void) {
  printf("CLINT\n");
  trap_on_interrupt(on_interrupt);
  *clint64(0x4000) = UINT64_MAX;
  SET_CSR(mie, MIE_SOFTWARE | MIE_TIMER);
  SET_CSR(mstatus, MSTATUS_MIE);
  *msip() = 1;
  while (software_interrupts == 0) {
  }
  const uint64_t start = *clint64(0xbff8);
  CLEAR_CSR(mstatus, MSTATUS_MIE);
  *clint64(0x4000) = start + 1000;
  while (timer_interrupts < 3) {
    __asm__ volatile("wfi"); /* ends at a pending interrupt, taken or not: none is missed */
    SET_CSR(mstatus, MSTATUS_MIE);
    CLEAR_CSR(mstatus, MSTATUS_MIE);
  }
  const uint64_t elapsed = *clint64(0xbff8) - start;
  CLEAR_CSR(mie, MIE_SOFTWARE | MIE_TIMER);
  printf("  %u software and %u timer interrupts\n", software_interrupts, timer_interrupts);
  printf("  time went on by what was asked for: %s\n", elapsed >= 1200 ? "yes" : "no");
  print_hex("msip", *msip());
}

static void test_plic(void) {
  printf("PLIC\n");
  *plic(4 * 0) = 7;
  *plic(4 * UART_IRQ) = 0xff;
  print_hex("priority of source 0", *plic(0));
  *plic(4 * UART_IRQ) = 5;
  print_hex("priority", *plic(4 * UART_IRQ));
  *plic(0x2000) = 1U << UART_IRQ;
  print_hex("enable", *plic(0x2000));
  *plic(0x200000) = 5; /* equal to the priority: masked */
  SET_CSR(mie, MIE_EXTERNAL);
  SET_CSR(mstatus, MSTATUS_MIE);
  *uart(UART_IER) = 2;
  for (volatile int i = 0; i < 100; ++i) {
  }
  const unsigned masked = external_interrupts;
  const uint32_t pending = *plic(0x1000);
  *plic(0x200000) = 0;
  while (external_interrupts == 0) {
  }
  CLEAR_CSR(mstatus, MSTATUS_MIE);
  CLEAR_CSR(mie, MIE_EXTERNAL);
  *uart(UART_IER) = 0;
  printf("  %u interrupts while masked, %u after\n", masked, external_interrupts);
  print_hex("pending while masked", pending);
  printf("  claimed %u, then %u; UART cause 0x%x\n", (unsigned)claimed, (unsigned)second_claim,
         (unsigned)(interrupt_id & 0x3fU));
}

/* --- Traps ----------------------------------------------------------------------------------- */

static void print_trap(const char *what, struct trap_record record) {
  printf("  %s: %s (%u), mtval 0x%" PRIx64 "\n", what,
         record.happened ? trap_name(record.cause) : "no trap", (unsigned)record.cause,
         record.value);
}

static void test_traps(void) {
  printf("Traps\n");
  trap_expect_begin();
  (void)*(volatile uint32_t *)UNMAPPED;
  print_trap("load of nothing", trap_expect_end());
  trap_expect_begin();
  *(volatile uint64_t *)(UNMAPPED + 8) = 1;
  print_trap("store to nothing", trap_expect_end());
  trap_expect_begin();
  ((void (*)(void))UNMAPPED)();
  print_trap("jump to nothing", trap_expect_end());
  trap_expect_begin();
  __asm__ volatile(".word 0xffffffff");
  print_trap("illegal instruction", trap_expect_end());
  trap_expect_begin();
  __asm__ volatile("csrw mhartid, zero");
  print_trap("write to a read-only CSR", trap_expect_end());
  trap_expect_begin();
  __asm__ volatile("ecall");
  print_trap("ecall", trap_expect_end());
  trap_expect_begin();
  __asm__ volatile(".option push\n.option norvc\nebreak\n.option pop");
  const struct trap_record record = trap_expect_end();
  printf("  ebreak: %s\n", trap_name(record.cause));
}

/* --- Arithmetic ------------------------------------------------------------------------------ */

static void test_integers(void) {
  printf("Integers\n");
  volatile int64_t lowest = INT64_MIN, minus_one = -1, zero = 0, seven = 7;
  volatile uint64_t big = UINT64_C(0xfedcba9876543210);
  volatile int32_t low_word = INT32_MIN, minus_word = -1;
  int64_t quotient, remainder;
  __asm__ volatile("div %0, %1, %2" : "=r"(quotient) : "r"(lowest), "r"(minus_one));
  __asm__ volatile("rem %0, %1, %2" : "=r"(remainder) : "r"(lowest), "r"(minus_one));
  print_hex("overflowing quotient", (uint64_t)quotient);
  print_hex("overflowing remainder", (uint64_t)remainder);
  __asm__ volatile("div %0, %1, %2" : "=r"(quotient) : "r"(seven), "r"(zero));
  __asm__ volatile("rem %0, %1, %2" : "=r"(remainder) : "r"(seven), "r"(zero));
  print_hex("quotient by zero", (uint64_t)quotient);
  print_hex("remainder by zero", (uint64_t)remainder);
  __asm__ volatile("divw %0, %1, %2" : "=r"(quotient) : "r"(low_word), "r"(minus_word));
  print_hex("overflowing word quotient", (uint64_t)quotient);
  __asm__ volatile("mulhu %0, %1, %1" : "=r"(quotient) : "r"(big));
  print_hex("high product, unsigned", (uint64_t)quotient);
  __asm__ volatile("mulhsu %0, %1, %2" : "=r"(quotient) : "r"(minus_one), "r"(big));
  print_hex("high product, mixed", (uint64_t)quotient);
}

static void test_floats(void) {
  printf("Floating point\n");
  volatile double third = 1.0 / 3.0, tiny = 0x1p-1074, huge = 0x1.fffffffffffffp1023, zero = 0.0;
  volatile float tenth = 0.1F;
  __asm__ volatile("csrw fflags, zero");
  print_hex("1/3", bits_of(third));
  print_hex("fused", bits_of(fma(third, 3.0, -1.0)));
  print_hex("square root", bits_of(sqrt(third)));
  print_hex("underflow", bits_of(tiny / 2.0));
  print_hex("overflow", bits_of(huge * 2.0));
  print_hex("0/0", bits_of(zero / zero));
  print_hex("0.1f * 0.1f", bits_of_float(tenth * tenth));
  print_hex("double to float", bits_of_float((float)third));
  print_hex("fflags", READ_CSR(fflags));
  uint64_t converted;
  __asm__ volatile("fcvt.l.d %0, %1, rtz" : "=r"(converted) : "f"(zero / zero));
  print_hex("NaN to integer", converted);
  __asm__ volatile("fcvt.w.d %0, %1, rne" : "=r"(converted) : "f"(-2.5));
  print_hex("-2.5 to nearest even", converted);
  __asm__ volatile("fclass.d %0, %1" : "=r"(converted) : "f"(tiny));
  print_hex("class of a subnormal", converted);
}

static void test_memory(void) {
  printf("Memory\n");
  static uint8_t bytes[32] __attribute__((aligned(16)));
  for (unsigned i = 0; i < sizeof bytes; ++i) bytes[i] = (uint8_t)(0x10 + i);
  uint64_t value;
  __asm__ volatile("ld %0, 3(%1)" : "=r"(value) : "r"(bytes) : "memory");
  print_hex("misaligned double word", value);
  __asm__ volatile("lh %0, 5(%1)" : "=r"(value) : "r"(bytes) : "memory");
  print_hex("misaligned half word", value);
  __asm__ volatile("sw %0, 7(%1)" ::"r"(UINT64_C(0xa1b2c3d4)), "r"(bytes) : "memory");
  __asm__ volatile("ld %0, 4(%1)" : "=r"(value) : "r"(bytes) : "memory");
  print_hex("after a misaligned store", value);
  volatile uint64_t *word = (volatile uint64_t *)bytes;
  *word = 5;
  uint64_t old, failed, failed_again;
  __asm__ volatile("amoadd.d %0, %1, (%2)" : "=r"(old) : "r"(UINT64_C(7)), "r"(word) : "memory");
  printf("  amoadd found %" PRIu64 " and left %" PRIu64 "\n", old, *word);
  __asm__ volatile("amomax.w %0, %1, (%2)" : "=r"(old) : "r"(INT64_C(-3)), "r"(word) : "memory");
  printf("  amomax found %" PRIu64 " and left %" PRIu64 "\n", old, *word);
  __asm__ volatile(
      "lr.d %0, (%3)\n"
      "sc.d %1, %4, (%3)\n"
      "sc.d %2, %4, (%3)\n"
      : "=&r"(old), "=&r"(failed), "=&r"(failed_again)
      : "r"(word), "r"(UINT64_C(99))
      : "memory");
  printf("  lr found %" PRIu64 ", sc %" PRIu64 ", sc without reservation %" PRIu64 ", left %" PRIu64
         "\n",
         old, failed, failed_again, *word);
}

int main(void) {
  printf("Board test\n");
  test_uart();
  test_clint();
  test_plic();
  test_traps();
  test_integers();
  test_floats();
  test_memory();
  printf("Board test done\n");
  return 0;
}
