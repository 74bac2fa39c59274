#ifndef NPIM_RUNTIME_RUN_STEPS_H
#define NPIM_RUNTIME_RUN_STEPS_H

#include "npim/runtime.h"

/* The message for a RUN that failed, and its result. */
int npim_explain_run(struct npim_message *why, uint32_t first, uint32_t count, int result,
                     const struct npim_completion *completion);

/* npim_network_run() for programs of several steps. `report` and the totals are cleared. */
int npim_run_steps(struct npim_device *device, const struct npim_program *program,
                   const struct npim_network_job *run, int32_t *scratch,
                   struct npim_network_report *report, struct npim_message *why);

#endif
