/* <stdbool.h> for the driver core inside the kernel. */
#ifndef NPIM_SHIM_STDBOOL_H
#define NPIM_SHIM_STDBOOL_H
#include <linux/types.h>
#endif
