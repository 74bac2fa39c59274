/* npim/npim.h by calls to the kernel driver, instead of registers (firmware/driver/npim.c). */
#include <errno.h>
#include <string.h>

#include "include/npim_uapi.h"
#include "lib/linux_port.h"

static int result_of_errno(int error) {
  switch (error) {
    case EINVAL:
    case EFAULT:
      return NPIM_E_ARGUMENT;
    case ENOMEM:
      return NPIM_E_NO_MEMORY;
    case EBUSY:
      return NPIM_E_BUSY;
    case ETIMEDOUT:
      return NPIM_E_TIMEOUT;
    case ENOTTY:
      return NPIM_E_VERSION;
    default:
      return NPIM_E_NO_DEVICE;
  }
}

/* A signal does not end a call; the kernel leaves what is left of a timeout. */
static int call(const struct npim_device *device, unsigned long request, void *argument) {
  const struct npim_linux_port *port = device->port->context;
  for (;;) {
    if (ioctl(port->file, request, argument) == 0) return NPIM_OK;
    if (errno != EINTR) return result_of_errno(errno);
  }
}

int npim_probe(struct npim_device *device, const struct npim_port *port) {
  struct npim_uapi_info info;
  memset(device, 0, sizeof *device);
  device->port = port;
  device->irq_batch = 1;
  const int result = call(device, NPIM_IOC_INFO, &info);
  if (result != NPIM_OK) return result == NPIM_E_VERSION ? NPIM_E_NO_DEVICE : result;
  if (info.uapi_version != NPIM_UAPI_VERSION || info.chip.version_major != NPIM_ABI_MAJOR) {
    return NPIM_E_VERSION;
  }
  device->info = info.chip;
  device->queue_log2 = info.queue_log2;
  return NPIM_OK;
}

/* The kernel set the rings up, with a size of its own choice, when the file was opened. */
int npim_open(struct npim_device *device, uint32_t queue_log2) {
  (void)queue_log2;
  if (device->is_open) return NPIM_E_STATE;
  device->is_open = true;
  return NPIM_OK;
}

void npim_close(struct npim_device *device) {
  device->is_open = false;
}

/* The kernel takes an interrupt for each command. */
int npim_set_irq_batch(struct npim_device *device, uint32_t commands) {
  (void)device;
  return commands == 1 ? NPIM_OK : NPIM_E_ARGUMENT;
}

int npim_submit(struct npim_device *device, const struct npim_descriptor *command,
                npim_ticket *ticket) {
  struct npim_uapi_submit request = {.command = *command};
  if (!device->is_open) return NPIM_E_STATE;
  const int result = call(device, NPIM_IOC_SUBMIT, &request);
  if (result != NPIM_OK) return result;
  if (ticket != NULL) *ticket = request.ticket;
  return request.result;
}

int npim_wait(struct npim_device *device, npim_ticket ticket, uint64_t timeout_ns,
              struct npim_completion *completion) {
  struct npim_uapi_wait request = {.ticket = ticket, .timeout_ns = timeout_ns};
  if (!device->is_open) return NPIM_E_STATE;
  const int result = call(device, NPIM_IOC_WAIT, &request);
  if (result != NPIM_OK) return result;
  const bool is_complete = request.result == NPIM_OK || request.completion.sequence != 0;
  if (completion != NULL && is_complete) *completion = request.completion;
  return request.result;
}

int npim_poll(struct npim_device *device, npim_ticket ticket, struct npim_completion *completion) {
  return npim_wait(device, ticket, 0, completion);
}

int npim_execute(struct npim_device *device, const struct npim_descriptor *command,
                 uint64_t timeout_ns, struct npim_completion *completion) {
  npim_ticket ticket;
  const int result = npim_submit(device, command, &ticket);
  return result != NPIM_OK ? result : npim_wait(device, ticket, timeout_ns, completion);
}

static int timed(struct npim_device *device, unsigned long request, uint64_t timeout_ns) {
  struct npim_uapi_timed argument = {.timeout_ns = timeout_ns};
  if (!device->is_open) return NPIM_E_STATE;
  const int result = call(device, request, &argument);
  return result != NPIM_OK ? result : argument.result;
}

int npim_cancel(struct npim_device *device, uint64_t timeout_ns) {
  return timed(device, NPIM_IOC_CANCEL, timeout_ns);
}

int npim_reset(struct npim_device *device, uint64_t timeout_ns) {
  return timed(device, NPIM_IOC_RESET, timeout_ns);
}

int npim_take_fault(struct npim_device *device, struct npim_fault *fault) {
  struct npim_uapi_fault request;
  const int result = call(device, NPIM_IOC_FAULT, &request);
  if (result == NPIM_OK) *fault = request.fault;
  return result;
}

int npim_read_counters(struct npim_device *device, struct npim_counters *counters) {
  struct npim_uapi_counters request;
  const int result = call(device, NPIM_IOC_COUNTERS, &request);
  if (result == NPIM_OK) *counters = request.counters;
  return result;
}
