/* Fills a message and gives the result that goes with it. */
#ifndef NPIM_RUNTIME_MESSAGE_H
#define NPIM_RUNTIME_MESSAGE_H

#include <stdio.h>

#include "npim/program.h"

#define NPIM_REFUSE(why, result, ...) \
  (snprintf((why)->text, sizeof(why)->text, __VA_ARGS__), (result))

#endif
