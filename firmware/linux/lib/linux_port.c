#include "lib/linux_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "include/npim_uapi.h"

#define LARGEST_ALIGNMENT 4096U

struct npim_linux_buffer {
  struct npim_linux_buffer *next;
  uint8_t *memory;
  size_t bytes;
  uint64_t offset;
};

static void *dma_alloc(void *context, size_t bytes, size_t alignment) {
  struct npim_linux_port *port = context;
  struct npim_uapi_buffer request = {.bytes = bytes};
  struct npim_linux_buffer *buffer;
  if (alignment > LARGEST_ALIGNMENT) return NULL;
  buffer = calloc(1, sizeof *buffer);
  if (buffer == NULL) return NULL;
  if (ioctl(port->file, NPIM_IOC_ALLOC, &request) != 0) goto free_buffer;
  buffer->bytes = (size_t)request.bytes;
  buffer->offset = request.offset;
  buffer->memory = mmap(NULL, buffer->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, port->file,
                        (off_t)request.offset);
  if (buffer->memory == MAP_FAILED) goto free_request;
  buffer->next = port->buffers;
  port->buffers = buffer;
  return buffer->memory;

free_request:
  (void)ioctl(port->file, NPIM_IOC_FREE, &request);
free_buffer:
  free(buffer);
  return NULL;
}

static void dma_free(void *context, void *memory, size_t bytes) {
  struct npim_linux_port *port = context;
  (void)bytes;
  for (struct npim_linux_buffer **link = &port->buffers; *link != NULL; link = &(*link)->next) {
    struct npim_linux_buffer *buffer = *link;
    if (buffer->memory != memory) continue;
    const struct npim_uapi_buffer request = {.bytes = buffer->bytes, .offset = buffer->offset};
    *link = buffer->next;
    (void)munmap(buffer->memory, buffer->bytes);
    /* Refused while commands are under way; then it goes with the file. */
    (void)ioctl(port->file, NPIM_IOC_FREE, &request);
    free(buffer);
    return;
  }
}

static bool bus_address(void *context, const void *memory, size_t bytes, uint64_t *address) {
  const struct npim_linux_port *port = context;
  const uintptr_t wanted = (uintptr_t)memory;
  for (const struct npim_linux_buffer *buffer = port->buffers; buffer != NULL;
       buffer = buffer->next) {
    const uintptr_t start = (uintptr_t)buffer->memory;
    if (wanted < start || wanted - start >= buffer->bytes) continue;
    *address = buffer->offset + (wanted - start);
    return bytes <= buffer->bytes - (wanted - start);
  }
  return false;
}

static uint64_t now_ns(void *context) {
  struct timespec now;
  (void)context;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

int npim_linux_connect(struct npim_linux_port *to, struct npim_port *port, const char *path) {
  memset(to, 0, sizeof *to);
  to->file = open(path, O_RDWR | O_CLOEXEC);
  if (to->file < 0) return errno;
  *port = (struct npim_port){
      .context = to,
      .dma_alloc = dma_alloc,
      .dma_free = dma_free,
      .bus_address = bus_address,
      .now_ns = now_ns,
  };
  return 0;
}

void npim_linux_disconnect(struct npim_linux_port *from) {
  while (from->buffers != NULL) dma_free(from, from->buffers->memory, from->buffers->bytes);
  if (from->file >= 0) (void)close(from->file);
  from->file = -1;
}
