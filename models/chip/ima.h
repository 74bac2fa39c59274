// An in-situ multiply-accumulate unit (a PE of [NP] section 5): crossbars with their DACs, NNS+As
// and sample-and-holds, the input register IR and the output register OR. The modules hold state
// and compute values; the stages of the tile decide when (stage_engine.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

#include "chip/chip_context.h"
#include "dataflow/datapath.h"

namespace npim::chip {

/// One crossbar with its share of NNS+A and converters, and the mark that it has been programmed
/// since the last reset. Cells that nobody uses cost no memory. Not a module: a chain of chips has
/// hundreds of thousands, and SystemC's register of modules is a list.
class Crossbar {
 public:
  Crossbar(const dataflow::Datapath &datapath, dataflow::ArrayPlace place)
      : datapath_(datapath), place_(place) {}

  dataflow::ArrayDatapath &array() {
    if (!array_) array_ = datapath_.make_array(place_);
    return *array_;
  }
  /// Whether anything has used the cells yet.
  bool is_in_use() const { return array_ != nullptr; }
  bool programmed = false;
  int shift = 0;  ///< of the weights in its cells

 private:
  const dataflow::Datapath &datapath_;
  const dataflow::ArrayPlace place_;
  std::unique_ptr<dataflow::ArrayDatapath> array_;
};

/// Holds the sums of each array (ArrayDatapath::hold) until they are converted.
class SampleHold : public sc_core::sc_module {
 public:
  SampleHold(const sc_core::sc_module_name &module_name, int arrays, int vectors)
      : sc_module(module_name), arrays_(arrays), vectors_(vectors) {}

  double *sums(int array) {
    if (sums_.empty()) sums_.resize(static_cast<std::size_t>(arrays_) * vectors_);
    return sums_.data() + static_cast<std::size_t>(array) * vectors_;
  }

 private:
  int arrays_, vectors_;
  std::vector<double> sums_;
};

/// SRAM that the tile's controller divides among the stages when it loads them.
class InputRegister : public sc_core::sc_module {
 public:
  explicit InputRegister(const sc_core::sc_module_name &module_name) : sc_module(module_name) {}

  /// Offset of `bytes` new bytes. The controller has checked that they fit.
  std::size_t allocate(std::size_t bytes) {
    const std::size_t offset = content_.size();
    content_.resize(offset + bytes);
    return offset;
  }
  void release() { content_.clear(); }
  std::uint8_t *data(std::size_t offset) { return content_.data() + offset; }

 private:
  std::vector<std::uint8_t> content_;
};

/// Sums of converter codes over the arrays of the IMA, drained over the tile bus. It is divided
/// among the stages when they are loaded: each is promised room for the vectors of one array, then
/// in load order each takes what it has use for of the rest.
class OutputRegister : public sc_core::sc_module {
 public:
  struct Room {
    std::size_t first = 0, sums = 0;
  };

  OutputRegister(const sc_core::sc_module_name &module_name, std::size_t capacity)
      : sc_module(module_name), capacity_(capacity) {}

  /// The controller has checked that all promises fit.
  void promise(std::size_t sums) { promised_ += sums; }
  /// Redeems a promise with up to `wanted` sums.
  Room allocate(std::size_t promised, std::size_t wanted) {
    promised_ -= promised;
    const Room room = {sums_.size(), std::min(wanted, capacity_ - sums_.size() - promised_)};
    sums_.resize(room.first + room.sums);
    return room;
  }
  void release() {
    sums_.clear();
    promised_ = 0;
  }
  void clear(std::size_t first, int count) { std::fill_n(sums_.data() + first, count, 0); }
  /// The IMA's adder: one code for each of the sums from `first` on.
  void add(std::size_t first, const std::int32_t *codes, int count) {
    for (int i = 0; i < count; ++i) sums_[first + static_cast<std::size_t>(i)] += codes[i];
  }
  const std::int64_t *sums(std::size_t first) const { return sums_.data() + first; }

 private:
  std::size_t capacity_, promised_ = 0;
  std::vector<std::int64_t> sums_;
};

class Ima : public sc_core::sc_module {
 public:
  Ima(const sc_core::sc_module_name &module_name, const ChipContext &context, int tile, int number);

  Crossbar &crossbar(int array) { return crossbars_[static_cast<std::size_t>(array)]; }
  /// All input cycles of one array: IR -> DACs -> crossbar -> NNS+A -> sample-and-hold. `key`: of
  /// the window (dataflow::Windows).
  void evaluate(int array, std::size_t input_offset, int rows, std::uint64_t key,
                const dataflow::LayerConverter &layer);

  InputRegister input_register;
  OutputRegister output_register;
  SampleHold sample_hold;

 private:
  std::vector<Crossbar> crossbars_;
};

}  // namespace npim::chip
