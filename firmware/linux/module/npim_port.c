// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Port of the driver core to the kernel: registers, barriers, DMA memory, interrupt and time. */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "npim_linux.h"

static uint32_t read_register(void *context, uint32_t offset) {
  struct npim_linux *chip = context;
  return readl(chip->registers + offset);
}

static void write_register(void *context, uint32_t offset, uint32_t value) {
  struct npim_linux *chip = context;
  writel(value, chip->registers + offset);
}

static void before_doorbell(void *context) {
  (void)context;
  dma_wmb();
}

static void after_completion(void *context) {
  (void)context;
  dma_rmb();
}

struct npim_memory *npim_linux_alloc(struct npim_linux *chip, struct list_head *list,
                                     size_t bytes) {
  struct npim_memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);
  if (memory == NULL) return NULL;
  memory->bytes = PAGE_ALIGN(bytes);
  memory->cpu =
      dma_alloc_coherent(chip->dev, memory->bytes, &memory->bus, GFP_KERNEL | __GFP_NOWARN);
  if (memory->cpu == NULL) {
    kfree(memory);
    return NULL;
  }
  list_add(&memory->link, list);
  return memory;
}

void npim_linux_free(struct npim_linux *chip, struct npim_memory *memory) {
  list_del(&memory->link);
  if (!chip->is_stuck) dma_free_coherent(chip->dev, memory->bytes, memory->cpu, memory->bus);
  kfree(memory);
}

/* The core allocates its rings here; programs' buffers have a list of their own. Coherent memory is
   aligned to its size rounded up to a power of two pages, which exceeds what the core asks for. */
static void *ring_alloc(void *context, size_t bytes, size_t alignment) {
  struct npim_linux *chip = context;
  struct npim_memory *memory;
  if (alignment > PAGE_SIZE) return NULL;
  memory = npim_linux_alloc(chip, &chip->rings, bytes);
  return memory == NULL ? NULL : memory->cpu;
}

static struct npim_memory *find_ring(struct npim_linux *chip, const void *cpu) {
  struct npim_memory *memory;
  list_for_each_entry(memory, &chip->rings, link) {
    if (cpu >= memory->cpu && cpu < memory->cpu + memory->bytes) return memory;
  }
  return NULL;
}

static void ring_free(void *context, void *cpu, size_t bytes) {
  struct npim_linux *chip = context;
  struct npim_memory *memory = find_ring(chip, cpu);
  (void)bytes;
  if (memory != NULL) npim_linux_free(chip, memory);
}

static bool bus_address(void *context, const void *cpu, size_t bytes, uint64_t *address) {
  struct npim_linux *chip = context;
  const struct npim_memory *memory = find_ring(chip, cpu);
  size_t start;
  if (memory == NULL) return false;
  start = cpu - memory->cpu;
  if (bytes > memory->bytes - start) return false;
  *address = memory->bus + start;
  return true;
}

/* The line is a level and only the core clears its cause, in process context: the handler closes
   the gate until then. */
irqreturn_t npim_linux_interrupt(int irq, void *context) {
  struct npim_linux *chip = context;
  disable_irq_nosync(irq);
  set_bit(0, &chip->is_irq_masked);
  WRITE_ONCE(chip->interrupts, chip->interrupts + 1);
  wake_up_all(&chip->interrupt);
  return IRQ_HANDLED;
}

void npim_linux_rearm(struct npim_linux *chip) {
  if (test_and_clear_bit(0, &chip->is_irq_masked)) enable_irq(chip->irq);
}

/* For the core's own waits: cancel and reset. A cause that is still there interrupts at once when
   the gate opens, so the count is taken before. */
static void sleep_for_interrupt(void *context, uint64_t timeout_ns) {
  struct npim_linux *chip = context;
  const unsigned int seen = READ_ONCE(chip->interrupts);
  npim_linux_rearm(chip);
  (void)wait_event_hrtimeout(chip->interrupt, READ_ONCE(chip->interrupts) != seen,
                             ns_to_ktime(timeout_ns));
}

static uint64_t now_ns(void *context) {
  (void)context;
  return ktime_get_ns();
}

void npim_linux_init_port(struct npim_linux *chip) {
  chip->port = (struct npim_port){
      .context = chip,
      .read32 = read_register,
      .write32 = write_register,
      .barrier_before_doorbell = before_doorbell,
      .barrier_after_completion = after_completion,
      .dma_alloc = ring_alloc,
      .dma_free = ring_free,
      .bus_address = bus_address,
      .wait_for_interrupt = sleep_for_interrupt,
      .now_ns = now_ns,
  };
}
