// Integer arithmetic that several rooms need.
#pragma once

#include <cstdint>

namespace npim {

/// a / b of positive numbers, rounded up; a + b must not overflow.
constexpr int divide_up(int a, int b) {
  return (a + b - 1) / b;
}
constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}
constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace npim
