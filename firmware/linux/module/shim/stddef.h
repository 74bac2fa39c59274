/* <stddef.h> for the driver core inside the kernel. */
#ifndef NPIM_SHIM_STDDEF_H
#define NPIM_SHIM_STDDEF_H
#include <linux/stddef.h>
#include <linux/types.h>
#endif
