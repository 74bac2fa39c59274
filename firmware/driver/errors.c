#include "npim/npim.h"

#define DRIVER_RESULTS(X)                                                                      \
  X(E_NO_DEVICE, "NO_DEVICE", "no Neural-PIM chip answers at this address")                    \
  X(E_VERSION, "VERSION", "the chip's register map has another major version than the driver") \
  X(E_ARGUMENT, "ARGUMENT", "a size, pointer or ticket is not usable")                         \
  X(E_NO_MEMORY, "NO_MEMORY", "no DMA memory left")                                            \
  X(E_STATE, "STATE", "the device is not open, or open already")                               \
  X(E_QUEUE_FULL, "QUEUE_FULL", "the command ring is full")                                    \
  X(E_BUSY, "BUSY", "the command has not completed")                                           \
  X(E_TIMEOUT, "TIMEOUT", "the chip did not answer in time")                                   \
  X(E_STALE, "STALE",                                                                          \
    "the completion record was overwritten by later commands or could not be written")         \
  X(E_FILE, "FILE", "a file is damaged or does not fit")

const char *npim_error_text(int result) {
  switch (result) {
#define TEXT(name, value, text) \
  case value:                   \
    return text;
    NPIM_FOR_EACH_ERROR(TEXT)
#undef TEXT
#define TEXT(name, short_name, text) \
  case NPIM_##name:                  \
    return text;
    DRIVER_RESULTS(TEXT)
#undef TEXT
    default:
      return "unknown error";
  }
}

const char *npim_error_name(int result) {
  switch (result) {
#define NAME(name, value, text) \
  case value:                   \
    return #name;
    NPIM_FOR_EACH_ERROR(NAME)
#undef NAME
#define NAME(name, short_name, text) \
  case NPIM_##name:                  \
    return short_name;
    DRIVER_RESULTS(NAME)
#undef NAME
    default:
      return "UNKNOWN";
  }
}
