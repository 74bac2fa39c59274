/* Checks of the kernel driver from user space: ownership, memory, addresses, timeouts, reset, and
   processes that die while the chip works for them. One line per check; exit status 1 when one
   failed.
   usage: npim_check PROGRAM.npim */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/npim_uapi.h"
#include "lib/linux_port.h"
#include "npim/program.h"

#define DEVICE "/dev/npim0"
#define TIMEOUT_NS UINT64_C(10000000000)
#define PAGE 4096U
#define IMAGES 64U /* keep the chip at work for longer than a signal takes */

static unsigned passed, failed;

static void check(bool right, const char *name) {
  right ? ++passed : ++failed;
  printf("%s  %s\n", right ? "pass" : "FAIL", name);
  (void)fflush(stdout);
}

static void check_errno(int result, int expected, const char *name) {
  const int found = result == 0 ? 0 : errno;
  check(found == expected, name);
  if (found != expected) printf("      errno %d, expected %d\n", found, expected);
}

static void check_result(int found, int expected, const char *name) {
  check(found == expected, name);
  if (found != expected) {
    printf("      %s, expected %s\n", npim_error_name(found), npim_error_name(expected));
  }
}

static int open_device(void) {
  return open(DEVICE, O_RDWR | O_CLOEXEC);
}

static struct npim_uapi_buffer allocate(int file, uint64_t bytes) {
  struct npim_uapi_buffer buffer = {.bytes = bytes};
  if (ioctl(file, NPIM_IOC_ALLOC, &buffer) != 0) buffer.offset = 0;
  return buffer;
}

static void check_ownership(void) {
  const int file = open_device();
  check(file >= 0, "the device file opens");
  check_errno(open_device() < 0 ? -1 : 0, EBUSY, "it has one owner at a time");
  (void)close(file);
  const int again = open_device();
  check(again >= 0, "it opens again once it was closed");
  check_errno(ioctl(again, _IO('N', 0xff)), ENOTTY, "an unknown call is refused");
  check_errno(ioctl(again, NPIM_IOC_INFO, NULL), EFAULT, "a bad pointer is refused");
  (void)close(again);
}

static void check_memory(void) {
  const int file = open_device();
  struct npim_uapi_buffer none = {.bytes = 0}, huge = {.bytes = UINT64_MAX};
  check_errno(ioctl(file, NPIM_IOC_ALLOC, &none), EINVAL, "a buffer of no bytes is refused");
  check_errno(ioctl(file, NPIM_IOC_ALLOC, &huge), ENOMEM, "a buffer of 2^64 bytes is refused");
  struct npim_uapi_buffer buffer = allocate(file, 3 * PAGE - 5);
  check(buffer.offset != 0 && buffer.bytes == 3 * (uint64_t)PAGE, "a buffer has whole pages");
  uint8_t *memory =
      mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)buffer.offset);
  check(memory != MAP_FAILED, "it can be mapped");
  bool is_zero = memory != MAP_FAILED;
  for (size_t i = 0; is_zero && i < 3 * PAGE; ++i) is_zero = memory[i] == 0;
  check(is_zero, "and holds zeros");
  check(mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, file, (off_t)buffer.offset) == MAP_FAILED,
        "no more than the buffer can be mapped");
  check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, (off_t)buffer.offset + PAGE) == MAP_FAILED,
        "nor from its middle");
  check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED, "nor where no buffer is");
  check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, (off_t)buffer.offset) ==
            MAP_FAILED,
        "nor a private copy of it");
  check_errno(ioctl(file, NPIM_IOC_FREE, &buffer), EBUSY, "a mapped buffer cannot be freed");
  (void)munmap(memory, 3 * PAGE);
  check_errno(ioctl(file, NPIM_IOC_FREE, &buffer), 0, "an unmapped one can");
  check_errno(ioctl(file, NPIM_IOC_FREE, &buffer), EINVAL, "but only once");
  uint64_t sum = 0;
  while (allocate(file, 1U << 20).offset != 0 && sum < UINT64_C(1) << 30) sum += 1U << 20;
  check(sum > 0 && sum < UINT64_C(1) << 30, "the sum of all buffers has a limit");
  (void)close(file);
}

static struct npim_uapi_submit read_back(uint64_t destination, uint32_t bytes) {
  struct npim_uapi_submit request = {.command = {.opcode = NPIM_OP_READ_BACK,
                                                 .region = NPIM_REGION_EDRAM,
                                                 .destination = destination,
                                                 .destination_bytes = bytes}};
  return request;
}

static void check_addresses(void) {
  const int file = open_device();
  const struct npim_uapi_buffer buffer = allocate(file, PAGE);
  struct npim_uapi_submit request = read_back(UINT64_C(0x80000000), 64);
  check_errno(ioctl(file, NPIM_IOC_SUBMIT, &request), EFAULT,
              "a physical address is not taken for the chip's");
  request = read_back(buffer.offset + PAGE - 32, 64);
  check_errno(ioctl(file, NPIM_IOC_SUBMIT, &request), EFAULT,
              "a command may not reach beyond its buffer");
  request = read_back(buffer.offset, UINT32_MAX);
  check_errno(ioctl(file, NPIM_IOC_SUBMIT, &request), EFAULT, "nor be larger than it");
  struct npim_uapi_submit run = {.command = {.opcode = NPIM_OP_RUN,
                                             .source = buffer.offset,
                                             .destination = buffer.offset,
                                             .source_bytes = 64,
                                             .destination_bytes = 64,
                                             .source_stride = UINT32_MAX,
                                             .destination_stride = 64,
                                             .count = 2}};
  check_errno(ioctl(file, NPIM_IOC_SUBMIT, &run), EFAULT, "nor step over its end");
  struct npim_uapi_submit levels = {.command = {.opcode = NPIM_OP_PROGRAM_LEVELS,
                                                .source = UINT64_C(0x80000000),
                                                .source_bytes = 128 * 128}};
  check_errno(ioctl(file, NPIM_IOC_SUBMIT, &levels), EFAULT, "levels come from a buffer, too");
  request = read_back(buffer.offset, 64);
  check_errno(ioctl(file, NPIM_IOC_SUBMIT, &request), 0, "a command inside its buffer is taken");
  struct npim_uapi_wait wait = {.ticket = request.ticket, .timeout_ns = TIMEOUT_NS};
  check(ioctl(file, NPIM_IOC_WAIT, &wait) == 0 && wait.result == NPIM_OK, "and completes");
  wait.ticket = request.ticket + 1;
  check(ioctl(file, NPIM_IOC_WAIT, &wait) == 0 && wait.result == NPIM_E_ARGUMENT,
        "a ticket that was not given is refused");
  struct npim_uapi_submit unknown = {.command = {.opcode = 0xee, .source = ~UINT64_C(0)}};
  wait.timeout_ns = TIMEOUT_NS;
  if (ioctl(file, NPIM_IOC_SUBMIT, &unknown) == 0) wait.ticket = unknown.ticket;
  check(ioctl(file, NPIM_IOC_WAIT, &wait) == 0 && wait.result == NPIM_ERROR_UNKNOWN_OPCODE,
        "an unknown command fails in the chip");
  (void)close(file);
}

/* A chip with a network, and a command that keeps it at work. */
struct worker {
  struct npim_linux_port linux_port;
  struct npim_port port;
  struct npim_device device;
  struct npim_program program;
  struct npim_descriptor run;
};

static const uint8_t *file_in_dma(const struct npim_port *port, const char *path, size_t *bytes) {
  struct stat status;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) return NULL;
  uint8_t *memory = port->dma_alloc(port->context, (size_t)status.st_size, 64);
  *bytes = (size_t)status.st_size;
  const bool ok = memory != NULL && read(file, memory, *bytes) == (ssize_t)*bytes;
  (void)close(file);
  return ok ? memory : NULL;
}

static bool start_worker(struct worker *worker, const char *path) {
  struct npim_message why;
  size_t bytes;
  if (npim_linux_connect(&worker->linux_port, &worker->port, DEVICE) != 0) return false;
  const struct npim_port *port = &worker->port;
  if (npim_probe(&worker->device, port) != NPIM_OK) return false;
  if (npim_open(&worker->device, 0) != NPIM_OK) return false;
  const uint8_t *file = file_in_dma(port, path, &bytes);
  if (file == NULL) return false;
  if (npim_program_open(&worker->program, file, bytes, &why) != NPIM_OK) return false;
  if (npim_program_load(&worker->device, &worker->program, TIMEOUT_NS, &why) != NPIM_OK) {
    printf("      %s\n", why.text);
    return false;
  }
  const uint32_t in = npim_program_input_bytes(&worker->program);
  const uint32_t out =
      npim_program_outputs(&worker->program) * worker->program.output_element_bytes;
  const struct npim_run run = {
      .images = port->dma_alloc(port->context, (size_t)in * IMAGES, 64),
      .outputs = port->dma_alloc(port->context, (size_t)out * IMAGES, 64),
      .count = IMAGES,
      .image_bytes = in,
      .image_stride = in,
      .output_bytes = out,
      .output_stride = out,
  };
  return npim_make_run(&worker->device, &run, &worker->run) == NPIM_OK;
}

static void stop_worker(struct worker *worker) {
  npim_close(&worker->device);
  npim_linux_disconnect(&worker->linux_port);
}

static void check_timeouts(const char *path) {
  struct worker worker;
  npim_ticket first = 0, second = 0;
  check(start_worker(&worker, path), "a network is loaded");
  struct npim_device *device = &worker.device;
  check_result(npim_submit(device, &worker.run, &first), NPIM_OK, "a run is submitted");
  check_result(npim_submit(device, &worker.run, &second), NPIM_OK, "and a second");
  check_result(npim_poll(device, second, NULL), NPIM_E_BUSY, "which is not complete at once");
  check_result(npim_wait(device, second, 1000, NULL), NPIM_E_TIMEOUT, "nor within 1 us");
  check_result(npim_cancel(device, TIMEOUT_NS), NPIM_OK, "both are cancelled");
  check_result(npim_wait(device, second, TIMEOUT_NS, NULL), NPIM_ERROR_CANCELLED, "and say so");
  check_result(npim_execute(device, &worker.run, TIMEOUT_NS, NULL), NPIM_OK,
               "the chip works on after that");
  check_result(npim_submit(device, &worker.run, &first), NPIM_OK, "another run is submitted");
  check_result(npim_reset(device, TIMEOUT_NS), NPIM_OK, "a reset ends it");
  check_result(npim_wait(device, first, TIMEOUT_NS, NULL), NPIM_E_ARGUMENT, "its ticket is void");
  check_result(npim_execute(device, &worker.run, TIMEOUT_NS, NULL), NPIM_ERROR_CONTROL_NOT_LOADED,
               "and the network is gone");
  stop_worker(&worker);
}

static void ignore(int signal) {
  (void)signal;
}

/* A wait that a signal interrupts goes on, and the process can be killed in it. */
static void check_signals(const char *path) {
  const struct sigaction action = {.sa_handler = ignore}, usual = {.sa_handler = SIG_DFL};
  struct worker worker;
  check(start_worker(&worker, path), "a network is loaded again");
  struct npim_uapi_submit submit = {.command = worker.run};
  struct npim_uapi_wait wait = {.timeout_ns = TIMEOUT_NS};
  check_errno(ioctl(worker.linux_port.file, NPIM_IOC_SUBMIT, &submit), 0, "a run is submitted");
  wait.ticket = submit.ticket;
  (void)sigaction(SIGALRM, &action, NULL);
  (void)ualarm(100, 0);
  const int result = ioctl(worker.linux_port.file, NPIM_IOC_WAIT, &wait);
  check_errno(result, EINTR, "a signal interrupts the wait");
  check(wait.timeout_ns < TIMEOUT_NS, "which says how much time is left");
  check(ioctl(worker.linux_port.file, NPIM_IOC_WAIT, &wait) == 0 && wait.result == NPIM_OK,
        "and can go on");
  (void)sigaction(SIGALRM, &usual, NULL);
  stop_worker(&worker);
}

static void die_at_work(const char *path, int ready) {
  struct worker worker;
  npim_ticket last = 0;
  if (!start_worker(&worker, path)) _exit(1);
  for (int i = 0; i < 20; ++i) (void)npim_submit(&worker.device, &worker.run, &last);
  if (write(ready, "x", 1) != 1) _exit(1);
  (void)npim_wait(&worker.device, last, UINT64_MAX, NULL);
  _exit(2);
}

static void check_death(const char *path) {
  int ready[2], status = 0;
  char byte;
  if (pipe(ready) != 0) {
    check(false, "a pipe for the process that dies");
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    (void)close(ready[0]);
    die_at_work(path, ready[1]);
  }
  (void)close(ready[1]);
  check(read(ready[0], &byte, 1) == 1, "a process puts the chip to work");
  (void)close(ready[0]);
  (void)kill(child, SIGKILL);
  (void)waitpid(child, &status, 0);
  check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "and is killed in the midst of it");
  struct worker worker;
  check(start_worker(&worker, path), "the next one finds a chip at rest");
  check_result(npim_execute(&worker.device, &worker.run, TIMEOUT_NS, NULL), NPIM_OK, "which works");
  stop_worker(&worker);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: npim_check PROGRAM.npim\n");
    return 1;
  }
  check_ownership();
  check_memory();
  check_addresses();
  check_timeouts(argv[1]);
  check_signals(argv[1]);
  check_death(argv[1]);
  printf("npim_check: %u passed, %u failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
