// A batch of input vectors in the forms that the kernels read. Arrays that share word lines' inputs
// share one batch.
#pragma once

#include <cstdint>
#include <vector>

namespace npim::crossbar {

class InputBatch {
 public:
  static constexpr int kInputBits = 8;
  static constexpr std::size_t kItemsPerBlock = 16;

  /// inputs: u8 [batch][rows], driven by DACs of dac_bits (1 .. 8), least significant slice first.
  /// Item b belongs to window first_window + b, which keys its noise.
  InputBatch(const std::uint8_t *inputs, int batch, int rows, int dac_bits,
             std::uint64_t first_window = 0);

  int size() const { return batch_; }
  int rows() const { return rows_; }
  int dac_bits() const { return dac_bits_; }
  int cycles() const { return (kInputBits + dac_bits_ - 1) / dac_bits_; }
  int highest_slice() const { return (1 << dac_bits_) - 1; }
  std::uint64_t window(int item) const { return first_window_ + static_cast<std::uint64_t>(item); }

  const std::uint8_t *input(int item) const {
    return inputs_.data() + static_cast<std::size_t>(item) * static_cast<std::size_t>(rows_);
  }
  int slice(int item, int row, int cycle) const {
    return (input(item)[row] >> (cycle * dac_bits_)) & highest_slice();
  }

  std::size_t row_words() const { return (static_cast<std::size_t>(rows_) + 63) / 64; }
  std::size_t row_pairs() const { return (static_cast<std::size_t>(rows_) + 1) / 2; }
  std::size_t row_groups() const { return (static_cast<std::size_t>(rows_) + 3) / 4; }
  /// Bit planes of an item: [input bit][word of 64 rows].
  const std::uint64_t *planes(int item) const {
    return planes_.data() + static_cast<std::size_t>(item) * kInputBits * row_words();
  }
  /// Whole inputs of items 16 * block ..: [pair of rows][item][2], as 16-bit lanes.
  const std::int16_t *pairs(std::size_t block) const {
    return pairs_.data() + block * row_pairs() * kItemsPerBlock * 2;
  }
  /// Where the tables of kernels.h hold the sums of each group of four rows, for every item and
  /// input bit: the four bits, in steps of kTableColumns entries. [item][bit][group].
  const std::uint16_t *table_places(int item) const {
    return places_.data() + static_cast<std::size_t>(item) * kInputBits * row_groups();
  }

 private:
  void make_planes();
  void make_pairs();
  void make_table_places();

  int batch_, rows_, dac_bits_;
  std::uint64_t first_window_;
  std::vector<std::uint8_t> inputs_;
  std::vector<std::uint64_t> planes_;
  std::vector<std::int16_t> pairs_;
  std::vector<std::uint16_t> places_;
};

}  // namespace npim::crossbar
