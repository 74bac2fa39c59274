#include "crossbar/input_batch.h"

#include <stdexcept>

#include "crossbar/kernels.h"

namespace npim::crossbar {
namespace {

/// Transposes eight bytes: bit b of byte r becomes bit r of byte b (Warren, Hacker's Delight, 7-3).
std::uint64_t transpose_bits(std::uint64_t x) {
  std::uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAULL;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCULL;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0ULL;
  return x ^ t ^ (t << 28);
}

}  // namespace

InputBatch::InputBatch(const std::uint8_t *inputs, int batch, int rows, int dac_bits,
                       std::uint64_t first_window)
    : batch_(batch), rows_(rows), dac_bits_(dac_bits), first_window_(first_window) {
  if (batch < 0 || rows < 0 || rows > static_cast<int>(kMostRows) || dac_bits < 1 ||
      dac_bits > kInputBits) {
    throw std::invalid_argument("input batch: batch, rows or DAC bits out of range");
  }
  inputs_.assign(inputs, inputs + static_cast<std::size_t>(batch) * static_cast<std::size_t>(rows));
  make_planes();
  make_pairs();
  if (dac_bits == 1) make_table_places();
}

void InputBatch::make_planes() {
  planes_.assign(static_cast<std::size_t>(batch_) * kInputBits * row_words(), 0);
  for (int item = 0; item < batch_; ++item) {
    auto *planes = planes_.data() + static_cast<std::size_t>(item) * kInputBits * row_words();
    for (int row = 0; row < rows_; row += 8) {
      std::uint64_t bytes = 0;
      for (int i = 0; i < 8 && row + i < rows_; ++i) {
        bytes |= std::uint64_t{input(item)[row + i]} << (8 * i);
      }
      bytes = transpose_bits(bytes);
      for (std::size_t bit = 0; bit < kInputBits; ++bit) {
        planes[bit * row_words() + static_cast<std::size_t>(row) / 64] |=
            ((bytes >> (8 * bit)) & 0xff) << (row % 64);
      }
    }
  }
}

void InputBatch::make_pairs() {
  const std::size_t blocks =
      (static_cast<std::size_t>(batch_) + kItemsPerBlock - 1) / kItemsPerBlock;
  pairs_.assign(blocks * row_pairs() * kItemsPerBlock * 2, 0);
  for (int item = 0; item < batch_; ++item) {
    const auto lane = static_cast<std::size_t>(item) % kItemsPerBlock;
    auto *block = pairs_.data() + static_cast<std::size_t>(item) / kItemsPerBlock * row_pairs() *
                                      kItemsPerBlock * 2;
    for (int row = 0; row < rows_; ++row) {
      const auto pair = static_cast<std::size_t>(row) / 2;
      block[(pair * kItemsPerBlock + lane) * 2 + static_cast<std::size_t>(row) % 2] =
          input(item)[row];
    }
  }
}

void InputBatch::make_table_places() {
  places_.resize(static_cast<std::size_t>(batch_) * kInputBits * row_groups());
  auto *place = places_.data();
  for (int item = 0; item < batch_; ++item) {
    for (std::size_t bit = 0; bit < kInputBits; ++bit) {
      const auto *plane = planes(item) + bit * row_words();
      for (std::size_t group = 0; group < row_groups(); ++group) {
        *place++ = static_cast<std::uint16_t>(((plane[group / 16] >> (group % 16 * 4)) & 15) *
                                              kTableColumns);
      }
    }
  }
}

}  // namespace npim::crossbar
