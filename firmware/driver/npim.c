#include "npim/npim.h"

#include <string.h>

#define ID_VALUE 0x4d49504eU /* 'NPIM' */
#define ALL_IRQS \
  (NPIM_IRQ_STATUS_COMPLETION_MASK | NPIM_IRQ_STATUS_ERROR_MASK | NPIM_IRQ_STATUS_RESET_DONE_MASK)
#define POLL_NS UINT64_C(1000000) /* longest sleep: a lost interrupt costs no more than this */
#define RESET_TIMEOUT_NS UINT64_C(100000000)

static uint32_t read32(const struct npim_device *device, uint32_t offset) {
  return device->port->read32(device->port->context, offset);
}

static void write32(const struct npim_device *device, uint32_t offset, uint32_t value) {
  device->port->write32(device->port->context, offset, value);
}

static uint64_t now_ns(const struct npim_device *device) {
  return device->port->now_ns(device->port->context);
}

static uint32_t field(uint32_t value, uint32_t mask, uint32_t lsb) {
  return (value & mask) >> lsb;
}
#define FIELD(value, name) field(value, NPIM_##name##_MASK, NPIM_##name##_LSB)

/* The counter may move between the two reads: read until the high half stands still. */
static uint64_t read64(const struct npim_device *device, uint32_t offset) {
  uint32_t high = read32(device, offset + 4), low, again;
  for (;;) {
    low = read32(device, offset);
    again = read32(device, offset + 4);
    if (again == high) return ((uint64_t)high << 32) | low;
    high = again;
  }
}

static void read_info(struct npim_device *device) {
  struct npim_info *info = &device->info;
  uint32_t value = read32(device, NPIM_REG_VERSION);
  info->version_major = (uint16_t)FIELD(value, VERSION_MAJOR);
  info->version_minor = (uint16_t)FIELD(value, VERSION_MINOR);
  info->tiles = read32(device, NPIM_REG_CAP_TILES);
  value = read32(device, NPIM_REG_CAP_IMA);
  info->imas_per_tile = (uint16_t)FIELD(value, CAP_IMA_IMAS_PER_TILE);
  info->arrays_per_ima = (uint16_t)FIELD(value, CAP_IMA_ARRAYS_PER_IMA);
  value = read32(device, NPIM_REG_CAP_ARRAY);
  info->array_rows = (uint16_t)FIELD(value, CAP_ARRAY_ROWS);
  info->array_columns = (uint16_t)FIELD(value, CAP_ARRAY_COLUMNS);
  value = read32(device, NPIM_REG_CAP_PRECISION);
  info->cell_bits = (uint8_t)FIELD(value, CAP_PRECISION_CELL_BITS);
  info->dac_bits = (uint8_t)FIELD(value, CAP_PRECISION_DAC_BITS);
  info->nnadc_bits = (uint8_t)FIELD(value, CAP_PRECISION_NNADC_BITS);
  info->code_format = (uint8_t)FIELD(value, CAP_PRECISION_CODE_FORMAT);
  info->edram_bytes = read32(device, NPIM_REG_CAP_EDRAM);
  value = read32(device, NPIM_REG_CAP_CONVERTER);
  info->range_divisors_mask = (uint8_t)FIELD(value, CAP_CONVERTER_RANGE_DIVISORS);
  info->bitline_gains_mask = (uint8_t)FIELD(value, CAP_CONVERTER_BITLINE_GAINS);
  info->queue_log2_limit = (uint8_t)read32(device, NPIM_REG_CAP_QUEUE);
  value = read32(device, NPIM_REG_CAP_FEATURES);
  info->fidelity = (uint8_t)FIELD(value, CAP_FEATURES_FIDELITY);
  info->counts_energy = FIELD(value, CAP_FEATURES_ENERGY_COUNTER) != 0;
  info->energy_is_powered = FIELD(value, CAP_FEATURES_ENERGY_ACCOUNTING) != 0;
}

int npim_probe(struct npim_device *device, const struct npim_port *port) {
  memset(device, 0, sizeof *device);
  device->port = port;
  device->irq_batch = 1;
  if (read32(device, NPIM_REG_ID) != ID_VALUE) return NPIM_E_NO_DEVICE;
  if (FIELD(read32(device, NPIM_REG_VERSION), VERSION_MAJOR) != NPIM_ABI_MAJOR) {
    return NPIM_E_VERSION;
  }
  read_info(device);
  return NPIM_OK;
}

/* Takes what the interrupt registers say and clears them, so that the line can fall. Returns the
   causes. */
static uint32_t acknowledge(struct npim_device *device) {
  const uint32_t causes = read32(device, NPIM_REG_IRQ_STATUS);
  if (causes == 0) return 0;
  if ((causes & NPIM_IRQ_STATUS_ERROR_MASK) != 0) {
    device->fault.code = read32(device, NPIM_REG_ERROR_CODE);
    device->fault.command = read32(device, NPIM_REG_ERROR_COMMAND);
    device->fault.address = ((uint64_t)read32(device, NPIM_REG_ERROR_ADDRESS_HI) << 32) |
                            read32(device, NPIM_REG_ERROR_ADDRESS_LO);
  }
  write32(device, NPIM_REG_IRQ_STATUS, causes);
  return causes;
}

static void sleep_until(struct npim_device *device, uint64_t deadline, uint64_t now) {
  const uint64_t left = deadline - now;
  device->port->wait_for_interrupt(device->port->context, left < POLL_NS ? left : POLL_NS);
}

static uint64_t deadline_after(const struct npim_device *device, uint64_t timeout_ns) {
  const uint64_t now = now_ns(device);
  return timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
}

static int soft_reset(struct npim_device *device, uint64_t timeout_ns) {
  const uint64_t deadline = deadline_after(device, timeout_ns);
  write32(device, NPIM_REG_CONTROL, NPIM_CONTROL_SOFT_RESET_MASK);
  write32(device, NPIM_REG_IRQ_MASK, ALL_IRQS);
  while ((read32(device, NPIM_REG_STATUS) & NPIM_STATUS_RESETTING_MASK) != 0) {
    const uint64_t now = now_ns(device);
    if (now >= deadline) return NPIM_E_TIMEOUT;
    sleep_until(device, deadline, now);
  }
  (void)acknowledge(device);
  return NPIM_OK;
}

/* Tells the chip where the (empty) rings are and enables it. */
static int set_up_rings(struct npim_device *device) {
  const size_t entries = (size_t)1 << device->queue_log2;
  device->head = device->tail = 0;
  device->fault = (struct npim_fault){0, 0, 0};
  for (size_t i = 0; i < entries; ++i) device->completions[i].sequence = 0;
  write32(device, NPIM_REG_QUEUE_BASE_LO, (uint32_t)device->queue_address);
  write32(device, NPIM_REG_QUEUE_BASE_HI, (uint32_t)(device->queue_address >> 32));
  write32(device, NPIM_REG_QUEUE_SIZE, device->queue_log2);
  write32(device, NPIM_REG_COMPLETION_BASE_LO, (uint32_t)device->completions_address);
  write32(device, NPIM_REG_COMPLETION_BASE_HI, (uint32_t)(device->completions_address >> 32));
  write32(device, NPIM_REG_IRQ_BATCH, device->irq_batch);
  write32(device, NPIM_REG_IRQ_MASK, ALL_IRQS);
  write32(device, NPIM_REG_CONTROL, NPIM_CONTROL_ENABLE_MASK);
  if ((read32(device, NPIM_REG_STATUS) & NPIM_STATUS_ENABLED_MASK) != 0) return NPIM_OK;
  (void)acknowledge(device);
  return device->fault.code != 0 ? (int)device->fault.code : NPIM_E_STATE;
}

int npim_open(struct npim_device *device, uint32_t queue_log2) {
  const struct npim_port *port = device->port;
  int result;
  if (device->is_open) return NPIM_E_STATE;
  if (queue_log2 < 1 || queue_log2 > device->info.queue_log2_limit || queue_log2 > 16) {
    return NPIM_E_ARGUMENT;
  }
  const size_t queue_bytes = sizeof(struct npim_descriptor) << queue_log2;
  const size_t completion_bytes = sizeof(struct npim_completion) << queue_log2;
  device->queue_log2 = queue_log2;
  result = soft_reset(device, RESET_TIMEOUT_NS);
  if (result != NPIM_OK) return result;
  result = NPIM_E_NO_MEMORY;
  device->queue = port->dma_alloc(port->context, queue_bytes, sizeof(struct npim_descriptor));
  if (device->queue == NULL) goto fail;
  device->completions =
      port->dma_alloc(port->context, completion_bytes, sizeof(struct npim_completion));
  if (device->completions == NULL) goto free_queue;
  result = NPIM_E_ARGUMENT;
  if (!port->bus_address(port->context, device->queue, queue_bytes, &device->queue_address) ||
      !port->bus_address(port->context, (const void *)device->completions, completion_bytes,
                         &device->completions_address)) {
    goto free_completions;
  }
  result = set_up_rings(device);
  if (result != NPIM_OK) goto free_completions;
  device->is_open = true;
  return NPIM_OK;

free_completions:
  port->dma_free(port->context, (void *)device->completions, completion_bytes);
  device->completions = NULL;
free_queue:
  port->dma_free(port->context, device->queue, queue_bytes);
  device->queue = NULL;
fail:
  return result;
}

void npim_close(struct npim_device *device) {
  const struct npim_port *port = device->port;
  if (!device->is_open) return;
  /* The chip must not touch the rings any more; a reset that hangs cannot be helped here. */
  (void)soft_reset(device, RESET_TIMEOUT_NS);
  write32(device, NPIM_REG_IRQ_MASK, 0);
  port->dma_free(port->context, (void *)device->completions,
                 sizeof(struct npim_completion) << device->queue_log2);
  port->dma_free(port->context, device->queue,
                 sizeof(struct npim_descriptor) << device->queue_log2);
  device->completions = NULL;
  device->queue = NULL;
  device->is_open = false;
}

int npim_set_irq_batch(struct npim_device *device, uint32_t commands) {
  if (commands < 1 || commands > 0xffff) return NPIM_E_ARGUMENT;
  device->irq_batch = commands;
  if (device->is_open) write32(device, NPIM_REG_IRQ_BATCH, commands);
  return NPIM_OK;
}

int npim_submit(struct npim_device *device, const struct npim_descriptor *command,
                npim_ticket *ticket) {
  const struct npim_port *port = device->port;
  if (!device->is_open) return NPIM_E_STATE;
  const uint32_t entries = UINT32_C(1) << device->queue_log2;
  if (device->tail - device->head >= entries) device->head = read32(device, NPIM_REG_QUEUE_HEAD);
  if (device->tail - device->head >= entries) return NPIM_E_QUEUE_FULL;
  device->queue[device->tail & (entries - 1)] = *command;
  port->barrier_before_doorbell(port->context);
  if (ticket != NULL) *ticket = device->tail;
  ++device->tail;
  write32(device, NPIM_REG_QUEUE_TAIL, device->tail);
  return NPIM_OK;
}

/* Is a the later of two free-running indices? */
static bool is_later(uint32_t a, uint32_t b) {
  return (int32_t)(a - b) > 0;
}

static void copy_completion(volatile const struct npim_completion *from,
                            struct npim_completion *to) {
  to->index = from->index;
  to->tag = from->tag;
  to->error = from->error;
  to->fault_address = from->fault_address;
  to->duration_ns = from->duration_ns;
  to->detail = from->detail;
  to->sequence = from->sequence;
}

/* Completion is decided by the head register, not by watching the record in memory: register reads
   are ordered with the chip, so a run does not depend on when memory becomes visible to the hart.
 */
int npim_poll(struct npim_device *device, npim_ticket ticket, struct npim_completion *completion) {
  const struct npim_port *port = device->port;
  struct npim_completion record;
  if (!device->is_open) return NPIM_E_STATE;
  if (!is_later(device->tail, ticket)) return NPIM_E_ARGUMENT;
  if (!is_later(device->head, ticket)) device->head = read32(device, NPIM_REG_QUEUE_HEAD);
  if (!is_later(device->head, ticket)) return NPIM_E_BUSY;
  port->barrier_after_completion(port->context);
  const uint32_t slot = ticket & ((UINT32_C(1) << device->queue_log2) - 1);
  copy_completion(&device->completions[slot], &record);
  if (record.sequence != ticket + 1) return NPIM_E_STALE;
  if (completion != NULL) *completion = record;
  return record.error;
}

/* A wrong doorbell or ring: no completion will come. */
static bool is_queue_fault(uint32_t code) {
  return code == NPIM_ERROR_QUEUE_OVERRUN || code == NPIM_ERROR_DOORBELL_DISABLED ||
         code == NPIM_ERROR_QUEUE_CONFIGURATION;
}

int npim_wait(struct npim_device *device, npim_ticket ticket, uint64_t timeout_ns,
              struct npim_completion *completion) {
  if (!device->is_open) return NPIM_E_STATE;
  const uint64_t deadline = deadline_after(device, timeout_ns);
  for (;;) {
    /* First clear the cause, then look at the head: a completion in between raises the line. */
    const uint32_t causes = acknowledge(device);
    const int result = npim_poll(device, ticket, completion);
    if (result != NPIM_E_BUSY) return result;
    if ((causes & NPIM_IRQ_STATUS_ERROR_MASK) != 0 && is_queue_fault(device->fault.code)) {
      return (int)device->fault.code;
    }
    const uint64_t now = now_ns(device);
    if (now >= deadline) return NPIM_E_TIMEOUT;
    sleep_until(device, deadline, now);
  }
}

int npim_execute(struct npim_device *device, const struct npim_descriptor *command,
                 uint64_t timeout_ns, struct npim_completion *completion) {
  npim_ticket ticket;
  struct npim_descriptor flagged = *command;
  flagged.flags |= NPIM_FLAG_INTERRUPT;
  const int result = npim_submit(device, &flagged, &ticket);
  return result != NPIM_OK ? result : npim_wait(device, ticket, timeout_ns, completion);
}

int npim_cancel(struct npim_device *device, uint64_t timeout_ns) {
  if (!device->is_open) return NPIM_E_STATE;
  const uint64_t deadline = deadline_after(device, timeout_ns);
  write32(device, NPIM_REG_CONTROL, NPIM_CONTROL_ENABLE_MASK | NPIM_CONTROL_CANCEL_MASK);
  for (;;) {
    (void)acknowledge(device);
    device->head = read32(device, NPIM_REG_QUEUE_HEAD);
    if (device->head == device->tail) return NPIM_OK;
    const uint64_t now = now_ns(device);
    if (now >= deadline) return NPIM_E_TIMEOUT;
    sleep_until(device, deadline, now);
  }
}

int npim_reset(struct npim_device *device, uint64_t timeout_ns) {
  if (!device->is_open) return NPIM_E_STATE;
  const int result = soft_reset(device, timeout_ns);
  return result != NPIM_OK ? result : set_up_rings(device);
}

int npim_take_fault(struct npim_device *device, struct npim_fault *fault) {
  (void)acknowledge(device);
  *fault = device->fault;
  device->fault = (struct npim_fault){0, 0, 0};
  return NPIM_OK;
}

int npim_read_counters(struct npim_device *device, struct npim_counters *counters) {
  counters->cycles = read64(device, NPIM_REG_COUNTER_CYCLES);
  counters->windows = read64(device, NPIM_REG_COUNTER_WINDOWS);
  counters->conversions = read64(device, NPIM_REG_COUNTER_CONVERSIONS);
  counters->dma_read_bytes = read64(device, NPIM_REG_COUNTER_DMA_READ);
  counters->dma_write_bytes = read64(device, NPIM_REG_COUNTER_DMA_WRITE);
  counters->commands = read64(device, NPIM_REG_COUNTER_COMMANDS);
  counters->energy_pj = read64(device, NPIM_REG_COUNTER_ENERGY_PJ);
  return NPIM_OK;
}

int npim_read_error_counters(struct npim_device *device, struct npim_error_counters *counters) {
  counters->clipped = read64(device, NPIM_REG_COUNTER_CLIPPED);
  counters->verify_failures = read64(device, NPIM_REG_COUNTER_VERIFY_FAILURES);
  counters->injected_faults = read64(device, NPIM_REG_COUNTER_FAULTS);
  return NPIM_OK;
}

bool npim_read_energy(const struct npim_device *device, struct npim_energy *energy) {
  if (!device->info.counts_energy) return false;
  energy->chip_pj = read64(device, NPIM_REG_COUNTER_ENERGY_PJ);
  energy->links_pj = read64(device, NPIM_REG_COUNTER_LINK_ENERGY_PJ);
  return true;
}
