/* The smallest application: says on which board it runs. Needs no chip. */
#include <inttypes.h>
#include <stdio.h>

#include "boot/board.h"

int main(void) {
  printf("Hello from RV64, machine mode\n");
  printf("Device tree: %s\n", board.has_tree ? "found" : "none, using the addresses of QEMU virt");
  printf("UART at 0x%" PRIx64 ", timebase %" PRIu64 " Hz\n", board.uart, board.timebase_hz);
  return 0;
}
