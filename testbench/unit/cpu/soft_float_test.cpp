// Software floating point against the host's (IEEE 754, tininess after rounding on x86-64).
#include "cpu/soft_float.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace npim::cpu::fp {
namespace {

template <typename F>
using Host = std::conditional_t<std::is_same_v<F, Single>, float, double>;

template <typename F>
Host<F> to_host(typename F::Bits bits) {
  Host<F> value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <typename F>
typename F::Bits from_host(Host<F> value) {
  if (std::isnan(value)) return kCanonicalNan<F>;
  typename F::Bits bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

struct Mode {
  Rounding rounding;
  int host;
};
constexpr Mode kModes[] = {{Rounding::kNearestEven, FE_TONEAREST},
                           {Rounding::kTowardZero, FE_TOWARDZERO},
                           {Rounding::kDown, FE_DOWNWARD},
                           {Rounding::kUp, FE_UPWARD}};

int host_flags() {
  const int raised = std::fetestexcept(FE_ALL_EXCEPT);
  return ((raised & FE_INEXACT) != 0 ? kInexact : 0) |
         ((raised & FE_UNDERFLOW) != 0 ? kUnderflow : 0) |
         ((raised & FE_OVERFLOW) != 0 ? kOverflow : 0) |
         ((raised & FE_DIVBYZERO) != 0 ? kDivideByZero : 0) |
         ((raised & FE_INVALID) != 0 ? kInvalid : 0);
}

/// Runs `operation` on the host's unit in a mode; volatile operands keep it at run time and in
/// place.
template <typename Operation>
auto on_host(int mode, int &flags, Operation operation) {
  std::fesetround(mode);
  std::feclearexcept(FE_ALL_EXCEPT);
  volatile auto result = operation();
  flags = host_flags();
  std::fesetround(FE_TONEAREST);
  return result;
}

/// Operands that meet the corners: special values, subnormals, few-bit fractions, close exponents.
template <typename F>
class Operands {
 public:
  using Bits = typename F::Bits;
  explicit Operands(unsigned seed) : random_(seed) {}

  Bits next() {
    const auto kind = random_() % 8;
    Bits bits = static_cast<Bits>(random_());
    if (kind == 0) return special();
    if (kind == 1) bits &= kSignBit<F> | ((Bits{1} << F::kFraction) - 1);  // subnormal
    if (kind == 2) bits &= ~((Bits{1} << (F::kFraction - 4)) - 1);         // few bits
    if (kind == 3) bits |= (Bits{1} << (F::kFraction - 3)) - 1;            // many ones
    if (kind >= 4 && kind <= 6) bits = with_exponent(bits, middle(kind == 6 ? 70 : 3));
    return bits;
  }

 private:
  Bits special() {
    constexpr Bits kInfinity = kCanonicalNan<F> & (kCanonicalNan<F> << 1);
    static constexpr Bits kValues[] = {0,
                                       1,
                                       kInfinity,
                                       kCanonicalNan<F>,
                                       kInfinity | 1,
                                       kInfinity - 1,
                                       Bits{1} << F::kFraction,
                                       (Bits{1} << F::kFraction) - 1,
                                       (kInfinity >> 1) & kInfinity};
    const Bits sign = (random_() & 1) != 0 ? kSignBit<F> : 0;
    return kValues[random_() % std::size(kValues)] | sign;
  }
  Bits middle(unsigned spread) {
    const Bits bias = (Bits{1} << (F::kExponent - 1)) - 1;
    return bias - spread / 2 + static_cast<Bits>(random_() % (spread + 1));
  }
  static Bits with_exponent(Bits bits, Bits exponent) {
    const Bits field = ((Bits{1} << F::kExponent) - 1) << F::kFraction;
    return (bits & ~field) | exponent << F::kFraction;
  }

  std::mt19937_64 random_;
};

template <typename F>
class SoftFloat : public testing::Test {
 protected:
  /// Compares result and flags of one operation in every host mode for many operands.
  template <typename Soft, typename Hard>
  void compare(unsigned seed, Soft soft, Hard hard) {
    Operands<F> operands(seed);
    for (int i = 0; i < 60'000; ++i) {
      const auto a = operands.next(), b = operands.next(), c = operands.next();
      volatile Host<F> x = to_host<F>(a), y = to_host<F>(b), z = to_host<F>(c);
      for (const Mode &mode : kModes) {
        int flags = 0;
        const Host<F> expected = on_host(mode.host, flags, [&] { return hard(x, y, z); });
        Context context{mode.rounding, 0};
        const auto result = soft(a, b, c, context);
        ASSERT_EQ(result, from_host<F>(expected))
            << std::hex << "a " << a << " b " << b << " c " << c << " mode "
            << static_cast<int>(mode.rounding);
        ASSERT_EQ(context.flags, flags) << std::hex << "a " << a << " b " << b << " c " << c
                                        << " mode " << static_cast<int>(mode.rounding);
      }
    }
  }
};

using Formats = testing::Types<Single, Double>;
TYPED_TEST_SUITE(SoftFloat, Formats);

TYPED_TEST(SoftFloat, AddEqualsHost) {
  using F = TypeParam;
  this->compare(
      1, [](auto a, auto b, auto, Context &c) { return add<F>(a, b, c); },
      [](auto a, auto b, auto) { return a + b; });
}
TYPED_TEST(SoftFloat, SubtractEqualsHost) {
  using F = TypeParam;
  this->compare(
      2, [](auto a, auto b, auto, Context &c) { return subtract<F>(a, b, c); },
      [](auto a, auto b, auto) { return a - b; });
}
TYPED_TEST(SoftFloat, MultiplyEqualsHost) {
  using F = TypeParam;
  this->compare(
      3, [](auto a, auto b, auto, Context &c) { return multiply<F>(a, b, c); },
      [](auto a, auto b, auto) { return a * b; });
}
TYPED_TEST(SoftFloat, DivideEqualsHost) {
  using F = TypeParam;
  this->compare(
      4, [](auto a, auto b, auto, Context &c) { return divide<F>(a, b, c); },
      [](auto a, auto b, auto) { return a / b; });
}
TYPED_TEST(SoftFloat, SquareRootEqualsHost) {
  using F = TypeParam;
  this->compare(
      5, [](auto a, auto, auto, Context &c) { return square_root<F>(a, c); },
      [](auto a, auto, auto) { return std::sqrt(a); });
}

TYPED_TEST(SoftFloat, MultiplyAddEqualsHost) {
  using F = TypeParam;
  using Bits = typename F::Bits;
  constexpr Bits kInfinity = kCanonicalNan<F> & (kCanonicalNan<F> << 1);
  this->compare(
      6,
      [](auto a, auto b, auto z, Context &c) {
        const Bits result = multiply_add<F>(a, b, z, c);
        // Infinity times zero plus a quiet NaN is invalid on RISC-V and left open by IEEE 754.
        const Bits x = a & ~kSignBit<F>, y = b & ~kSignBit<F>;
        const bool open = (x == 0 && y == kInfinity) || (x == kInfinity && y == 0);
        const bool quiet = (z & kCanonicalNan<F>) == kCanonicalNan<F>;
        if (open && quiet) {
          EXPECT_EQ(c.flags, kInvalid);
          volatile auto p = to_host<F>(a), q = to_host<F>(b), r = to_host<F>(z);
          std::feclearexcept(FE_ALL_EXCEPT);
          volatile auto unused = std::fma(p, q, r);
          (void)unused;
          c.flags = static_cast<std::uint8_t>(host_flags());
        }
        return result;
      },
      [](auto a, auto b, auto c) { return std::fma(a, b, c); });
}

/// Sums that almost cancel, products next to the smallest normal number: what random operands miss.
TYPED_TEST(SoftFloat, MultiplyAddCancels) {
  using F = TypeParam;
  using Bits = typename F::Bits;
  std::mt19937_64 random(7);
  const Bits bias = (Bits{1} << (F::kExponent - 1)) - 1;
  const Bits fraction = (Bits{1} << F::kFraction) - 1;
  for (int i = 0; i < 50'000; ++i) {
    const Bits a = bias << F::kFraction | (static_cast<Bits>(random()) & fraction);
    const Bits small = 1 + static_cast<Bits>(random() % 60);
    const Bits b =
        (i % 2 == 0 ? bias : small) << F::kFraction | (static_cast<Bits>(random()) & fraction);
    Context exact;
    Bits c = multiply<F>(a, b, exact) ^ kSignBit<F>;
    c += static_cast<Bits>(random() % 5) - 2;
    for (const Mode &mode : kModes) {
      volatile auto x = to_host<F>(a), y = to_host<F>(b), z = to_host<F>(c);
      int flags = 0;
      const auto expected = on_host(mode.host, flags, [&] { return std::fma(x, y, z); });
      Context context{mode.rounding, 0};
      ASSERT_EQ(multiply_add<F>(a, b, c, context), from_host<F>(expected));
      ASSERT_EQ(context.flags, flags);
    }
  }
}

TYPED_TEST(SoftFloat, ComparesLikeHost) {
  using F = TypeParam;
  Operands<F> operands(8);
  for (int i = 0; i < 100'000; ++i) {
    const auto a = operands.next(), b = i % 5 == 0 ? a : operands.next();
    volatile auto x = to_host<F>(a), y = to_host<F>(b);
    int flags = 0;
    Context context;
    ASSERT_EQ(equal<F>(a, b, context), on_host(FE_TONEAREST, flags, [&] { return x == y; }));
    ASSERT_EQ(context.flags, flags);
    context.flags = 0;
    ASSERT_EQ(less<F>(a, b, context), on_host(FE_TONEAREST, flags, [&] { return x < y; }));
    ASSERT_EQ(context.flags, flags);
    context.flags = 0;
    ASSERT_EQ(less_or_equal<F>(a, b, context),
              on_host(FE_TONEAREST, flags, [&] { return x <= y; }));
    ASSERT_EQ(context.flags, flags);
  }
}

TYPED_TEST(SoftFloat, ConvertsIntegersLikeHost) {
  using F = TypeParam;
  using H = Host<F>;
  std::mt19937_64 random(9);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    for (const Mode &mode : kModes) {
      const auto check = [&](auto integer, int width, bool is_signed) {
        volatile auto x = integer;
        int flags = 0;
        const H expected = on_host(mode.host, flags, [&] { return static_cast<H>(x); });
        Context context{mode.rounding, 0};
        ASSERT_EQ(from_integer<F>(value, width, is_signed, context), from_host<F>(expected));
        ASSERT_EQ(context.flags, flags);
      };
      check(static_cast<std::int64_t>(value), 64, true);
      check(value, 64, false);
      check(static_cast<std::int32_t>(value), 32, true);
      check(static_cast<std::uint32_t>(value), 32, false);
    }
  }
}

TYPED_TEST(SoftFloat, ConvertsToIntegersLikeHost) {
  using F = TypeParam;
  Operands<F> operands(10);
  for (int i = 0; i < 100'000; ++i) {
    const auto a = operands.next();
    volatile auto x = to_host<F>(a);
    if (!(std::fabs(x) < 9e18)) continue;
    for (const Mode &mode : kModes) {
      int flags = 0;
      const auto expected = on_host(mode.host, flags, [&] { return std::llrint(x); });
      Context context{mode.rounding, 0};
      ASSERT_EQ(static_cast<long long>(to_integer<F>(a, 64, true, context)), expected);
      ASSERT_EQ(context.flags, flags);
      // The narrower kinds follow from the wide one, which is exact here.
      const auto narrow_check = [&](int width, bool is_signed, long long low, long long high) {
        Context narrow_context{mode.rounding, 0};
        const auto clamped = std::min(std::max(expected, low), high);
        const auto result = to_integer<F>(a, width, is_signed, narrow_context);
        const auto wanted =
            width == 32 ? static_cast<long long>(static_cast<int>(clamped)) : clamped;
        ASSERT_EQ(static_cast<long long>(result), wanted) << std::hex << a;
        ASSERT_EQ(narrow_context.flags, clamped == expected ? flags : kInvalid) << std::hex << a;
      };
      narrow_check(32, true, INT32_MIN, INT32_MAX);
      narrow_check(32, false, 0, UINT32_MAX);
      narrow_check(64, false, 0, INT64_MAX);
    }
  }
}

TYPED_TEST(SoftFloat, SaturatesConversions) {
  using F = TypeParam;
  using Bits = typename F::Bits;
  constexpr Bits kInfinity = kCanonicalNan<F> & (kCanonicalNan<F> << 1);
  const auto convert = [](Bits a, int width, bool is_signed) {
    Context context;
    const auto result = to_integer<F>(a, width, is_signed, context);
    EXPECT_EQ(context.flags, kInvalid);
    return result;
  };
  const std::uint64_t most_negative = std::uint64_t{1} << 63;
  for (const Bits a : {kInfinity, kCanonicalNan<F>, kCanonicalNan<F> | kSignBit<F>}) {
    EXPECT_EQ(convert(a, 64, true), most_negative - 1);
    EXPECT_EQ(convert(a, 64, false), ~std::uint64_t{0});
    EXPECT_EQ(convert(a, 32, true), 0x7fffffffu);
    EXPECT_EQ(convert(a, 32, false), ~std::uint64_t{0});  // sign-extended
  }
  const Bits minus_infinity = kInfinity | kSignBit<F>;
  EXPECT_EQ(convert(minus_infinity, 64, true), most_negative);
  EXPECT_EQ(convert(minus_infinity, 64, false), 0u);
  EXPECT_EQ(convert(minus_infinity, 32, true), 0xffffffff80000000u);
  EXPECT_EQ(convert(minus_infinity, 32, false), 0u);
  Context context;
  const Bits two_63 = from_integer<F>(most_negative, 64, false, context);
  EXPECT_EQ(convert(two_63, 64, true), most_negative - 1);
  EXPECT_EQ(to_integer<F>(two_63, 64, false, context), most_negative);
  EXPECT_EQ(to_integer<F>(two_63 | kSignBit<F>, 64, true, context), most_negative);
  EXPECT_EQ(context.flags, 0);
}

TYPED_TEST(SoftFloat, MinimumAndMaximum) {
  using F = TypeParam;
  using Bits = typename F::Bits;
  const auto value = [](Host<F> v) { return from_host<F>(v); };
  const Bits quiet = kCanonicalNan<F>;
  const Bits signalling = (quiet & (quiet << 1)) | 1;
  Context c;
  EXPECT_EQ(minimum<F>(value(1), value(2), c), value(1));
  EXPECT_EQ(maximum<F>(value(1), value(2), c), value(2));
  EXPECT_EQ(minimum<F>(value(-1), value(-2), c), value(-2));
  EXPECT_EQ(minimum<F>(0, kSignBit<F>, c), kSignBit<F>);
  EXPECT_EQ(minimum<F>(kSignBit<F>, 0, c), kSignBit<F>);
  EXPECT_EQ(maximum<F>(kSignBit<F>, 0, c), 0u);
  EXPECT_EQ(maximum<F>(quiet, value(3), c), value(3));
  EXPECT_EQ(minimum<F>(value(3), quiet | kSignBit<F>, c), value(3));
  EXPECT_EQ(minimum<F>(quiet | kSignBit<F> | 5, quiet, c), quiet);
  EXPECT_EQ(c.flags, 0);
  EXPECT_EQ(maximum<F>(signalling, value(3), c), value(3));
  EXPECT_EQ(c.flags, kInvalid);
}

TYPED_TEST(SoftFloat, Classifies) {
  using F = TypeParam;
  using Bits = typename F::Bits;
  constexpr Bits kInfinity = kCanonicalNan<F> & (kCanonicalNan<F> << 1);
  const Bits s = kSignBit<F>, one = from_host<F>(1);
  const Bits values[] = {Bits(kInfinity | s), Bits(one | s), Bits(1 | s),     s, 0, 1, one,
                         kInfinity,           kInfinity | 1, kCanonicalNan<F>};
  for (unsigned i = 0; i < 10; ++i) EXPECT_EQ(classify<F>(values[i]), 1u << i);
}

TYPED_TEST(SoftFloat, RoundsTiesAwayInRmm) {
  using F = TypeParam;
  using Bits = typename F::Bits;
  const auto round = [](Host<F> v) {
    Context context{Rounding::kNearestMaxMagnitude, 0};
    return static_cast<std::int64_t>(to_integer<F>(from_host<F>(v), 64, true, context));
  };
  EXPECT_EQ(round(0.5), 1);
  EXPECT_EQ(round(-0.5), -1);
  EXPECT_EQ(round(2.5), 3);
  EXPECT_EQ(round(-2.5), -3);
  EXPECT_EQ(round(2.25), 2);
  Context context{Rounding::kNearestMaxMagnitude, 0};
  // 1 + half a unit in the last place: to even gives 1, to maximum magnitude the next number.
  const Bits one = from_host<F>(1);
  const Bits half_ulp = one - (static_cast<Bits>(F::kFraction + 1) << F::kFraction);
  EXPECT_EQ(add<F>(one, half_ulp, context), one + 1);
  EXPECT_EQ(add<F>(one | kSignBit<F>, half_ulp | kSignBit<F>, context), (one + 1) | kSignBit<F>);
  EXPECT_EQ(add<F>(one, half_ulp - 1, context), one);
  EXPECT_EQ(context.flags, kInexact);
  // Half the smallest subnormal becomes the smallest, exactly half way.
  context.flags = 0;
  EXPECT_EQ(multiply<F>(1, from_host<F>(Host<F>(0.5)), context), 1u);
  EXPECT_EQ(context.flags, kInexact | kUnderflow);
  // Half way beyond the largest number overflows to infinity.
  constexpr Bits kInfinity = kCanonicalNan<F> & (kCanonicalNan<F> << 1);
  context.flags = 0;
  EXPECT_EQ(multiply<F>(kInfinity - 1, from_host<F>(2), context), kInfinity);
  EXPECT_EQ(context.flags, kOverflow | kInexact);
}

/// Apart from ties, RMM equals round-to-nearest-even; on ties it equals rounding away from zero.
TYPED_TEST(SoftFloat, RmmAgreesWithNearestExceptTies) {
  using F = TypeParam;
  Operands<F> operands(11);
  int ties = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto a = operands.next(), b = operands.next();
    Context even, away{Rounding::kNearestMaxMagnitude, 0}, up{Rounding::kUp, 0},
        down{Rounding::kDown, 0};
    const auto near = add<F>(a, b, even), rmm = add<F>(a, b, away);
    if (near == rmm) continue;
    ++ties;
    const bool negative = (rmm & kSignBit<F>) != 0;
    EXPECT_EQ(rmm, negative ? add<F>(a, b, down) : add<F>(a, b, up));
    EXPECT_EQ(near & 1, 0u);
  }
  EXPECT_GT(ties, 0);
}

TEST(SoftFloatConversion, BetweenFormatsEqualsHost) {
  Operands<Double> doubles(12);
  Operands<Single> singles(13);
  std::mt19937_64 random(14);
  for (int i = 0; i < 200'000; ++i) {
    std::uint64_t wide = doubles.next();
    if (i % 2 == 0) {  // near the single format's range, subnormals included
      wide = (wide & 0x800fffffffffffff) | (1023 - 155 + random() % 290) << 52;
    }
    const std::uint32_t single = singles.next();
    volatile double x = to_host<Double>(wide);
    volatile float y = to_host<Single>(single);
    for (const Mode &mode : kModes) {
      int flags = 0;
      const float narrowed = on_host(mode.host, flags, [&] { return static_cast<float>(x); });
      Context context{mode.rounding, 0};
      ASSERT_EQ(narrow(wide, context), from_host<Single>(narrowed)) << std::hex << wide;
      ASSERT_EQ(context.flags, flags) << std::hex << wide;
      const double widened = on_host(mode.host, flags, [&] { return static_cast<double>(y); });
      context.flags = 0;
      ASSERT_EQ(widen(single, context), from_host<Double>(widened));
      ASSERT_EQ(context.flags, flags);
    }
  }
}

}  // namespace
}  // namespace npim::cpu::fp
