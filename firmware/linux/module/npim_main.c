// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
/* Kernel driver of the Neural-PIM accelerator: a platform device found by the device tree, and a
   device file with the calls of npim_uapi.h. What it does with the chip is the driver core's
   (firmware/driver); this file adds ownership, memory and safety against programs. */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>

#include "npim_linux.h"

#define QUEUE_LOG2 6U
#define RESET_TIMEOUT_NS (1 * (u64)NSEC_PER_SEC)
#define LONGEST_LOCKED_NS (1 * (u64)NSEC_PER_SEC)   /* other threads wait meanwhile */
#define LONGEST_SLEEP_NS (100 * (u64)NSEC_PER_MSEC) /* what a lost interrupt costs */

static ulong buffer_limit = 64UL << 20;
module_param(buffer_limit, ulong, 0444);
MODULE_PARM_DESC(buffer_limit, "Largest sum of all DMA buffers in bytes (default 64 MiB)");

static DEFINE_IDA(numbers);

static struct npim_linux *chip_of(struct file *file) {
  return container_of(file->private_data, struct npim_linux, misc);
}

/* errno for results of the core that are no fault of a command. */
static int open_error(int result) {
  switch (result) {
    case NPIM_OK:
      return 0;
    case NPIM_E_NO_MEMORY:
      return -ENOMEM;
    case NPIM_E_TIMEOUT:
      return -ETIMEDOUT;
    default:
      return -EIO;
  }
}

static int npim_file_open(struct inode *inode, struct file *file) {
  struct npim_linux *chip = chip_of(file);
  int result;
  if (test_and_set_bit(0, &chip->is_owned)) return -EBUSY;
  mutex_lock(&chip->lock);
  chip->is_stuck = false;
  chip->buffer_bytes = 0;
  chip->next_offset = PAGE_SIZE; /* 0 names no buffer */
  result = npim_open(&chip->core, min(QUEUE_LOG2, (u32)chip->core.info.queue_log2_limit));
  npim_linux_rearm(chip);
  mutex_unlock(&chip->lock);
  if (result == NPIM_OK) return nonseekable_open(inode, file);
  dev_err(chip->dev, "cannot open the chip: %s\n", npim_error_text(result));
  clear_bit(0, &chip->is_owned);
  return open_error(result);
}

/* Runs when the last descriptor and the last mapping are gone, however the owner ended: nobody
   uses the buffers but, perhaps, the chip. */
static int npim_file_release(struct inode *inode, struct file *file) {
  struct npim_linux *chip = chip_of(file);
  struct npim_memory *memory, *next;
  int result;
  mutex_lock(&chip->lock);
  result = npim_reset(&chip->core, RESET_TIMEOUT_NS);
  chip->is_stuck = result != NPIM_OK;
  if (chip->is_stuck) {
    dev_err(chip->dev, "reset: %s; its memory is not given back\n", npim_error_text(result));
  }
  npim_close(&chip->core);
  list_for_each_entry_safe(memory, next, &chip->buffers, link) npim_linux_free(chip, memory);
  mutex_unlock(&chip->lock);
  clear_bit(0, &chip->is_owned);
  return 0;
}

static int ioctl_info(struct npim_linux *chip, void __user *argument) {
  const struct npim_uapi_info info = {
      .uapi_version = NPIM_UAPI_VERSION,
      .queue_log2 = chip->core.queue_log2,
      .buffer_bytes = buffer_limit,
      .chip = chip->core.info,
  };
  return copy_to_user(argument, &info, sizeof(info)) == 0 ? 0 : -EFAULT;
}

static struct npim_memory *find_buffer(struct npim_linux *chip, u64 offset) {
  struct npim_memory *memory;
  list_for_each_entry(memory, &chip->buffers, link) {
    if (offset >= memory->offset && offset - memory->offset < memory->bytes) return memory;
  }
  return NULL;
}

static int ioctl_alloc(struct npim_linux *chip, void __user *argument) {
  struct npim_uapi_buffer request;
  struct npim_memory *memory = NULL;
  if (copy_from_user(&request, argument, sizeof(request)) != 0) return -EFAULT;
  if (request.bytes == 0) return -EINVAL;
  if (request.bytes > buffer_limit) return -ENOMEM;
  mutex_lock(&chip->lock);
  request.bytes = PAGE_ALIGN(request.bytes);
  if (request.bytes <= buffer_limit - min(chip->buffer_bytes, (u64)buffer_limit)) {
    memory = npim_linux_alloc(chip, &chip->buffers, request.bytes);
  }
  if (memory != NULL) {
    memory->offset = request.offset = chip->next_offset;
    chip->next_offset += request.bytes + PAGE_SIZE; /* a gap, so that no range spans two */
    chip->buffer_bytes += request.bytes;
  }
  mutex_unlock(&chip->lock);
  if (memory == NULL) return -ENOMEM;
  return copy_to_user(argument, &request, sizeof(request)) == 0 ? 0 : -EFAULT;
}

/* The chip's own word: the core only looks when it is asked about a command. */
static bool is_busy(struct npim_linux *chip) {
  return readl(chip->registers + NPIM_REG_QUEUE_HEAD) != chip->core.tail;
}

static int ioctl_free(struct npim_linux *chip, void __user *argument) {
  struct npim_uapi_buffer request;
  struct npim_memory *memory;
  int result = 0;
  if (copy_from_user(&request, argument, sizeof(request)) != 0) return -EFAULT;
  mutex_lock(&chip->lock);
  memory = find_buffer(chip, request.offset);
  if (memory == NULL || memory->offset != request.offset) {
    result = -EINVAL;
  } else if (atomic_read(&memory->mappings) != 0 || is_busy(chip)) {
    result = -EBUSY;
  } else {
    chip->buffer_bytes -= memory->bytes;
    npim_linux_free(chip, memory);
  }
  mutex_unlock(&chip->lock);
  return result;
}

/* Replaces a program's address by the chip's. A command that moves nothing there gets 0. */
static int translate(struct npim_linux *chip, u64 *address, u64 bytes) {
  const struct npim_memory *memory;
  u64 start;
  if (bytes == 0) {
    *address = 0;
    return 0;
  }
  memory = find_buffer(chip, *address);
  if (memory == NULL) return -EFAULT;
  start = *address - memory->offset;
  if (bytes > memory->bytes - start) return -EFAULT;
  *address = memory->bus + start;
  return 0;
}

/* Bytes from the first to the last of `count` items. Fits 64 bits whatever the fields. */
static u64 span(u32 count, u32 bytes, u32 stride) {
  return count == 0 || bytes == 0 ? 0 : (u64)(count - 1) * stride + bytes;
}

static int translate_command(struct npim_linux *chip, struct npim_descriptor *command) {
  u64 in = 0, out = 0;
  int result;
  switch (command->opcode) {
    case NPIM_OP_LOAD_CONTROL:
    case NPIM_OP_PROGRAM_WEIGHTS:
    case NPIM_OP_PROGRAM_LEVELS:
      in = command->source_bytes;
      break;
    case NPIM_OP_RUN:
      in = span(command->count, command->source_bytes, command->source_stride);
      out = span(command->count, command->destination_bytes, command->destination_stride);
      break;
    case NPIM_OP_READ_BACK:
      out = command->destination_bytes;
      break;
    default: /* moves no data, or the chip will refuse it */
      break;
  }
  result = translate(chip, &command->source, in);
  return result != 0 ? result : translate(chip, &command->destination, out);
}

static int ioctl_submit(struct npim_linux *chip, void __user *argument) {
  struct npim_uapi_submit request;
  npim_ticket ticket = 0;
  int result;
  if (copy_from_user(&request, argument, sizeof(request)) != 0) return -EFAULT;
  mutex_lock(&chip->lock);
  result = translate_command(chip, &request.command);
  if (result == 0) {
    request.command.flags |= NPIM_FLAG_INTERRUPT;
    request.result = npim_submit(&chip->core, &request.command, &ticket);
  }
  mutex_unlock(&chip->lock);
  if (result != 0) return result;
  /* Bus addresses stay here. */
  if (put_user(ticket, &((struct npim_uapi_submit __user *)argument)->ticket) != 0 ||
      put_user(request.result, &((struct npim_uapi_submit __user *)argument)->result) != 0) {
    return -EFAULT;
  }
  return 0;
}

/* The place in a buffer that a faulting bus address is, for messages; 0 when it is in none. */
static u64 offset_of(struct npim_linux *chip, u64 address) {
  const struct npim_memory *memory;
  list_for_each_entry(memory, &chip->buffers, link) {
    if (address >= memory->bus && address - memory->bus < memory->bytes) {
      return memory->offset + (address - memory->bus);
    }
  }
  return 0;
}

/* One look at a command, with the interrupt's cause cleared. The core's own wait would hold the
   lock and sleep through signals. */
static int look(struct npim_linux *chip, struct npim_uapi_wait *request, unsigned int *seen) {
  int result;
  if (mutex_lock_interruptible(&chip->lock) != 0) return -EINTR;
  *seen = READ_ONCE(chip->interrupts);
  result = npim_wait(&chip->core, request->ticket, 0, &request->completion);
  npim_linux_rearm(chip);
  request->completion.fault_address = offset_of(chip, request->completion.fault_address);
  mutex_unlock(&chip->lock);
  request->result = result;
  return 0;
}

static int wait_for(struct npim_linux *chip, struct npim_uapi_wait *request) {
  const u64 start = ktime_get_ns();
  unsigned int seen;
  for (;;) {
    u64 passed;
    long slept;
    int result = look(chip, request, &seen);
    if (result != 0 || request->result != NPIM_E_TIMEOUT) return result;
    passed = ktime_get_ns() - start;
    if (passed >= request->timeout_ns) {
      if (request->timeout_ns == 0) request->result = NPIM_E_BUSY;
      return 0;
    }
    slept = wait_event_interruptible_hrtimeout(
        chip->interrupt, READ_ONCE(chip->interrupts) != seen,
        ns_to_ktime(min(request->timeout_ns - passed, LONGEST_SLEEP_NS)));
    if (slept == -ERESTARTSYS) {
      passed = ktime_get_ns() - start;
      request->timeout_ns -= min(passed, request->timeout_ns);
      return -EINTR;
    }
  }
}

static int ioctl_wait(struct npim_linux *chip, void __user *argument) {
  struct npim_uapi_wait request;
  int result;
  if (copy_from_user(&request, argument, sizeof(request)) != 0) return -EFAULT;
  memset(&request.completion, 0, sizeof(request.completion));
  result = wait_for(chip, &request);
  if (copy_to_user(argument, &request, sizeof(request)) != 0) return -EFAULT;
  return result;
}

static int ioctl_timed(struct npim_linux *chip, void __user *argument,
                       int (*action)(struct npim_device *, uint64_t)) {
  struct npim_uapi_timed request;
  if (copy_from_user(&request, argument, sizeof(request)) != 0) return -EFAULT;
  if (mutex_lock_interruptible(&chip->lock) != 0) return -EINTR;
  request.result = action(&chip->core, min(request.timeout_ns, LONGEST_LOCKED_NS));
  npim_linux_rearm(chip);
  mutex_unlock(&chip->lock);
  wake_up_all(&chip->interrupt);
  return copy_to_user(argument, &request, sizeof(request)) == 0 ? 0 : -EFAULT;
}

static int ioctl_counters(struct npim_linux *chip, void __user *argument) {
  struct npim_uapi_counters request;
  mutex_lock(&chip->lock);
  (void)npim_read_counters(&chip->core, &request.counters);
  mutex_unlock(&chip->lock);
  return copy_to_user(argument, &request, sizeof(request)) == 0 ? 0 : -EFAULT;
}

static int ioctl_fault(struct npim_linux *chip, void __user *argument) {
  struct npim_uapi_fault request;
  mutex_lock(&chip->lock);
  (void)npim_take_fault(&chip->core, &request.fault);
  npim_linux_rearm(chip);
  request.fault.address = offset_of(chip, request.fault.address);
  mutex_unlock(&chip->lock);
  return copy_to_user(argument, &request, sizeof(request)) == 0 ? 0 : -EFAULT;
}

static long npim_file_ioctl(struct file *file, unsigned int call, unsigned long value) {
  struct npim_linux *chip = chip_of(file);
  void __user *argument = (void __user *)value;
  switch (call) {
    case NPIM_IOC_INFO:
      return ioctl_info(chip, argument);
    case NPIM_IOC_ALLOC:
      return ioctl_alloc(chip, argument);
    case NPIM_IOC_FREE:
      return ioctl_free(chip, argument);
    case NPIM_IOC_SUBMIT:
      return ioctl_submit(chip, argument);
    case NPIM_IOC_WAIT:
      return ioctl_wait(chip, argument);
    case NPIM_IOC_CANCEL:
      return ioctl_timed(chip, argument, npim_cancel);
    case NPIM_IOC_RESET:
      return ioctl_timed(chip, argument, npim_reset);
    case NPIM_IOC_COUNTERS:
      return ioctl_counters(chip, argument);
    case NPIM_IOC_FAULT:
      return ioctl_fault(chip, argument);
    default:
      return -ENOTTY;
  }
}

static void mapping_open(struct vm_area_struct *area) {
  struct npim_memory *memory = area->vm_private_data;
  atomic_inc(&memory->mappings);
}

static void mapping_close(struct vm_area_struct *area) {
  struct npim_memory *memory = area->vm_private_data;
  atomic_dec(&memory->mappings);
}

static const struct vm_operations_struct mapping_operations = {
    .open = mapping_open,
    .close = mapping_close,
};

static int npim_file_mmap(struct file *file, struct vm_area_struct *area) {
  struct npim_linux *chip = chip_of(file);
  struct npim_memory *memory;
  int result = -EINVAL;
  if ((area->vm_flags & VM_SHARED) == 0) return -EINVAL; /* a copy is not what the chip sees */
  mutex_lock(&chip->lock);
  memory = find_buffer(chip, (u64)area->vm_pgoff << PAGE_SHIFT);
  if (memory != NULL && memory->offset == (u64)area->vm_pgoff << PAGE_SHIFT) {
    area->vm_pgoff = 0; /* counts from the buffer's start from here on */
    result = dma_mmap_coherent(chip->dev, area, memory->cpu, memory->bus, memory->bytes);
  }
  if (result == 0) {
    area->vm_private_data = memory;
    area->vm_ops = &mapping_operations;
    mapping_open(area);
  }
  mutex_unlock(&chip->lock);
  return result;
}

static const struct file_operations npim_file_operations = {
    .owner = THIS_MODULE,
    .open = npim_file_open,
    .release = npim_file_release,
    .unlocked_ioctl = npim_file_ioctl,
    .compat_ioctl = compat_ptr_ioctl,
    .mmap = npim_file_mmap,
};

static void print_chip(struct npim_linux *chip) {
  const struct npim_info *info = &chip->core.info;
  dev_info(chip->dev, "register map %u.%u: %u tiles of %u x %u arrays, %u x %u cells: /dev/%s\n",
           info->version_major, info->version_minor, info->tiles, info->imas_per_tile,
           info->arrays_per_ima, info->array_rows, info->array_columns, chip->name);
}

static int set_up(struct platform_device *device, struct npim_linux *chip) {
  struct resource *area;
  int result;
  chip->dev = &device->dev;
  mutex_init(&chip->lock);
  init_waitqueue_head(&chip->interrupt);
  INIT_LIST_HEAD(&chip->rings);
  INIT_LIST_HEAD(&chip->buffers);
  chip->registers = devm_platform_get_and_ioremap_resource(device, 0, &area);
  if (IS_ERR(chip->registers)) return PTR_ERR(chip->registers);
  if (resource_size(area) < NPIM_REGISTER_BLOCK_BYTES) {
    return dev_err_probe(chip->dev, -EINVAL, "the register block is too small\n");
  }
  chip->irq = platform_get_irq(device, 0);
  if (chip->irq < 0) return chip->irq;
  result = dma_set_mask_and_coherent(chip->dev, DMA_BIT_MASK(64));
  if (result != 0) return result;
  npim_linux_init_port(chip);
  result = npim_probe(&chip->core, &chip->port);
  if (result != NPIM_OK) {
    return dev_err_probe(chip->dev, -ENODEV, "%s\n", npim_error_text(result));
  }
  writel(0, chip->registers + NPIM_REG_IRQ_MASK); /* whatever ran before us */
  return devm_request_irq(chip->dev, chip->irq, npim_linux_interrupt, 0, "npim", chip);
}

static int npim_platform_probe(struct platform_device *device) {
  struct npim_linux *chip = devm_kzalloc(&device->dev, sizeof(*chip), GFP_KERNEL);
  int result;
  if (chip == NULL) return -ENOMEM;
  result = set_up(device, chip);
  if (result != 0) return result;
  chip->number = ida_alloc(&numbers, GFP_KERNEL);
  if (chip->number < 0) return chip->number;
  snprintf(chip->name, sizeof(chip->name), "npim%d", chip->number);
  chip->misc = (struct miscdevice){
      .minor = MISC_DYNAMIC_MINOR,
      .name = chip->name,
      .fops = &npim_file_operations,
      .parent = chip->dev,
  };
  platform_set_drvdata(device, chip);
  result = misc_register(&chip->misc);
  if (result != 0) {
    ida_free(&numbers, chip->number);
    return result;
  }
  print_chip(chip);
  return 0;
}

/* No file is open: each holds the module, and the driver cannot be unbound but by its removal. */
static void npim_platform_remove(struct platform_device *device) {
  struct npim_linux *chip = platform_get_drvdata(device);
  misc_deregister(&chip->misc);
  ida_free(&numbers, chip->number);
  writel(0, chip->registers + NPIM_REG_IRQ_MASK);
}

static const struct of_device_id npim_matches[] = {
    {.compatible = "neural-pim,accelerator-1.0"},
    {},
};
MODULE_DEVICE_TABLE(of, npim_matches);

static struct platform_driver npim_platform_driver = {
    .probe = npim_platform_probe,
    .remove = npim_platform_remove,
    .driver =
        {
            .name = "neural-pim",
            .of_match_table = npim_matches,
            .suppress_bind_attrs = true,
        },
};
module_platform_driver(npim_platform_driver);

MODULE_DESCRIPTION("Neural-PIM accelerator");
MODULE_LICENSE("GPL");
