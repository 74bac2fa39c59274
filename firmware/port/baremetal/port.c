#include "port/baremetal/port.h"

#include "boot/board.h"
#include "npim/arena.h"

#define ARENA_BYTES (16U << 20)
#define DRAM_BASE UINT64_C(0x80000000)

#define PLIC_ENABLE 0x2000U
#define PLIC_THRESHOLD 0x200000U
#define PLIC_CLAIM 0x200004U
#define CLINT_MTIMECMP 0x4000U
#define CLINT_MTIME 0xbff8U
#define MIE_TIMER (UINT64_C(1) << 7)
#define MIE_EXTERNAL (UINT64_C(1) << 11)
#define NS_PER_S UINT64_C(1000000000)

static uint8_t arena_memory[ARENA_BYTES] __attribute__((section(".noinit"), aligned(4096)));
static struct npim_arena arena = {arena_memory, sizeof arena_memory, 0};
/* Claimed and not completed: the driver has yet to clear the cause. */
static uint32_t claimed;

static volatile uint32_t *reg32(uint64_t address) {
  return (volatile uint32_t *)address;
}

static volatile uint64_t *reg64(uint64_t address) {
  return (volatile uint64_t *)address;
}

static uint32_t read_register(void *context, uint32_t offset) {
  (void)context;
  const uint32_t value = *reg32(board.accelerator + offset);
  __asm__ volatile("fence i, rw" ::: "memory");
  return value;
}

static void write_register(void *context, uint32_t offset, uint32_t value) {
  (void)context;
  *reg32(board.accelerator + offset) = value;
}

static void before_doorbell(void *context) {
  (void)context;
  __asm__ volatile("fence w, o" ::: "memory");
}

static void after_completion(void *context) {
  (void)context;
  __asm__ volatile("fence i, r" ::: "memory");
}

static void *dma_alloc(void *context, size_t bytes, size_t alignment) {
  (void)context;
  return npim_arena_alloc(&arena, bytes, alignment);
}

static void dma_free(void *context, void *memory, size_t bytes) {
  (void)context;
  npim_arena_free(&arena, memory, bytes);
}

static bool bus_address(void *context, const void *memory, size_t bytes, uint64_t *address) {
  (void)context;
  *address = (uint64_t)memory;
  return *address >= DRAM_BASE && bytes <= UINT64_MAX - *address;
}

/* a * b / c without overflow for c of at most 32 bits. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c) {
  return a / c * b + a % c * b / c;
}

static uint64_t now_ns(void *context) {
  (void)context;
  return scale(*reg64(board.clint + CLINT_MTIME), NS_PER_S, board.timebase_hz);
}

uint32_t plic_claim(void) {
  return *reg32(board.plic + PLIC_CLAIM);
}

void plic_complete(uint32_t source) {
  *reg32(board.plic + PLIC_CLAIM) = source;
}

static void wait_for_interrupt(void *context, uint64_t timeout_ns) {
  (void)context;
  if (claimed != 0) plic_complete(claimed);
  claimed = 0;
  const uint64_t ticks = scale(timeout_ns, board.timebase_hz, NS_PER_S) + 1;
  const uint64_t now = *reg64(board.clint + CLINT_MTIME);
  *reg64(board.clint + CLINT_MTIMECMP) = ticks > UINT64_MAX - now ? UINT64_MAX : now + ticks;
  /* mstatus.MIE stays 0: wfi ends at a pending interrupt all the same, and none can slip in
   * between. */
  __asm__ volatile("csrs mie, %0" ::"r"(MIE_TIMER | MIE_EXTERNAL));
  __asm__ volatile("wfi" ::: "memory");
  __asm__ volatile("csrc mie, %0" ::"r"(MIE_TIMER | MIE_EXTERNAL));
  claimed = plic_claim();
  if (claimed != 0 && claimed != board.accelerator_irq) {
    plic_complete(claimed);
    claimed = 0;
  }
}

static void route_interrupt(uint32_t source) {
  *reg32(board.plic + 4 * (uint64_t)source) = 1; /* priority */
  *reg32(board.plic + PLIC_ENABLE + source / 32 * 4) |= UINT32_C(1) << source % 32;
  *reg32(board.plic + PLIC_THRESHOLD) = 0;
}

bool baremetal_port(struct npim_port *port) {
  if (board.accelerator == 0) return false;
  *port = (struct npim_port){
      .read32 = read_register,
      .write32 = write_register,
      .barrier_before_doorbell = before_doorbell,
      .barrier_after_completion = after_completion,
      .dma_alloc = dma_alloc,
      .dma_free = dma_free,
      .bus_address = bus_address,
      .wait_for_interrupt = wait_for_interrupt,
      .now_ns = now_ns,
  };
  route_interrupt(board.accelerator_irq);
  return true;
}
