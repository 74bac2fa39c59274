// How a command ended.
#pragma once

#include <cstdint>

#include "abi/npim_abi.h"

namespace npim::chip {

struct Outcome {
  abi::Error error = abi::Error::kNone;
  std::uint64_t fault_address = 0;
  std::uint32_t detail = 0;
  bool ok() const { return error == abi::Error::kNone; }
};

}  // namespace npim::chip
