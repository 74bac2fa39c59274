/* <stdint.h> for the driver core inside the kernel. */
#ifndef NPIM_SHIM_STDINT_H
#define NPIM_SHIM_STDINT_H
#include <linux/limits.h>
#include <linux/types.h>

#define UINT32_C(value) value##U
#define UINT64_C(value) value##ULL
#define UINT32_MAX U32_MAX
#define UINT64_MAX U64_MAX
#endif
