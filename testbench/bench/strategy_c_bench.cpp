// Speed of strategy C with real crossbars and peripherals, in MVM/s on one core. One MVM is a
// logical 128 x 128 matrix of 8-bit weights in 16 arrays of 128 x 128 one-bit cells with
// programming error, 8-bit inputs from 4-bit DACs in two input cycles, an NNS+A of its own for
// every array and one conversion per dot product by an NNADC that 16 arrays share: 128 conversions.
// All chips' deviations are drawn before the clock starts.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "crossbar/physical_array.h"
#include "device/random.h"
#include "peripheral/parameter_file.h"
#include "peripheral/surrogate.h"

namespace {

using namespace npim;
using namespace npim::peripheral;  // NOLINT: this file is about nothing else
using crossbar::InputBatch;
using crossbar::PhysicalArray;
using crossbar::Physics;

constexpr std::size_t kArrays = 16, kRows = 128, kVectors = 8, kDigits = 8, kCycles = 2;
constexpr int kDacBits = 4;

Physics programming_error() {
  Physics physics;
  physics.device.cell.bits = 4;
  physics.device.programming = {device::Distribution::kLognormal, device::Scale::kRelative, 0.025};
  physics.dac_bits = kDacBits;
  return physics;
}

/// A drawn chip: arrays, NNS+As and one NNADC.
class Chip {
 public:
  Chip() {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> weight(-127, 127);
    std::vector<std::int8_t> weights(kRows * kVectors);
    for (std::uint32_t i = 0; i < kArrays; ++i) {
      arrays_.push_back(
          std::make_unique<PhysicalArray>(geometry_, physics_, device::Place{1, 0, i}));
      for (auto &w : weights) w = static_cast<std::int8_t>(weight(random));
      arrays_.back()->program(weights.data(), static_cast<int>(kRows), static_cast<int>(kVectors));
      RandomStream stream(1, i, 0);
      sums_.emplace_back(make_instance(nnsa_.network, process_, curves_, kVaried, stream), process_,
                         tables_);
      sums_stand_in_.emplace_back(nnsa_, sums_.back(), process_, RandomStream(1, i, 1));
    }
  }

  /// Every input cycle through the networks.
  void circuit(const InputBatch &inputs, std::int32_t *codes) {
    const auto batch = static_cast<std::size_t>(inputs.size());
    const std::size_t count = batch * kVectors;
    resize(count);
    for (std::size_t a = 0; a < kArrays; ++a) {
      arrays_[a]->bit_lines(inputs, lines_.data());
      fill_pairs(*arrays_[a], batch);
      for (std::size_t i = 0; i < batch; ++i) {
        draw(inputs, a, i, kCycles * kVectors, drawn_.data());
        for (std::size_t cycle = 0; cycle < kCycles; ++cycle) {
          std::copy_n(drawn_.data() + cycle * kVectors, kVectors,
                      normals_.data() + cycle * count + i * kVectors);
        }
      }
      sums_[a].accumulate(pairs_.data(), count, kCycles, normals_.data(), count, held_.data());
      converter_.convert(held_.data(), count, codes + a * count);
    }
  }

  /// The weighted sum of all bit lines and cycles, then mean errors and spreads.
  void statistical(const InputBatch &inputs, std::int32_t *codes) {
    const auto batch = static_cast<std::size_t>(inputs.size());
    const std::size_t count = batch * kVectors;
    resize(count);
    for (std::size_t a = 0; a < kArrays; ++a) {
      arrays_[a]->weighted_sums(inputs, weighted_.data());
      const double full_scale = 255.0 * 255 * kRows * (1 << arrays_[a]->fraction_bits());
      const auto scale = static_cast<float>(process_.amplitude_v() / full_scale);
      for (std::size_t i = 0; i < count; ++i) {
        held_[i] = scale * static_cast<float>(weighted_[i]);
      }
      for (std::size_t i = 0; i < batch; ++i) {
        draw(inputs, a, i, kVectors, normals_.data() + i * kVectors);
      }
      sums_stand_in_[a].hold(held_.data(), normals_.data(), count, held_.data());
      converter_stand_in_.convert(held_.data(), count, codes + a * count);
    }
  }

  template <class Function>
  void run(benchmark::State &state, const Function &function) {
    const auto batch = static_cast<std::size_t>(state.range(0));
    std::mt19937 random(2);
    std::vector<std::uint8_t> inputs(batch * kRows);
    for (auto &x : inputs) x = static_cast<std::uint8_t>(random());
    std::vector<std::int32_t> codes(batch * kVectors * kArrays);
    std::uint64_t window = 0;
    for (auto unused : state) {
      (void)unused;
      const InputBatch prepared(inputs.data(), static_cast<int>(batch), static_cast<int>(kRows),
                                kDacBits, window);
      window += batch;
      function(prepared, codes.data());
      benchmark::DoNotOptimize(codes.data());
      benchmark::ClobberMemory();
    }
    state.counters["MVM"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(batch),
                           benchmark::Counter::kIsRate);
  }

 private:
  static constexpr Variation kVaried{true, true, true, true};
  static std::string file(const char *name) {
    return std::string(NPIM_SOURCE_DIR) + "/configs/peripherals/" + name;
  }

  void resize(std::size_t count) {
    lines_.resize(count / kVectors * kCycles * arrays_[0]->line_stride());
    pairs_.resize(kCycles * kDigits * count);
    normals_.resize(kCycles * count);
    held_.resize(count);
    weighted_.resize(count);
  }

  /// Bit-line values to voltages of pairs: [cycle][digit][item and vector].
  void fill_pairs(const PhysicalArray &array, std::size_t batch) {
    const double highest = 15.0 * kRows * (1 << array.fraction_bits());
    const auto scale = static_cast<float>(process_.amplitude_v() / highest);
    const std::size_t count = batch * kVectors;
    for (std::size_t i = 0; i < batch; ++i) {
      for (std::size_t cycle = 0; cycle < kCycles; ++cycle) {
        const std::int32_t *line = lines_.data() + (i * kCycles + cycle) * array.line_stride();
        for (std::size_t v = 0; v < kVectors; ++v) {
          for (std::size_t j = 0; j < kDigits; ++j) {
            const std::int32_t *pair = line + 2 * (v * kDigits + j);
            pairs_[(cycle * kDigits + j) * count + i * kVectors + v] =
                scale * static_cast<float>(pair[0] - pair[1]);
          }
        }
      }
    }
  }

  void draw(const InputBatch &inputs, std::size_t array, std::size_t item, std::size_t count,
            float *normals) const {
    const device::DrawKey key = {1,
                                 0,
                                 static_cast<std::uint32_t>(array),
                                 inputs.window(static_cast<int>(item)),
                                 0,
                                 device::Purpose::kSampleHold};
    device::fill_normals(key, 0, count, normals);
  }

  NnadcInstance converter() const {
    RandomStream stream(1, 0, 2);
    return {nnadc_, process_, curves_, kVaried, stream};
  }

  Process process_ = load_process(file("process-130nm.json"));
  CurveSet curves_ = load_curves(file("curves-130nm.json"), process_).at("tt");
  CircuitCurves tables_{curves_};
  Nnsa nnsa_ = load_nnsa(file("nnsa-d4.json"), process_);
  Nnadc nnadc_ = load_nnadc(file("nnadc-r1.json"), process_);
  Physics physics_ = programming_error();
  device::ArrayGeometry geometry_{config::ChipConfig::Array{}};
  std::vector<std::unique_ptr<PhysicalArray>> arrays_;
  std::vector<NnsaCircuit> sums_;
  std::vector<NnsaSurrogate> sums_stand_in_;
  NnadcCircuit converter_{converter(), tables_};
  NnadcSurrogate converter_stand_in_{converter_, process_.amplitude_v()};
  std::vector<std::int32_t> lines_;
  std::vector<std::int64_t> weighted_;
  std::vector<float> pairs_, normals_, held_;
  std::vector<float> drawn_ = std::vector<float>(kCycles * kVectors);
};

Chip &chip() {
  static Chip drawn;
  return drawn;
}

void StrategyCCircuit(benchmark::State &state) {
  chip().run(state,
             [](const InputBatch &inputs, std::int32_t *codes) { chip().circuit(inputs, codes); });
}
BENCHMARK(StrategyCCircuit)->Arg(1)->Arg(16)->Arg(256);

void StrategyCStatistical(benchmark::State &state) {
  chip().run(state, [](const InputBatch &inputs, std::int32_t *codes) {
    chip().statistical(inputs, codes);
  });
}
BENCHMARK(StrategyCStatistical)->Arg(1)->Arg(16)->Arg(256);

}  // namespace

BENCHMARK_MAIN();
