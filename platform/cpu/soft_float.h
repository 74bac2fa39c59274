// IEEE 754-2019 binary32 and binary64 in integer arithmetic, with RISC-V's choices (unprivileged
// specification, chapters F and D): canonical NaNs, tininess detected after rounding, saturating
// conversions, five rounding modes. Nothing here depends on the host's floating point.
#pragma once

#include <cstdint>

namespace npim::cpu::fp {

/// Values of the `rm` field and of frm.
enum class Rounding : std::uint8_t {
  kNearestEven = 0,
  kTowardZero = 1,
  kDown = 2,
  kUp = 3,
  kNearestMaxMagnitude = 4
};

/// Bits of fflags.
constexpr std::uint8_t kInexact = 1, kUnderflow = 2, kOverflow = 4, kDivideByZero = 8,
                       kInvalid = 16;

struct Single {
  using Bits = std::uint32_t;
  static constexpr int kFraction = 23, kExponent = 8;
};
struct Double {
  using Bits = std::uint64_t;
  static constexpr int kFraction = 52, kExponent = 11;
};

/// Rounding mode in, exception flags out (accumulated).
struct Context {
  Rounding rounding = Rounding::kNearestEven;
  std::uint8_t flags = 0;
};

template <typename F>
constexpr typename F::Bits kSignBit = typename F::Bits{1} << (F::kFraction + F::kExponent);
template <typename F>
constexpr typename F::Bits kCanonicalNan = ((typename F::Bits{1} << (F::kExponent + 1)) - 1)
                                           << (F::kFraction - 1);

template <typename F>
typename F::Bits add(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
typename F::Bits subtract(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
typename F::Bits multiply(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
typename F::Bits divide(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
typename F::Bits square_root(typename F::Bits a, Context &context);
/// a * b + c with one rounding. Infinity times zero is invalid even when c is a quiet NaN.
template <typename F>
typename F::Bits multiply_add(typename F::Bits a, typename F::Bits b, typename F::Bits c,
                              Context &context);

/// minimumNumber and maximumNumber: a NaN yields the other operand, -0 is below +0.
template <typename F>
typename F::Bits minimum(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
typename F::Bits maximum(typename F::Bits a, typename F::Bits b, Context &context);

/// Comparisons; equal() is quiet, the others signal invalid for any NaN.
template <typename F>
bool equal(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
bool less(typename F::Bits a, typename F::Bits b, Context &context);
template <typename F>
bool less_or_equal(typename F::Bits a, typename F::Bits b, Context &context);

/// The ten-bit mask of fclass.
template <typename F>
std::uint64_t classify(typename F::Bits a);

/// Between the formats.
std::uint64_t widen(std::uint32_t a, Context &context);
std::uint32_t narrow(std::uint64_t a, Context &context);

/// To an integer of `width` 32 or 64 bits, saturating; a 32-bit result is sign-extended, also the
/// unsigned one.
template <typename F>
std::uint64_t to_integer(typename F::Bits a, int width, bool is_signed, Context &context);
/// From the low `width` bits of `value`.
template <typename F>
typename F::Bits from_integer(std::uint64_t value, int width, bool is_signed, Context &context);

}  // namespace npim::cpu::fp
