/* A kernel in small: a monitor in M mode, a supervisor with Sv39 page tables in S mode, a user
   program in U mode. Prints what every step did, and nothing that depends on time: the output is
   the same on QEMU's `virt` machine. Needs no chip. */
#include "apps/privileged/privileged.h"

#include <inttypes.h>
#include <stdio.h>

#include "boot/board.h"
#include "boot/trap.h"

#define PAGE UINT64_C(4096)
#define DRAM UINT64_C(0x80000000)
#define NOTHING UINT64_C(0x20000) /* no part answers here */
#define TICK 500                  /* of mtime */
#define INTERRUPT (UINT64_C(1) << 63)

/* Calls of the supervisor to the monitor, in a7. */
#define CALL_SET_TIMER 0 /* a0 value for mtimecmp */
#define CALL_DONE 1      /* a0 code */
#define CALL_READ_USER \
  2                    /* a0 address; returns the double word there, read with the user's rights */
#define CALL_TRAP_VM 3 /* a0 value of mstatus.TVM */

#define CAUSE_SUPERVISOR_CALL 9
#define CAUSE_BREAKPOINT 3
#define CAUSE_USER_CALL 8
#define SUPERVISOR_TIMER 5
#define MACHINE_TIMER 7

#define MSTATUS_MPRV (UINT64_C(1) << 17)
#define MSTATUS_MPP (UINT64_C(3) << 11)
#define MSTATUS_MPP_S (UINT64_C(1) << 11)
#define MSTATUS_TVM (UINT64_C(1) << 20)
#define SSTATUS_SUM (UINT64_C(1) << 18)
#define SSTATUS_MXR (UINT64_C(1) << 19)
#define SSTATUS_SIE (UINT64_C(1) << 1)
#define TIMER_M (UINT64_C(1) << MACHINE_TIMER)
#define TIMER_S (UINT64_C(1) << SUPERVISOR_TIMER)
#define COUNTER_CYCLE UINT64_C(1)
#define COUNTER_TIME UINT64_C(2)
#define SATP_SV39 (UINT64_C(8) << 60)

#define PTE_V UINT64_C(1)
#define PTE_R UINT64_C(2)
#define PTE_W UINT64_C(4)
#define PTE_X UINT64_C(8)
#define PTE_U UINT64_C(16)
#define PTE_A UINT64_C(64)
#define PTE_D UINT64_C(128)

#define READ_CSR(name)                                  \
  __extension__({                                       \
    uint64_t value_;                                    \
    __asm__ volatile("csrr %0, " #name : "=r"(value_)); \
    value_;                                             \
  })
#define WRITE_CSR(name, value) __asm__ volatile("csrw " #name ", %0" ::"r"(value) : "memory")
#define SET_CSR(name, bits) __asm__ volatile("csrs " #name ", %0" ::"r"(bits) : "memory")
#define CLEAR_CSR(name, bits) __asm__ volatile("csrc " #name ", %0" ::"r"(bits) : "memory")

/* As modes.S stores it. */
struct frame {
  uint64_t x[32];
  uint64_t pc;
  uint64_t unused;
};
_Static_assert(sizeof(struct frame) == 34 * 8, "modes.S saves a frame of this size");

/* modes.S and user.S */
void monitor_vector(void);
void supervisor_vector(void);
uint64_t enter_supervisor(void (*function)(void));
_Noreturn void leave_supervisor(uint64_t code);
uint64_t enter_user(uint64_t pc, uint64_t sp);
_Noreturn void leave_user(uint64_t code);
extern uint8_t user_code[], user_function[];

void monitor_trap(struct frame *frame, uint64_t cause, uint64_t value);
void supervisor_trap(struct frame *frame, uint64_t cause, uint64_t value);

/* Volatile: the hart reads and writes the tables on its own, and sees pages at other addresses too.
 */
typedef volatile uint64_t table[512] __attribute__((aligned(4096)));
static table root, middle, leaves;
static volatile uint8_t pages[16][PAGE] __attribute__((aligned(4096)));

static volatile uint64_t *clint64(uint64_t offset) {
  return (volatile uint64_t *)(board.clint + offset);
}

static uint64_t address_of(const volatile void *memory) {
  return (uint64_t)memory;
}

static uint64_t user_page(uint64_t page) {
  return USER_BASE + page * PAGE;
}

/* --- Monitor: M mode ------------------------------------------------------------------------- */

static void set_timer(uint64_t when) {
  *clint64(0x4000) = when;
  CLEAR_CSR(mip, TIMER_S);
  SET_CSR(mie, TIMER_M);
}

/* Translated and checked as the user's accesses are. */
static uint64_t read_as_user(uint64_t address) {
  uint64_t value;
  CLEAR_CSR(mstatus, MSTATUS_MPP);
  __asm__ volatile(
      "csrs mstatus, %1\n"
      "ld %0, 0(%2)\n"
      "csrc mstatus, %1\n"
      : "=&r"(value)
      : "r"(MSTATUS_MPRV), "r"(address)
      : "memory");
  SET_CSR(mstatus, MSTATUS_MPP_S); /* for the return */
  return value;
}

static void monitor_call(struct frame *frame) {
  frame->pc += 4;
  switch (frame->x[17]) {
    case CALL_SET_TIMER:
      set_timer(frame->x[10]);
      break;
    case CALL_DONE:
      leave_supervisor(frame->x[10]);
    case CALL_READ_USER:
      frame->x[10] = read_as_user(frame->x[10]);
      break;
    case CALL_TRAP_VM:
      CLEAR_CSR(mstatus, MSTATUS_TVM);
      if (frame->x[10] != 0) SET_CSR(mstatus, MSTATUS_TVM);
      break;
    default:
      frame->x[10] = UINT64_MAX;
      break;
  }
}

void monitor_trap(struct frame *frame, uint64_t cause, uint64_t value) {
  if (cause == (INTERRUPT | MACHINE_TIMER)) { /* hand it to the supervisor */
    CLEAR_CSR(mie, TIMER_M);
    SET_CSR(mip, TIMER_S);
    return;
  }
  if (cause == CAUSE_SUPERVISOR_CALL) {
    monitor_call(frame);
    return;
  }
  printf("monitor: unexpected trap, mcause 0x%" PRIx64 ", mepc 0x%" PRIx64 ", mtval 0x%" PRIx64
         "\n",
         cause, frame->pc, value);
  board_exit(BOARD_EXIT_TRAP);
}

/* The supervisor may use everything but one page, which nobody below M mode may touch. */
static void protect_memory(void) {
  WRITE_CSR(pmpaddr0, address_of(pages[PAGE_PROTECTED]) >> 2 | (PAGE / 8 - 1));
  WRITE_CSR(pmpaddr1, UINT64_MAX >> 10);
  WRITE_CSR(pmpcfg0, UINT64_C(0x1f18)); /* NAPOT: 1 everything, 0 nothing */
}

static uint64_t run_supervisor(void (*function)(void)) {
  const uint64_t vector = READ_CSR(mtvec);
  WRITE_CSR(mtvec, monitor_vector);
  WRITE_CSR(medeleg, UINT64_C(0xb1ff)); /* all but calls of S and M mode */
  WRITE_CSR(mideleg, UINT64_C(0x222));
  WRITE_CSR(mcounteren, COUNTER_TIME | COUNTER_CYCLE);
  protect_memory();
  const uint64_t code = enter_supervisor(function);
  WRITE_CSR(mtvec, vector);
  WRITE_CSR(mie, UINT64_C(0));
  return code;
}

/* --- Supervisor: S mode ---------------------------------------------------------------------- */

static volatile unsigned ticks;
static unsigned last_tick;
static bool expecting;
static struct trap_record expected;

static uint64_t monitor(uint64_t number, uint64_t argument) {
  register uint64_t a0 __asm__("a0") = argument;
  register uint64_t a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
  return a0;
}

static void allow_user_memory(bool allowed) {
  if (allowed) {
    SET_CSR(sstatus, SSTATUS_SUM);
  } else {
    CLEAR_CSR(sstatus, SSTATUS_SUM);
  }
}

static void on_timer(void) {
  const unsigned tick = ticks + 1;
  ticks = tick;
  allow_user_memory(true);
  *(volatile uint64_t *)user_page(PAGE_DATA) = tick;
  allow_user_memory(false);
  (void)monitor(CALL_SET_TIMER, tick < last_tick ? READ_CSR(time) + TICK : UINT64_MAX);
}

static void write_for_user(uint64_t text) {
  for (;; ++text) {
    allow_user_memory(true);
    const char c = *(const volatile char *)text;
    allow_user_memory(false);
    if (c == 0) return;
    putchar(c);
  }
}

static void user_call(struct frame *frame) {
  frame->pc += 4;
  switch (frame->x[17]) {
    case CALL_WRITE:
      write_for_user(frame->x[10]);
      break;
    case CALL_SHOW:
      printf("  the user shows %" PRIu64 "\n", frame->x[10]);
      break;
    case CALL_EXIT:
      leave_user(frame->x[10]);
    default:
      frame->x[10] = UINT64_MAX;
      break;
  }
}

static bool is_fetch_fault(uint64_t cause) {
  return cause == 0 || cause == 1 || cause == 12;
}

/* The user program has no compressed instructions; what the supervisor provokes is 4 bytes long. */
static void skip(struct frame *frame, uint64_t cause) {
  frame->pc = is_fetch_fault(cause) ? frame->x[1] : frame->pc + 4;
}

void supervisor_trap(struct frame *frame, uint64_t cause, uint64_t value) {
  const bool is_users = frame->x[0] != 0;
  if (cause == (INTERRUPT | SUPERVISOR_TIMER)) {
    on_timer();
  } else if (cause == CAUSE_USER_CALL) {
    user_call(frame);
  } else if (is_users) {
    /* stval of a breakpoint may be zero or the address. */
    printf("  %s at 0x%" PRIx64 ", stval 0x%" PRIx64 "\n", trap_name(cause), frame->pc,
           cause == CAUSE_BREAKPOINT ? 0 : value);
    skip(frame, cause);
  } else if (expecting) {
    expected = (struct trap_record){true, cause, frame->pc, value};
    skip(frame, cause);
  } else {
    printf("supervisor: unexpected trap, scause 0x%" PRIx64 ", sepc 0x%" PRIx64 ", stval 0x%" PRIx64
           "\n",
           cause, frame->pc, value);
    (void)monitor(CALL_DONE, 1);
  }
}

static void expect(void) {
  expected = (struct trap_record){0};
  expecting = true;
}

static void print_expected(const char *what) {
  expecting = false;
  if (expected.happened) {
    printf("  %s: %s, stval 0x%" PRIx64 "\n", what, trap_name(expected.cause), expected.value);
  } else {
    printf("  %s: no trap\n", what);
  }
}

/* One instruction each, so that a trap can skip it. */
static uint64_t try_load(uint64_t address) {
  uint64_t value = 0;
  expect();
  __asm__ volatile(".option push\n.option norvc\nld %0, 0(%1)\n.option pop"
                   : "+r"(value)
                   : "r"(address)
                   : "memory");
  return value;
}
static void try_store(uint64_t address, uint64_t value) {
  expect();
  __asm__ volatile(".option push\n.option norvc\nsd %0, 0(%1)\n.option pop" ::"r"(value),
                   "r"(address)
                   : "memory");
}
static void try_jump(uint64_t address) {
  expect();
  __asm__ volatile(".option push\n.option norvc\njalr %0\n.option pop" ::"r"(address)
                   : "ra", "memory", "a0");
}

static uint64_t entry(uint64_t physical, uint64_t flags) {
  return physical >> 12 << 10 | flags | PTE_V;
}

static void map(uint64_t page, const volatile void *memory, uint64_t flags) {
  leaves[page] = entry(address_of(memory), flags);
}

static void flush(void) {
  __asm__ volatile("sfence.vma" ::: "memory");
}

static void build_tables(void) {
  const uint64_t all = PTE_R | PTE_W | PTE_X | PTE_A | PTE_D;
  root[0] = entry(0, PTE_R | PTE_W | PTE_A | PTE_D); /* parts of the board */
  root[DRAM >> 30] = entry(DRAM, all);
  root[USER_BASE >> 30] = entry(address_of(middle), 0);
  middle[0] = entry(address_of(leaves), 0);
  middle[1] = entry(DRAM, PTE_R | PTE_U);
  middle[2] = entry(DRAM + PAGE, PTE_R | PTE_U); /* not aligned */
  map(PAGE_CODE, user_code, PTE_R | PTE_X | PTE_U);
  map(PAGE_DATA, pages[PAGE_DATA], PTE_R | PTE_W | PTE_U);
  map(PAGE_STACK, pages[PAGE_STACK], PTE_R | PTE_W | PTE_U);
  map(PAGE_READ_ONLY, pages[PAGE_READ_ONLY], PTE_R | PTE_U);
  map(PAGE_EXECUTE_ONLY, user_function, PTE_X | PTE_U);
  map(PAGE_SUPERVISOR, pages[PAGE_SUPERVISOR], PTE_R | PTE_W);
  map(PAGE_MOVING, pages[PAGE_MOVING], PTE_R | PTE_W);
  leaves[PAGE_NO_MEMORY] = entry(NOTHING, PTE_R | PTE_W | PTE_X | PTE_U);
  map(PAGE_PROTECTED, pages[PAGE_PROTECTED], PTE_R | PTE_W | PTE_X | PTE_U);
  map(PAGE_RESERVED, pages[PAGE_RESERVED], PTE_W | PTE_U);
}

static void test_translation(void) {
  printf("Translation\n");
  allow_user_memory(true);
  const bool same = *(volatile uint64_t *)(USER_BASE + (UINT64_C(1) << 21) + 64) ==
                    *(volatile uint64_t *)(DRAM + 64);
  allow_user_memory(false);
  printf("  a superpage shows the same memory: %s\n", same ? "yes" : "no");
  volatile uint64_t *moving = (volatile uint64_t *)user_page(PAGE_MOVING);
  *moving = 1;
  map(PAGE_MOVING, pages[15], PTE_R | PTE_W);
  __asm__ volatile("sfence.vma %0, zero" ::"r"(moving) : "memory");
  *moving = 2;
  printf("  a page that moved: %u before, %u after\n", pages[PAGE_MOVING][0], pages[15][0]);
  leaves[PAGE_MOVING] = 0;
  flush();
  (void)try_load(user_page(PAGE_MOVING));
  print_expected("a page that is gone");
}

/* Whether what was accessed and written is noted in the entries. */
static void print_marks(const char *what) {
  printf("  %s:", what);
  for (unsigned page = PAGE_CODE; page <= PAGE_READ_ONLY; ++page) {
    const uint64_t marks = leaves[page] & (PTE_A | PTE_D);
    printf(" %s", marks == 0 ? "-" : marks == PTE_A ? "A" : marks == PTE_D ? "D" : "AD");
  }
  printf("\n");
}

static void test_rights(void) {
  printf("Rights of the supervisor\n");
  (void)try_load(user_page(PAGE_DATA));
  print_expected("load of the user's data");
  SET_CSR(sstatus, SSTATUS_SUM);
  try_store(user_page(PAGE_DATA), 0);
  print_expected("store to it with SUM");
  try_jump(user_page(PAGE_EXECUTE_ONLY));
  print_expected("call of the user's code with SUM");
  (void)try_load(user_page(PAGE_EXECUTE_ONLY));
  print_expected("load of code");
  SET_CSR(sstatus, SSTATUS_MXR);
  const uint64_t code = try_load(user_page(PAGE_EXECUTE_ONLY));
  print_expected("the same with MXR");
  printf("  which reads 0x%" PRIx64 "\n", code);
  CLEAR_CSR(sstatus, SSTATUS_SUM | SSTATUS_MXR);
  (void)try_load(address_of(pages[PAGE_PROTECTED]));
  print_expected("load of the monitor's page");
  try_store(address_of(pages[PAGE_PROTECTED]), 1);
  print_expected("store to it");
  (void)try_load(NOTHING);
  print_expected("load where nothing is");
  try_store(user_page(11), 1);
  print_expected("store to a page that was never mapped");
  printf("  the monitor reads the user's data: 0x%" PRIx64 "\n",
         monitor(CALL_READ_USER, user_page(PAGE_DATA)));
  expect();
  (void)READ_CSR(mstatus);
  print_expected("read of mstatus");
}

static void test_traps_of_virtual_memory(void) {
  printf("Trapped virtual memory\n");
  (void)monitor(CALL_TRAP_VM, 1);
  expect();
  flush();
  print_expected("sfence.vma");
  expect();
  (void)READ_CSR(satp);
  print_expected("read of satp");
  (void)monitor(CALL_TRAP_VM, 0);
  expect();
  flush();
  print_expected("sfence.vma when it is allowed");
  printf("  an unknown call returns %" PRId64 "\n", (int64_t)monitor(77, 0));
}

static void start_ticking(unsigned count) {
  last_tick = ticks + count;
  SET_CSR(sie, TIMER_S);
  (void)monitor(CALL_SET_TIMER, READ_CSR(time) + TICK);
}

static void test_user(void) {
  printf("User program\n");
  WRITE_CSR(scounteren, COUNTER_TIME);
  start_ticking(3);
  print_marks("marks before it ran");
  const uint64_t code = enter_user(user_page(PAGE_CODE), user_page(PAGE_STACK + 1));
  CLEAR_CSR(sie, TIMER_S);
  printf("  ended with %" PRIu64 " after %u ticks\n", code, ticks);
  print_marks("marks after it ran");
}

static void test_sleep(void) {
  printf("Sleep\n");
  start_ticking(2);
  while (ticks != last_tick) {
    __asm__ volatile("wfi"); /* ends at a pending interrupt, taken or not: none is missed */
    SET_CSR(sstatus, SSTATUS_SIE);
    CLEAR_CSR(sstatus, SSTATUS_SIE);
  }
  CLEAR_CSR(sie, TIMER_S);
  printf("  the timer woke the supervisor: %u ticks\n", ticks);
}

static void supervisor_main(void) {
  printf("Supervisor\n");
  WRITE_CSR(stvec, supervisor_vector);
  WRITE_CSR(sscratch, UINT64_C(0));
  build_tables();
  flush();
  WRITE_CSR(satp, SATP_SV39 | address_of(root) >> 12);
  flush();
  printf("  satp mode %" PRIu64 ", medeleg and mideleg work from here on\n", READ_CSR(satp) >> 60);
  test_user();
  test_sleep();
  test_translation();
  test_rights();
  test_traps_of_virtual_memory();
}

int main(void) {
  printf("Privileged modes\n");
  const uint64_t code = run_supervisor(supervisor_main);
  printf("Back in the monitor with %" PRIu64 "\n", code);
  return code == 0 ? 0 : 1;
}
