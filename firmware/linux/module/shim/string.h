/* <string.h> for the driver core inside the kernel. */
#ifndef NPIM_SHIM_STRING_H
#define NPIM_SHIM_STRING_H
#include <linux/string.h>
#endif
