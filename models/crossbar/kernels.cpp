#include "crossbar/kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernels.cpp"
#include <hwy/aligned_allocator.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace npim::crossbar::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using I16 = hn::CappedTag<std::int16_t, kTableColumns>;
using I32 = hn::Repartition<std::int32_t, I16>;
using F32 = hn::RebindToFloat<I32>;
using V16 = hn::Vec<I16>;
using V32 = hn::Vec<I32>;

// 16-bit products are added in pairs to 32 bits: no saturation for 255 * -128 twice, unlike the
// 8-bit multiply-add of x86.
void dot_products(const std::uint8_t *HWY_RESTRICT inputs, std::size_t rows,
                  const std::int16_t *HWY_RESTRICT weights, std::size_t stride, std::size_t vectors,
                  std::int32_t *HWY_RESTRICT products) {
  const hn::CappedTag<std::int16_t, kRowPadding> d16;
  const hn::Repartition<std::int32_t, decltype(d16)> d32;
  const std::size_t lanes = hn::Lanes(d16);
  const std::size_t padded = (rows + lanes - 1) / lanes * lanes;
  HWY_ALIGN std::int16_t wide[kMostRows];
  for (std::size_t row = 0; row < rows; ++row) wide[row] = inputs[row];
  for (std::size_t row = rows; row < padded; ++row) wide[row] = 0;
  for (std::size_t v = 0; v < vectors; ++v) {
    const std::int16_t *HWY_RESTRICT column = weights + v * stride;
    auto even = hn::Zero(d32);
    auto odd = hn::Zero(d32);
    for (std::size_t row = 0; row < padded; row += lanes) {
      even = hn::ReorderWidenMulAccumulate(d32, hn::Load(d16, wide + row),
                                           hn::LoadU(d16, column + row), even, odd);
    }
    products[v] = hn::GetLane(hn::SumOfLanes(d32, hn::Add(even, odd)));
  }
}

/// The two 16-bit numbers at `pair` in every lane.
HWY_INLINE V16 broadcast_pair(const std::int16_t *pair) {
  std::int32_t both = 0;
  hwy::CopyBytes<sizeof both>(pair, &both);
  return hn::BitCast(I16(), hn::Set(I32(), both));
}

/// An accumulator of products of pairs of 16-bit lanes.
struct PairSum {
  // Written out: an implicit constructor would not get the target's attributes.
  HWY_INLINE PairSum() : first(hn::Zero(I32())), second(hn::Zero(I32())) {}
  HWY_INLINE void add(V16 a, V16 b) {
    first = hn::ReorderWidenMulAccumulate(I32(), a, b, first, second);
  }
  HWY_INLINE V32 total() const { return hn::RearrangeToOddPlusEven(first, second); }
  V32 first, second;
};

void block_products(const ProductShape &shape, const std::int16_t *HWY_RESTRICT inputs,
                    const std::int16_t *HWY_RESTRICT weights, std::int32_t *HWY_RESTRICT products) {
  const std::size_t pairs = shape.pairs, vectors = shape.vectors;
  constexpr std::size_t kItems = 16, kVectors = 4;
  const I16 d16;
  const I32 d32;
  const std::size_t lanes = hn::Lanes(d32);
  for (std::size_t item = 0; item < kItems; item += lanes) {
    for (std::size_t v = 0; v < vectors; v += kVectors) {
      // The last block recomputes earlier vectors rather than have a case of its own.
      const std::size_t first = vectors < kVectors ? 0 : std::min(v, vectors - kVectors);
      const std::int16_t *w[kVectors];
      for (std::size_t i = 0; i < kVectors; ++i) {
        w[i] = weights + std::min(first + i, vectors - 1) * shape.stride;
      }
      PairSum sum0, sum1, sum2, sum3;
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        const auto x = hn::LoadU(d16, inputs + (pair * kItems + item) * 2);
        sum0.add(x, broadcast_pair(w[0] + 2 * pair));
        sum1.add(x, broadcast_pair(w[1] + 2 * pair));
        sum2.add(x, broadcast_pair(w[2] + 2 * pair));
        sum3.add(x, broadcast_pair(w[3] + 2 * pair));
      }
      const V32 totals[] = {sum0.total(), sum1.total(), sum2.total(), sum3.total()};
      for (std::size_t i = 0; i < kVectors && first + i < vectors; ++i) {
        hn::StoreU(totals[i], d32, products + (first + i) * kItems + item);
      }
    }
  }
}

using D64 = hn::CappedTag<std::uint64_t, 8>;

/// Ones that the column's words and the input's have in common. kWords = 0: any number.
template <std::size_t kWords>
HWY_INLINE hn::Vec<D64> common_ones(const std::uint64_t *HWY_RESTRICT column, std::size_t stride,
                                    const std::uint64_t *HWY_RESTRICT input, std::size_t words) {
  const D64 d;
  const std::size_t count = kWords == 0 ? words : kWords;
  auto ones = hn::Zero(d);
  for (std::size_t word = 0; word < count; ++word) {
    const auto common = hn::And(hn::LoadU(d, column + word * stride), hn::Set(d, input[word]));
    ones = hn::Add(ones, hn::PopulationCount(common));
  }
  return ones;
}

template <std::size_t kWords>
HWY_INLINE void sums_of_planes(const PlaneShape &shape, const std::uint64_t *HWY_RESTRICT cells,
                               const std::uint64_t *HWY_RESTRICT inputs, int shift,
                               std::int32_t *HWY_RESTRICT sums) {
  const D64 d64;
  const hn::Rebind<std::uint32_t, D64> d32;
  const std::size_t plane = shape.cell_words * shape.columns;
  const bool one_bit = shape.cell_bits == 1 && shape.dac_bits == 1;
  for (std::size_t column = 0; column < shape.columns; column += hn::Lanes(d64)) {
    auto *out = reinterpret_cast<std::uint32_t *>(sums + column);
    const auto ones = [&](int input_bit, int cell_bit) {
      return common_ones<kWords>(
          cells + static_cast<std::size_t>(cell_bit) * plane + column, shape.columns,
          inputs + static_cast<std::size_t>(input_bit) * shape.words, shape.words);
    };
    if (one_bit) {
      for (int bit = 0; bit < 8; ++bit, out += shape.columns) {
        const auto total = hn::ShiftLeftSame(ones(bit, 0), shift);
        hn::StoreU(hn::TruncateTo(d32, total), d32, out);
      }
      continue;
    }
    for (int first = 0; first < 8; first += shape.dac_bits, out += shape.columns) {
      auto total = hn::Zero(d64);
      for (int bit = first; bit < std::min(8, first + shape.dac_bits); ++bit) {
        for (int j = 0; j < shape.cell_bits; ++j) {
          total = hn::Add(total, hn::ShiftLeftSame(ones(bit, j), bit - first + j + shift));
        }
      }
      hn::StoreU(hn::TruncateTo(d32, total), d32, out);
    }
  }
}

void plane_sums(const PlaneShape &shape, const std::uint64_t *HWY_RESTRICT cells,
                const std::uint64_t *HWY_RESTRICT inputs, int shift,
                std::int32_t *HWY_RESTRICT sums) {
  if (shape.words == 2) {
    sums_of_planes<2>(shape, cells, inputs, shift, sums);
  } else {
    sums_of_planes<0>(shape, cells, inputs, shift, sums);
  }
}

void slice_sums(const std::int16_t *HWY_RESTRICT cells, std::size_t columns, std::size_t pairs,
                const std::int16_t *HWY_RESTRICT slices, std::size_t slice_count, int shift,
                std::int32_t *HWY_RESTRICT sums) {
  const I16 d16;
  const I32 d32;
  const std::size_t lanes = hn::Lanes(d32);
  constexpr std::size_t kSlices = 4;
  for (std::size_t s = 0; s < slice_count; s += kSlices) {
    const std::size_t here = std::min(kSlices, slice_count - s);
    const std::int16_t *x[kSlices];
    for (std::size_t i = 0; i < kSlices; ++i) {
      x[i] = slices + (s + std::min(i, here - 1)) * pairs * 2;
    }
    for (std::size_t column = 0; column < columns; column += lanes) {
      PairSum sum0, sum1, sum2, sum3;
      for (std::size_t pair = 0; pair < pairs; ++pair) {
        const auto w = hn::LoadU(d16, cells + (pair * columns + column) * 2);
        sum0.add(w, broadcast_pair(x[0] + 2 * pair));
        sum1.add(w, broadcast_pair(x[1] + 2 * pair));
        sum2.add(w, broadcast_pair(x[2] + 2 * pair));
        sum3.add(w, broadcast_pair(x[3] + 2 * pair));
      }
      const V32 totals[] = {sum0.total(), sum1.total(), sum2.total(), sum3.total()};
      for (std::size_t i = 0; i < here; ++i) {
        hn::StoreU(hn::ShiftLeftSame(totals[i], shift), d32, sums + (s + i) * columns + column);
      }
    }
  }
}

/// Clamped code of 32-bit values.
struct Coder {
  HWY_INLINE explicit Coder(const LineConverter &converter)
      : scale(hn::Set(F32(), static_cast<float>(1 / converter.lsb))),
        lowest(hn::Set(I32(), converter.lowest)),
        highest(hn::Set(I32(), converter.highest)) {}

  HWY_INLINE V32 code(V32 value) const {
    const auto scaled = hn::Mul(hn::ConvertTo(F32(), value), scale);
    return hn::Min(hn::Max(hn::NearestInt(scaled), lowest), highest);
  }
  hn::Vec<F32> scale;
  V32 lowest, highest;
};

/// table[group][combination of 4 rows][32 columns].
using Table = std::int16_t[kMostRows / 4][16][kTableColumns];

HWY_INLINE void make_table(const TableShape &shape, const std::int16_t *cells, Table &table) {
  const I16 d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t group = 0; group < shape.groups; ++group) {
    auto &entries = table[group];
    for (std::size_t c = 0; c < kTableColumns; ++c) entries[0][c] = 0;
    for (std::size_t row = 0; row < 4; ++row) {
      const std::int16_t *pair = cells + ((2 * group + row / 2) * shape.columns) * 2 + row % 2;
      auto &alone = entries[std::size_t{1} << row];
      for (std::size_t c = 0; c < kTableColumns; ++c) alone[c] = pair[2 * c];
    }
    for (std::size_t i = 3; i < 16; ++i) {
      if ((i & (i - 1)) == 0) continue;
      for (std::size_t c = 0; c < kTableColumns; c += lanes) {
        const auto sum =
            hn::Add(hn::Load(d, &entries[i & (i - 1)][c]), hn::Load(d, &entries[i & (~i + 1)][c]));
        hn::Store(sum, d, &entries[i][c]);
      }
    }
  }
}

/// Sum of the entries that the places choose, from `start` on, modulo 2^16.
HWY_INLINE V16 look_up(const Table &table, std::size_t groups, const std::uint16_t *places,
                       std::size_t column, V16 start) {
  const I16 d;
  const std::int16_t *entries = &table[0][0][column];
  constexpr std::size_t kGroup = 16 * kTableColumns;
  auto sum0 = start, sum1 = hn::Zero(d);
  std::size_t group = 0;
  for (; group + 4 <= groups; group += 4, entries += 4 * kGroup) {
    sum0 = hn::Add(sum0, hn::Load(d, entries + places[group]));
    sum1 = hn::Add(sum1, hn::Load(d, entries + kGroup + places[group + 1]));
    sum0 = hn::Add(sum0, hn::Load(d, entries + 2 * kGroup + places[group + 2]));
    sum1 = hn::Add(sum1, hn::Load(d, entries + 3 * kGroup + places[group + 3]));
  }
  for (; group < groups; ++group, entries += kGroup) {
    sum0 = hn::Add(sum0, hn::Load(d, entries + places[group]));
  }
  return hn::Add(sum0, sum1);
}

/// Calls use(item, bit, sums of the columns from `column` on, sums of the next ones) for the
/// columns of one 16-bit vector, the most significant bit of an item first.
template <class Use>
HWY_INLINE void each_sum(const TableShape &shape, const Table &table, const std::int32_t *lowest,
                         const std::uint16_t *places, std::size_t column, const Use &use) {
  const I16 d16;
  const I32 d32;
  const hn::Half<hn::RebindToUnsigned<I16>> du16;
  const auto low0 = hn::LoadU(d32, lowest + column);
  const auto low1 = hn::LoadU(d32, lowest + column + hn::Lanes(d32));
  HWY_ALIGN std::int16_t minus_lowest[kTableColumns];
  for (std::size_t i = 0; i < hn::Lanes(d16); ++i) {
    minus_lowest[i] = static_cast<std::int16_t>(-lowest[column + i]);
  }
  const auto start = hn::Load(d16, minus_lowest);
  for (std::size_t item = 0; item < shape.items; ++item) {
    for (std::size_t bit = 8; bit-- > 0;) {
      const auto sum =
          look_up(table, shape.groups, places + (item * 8 + bit) * shape.groups, column, start);
      const auto unsigned_sum = hn::BitCast(hn::RebindToUnsigned<I16>(), sum);
      const auto first = hn::PromoteTo(d32, hn::LowerHalf(du16, unsigned_sum));
      const auto second = hn::PromoteTo(d32, hn::UpperHalf(du16, unsigned_sum));
      use(item, bit, hn::Add(first, low0), hn::Add(second, low1));
    }
  }
}

void table_sums(const TableShape &shape, const std::int16_t *HWY_RESTRICT cells,
                const std::int32_t *HWY_RESTRICT lowest, const std::uint16_t *HWY_RESTRICT places,
                int shift, std::int32_t *HWY_RESTRICT sums) {
  const I32 d;
  alignas(64) Table table;
  make_table(shape, cells, table);
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t column = 0; column < kTableColumns; column += 2 * lanes) {
    each_sum(shape, table, lowest, places, column,
             [&](std::size_t item, std::size_t bit, V32 first, V32 second) {
               auto *out = sums + (item * 8 + bit) * shape.columns + column;
               hn::StoreU(hn::ShiftLeftSame(first, shift), d, out);
               hn::StoreU(hn::ShiftLeftSame(second, shift), d, out + lanes);
             });
  }
}

void table_codes(const TableShape &shape, const std::int16_t *HWY_RESTRICT cells,
                 const std::int32_t *HWY_RESTRICT lowest, const std::uint16_t *HWY_RESTRICT places,
                 const LineConverter &converter, std::int32_t *HWY_RESTRICT totals) {
  const I32 d;
  alignas(64) Table table;
  make_table(shape, cells, table);
  const Coder coder(converter);
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t column = 0; column < kTableColumns; column += 2 * lanes) {
    auto total0 = hn::Zero(d), total1 = hn::Zero(d);
    each_sum(shape, table, lowest, places, column,
             [&](std::size_t item, std::size_t bit, V32 first, V32 second) {
               if (bit == 7) total0 = total1 = hn::Zero(d);
               total0 = hn::Add(hn::Add(total0, total0), coder.code(first));
               total1 = hn::Add(hn::Add(total1, total1), coder.code(second));
               if (bit != 0) return;
               auto *out = totals + item * shape.columns + column;
               hn::StoreU(total0, d, out);
               hn::StoreU(total1, d, out + lanes);
             });
  }
}

void convert_lines(const std::int32_t *HWY_RESTRICT values, std::size_t columns, int cycles,
                   int dac_bits, const LineConverter &converter,
                   std::int32_t *HWY_RESTRICT totals) {
  const I32 d;
  const Coder coder(converter);
  for (std::size_t column = 0; column < columns; column += hn::Lanes(d)) {
    auto total = hn::Zero(d);
    for (int cycle = 0; cycle < cycles; ++cycle) {
      const auto value = hn::LoadU(d, values + static_cast<std::size_t>(cycle) * columns + column);
      total = hn::Add(total, hn::ShiftLeftSame(coder.code(value), cycle * dac_bits));
    }
    hn::StoreU(total, d, totals + column);
  }
}

void add_places(const std::int32_t *HWY_RESTRICT lines, const std::int32_t *HWY_RESTRICT places,
                std::size_t width, std::size_t vectors, std::int32_t *HWY_RESTRICT sums) {
  const hn::CappedTag<std::int32_t, 16> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t v = 0; v < vectors; ++v) {
    const auto *line = lines + v * width;
    const auto *place = places + v * width;
    std::int32_t rest = 0;
    auto sum = hn::Zero(d);
    std::size_t i = 0;
    for (; i + lanes <= width; i += lanes) {
      sum = hn::Add(sum, hn::Mul(hn::LoadU(d, line + i), hn::LoadU(d, place + i)));
    }
    for (; i < width; ++i) rest += line[i] * place[i];
    sums[v] = width < lanes ? rest : rest + hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

void add_noise(std::int32_t *values, const float *normals, const std::int32_t *low,
               const std::int32_t *high, float unit, float offset, std::size_t count) {
  const I32 d;
  const F32 df;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    auto sum = hn::ConvertTo(df, hn::LoadU(d, low + i));
    if (high != nullptr) {
      sum = hn::Add(sum, hn::Mul(hn::ConvertTo(df, hn::LoadU(d, high + i)), hn::Set(df, 256.0F)));
    }
    const auto variance = hn::Add(hn::Mul(sum, hn::Set(df, unit)), hn::Set(df, offset));
    const auto noise =
        hn::Mul(hn::LoadU(df, normals + i), hn::Sqrt(hn::Max(variance, hn::Zero(df))));
    hn::StoreU(hn::Add(hn::LoadU(d, values + i), hn::NearestInt(noise)), d, values + i);
  }
}

}  // namespace npim::crossbar::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace npim::crossbar::kernels {

HWY_EXPORT(dot_products);
HWY_EXPORT(block_products);
HWY_EXPORT(plane_sums);
HWY_EXPORT(slice_sums);
HWY_EXPORT(table_sums);
HWY_EXPORT(table_codes);
HWY_EXPORT(convert_lines);
HWY_EXPORT(add_places);
HWY_EXPORT(add_noise);

void dot_products(const std::uint8_t *inputs, std::size_t rows, const std::int16_t *weights,
                  std::size_t stride, std::size_t vectors, std::int32_t *products) {
  HWY_DYNAMIC_DISPATCH(dot_products)(inputs, rows, weights, stride, vectors, products);
}

void block_products(const ProductShape &shape, const std::int16_t *inputs,
                    const std::int16_t *weights, std::int32_t *products) {
  HWY_DYNAMIC_DISPATCH(block_products)(shape, inputs, weights, products);
}

void plane_sums(const PlaneShape &shape, const std::uint64_t *cells, const std::uint64_t *inputs,
                int shift, std::int32_t *sums) {
  HWY_DYNAMIC_DISPATCH(plane_sums)(shape, cells, inputs, shift, sums);
}

void slice_sums(const std::int16_t *cells, std::size_t columns, std::size_t pairs,
                const std::int16_t *slices, std::size_t slice_count, int shift,
                std::int32_t *sums) {
  HWY_DYNAMIC_DISPATCH(slice_sums)(cells, columns, pairs, slices, slice_count, shift, sums);
}

void table_sums(const TableShape &shape, const std::int16_t *cells, const std::int32_t *lowest,
                const std::uint16_t *places, int shift, std::int32_t *sums) {
  HWY_DYNAMIC_DISPATCH(table_sums)(shape, cells, lowest, places, shift, sums);
}

void table_codes(const TableShape &shape, const std::int16_t *cells, const std::int32_t *lowest,
                 const std::uint16_t *places, const LineConverter &converter,
                 std::int32_t *totals) {
  HWY_DYNAMIC_DISPATCH(table_codes)(shape, cells, lowest, places, converter, totals);
}

void convert_lines(const std::int32_t *values, std::size_t columns, int cycles, int dac_bits,
                   const LineConverter &converter, std::int32_t *totals) {
  HWY_DYNAMIC_DISPATCH(convert_lines)(values, columns, cycles, dac_bits, converter, totals);
}

void add_places(const std::int32_t *lines, const std::int32_t *places, std::size_t width,
                std::size_t vectors, std::int32_t *sums) {
  HWY_DYNAMIC_DISPATCH(add_places)(lines, places, width, vectors, sums);
}

void add_noise(std::int32_t *values, const float *normals, const std::int32_t *low,
               const std::int32_t *high, float unit, float offset, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(add_noise)(values, normals, low, high, unit, offset, count);
}

}  // namespace npim::crossbar::kernels
#endif
