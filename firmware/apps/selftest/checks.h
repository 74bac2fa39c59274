/* Checks of a chip through the driver: every command, every error, interrupts, cancel, reset. Run
   by the firmware on the board and by the host's unit tests on the same chip model. */
#ifndef NPIM_SELFTEST_CHECKS_H
#define NPIM_SELFTEST_CHECKS_H

#include "npim/npim.h"

#ifdef __cplusplus
extern "C" {
#endif

struct selftest {
  const struct npim_port *port;
  uint64_t hole; /* an address where the bus has nothing */
  /* One line per check. */
  void (*report)(void *context, bool passed, const char *name, const char *detail);
  void *context;
  /* Results. */
  unsigned passed, failed;
};

/* Runs all checks. False when one failed. */
bool selftest_run(struct selftest *test);

/* For further checks of the same run. */
void selftest_check(struct selftest *test, bool passed, const char *name, const char *detail);

#ifdef __cplusplus
}
#endif

#endif
