/* The driver of npim/npim.h for programs under Linux: the same calls, with /dev/npim0 behind them.
   Ring and registers belong to the kernel's copy of the driver core; commands.c, errors.c and the
   runtime are those of bare metal.

     struct npim_linux_port linux_port;
     struct npim_port port;
     struct npim_device device;
     npim_linux_connect(&linux_port, &port, "/dev/npim0");
     npim_probe(&device, &port); npim_open(&device, 0); ...
     npim_close(&device); npim_linux_disconnect(&linux_port);

   Images and files have to be copied into memory of port.dma_alloc before the chip can read them.
 */
#ifndef NPIM_LINUX_PORT_H
#define NPIM_LINUX_PORT_H

#include "npim/npim.h"

#ifdef __cplusplus
extern "C" {
#endif

struct npim_linux_buffer;

struct npim_linux_port {
  int file;
  struct npim_linux_buffer *buffers;
};

/* Opens the device file, which resets the chip, and fills *port. 0 or an errno (EBUSY: another
   process has it). `to` must outlive the port. */
int npim_linux_connect(struct npim_linux_port *to, struct npim_port *port, const char *path);
/* Gives back all memory of the port and closes the file. */
void npim_linux_disconnect(struct npim_linux_port *from);

#ifdef __cplusplus
}
#endif

#endif
