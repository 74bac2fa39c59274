#include "device/random.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "base/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "device/random.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Constants of the generator and of the normal transform, shared by scalar and vector code.
#ifndef NPIM_DEVICE_RANDOM_CONSTANTS
#define NPIM_DEVICE_RANDOM_CONSTANTS
namespace npim::device {
constexpr std::uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;
constexpr std::size_t kBlocksPerGroup = kDrawGroup / 4;

constexpr float kTwoToMinus31 = 4.656612873077393e-10F;
constexpr float kLn2 = 0.69314718F;
constexpr std::int32_t kSqrtHalfBits = 0x3F3504F3;          // sqrt(1/2)
constexpr float kQuarterTurn = 1.5707964F / 1073741824.0F;  // pi/2 / 2^30
constexpr float kLog3 = 2.0F / 3, kLog5 = 2.0F / 5, kLog7 = 2.0F / 7, kLog9 = 2.0F / 9;
constexpr float kSin3 = -1.0F / 6, kSin5 = 1.0F / 120, kSin7 = -1.0F / 5040, kSin9 = 1.0F / 362880;
constexpr float kCos2 = -0.5F, kCos4 = 1.0F / 24, kCos6 = -1.0F / 720, kCos8 = 1.0F / 40320,
                kCos10 = -1.0F / 3628800;
}  // namespace npim::device
#endif

HWY_BEFORE_NAMESPACE();
namespace npim::device::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::CappedTag<std::uint32_t, kBlocksPerGroup>;
using Longs = hn::Repartition<std::uint64_t, Words>;
using WordVector = hn::Vec<Words>;
using LongVector = hn::Vec<Longs>;

struct Blocks {
  LongVector word[4];  // 32 valid bits at the bottom of 64; the upper half is arbitrary
};

HWY_INLINE void round(Blocks &blocks, std::uint32_t key0, std::uint32_t key1) {
  const Longs d;
  const Words d32;
  const auto product = [&](LongVector value, std::uint32_t multiplier) {
    return hn::MulEven(hn::BitCast(d32, value), hn::Set(d32, multiplier));
  };
  const auto product0 = product(blocks.word[0], kMultiplier0);
  const auto product1 = product(blocks.word[2], kMultiplier1);
  blocks.word[0] = hn::Xor3(hn::ShiftRight<32>(product1), blocks.word[1],
                            hn::Set(d, static_cast<std::uint64_t>(key0)));
  blocks.word[1] = product1;
  blocks.word[2] = hn::Xor3(hn::ShiftRight<32>(product0), blocks.word[3],
                            hn::Set(d, static_cast<std::uint64_t>(key1)));
  blocks.word[3] = product0;
}

/// Words 0 to 3 of the blocks whose counters start with first_block + lane.
HWY_INLINE void generate(const PhiloxBlock &counter, PhiloxKey key, std::uint32_t first_block,
                         WordVector words[4]) {
  const Longs d;
  const Words d32;
  Blocks even, odd;
  const auto lane = hn::Iota(d, 0);
  const auto first =
      hn::Add(hn::Set(d, std::uint64_t{counter[0]} + first_block), hn::ShiftLeft<1>(lane));
  even.word[0] = first;
  odd.word[0] = hn::Add(first, hn::Set(d, std::uint64_t{1}));
  for (int i = 1; i < 4; ++i) {
    even.word[i] = hn::Set(d, std::uint64_t{counter[static_cast<std::size_t>(i)]});
    odd.word[i] = even.word[i];
  }
  for (int i = 0; i < kRounds; ++i) {
    round(even, key[0], key[1]);
    round(odd, key[0], key[1]);
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  for (int i = 0; i < 4; ++i) {
    words[i] = hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(odd.word[i])),
                           hn::BitCast(d32, even.word[i]));
  }
}

/// Box-Muller: two normals from two words. Multiplications and additions stay apart (the file is
/// compiled without contraction), so that targets with and without FMA agree.
template <class V>
HWY_INLINE void box_muller(V radius_word, V angle_word, float *HWY_RESTRICT cosine_out,
                           float *HWY_RESTRICT sine_out) {
  const hn::RebindToSigned<hn::DFromV<V>> di;
  const hn::RebindToFloat<hn::DFromV<V>> df;
  const auto constant = [&](float value) { return hn::Set(df, value); };
  // u in (0, 1], then ln u = exponent * ln 2 + 2 artanh((m - 1) / (m + 1)).
  const auto integer = hn::ConvertTo(df, hn::BitCast(di, hn::ShiftRight<1>(radius_word)));
  const auto u = hn::Mul(hn::Add(integer, constant(0.5F)), constant(kTwoToMinus31));
  const auto offset = hn::Sub(hn::BitCast(di, u), hn::Set(di, kSqrtHalfBits));
  const auto exponent = hn::ShiftRight<23>(offset);
  const auto mantissa = hn::BitCast(df, hn::Sub(hn::BitCast(di, u), hn::ShiftLeft<23>(exponent)));
  const auto one = constant(1.0F);
  const auto t = hn::Div(hn::Sub(mantissa, one), hn::Add(mantissa, one));
  const auto t2 = hn::Mul(t, t);
  auto series = hn::Add(hn::Mul(constant(kLog9), t2), constant(kLog7));
  series = hn::Add(hn::Mul(series, t2), constant(kLog5));
  series = hn::Add(hn::Mul(series, t2), constant(kLog3));
  series = hn::Add(hn::Mul(series, t2), constant(2.0F));
  const auto log =
      hn::Add(hn::Mul(hn::ConvertTo(df, exponent), constant(kLn2)), hn::Mul(series, t));
  const auto square = hn::Max(hn::Mul(log, constant(-2.0F)), hn::Zero(df));
  const auto radius = hn::Sqrt(square);

  // The angle is a whole 32-bit turn: the quadrant and the rest are exact.
  const auto angle = hn::BitCast(di, angle_word);
  const auto quadrant = hn::ShiftRight<30>(hn::Add(angle, hn::Set(di, std::int32_t{1} << 29)));
  const auto rest = hn::Sub(angle, hn::ShiftLeft<30>(quadrant));
  const auto x = hn::Mul(hn::ConvertTo(df, rest), constant(kQuarterTurn));
  const auto x2 = hn::Mul(x, x);
  auto sine = hn::Add(hn::Mul(constant(kSin9), x2), constant(kSin7));
  sine = hn::Add(hn::Mul(sine, x2), constant(kSin5));
  sine = hn::Add(hn::Mul(sine, x2), constant(kSin3));
  sine = hn::Add(hn::Mul(hn::Mul(sine, x2), x), x);
  auto cosine = hn::Add(hn::Mul(constant(kCos10), x2), constant(kCos8));
  cosine = hn::Add(hn::Mul(cosine, x2), constant(kCos6));
  cosine = hn::Add(hn::Mul(cosine, x2), constant(kCos4));
  cosine = hn::Add(hn::Mul(cosine, x2), constant(kCos2));
  cosine = hn::Add(hn::Mul(cosine, x2), one);
  // Quadrant q: (cos, sin) of x turned by q right angles; bit 31 of the sign masks.
  const auto swap = hn::RebindMask(df, hn::Ne(hn::And(quadrant, hn::Set(di, 1)), hn::Zero(di)));
  const auto cosine_sign = hn::And(hn::Add(quadrant, hn::Set(di, 1)), hn::Set(di, 2));
  const auto sine_sign = hn::And(quadrant, hn::Set(di, 2));
  const auto turned_cosine =
      hn::Xor(hn::IfThenElse(swap, sine, cosine), hn::BitCast(df, hn::ShiftLeft<30>(cosine_sign)));
  const auto turned_sine =
      hn::Xor(hn::IfThenElse(swap, cosine, sine), hn::BitCast(df, hn::ShiftLeft<30>(sine_sign)));
  hn::StoreU(hn::Mul(radius, turned_cosine), df, cosine_out);
  hn::StoreU(hn::Mul(radius, turned_sine), df, sine_out);
}

void normal_groups(const PhiloxBlock &counter, PhiloxKey key, std::size_t groups,
                   float *HWY_RESTRICT normals) {
  const std::size_t lanes = hn::Lanes(Words());
  for (std::size_t block = 0; block < groups * kBlocksPerGroup; block += lanes) {
    WordVector words[4];
    generate(counter, key, static_cast<std::uint32_t>(block), words);
    float *out = normals + block / kBlocksPerGroup * kDrawGroup + block % kBlocksPerGroup;
    box_muller(words[0], words[1], out, out + kBlocksPerGroup);
    box_muller(words[2], words[3], out + 2 * kBlocksPerGroup, out + 3 * kBlocksPerGroup);
  }
}

void word_groups(const PhiloxBlock &counter, PhiloxKey key, std::size_t groups,
                 std::uint32_t *HWY_RESTRICT out_words) {
  const Words d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t block = 0; block < groups * kBlocksPerGroup; block += lanes) {
    WordVector words[4];
    generate(counter, key, static_cast<std::uint32_t>(block), words);
    auto *out = out_words + block / kBlocksPerGroup * kDrawGroup + block % kBlocksPerGroup;
    for (std::size_t i = 0; i < 4; ++i) hn::StoreU(words[i], d, out + i * kBlocksPerGroup);
  }
}

}  // namespace npim::device::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace npim::device {
namespace {

HWY_EXPORT(normal_groups);
HWY_EXPORT(word_groups);

constexpr std::uint32_t kBlockBits = 20;

/// Counter of block 0 of the family: purpose, cycle and block; tile and array; window.
PhiloxBlock base_counter(const DrawKey &key) {
  const auto purpose = static_cast<std::uint32_t>(key.purpose);
  if (key.tile >> 16 || key.array >> 16 || key.cycle >> 8 || purpose >> 4) {
    throw std::invalid_argument("random draw: tile, array or cycle out of range");
  }
  return {purpose << 28 | key.cycle << kBlockBits, key.tile << 16 | key.array,
          static_cast<std::uint32_t>(key.window), static_cast<std::uint32_t>(key.window >> 32)};
}

PhiloxKey philox_key(const DrawKey &key) {
  return {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)};
}

void check_range(std::size_t first, std::size_t count) {
  if (first > kMostDraws || count > kMostDraws - first) {
    throw std::invalid_argument("random draw: index out of range");
  }
}

PhiloxBlock block_of(const DrawKey &key, std::size_t index) {
  check_range(index, 1);
  PhiloxBlock counter = base_counter(key);
  counter[0] +=
      static_cast<std::uint32_t>(index / kDrawGroup * kBlocksPerGroup + index % kBlocksPerGroup);
  return philox4x32(counter, philox_key(key));
}

std::size_t word_of(std::size_t index) {
  return index / kBlocksPerGroup % 4;
}

std::int32_t float_bits(float value) {
  std::int32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

float float_of(std::int32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// ln u as in box_muller.
float log_uniform(std::uint32_t word) {
  const float u = (static_cast<float>(static_cast<std::int32_t>(word >> 1)) + 0.5F) * kTwoToMinus31;
  const std::int32_t exponent = (float_bits(u) - kSqrtHalfBits) >> 23;
  const float mantissa = float_of(float_bits(u) - exponent * (1 << 23));
  const float t = (mantissa - 1.0F) / (mantissa + 1.0F);
  const float t2 = t * t;
  const float series = (((kLog9 * t2 + kLog7) * t2 + kLog5) * t2 + kLog3) * t2 + 2.0F;
  return static_cast<float>(exponent) * kLn2 + series * t;
}

float scalar_box_muller(std::uint32_t radius_word, std::uint32_t angle_word, bool want_sine) {
  const float radius = std::sqrt(std::max(log_uniform(radius_word) * -2.0F, 0.0F));
  const std::uint32_t quadrant = ((angle_word + (1U << 29)) >> 30) & 3;
  const auto rest = static_cast<std::int32_t>(angle_word - (quadrant << 30));
  const float x = static_cast<float>(rest) * kQuarterTurn;
  const float x2 = x * x;
  const float sine = (((kSin9 * x2 + kSin7) * x2 + kSin5) * x2 + kSin3) * x2 * x + x;
  const float cosine =
      ((((kCos10 * x2 + kCos8) * x2 + kCos6) * x2 + kCos4) * x2 + kCos2) * x2 + 1.0F;
  const bool swap = quadrant & 1;
  const float value = want_sine != swap ? sine : cosine;
  const bool negative = want_sine ? (quadrant & 2) != 0 : ((quadrant + 1) & 2) != 0;
  return radius * (negative ? -value : value);
}

/// Runs whole groups into the caller's memory and the last partial one through a buffer.
template <class T, class Groups>
void fill(const DrawKey &key, std::size_t first, std::size_t count, T *out, const Groups &groups) {
  check_range(first, count);
  if (first % kDrawGroup != 0) throw std::invalid_argument("random draw: first is not aligned");
  PhiloxBlock counter = base_counter(key);
  counter[0] += static_cast<std::uint32_t>(first / 4);
  const std::size_t whole = count / kDrawGroup;
  groups(counter, philox_key(key), whole, out);
  if (count % kDrawGroup == 0) return;
  T rest[kDrawGroup];
  counter[0] += static_cast<std::uint32_t>(whole * kBlocksPerGroup);
  groups(counter, philox_key(key), std::size_t{1}, rest);
  std::copy_n(rest, count % kDrawGroup, out + whole * kDrawGroup);
}

}  // namespace

PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key) {
  return philox4x32_10(counter, key);
}

std::uint32_t random_word(const DrawKey &key, std::size_t index) {
  return block_of(key, index)[word_of(index)];
}

double random_uniform(const DrawKey &key, std::size_t index) {
  return (random_word(key, index) + 0.5) * 0x1p-32;
}

float random_normal(const DrawKey &key, std::size_t index) {
  const auto block = block_of(key, index);
  const std::size_t word = word_of(index);
  return scalar_box_muller(block[word & 2], block[(word & 2) + 1], word & 1);
}

void fill_normals(const DrawKey &key, std::size_t first, std::size_t count, float *normals) {
  fill(key, first, count, normals, [](auto... arguments) {
    HWY_DYNAMIC_DISPATCH(normal_groups)(arguments...);
  });
}

void fill_words(const DrawKey &key, std::size_t first, std::size_t count, std::uint32_t *words) {
  fill(key, first, count, words, [](auto... arguments) {
    HWY_DYNAMIC_DISPATCH(word_groups)(arguments...);
  });
}

}  // namespace npim::device
#endif
