/* Reading and checking what a program does for each batch (models/program/steps.h). */
#ifndef NPIM_RUNTIME_SCHEDULE_H
#define NPIM_RUNTIME_SCHEDULE_H

#include "npim/program.h"

/* Reads the schedule section into the program, whose header, control and operations are there
   already, and checks every tensor and step: afterwards none reaches beyond images, outputs,
   workspace or file. */
int npim_schedule_open(struct npim_program *program, const uint8_t *schedule, uint64_t bytes,
                       struct npim_message *why);

#endif
