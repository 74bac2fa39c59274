/* What the speed of a CPU model is measured with: an int8 convolution, CRC-32, sorting and pointer
   chasing, in about equal parts. Prints a check value, so that nothing can be left out. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifndef ROUNDS
#define ROUNDS 40
#endif

enum { kSize = 32, kChannels = 8, kKernel = 3, kItems = 4096, kNodes = 8192, kBytes = 16384 };

static int8_t image[kChannels][kSize + 2][kSize + 2];
static int8_t weights[kChannels][kKernel][kKernel];
static int32_t sums[kSize][kSize];
static uint32_t items[kItems];
static uint8_t bytes[kBytes];
static uint32_t crc_table[256];

struct node {
  struct node *next;
  uint64_t value;
};
static struct node nodes[kNodes];

static uint32_t seed = 1;

static uint32_t random_number(void) {
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8;
}

static void prepare(void) {
  for (size_t c = 0; c < kChannels; ++c) {
    for (size_t y = 0; y < kSize + 2; ++y) {
      for (size_t x = 0; x < kSize + 2; ++x) image[c][y][x] = (int8_t)random_number();
    }
    for (size_t y = 0; y < kKernel; ++y) {
      for (size_t x = 0; x < kKernel; ++x) weights[c][y][x] = (int8_t)random_number();
    }
  }
  for (size_t i = 0; i < kBytes; ++i) bytes[i] = (uint8_t)random_number();
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? 0xedb88320u ^ (value >> 1) : value >> 1;
    crc_table[i] = value;
  }
  /* A ring through all nodes in a random order. */
  static uint32_t order[kNodes];
  for (uint32_t i = 0; i < kNodes; ++i) order[i] = i;
  for (uint32_t i = kNodes - 1; i > 0; --i) {
    const uint32_t j = random_number() % (i + 1), swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  for (uint32_t i = 0; i < kNodes; ++i) {
    nodes[order[i]].next = &nodes[order[(i + 1) % kNodes]];
    nodes[order[i]].value = random_number();
  }
}

static uint32_t convolve(void) {
  uint32_t check = 0;
  for (size_t y = 0; y < kSize; ++y) {
    for (size_t x = 0; x < kSize; ++x) {
      int32_t sum = 0;
      for (size_t c = 0; c < kChannels; ++c) {
        for (size_t ky = 0; ky < kKernel; ++ky) {
          for (size_t kx = 0; kx < kKernel; ++kx) {
            sum += image[c][y + ky][x + kx] * weights[c][ky][kx];
          }
        }
      }
      sums[y][x] = sum;
      check = check * 31 + (uint32_t)sum;
    }
  }
  return check;
}

static uint32_t crc(void) {
  uint32_t value = ~0u;
  for (int round = 0; round < 8; ++round) {
    for (size_t i = 0; i < kBytes; ++i) {
      value = crc_table[(value ^ bytes[i]) & 0xff] ^ (value >> 8);
    }
  }
  return ~value;
}

static void sort(uint32_t *first, uint32_t *last) {
  while (last - first > 16) {
    const uint32_t pivot = first[(last - first) / 2];
    uint32_t *low = first, *high = last - 1;
    while (low <= high) {
      while (*low < pivot) ++low;
      while (*high > pivot) --high;
      if (low <= high) {
        const uint32_t swapped = *low;
        *low++ = *high;
        *high-- = swapped;
      }
    }
    sort(first, high + 1);
    first = low;
  }
  for (uint32_t *i = first + 1; i < last; ++i) {
    const uint32_t value = *i;
    uint32_t *to = i;
    for (; to > first && to[-1] > value; --to) *to = to[-1];
    *to = value;
  }
}

static uint32_t sorted(void) {
  uint32_t check = 0;
  for (size_t i = 0; i < kItems; ++i) items[i] = random_number();
  sort(items, items + kItems);
  for (size_t i = 0; i < kItems; i += 64) check = check * 31 + items[i];
  return check;
}

static uint32_t chase(void) {
  uint64_t sum = 0;
  const struct node *node = nodes;
  for (int i = 0; i < 16 * kNodes; ++i) {
    sum = sum * 3 + node->value;
    node = node->next;
  }
  return (uint32_t)(sum ^ (sum >> 32));
}

int main(void) {
  prepare();
  uint32_t check = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    check = check * 31 + convolve();
    check = check * 31 + crc();
    check = check * 31 + sorted();
    check = check * 31 + chase();
  }
  uint64_t instructions;
  __asm__ volatile("csrr %0, minstret" : "=r"(instructions));
  printf("check %08" PRIx32 ", instructions %" PRIu64 "\n", check, instructions);
  return 0;
}
