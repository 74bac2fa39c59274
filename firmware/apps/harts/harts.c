/* Several harts at work on the same memory: atomic additions, load-reserved/store-conditional, a
   spin lock, and messages by software interrupt. Prints only what does not depend on who was
   faster, so that the output is the same on the platform and on QEMU's `virt`. */
#include "boot/harts.h"

#include <inttypes.h>
#include <stdio.h>

#include "boot/board.h"

#define ROUNDS 5000U

static uint64_t added, reserved;
static struct {
  uint32_t lock;
  uint64_t first, second; /* equal whenever the lock is free */
  uint64_t torn;
} guarded;
static uint64_t turns_taken[HARTS_MOST];
static uint32_t baton; /* the hart whose turn it is */

static void add_by_reservation(uint64_t *to, uint64_t by) {
  uint64_t old, failed;
  __asm__ volatile(
      "1: lr.d %0, (%2)\n"
      "   add %0, %0, %3\n"
      "   sc.d %1, %0, (%2)\n"
      "   bnez %1, 1b\n"
      : "=&r"(old), "=&r"(failed)
      : "r"(to), "r"(by)
      : "memory");
}

static void lock(uint32_t *word) {
  while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) != 0) {
  }
}

static void unlock(uint32_t *word) { __atomic_store_n(word, 0, __ATOMIC_RELEASE); }

static void work(void *argument) {
  (void)argument;
  for (unsigned i = 0; i < ROUNDS; ++i) {
    (void)__atomic_fetch_add(&added, 1, __ATOMIC_RELAXED);
    add_by_reservation(&reserved, 3);
    lock(&guarded.lock);
    if (guarded.first != guarded.second) ++guarded.torn;
    ++guarded.first;
    ++guarded.second;
    unlock(&guarded.lock);
  }
}

/* Waits for the baton, counts, hands it on to hart 0. */
static void take_turn(void *argument) {
  const unsigned hart = (unsigned)(uintptr_t)argument;
  ++turns_taken[hart];
  __atomic_store_n(&baton, 0, __ATOMIC_RELEASE);
}

static void wait_for(unsigned hart) {
  while (harts_busy(hart)) {
  }
}

int main(void) {
  const unsigned harts = harts_count();
  printf("%u harts\n", harts);
  for (unsigned hart = 1; hart < harts; ++hart) {
    if (!harts_start(hart, work, NULL)) return 1;
  }
  work(NULL);
  for (unsigned hart = 1; hart < harts; ++hart) wait_for(hart);
  printf("amoadd %" PRIu64 ", lr/sc %" PRIu64 ", locked %" PRIu64 ", torn %" PRIu64 "\n", added,
         reserved, guarded.first, guarded.torn);

  uint64_t turns = 0;
  for (unsigned round = 0; round < 20; ++round) {
    for (unsigned hart = 1; hart < harts; ++hart) {
      baton = hart;
      if (!harts_start(hart, take_turn, (void *)(uintptr_t)hart)) return 1;
      while (__atomic_load_n(&baton, __ATOMIC_ACQUIRE) != 0) {
      }
      wait_for(hart);
    }
  }
  for (unsigned hart = 1; hart < harts; ++hart) turns += turns_taken[hart];
  printf("%" PRIu64 " turns by interrupt\n", turns);
  const uint64_t expected = (uint64_t)harts * ROUNDS;
  return added == expected && reserved == 3 * expected && guarded.torn == 0 ? 0 : 1;
}
