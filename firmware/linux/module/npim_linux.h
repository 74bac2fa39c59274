/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* The kernel's side of one Neural-PIM chip: what the driver core's port needs, and DMA memory. */
#ifndef NPIM_LINUX_H
#define NPIM_LINUX_H

#include <linux/device.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/wait.h>

#include "npim_uapi.h"

/* Coherent memory that the chip reaches. `offset` is what programs call it by, 0 for the rings. */
struct npim_memory {
  struct list_head link;
  void *cpu;
  dma_addr_t bus;
  size_t bytes;
  u64 offset;
  atomic_t mappings;
};

struct npim_linux {
  struct device *dev;
  void __iomem *registers;
  int irq;
  int number; /* of /dev/npim<number> */
  char name[16];
  struct miscdevice misc;

  /* Held around every call of the core, never around copies from and to user space. */
  struct mutex lock;
  struct npim_port port;
  struct npim_device core;
  unsigned long is_owned; /* bit 0: the device file is open */
  bool is_stuck;          /* the chip did not answer a reset: it may still write to memory */
  struct list_head rings, buffers;
  u64 buffer_bytes, next_offset;

  wait_queue_head_t interrupt;
  unsigned int interrupts;     /* counts, so that every waiter notices */
  unsigned long is_irq_masked; /* bit 0: by the handler, until the core has cleared the cause */
};

/* npim_port.c: the port of the driver core. */
void npim_linux_init_port(struct npim_linux *chip);
irqreturn_t npim_linux_interrupt(int irq, void *context);
/* Lets the interrupt in again after the core has cleared its cause. Under the lock. */
void npim_linux_rearm(struct npim_linux *chip);

struct npim_memory *npim_linux_alloc(struct npim_linux *chip, struct list_head *list, size_t bytes);
/* Leaves the memory alone, for ever, when the chip may still write to it. */
void npim_linux_free(struct npim_linux *chip, struct npim_memory *memory);

#endif
