#include "cpu/soft_float.h"

#include <utility>

namespace npim::cpu::fp {
namespace {

__extension__ using Wide = unsigned __int128;

enum class Kind : std::uint8_t { kZero, kFinite, kInfinity, kQuietNan, kSignallingNan };

/// An unpacked operand; when finite, its magnitude is significand / 2^63 * 2^exponent with bit 63
/// of the significand set.
struct Number {
  Kind kind;
  bool sign;
  int exponent;
  std::uint64_t significand;

  bool is_nan() const { return kind >= Kind::kQuietNan; }
};

/// A finite, non-zero intermediate result: magnitude / 2^126 * 2^exponent, not normalised.
struct WideNumber {
  bool sign;
  int exponent;
  Wide magnitude;
};

template <typename F>
constexpr int kBias = (1 << (F::kExponent - 1)) - 1;
template <typename F>
constexpr int kMinExponent = 1 - kBias<F>;
template <typename F>
constexpr typename F::Bits kFractionMask = (typename F::Bits{1} << F::kFraction) - 1;
template <typename F>
constexpr
    typename F::Bits kInfinityBits = ((typename F::Bits{1} << F::kExponent) - 1) << F::kFraction;

int leading_zeros(Wide value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  if (high != 0) return __builtin_clzll(high);
  return 64 + __builtin_clzll(static_cast<std::uint64_t>(value));
}

/// Shifts right; what falls off is remembered in bit 0.
std::uint64_t shift_right_sticky(std::uint64_t value, int distance) {
  if (distance <= 0) return value;
  if (distance > 63) return value != 0;
  const std::uint64_t lost = value & ((std::uint64_t{1} << distance) - 1);
  return (value >> distance) | (lost != 0 ? 1 : 0);
}

Wide shift_right_sticky(Wide value, int distance) {
  if (distance <= 0) return value;
  if (distance > 127) return value != 0;
  const Wide lost = value & ((Wide{1} << distance) - 1);
  return (value >> distance) | (lost != 0 ? 1 : 0);
}

template <typename F>
Number unpack(typename F::Bits bits) {
  const bool sign = (bits & kSignBit<F>) != 0;
  const int field = static_cast<int>((bits >> F::kFraction) & ((1u << F::kExponent) - 1));
  const std::uint64_t fraction = bits & kFractionMask<F>;
  if (field == (1 << F::kExponent) - 1) {
    if (fraction == 0) return {Kind::kInfinity, sign, 0, 0};
    const bool quiet = ((fraction >> (F::kFraction - 1)) & 1) != 0;
    return {quiet ? Kind::kQuietNan : Kind::kSignallingNan, sign, 0, 0};
  }
  if (field == 0) {
    if (fraction == 0) return {Kind::kZero, sign, 0, 0};
    const int shift = __builtin_clzll(fraction);
    return {Kind::kFinite, sign, kMinExponent<F> - F::kFraction + 63 - shift, fraction << shift};
  }
  const std::uint64_t hidden = std::uint64_t{1} << F::kFraction;
  return {Kind::kFinite, sign, field - kBias<F>, (hidden | fraction) << (63 - F::kFraction)};
}

template <typename F>
typename F::Bits zero(bool sign) {
  return sign ? kSignBit<F> : 0;
}

template <typename F>
typename F::Bits infinity(bool sign) {
  return zero<F>(sign) | kInfinityBits<F>;
}

template <typename F>
typename F::Bits invalid(Context &context) {
  context.flags |= kInvalid;
  return kCanonicalNan<F>;
}

/// Whether a magnitude whose bits below the last place are `rest` of `2 * half` rounds away from 0.
bool rounds_away(Rounding rounding, bool sign, bool odd, std::uint64_t rest, std::uint64_t half) {
  switch (rounding) {
    case Rounding::kNearestEven:
      return rest > half || (rest == half && odd);
    case Rounding::kTowardZero:
      return false;
    case Rounding::kDown:
      return sign && rest != 0;
    case Rounding::kUp:
      return !sign && rest != 0;
    case Rounding::kNearestMaxMagnitude:
      return rest >= half;
  }
  return false;
}

template <typename F>
typename F::Bits overflow(bool sign, Context &context) {
  context.flags |= kOverflow | kInexact;
  const bool to_infinity = context.rounding == Rounding::kNearestEven ||
                           context.rounding == Rounding::kNearestMaxMagnitude ||
                           context.rounding == (sign ? Rounding::kDown : Rounding::kUp);
  return infinity<F>(sign) - (to_infinity ? 0 : 1);
}

/// Rounds significand / 2^63 * 2^exponent (bit 63 set, bit 0 sticky) to the format.
template <typename F>
typename F::Bits round_and_pack(bool sign, int exponent, std::uint64_t significand,
                                Context &context) {
  constexpr int kDrop = 63 - F::kFraction;
  constexpr std::uint64_t kHalf = std::uint64_t{1} << (kDrop - 1);
  constexpr std::uint64_t kRest = (std::uint64_t{1} << kDrop) - 1;
  if (exponent > kBias<F>) return overflow<F>(sign, context);
  const auto away = [&](std::uint64_t value) {
    return rounds_away(context.rounding, sign, ((value >> kDrop) & 1) != 0, value & kRest, kHalf);
  };
  bool tiny = false;
  std::uint64_t field = 0;
  if (exponent < kMinExponent<F>) {
    // Tiny after rounding: would the result, rounded with unbounded exponent, stay below the
    // smallest normal number?
    const bool carries = (significand | kRest) == ~std::uint64_t{0} && away(significand);
    tiny = exponent < kMinExponent<F> - 1 || !carries;
    significand = shift_right_sticky(significand, kMinExponent<F> - exponent);
  } else {
    field = static_cast<std::uint64_t>(exponent - kMinExponent<F>);
  }
  if ((significand & kRest) != 0) context.flags |= tiny ? kInexact | kUnderflow : kInexact;
  // The hidden bit, or the carry out of the largest subnormal, adds one to the exponent field.
  const std::uint64_t magnitude =
      (field << F::kFraction) + (significand >> kDrop) + (away(significand) ? 1 : 0);
  if (magnitude >= kInfinityBits<F>) return overflow<F>(sign, context);
  return zero<F>(sign) | static_cast<typename F::Bits>(magnitude);
}

template <typename F>
typename F::Bits round_and_pack(const WideNumber &number, Context &context) {
  const int shift = leading_zeros(number.magnitude);
  const Wide normalised = number.magnitude << shift;
  const auto high = static_cast<std::uint64_t>(normalised >> 64);
  const bool sticky = static_cast<std::uint64_t>(normalised) != 0;
  return round_and_pack<F>(number.sign, number.exponent + 1 - shift, high | (sticky ? 1 : 0),
                           context);
}

/// x + y of finite non-zero numbers whose magnitudes lie below 2^127. An operand is only shifted so
/// far that bits are lost when the other one dominates it, so the sticky bit cannot reach the
/// rounding position by cancellation.
template <typename F>
typename F::Bits add_wide(WideNumber x, WideNumber y, Context &context) {
  if (x.exponent < y.exponent) std::swap(x, y);
  y.magnitude = shift_right_sticky(y.magnitude, x.exponent - y.exponent);
  if (x.sign == y.sign) {
    x.magnitude += y.magnitude;
  } else if (x.magnitude > y.magnitude) {
    x.magnitude -= y.magnitude;
  } else if (x.magnitude < y.magnitude) {
    x.magnitude = y.magnitude - x.magnitude;
    x.sign = y.sign;
  } else {
    return zero<F>(context.rounding == Rounding::kDown);
  }
  return round_and_pack<F>(x, context);
}

WideNumber widened(const Number &number) {
  return {number.sign, number.exponent, Wide{number.significand} << 63};
}

/// The product of finite non-zero numbers: exact, since a significand has 11 zero bits at its end.
WideNumber product(const Number &a, const Number &b) {
  return {a.sign != b.sign, a.exponent + b.exponent + 1,
          Wide{a.significand >> 1} * Wide{b.significand}};
}

/// Handles NaN operands; true when there was one.
bool any_nan(const Number &a, const Number &b, Context &context) {
  if (a.kind == Kind::kSignallingNan || b.kind == Kind::kSignallingNan) context.flags |= kInvalid;
  return a.is_nan() || b.is_nan();
}

template <typename F>
typename F::Bits zero_sum(bool sign_a, bool sign_b, const Context &context) {
  return zero<F>(sign_a == sign_b ? sign_a : context.rounding == Rounding::kDown);
}

/// floor(sqrt(value)), and in `exact` whether nothing is left over.
std::uint64_t integer_root(Wide value, bool &exact) {
  Wide rest = 0;
  std::uint64_t root = 0;
  for (int i = 63; i >= 0; --i) {
    rest = (rest << 2) | ((value >> (2 * i)) & 3);
    const Wide trial = (Wide{root} << 2) | 1;
    root <<= 1;
    if (rest >= trial) {
      rest -= trial;
      root |= 1;
    }
  }
  exact = rest == 0;
  return root;
}

/// Order of two operands that are not NaN; -0 equals +0.
template <typename F>
int order(typename F::Bits a, typename F::Bits b) {
  const typename F::Bits magnitude_a = a & ~kSignBit<F>, magnitude_b = b & ~kSignBit<F>;
  if (magnitude_a == 0 && magnitude_b == 0) return 0;
  const bool negative_a = magnitude_a != a, negative_b = magnitude_b != b;
  if (negative_a != negative_b) return negative_a ? -1 : 1;
  if (magnitude_a == magnitude_b) return 0;
  return (magnitude_a < magnitude_b) != negative_a ? -1 : 1;
}

template <typename F>
bool is_nan(typename F::Bits a) {
  return (a & ~kSignBit<F>) > kInfinityBits<F>;
}

template <typename F>
bool unordered(typename F::Bits a, typename F::Bits b, bool signalling, Context &context) {
  const Number x = unpack<F>(a), y = unpack<F>(b);
  if (!any_nan(x, y, context)) return false;
  if (signalling) context.flags |= kInvalid;
  return true;
}

template <typename F>
typename F::Bits extreme(typename F::Bits a, typename F::Bits b, bool want_less, Context &context) {
  if (any_nan(unpack<F>(a), unpack<F>(b), context)) {
    if (!is_nan<F>(a)) return a;
    return is_nan<F>(b) ? kCanonicalNan<F> : b;
  }
  const int difference = order<F>(a, b);
  if (difference != 0) return (difference < 0) == want_less ? a : b;
  return want_less ? (a | b) : (a & b);  // equal, or zeros of different sign
}

template <typename From, typename To>
typename To::Bits convert(typename From::Bits a, Context &context) {
  const Number x = unpack<From>(a);
  switch (x.kind) {
    case Kind::kSignallingNan:
      return invalid<To>(context);
    case Kind::kQuietNan:
      return kCanonicalNan<To>;
    case Kind::kInfinity:
      return infinity<To>(x.sign);
    case Kind::kZero:
      return zero<To>(x.sign);
    case Kind::kFinite:
      break;
  }
  return round_and_pack<To>(x.sign, x.exponent, x.significand, context);
}

}  // namespace

template <typename F>
typename F::Bits add(typename F::Bits a, typename F::Bits b, Context &context) {
  const Number x = unpack<F>(a), y = unpack<F>(b);
  if (any_nan(x, y, context)) return kCanonicalNan<F>;
  if (x.kind == Kind::kInfinity) {
    return y.kind == Kind::kInfinity && x.sign != y.sign ? invalid<F>(context) : a;
  }
  if (y.kind == Kind::kInfinity) return b;
  if (x.kind == Kind::kZero) {
    return y.kind == Kind::kZero ? zero_sum<F>(x.sign, y.sign, context) : b;
  }
  if (y.kind == Kind::kZero) return a;
  return add_wide<F>(widened(x), widened(y), context);
}

template <typename F>
typename F::Bits subtract(typename F::Bits a, typename F::Bits b, Context &context) {
  return add<F>(a, b ^ kSignBit<F>, context);
}

template <typename F>
typename F::Bits multiply(typename F::Bits a, typename F::Bits b, Context &context) {
  const Number x = unpack<F>(a), y = unpack<F>(b);
  if (any_nan(x, y, context)) return kCanonicalNan<F>;
  const bool sign = x.sign != y.sign;
  if (x.kind == Kind::kInfinity || y.kind == Kind::kInfinity) {
    if (x.kind == Kind::kZero || y.kind == Kind::kZero) return invalid<F>(context);
    return infinity<F>(sign);
  }
  if (x.kind == Kind::kZero || y.kind == Kind::kZero) return zero<F>(sign);
  return round_and_pack<F>(product(x, y), context);
}

template <typename F>
typename F::Bits divide(typename F::Bits a, typename F::Bits b, Context &context) {
  const Number x = unpack<F>(a), y = unpack<F>(b);
  if (any_nan(x, y, context)) return kCanonicalNan<F>;
  const bool sign = x.sign != y.sign;
  if (x.kind == y.kind && x.kind != Kind::kFinite) return invalid<F>(context);
  if (x.kind == Kind::kInfinity) return infinity<F>(sign);
  if (y.kind == Kind::kInfinity || x.kind == Kind::kZero) return zero<F>(sign);
  if (y.kind == Kind::kZero) {
    context.flags |= kDivideByZero;
    return infinity<F>(sign);
  }
  // The quotient lies in (2^62, 2^64): more than enough bits, and the remainder is sticky.
  const Wide numerator = Wide{x.significand} << 63;
  std::uint64_t quotient = static_cast<std::uint64_t>(numerator / y.significand);
  const bool rest = numerator % y.significand != 0;
  int exponent = x.exponent - y.exponent;
  if ((quotient >> 63) == 0) {
    quotient <<= 1;
    --exponent;
  }
  return round_and_pack<F>(sign, exponent, quotient | (rest ? 1 : 0), context);
}

template <typename F>
typename F::Bits square_root(typename F::Bits a, Context &context) {
  const Number x = unpack<F>(a);
  if (x.kind == Kind::kQuietNan) return kCanonicalNan<F>;
  if (x.kind == Kind::kZero) return a;
  if (x.kind == Kind::kSignallingNan || x.sign) return invalid<F>(context);
  if (x.kind == Kind::kInfinity) return a;
  // With an even exponent, root(significand * 2^63) keeps its leading bit at 63.
  const bool odd = (x.exponent & 1) != 0;
  bool exact = false;
  const std::uint64_t root = integer_root(Wide{x.significand} << (odd ? 64 : 63), exact);
  return round_and_pack<F>(false, (x.exponent - (odd ? 1 : 0)) / 2, root | (exact ? 0 : 1),
                           context);
}

template <typename F>
typename F::Bits multiply_add(typename F::Bits a, typename F::Bits b, typename F::Bits c,
                              Context &context) {
  const Number x = unpack<F>(a), y = unpack<F>(b), z = unpack<F>(c);
  const bool product_sign = x.sign != y.sign;
  const bool product_infinite = x.kind == Kind::kInfinity || y.kind == Kind::kInfinity;
  const bool product_zero = x.kind == Kind::kZero || y.kind == Kind::kZero;
  const bool product_nan = any_nan(x, y, context);
  if (!product_nan && product_infinite && product_zero) context.flags |= kInvalid;
  if (z.kind == Kind::kSignallingNan) context.flags |= kInvalid;
  if (product_nan || z.is_nan() || (product_infinite && product_zero)) return kCanonicalNan<F>;
  if (product_infinite) {
    if (z.kind == Kind::kInfinity && z.sign != product_sign) return invalid<F>(context);
    return infinity<F>(product_sign);
  }
  if (z.kind == Kind::kInfinity) return c;
  if (product_zero) {
    return z.kind == Kind::kZero ? zero_sum<F>(product_sign, z.sign, context) : c;
  }
  if (z.kind == Kind::kZero) return round_and_pack<F>(product(x, y), context);
  return add_wide<F>(product(x, y), widened(z), context);
}

template <typename F>
typename F::Bits minimum(typename F::Bits a, typename F::Bits b, Context &context) {
  return extreme<F>(a, b, true, context);
}

template <typename F>
typename F::Bits maximum(typename F::Bits a, typename F::Bits b, Context &context) {
  return extreme<F>(a, b, false, context);
}

template <typename F>
bool equal(typename F::Bits a, typename F::Bits b, Context &context) {
  return !unordered<F>(a, b, false, context) && order<F>(a, b) == 0;
}

template <typename F>
bool less(typename F::Bits a, typename F::Bits b, Context &context) {
  return !unordered<F>(a, b, true, context) && order<F>(a, b) < 0;
}

template <typename F>
bool less_or_equal(typename F::Bits a, typename F::Bits b, Context &context) {
  return !unordered<F>(a, b, true, context) && order<F>(a, b) <= 0;
}

template <typename F>
std::uint64_t classify(typename F::Bits a) {
  const Number x = unpack<F>(a);
  const bool subnormal = x.kind == Kind::kFinite && (a & kInfinityBits<F>) == 0;
  switch (x.kind) {
    case Kind::kInfinity:
      return x.sign ? 1u << 0 : 1u << 7;
    case Kind::kFinite:
      if (subnormal) return x.sign ? 1u << 2 : 1u << 5;
      return x.sign ? 1u << 1 : 1u << 6;
    case Kind::kZero:
      return x.sign ? 1u << 3 : 1u << 4;
    case Kind::kSignallingNan:
      return 1u << 8;
    case Kind::kQuietNan:
      break;
  }
  return 1u << 9;
}

std::uint64_t widen(std::uint32_t a, Context &context) {
  return convert<Single, Double>(a, context);
}

std::uint32_t narrow(std::uint64_t a, Context &context) {
  return convert<Double, Single>(a, context);
}

template <typename F>
std::uint64_t to_integer(typename F::Bits a, int width, bool is_signed, Context &context) {
  const Number x = unpack<F>(a);
  const bool negative = x.sign && !x.is_nan();
  const std::uint64_t ones = width == 32 ? 0xffffffffu : ~std::uint64_t{0};
  std::uint64_t limit = is_signed ? ones >> 1 : ones;
  if (negative) limit = is_signed ? (ones >> 1) + 1 : 0;
  // The magnitude with 64 fraction bits.
  Wide fixed = 0;
  bool fits = x.kind == Kind::kZero || (x.kind == Kind::kFinite && x.exponent < 64);
  if (x.kind == Kind::kFinite && fits) {
    fixed = x.exponent >= 0 ? Wide{x.significand} << (x.exponent + 1)
                            : shift_right_sticky(Wide{x.significand}, -(x.exponent + 1));
  }
  const auto rest = static_cast<std::uint64_t>(fixed);
  std::uint64_t magnitude = static_cast<std::uint64_t>(fixed >> 64);
  if (rounds_away(context.rounding, negative, (magnitude & 1) != 0, rest, std::uint64_t{1} << 63)) {
    ++magnitude;
  }
  fits = fits && magnitude <= limit;
  if (!fits) {
    context.flags |= kInvalid;
    magnitude = limit;
  } else if (rest != 0) {
    context.flags |= kInexact;
  }
  const std::uint64_t value = negative ? 0 - magnitude : magnitude;
  if (width == 64) return value;
  return static_cast<std::uint64_t>(
      static_cast<std::int64_t>(static_cast<std::int32_t>(static_cast<std::uint32_t>(value))));
}

template <typename F>
typename F::Bits from_integer(std::uint64_t value, int width, bool is_signed, Context &context) {
  if (width == 32) {
    const auto word = static_cast<std::uint32_t>(value);
    value =
        is_signed
            ? static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(word)))
            : word;
  }
  if (value == 0) return 0;
  const bool sign = is_signed && (value >> 63) != 0;
  const std::uint64_t magnitude = sign ? 0 - value : value;
  const int shift = __builtin_clzll(magnitude);
  return round_and_pack<F>(sign, 63 - shift, magnitude << shift, context);
}

#define NPIM_INSTANTIATE(F)                                               \
  template F::Bits add<F>(F::Bits, F::Bits, Context &);                   \
  template F::Bits subtract<F>(F::Bits, F::Bits, Context &);              \
  template F::Bits multiply<F>(F::Bits, F::Bits, Context &);              \
  template F::Bits divide<F>(F::Bits, F::Bits, Context &);                \
  template F::Bits square_root<F>(F::Bits, Context &);                    \
  template F::Bits multiply_add<F>(F::Bits, F::Bits, F::Bits, Context &); \
  template F::Bits minimum<F>(F::Bits, F::Bits, Context &);               \
  template F::Bits maximum<F>(F::Bits, F::Bits, Context &);               \
  template bool equal<F>(F::Bits, F::Bits, Context &);                    \
  template bool less<F>(F::Bits, F::Bits, Context &);                     \
  template bool less_or_equal<F>(F::Bits, F::Bits, Context &);            \
  template std::uint64_t classify<F>(F::Bits);                            \
  template std::uint64_t to_integer<F>(F::Bits, int, bool, Context &);    \
  template F::Bits from_integer<F>(std::uint64_t, int, bool, Context &)

NPIM_INSTANTIATE(Single);
NPIM_INSTANTIATE(Double);
#undef NPIM_INSTANTIATE

}  // namespace npim::cpu::fp
