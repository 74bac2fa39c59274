/* What the kernel driver of the Neural-PIM accelerator offers to programs: /dev/npim0, ioctls and
   mmap. Included by the driver and by firmware/linux/lib.

   A device file has one owner at a time (open() gives EBUSY otherwise). Opening resets the chip;
   closing it, or dying, aborts whatever runs, resets the chip and frees the buffers.

   Memory. A program cannot name physical addresses. NPIM_IOC_ALLOC gives a buffer of coherent
   memory with a place in the device file's address space: that is the offset for mmap(), and what
   source and destination of a descriptor mean. The driver replaces them by bus addresses and
   refuses (EFAULT) what does not lie inside one buffer.

   Results. ioctl() fails with an errno for what is wrong with the call itself: EINVAL, EFAULT,
   ENOMEM, EINTR for a signal, ENODEV after the chip stopped answering. `result` holds what the
   driver core said: 0, a negative enum npim_result, or a positive enum npim_error, as on bare
   metal. */
#ifndef NPIM_UAPI_H
#define NPIM_UAPI_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
#include <sys/ioctl.h>
#endif

#include "npim/npim.h"

#define NPIM_UAPI_VERSION 1u

struct npim_uapi_info {
  uint32_t uapi_version; /* NPIM_UAPI_VERSION */
  uint32_t queue_log2;   /* commands that can be queued: 2^queue_log2 */
  uint64_t buffer_bytes; /* largest sum of all buffers of an open file */
  struct npim_info chip;
};

struct npim_uapi_buffer {
  uint64_t bytes;  /* in for ALLOC: size, rounded up to pages */
  uint64_t offset; /* out of ALLOC, in for FREE */
};

struct npim_uapi_submit {
  struct npim_descriptor command; /* in; the driver sets NPIM_FLAG_INTERRUPT */
  uint32_t ticket;                /* out */
  int32_t result;                 /* out */
};

struct npim_uapi_wait {
  uint32_t ticket;     /* in */
  int32_t result;      /* out: NPIM_E_TIMEOUT when the time is over */
  uint64_t timeout_ns; /* in; 0 looks and returns NPIM_E_BUSY; a signal leaves the rest */
  struct npim_completion completion; /* out, when complete */
};

struct npim_uapi_timed {
  uint64_t timeout_ns; /* in */
  int32_t result;      /* out */
  uint32_t reserved;
};

struct npim_uapi_counters {
  struct npim_counters counters; /* out */
};

struct npim_uapi_fault {
  struct npim_fault fault; /* out */
};

#define NPIM_IOC_INFO _IOR('N', 0x80, struct npim_uapi_info)
#define NPIM_IOC_ALLOC _IOWR('N', 0x81, struct npim_uapi_buffer)
/* EBUSY while the buffer is mapped or commands are under way. */
#define NPIM_IOC_FREE _IOW('N', 0x82, struct npim_uapi_buffer)
#define NPIM_IOC_SUBMIT _IOWR('N', 0x83, struct npim_uapi_submit)
#define NPIM_IOC_WAIT _IOWR('N', 0x84, struct npim_uapi_wait)
#define NPIM_IOC_CANCEL _IOWR('N', 0x85, struct npim_uapi_timed)
#define NPIM_IOC_RESET _IOWR('N', 0x86, struct npim_uapi_timed)
#define NPIM_IOC_COUNTERS _IOR('N', 0x87, struct npim_uapi_counters)
#define NPIM_IOC_FAULT _IOR('N', 0x88, struct npim_uapi_fault)

#endif
