/* Reads mtime as often as it can: the cost of a device access without side effects. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#ifndef READS
#define READS 10000000
#endif

int main(void) {
  volatile uint64_t *const mtime = (volatile uint64_t *)(uintptr_t)0x200bff8;
  const uint64_t first = *mtime;
  uint64_t last = first;
  int backwards = 0;
  for (int i = 0; i < READS; ++i) {
    const uint64_t now = *mtime;
    backwards |= now < last;
    last = now;
  }
  printf("%d reads, %s\n", READS, backwards || last == first ? "not in order" : "in order");
  return backwards;
}
