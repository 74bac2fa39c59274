// Speed of the crossbar kernels in MVM/s on one core. One MVM is a logical 128 x 128 matrix of
// 8-bit weights: 128 x 2048 cells of one bit, which stand in 16 physical arrays of 128 x 128 (8
// weights of 16 columns each per word line). Its 8-bit inputs come as 8 slices of one bit, and
// every one of the 2048 bit lines is converted in every one of the 8 cycles; codes are shifted and
// added to 128 sums. Programming and factorisation happen before the clock starts.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "crossbar/physical_array.h"

namespace {

using namespace npim;
using crossbar::InputBatch;
using crossbar::LineConverter;
using crossbar::PhysicalArray;
using crossbar::Physics;

constexpr int kArrays = 16, kRows = 128;

/// 8 bits: more than the 0 .. 128 of a bit line, so it loses nothing on an ideal crossbar.
constexpr LineConverter kEightBits = {1.0, 0, 255};
/// 7 bits: saturates at 127, so every bit line has to be looked at.
constexpr LineConverter kSevenBits = {1.0, 0, 127};

class Matrix {
 public:
  explicit Matrix(const Physics &physics) : physics_(physics), geometry_(config()) {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> weight(-127, 127);
    std::vector<std::int8_t> weights(static_cast<std::size_t>(kRows * geometry_.vectors()));
    for (std::uint32_t i = 0; i < kArrays; ++i) {
      arrays_.push_back(
          std::make_unique<PhysicalArray>(geometry_, physics_, device::Place{1, 0, i}));
      for (auto &w : weights) w = static_cast<std::int8_t>(weight(random));
      arrays_.back()->program(weights.data(), kRows, geometry_.vectors());
    }
  }

  template <class Function>
  void run(benchmark::State &state, const Function &function) const {
    const auto batch = static_cast<std::size_t>(state.range(0));
    std::mt19937 random(2);
    std::vector<std::uint8_t> inputs(batch * kRows);
    for (auto &x : inputs) x = static_cast<std::uint8_t>(random());
    std::uint64_t window = 0;
    for (auto unused : state) {
      (void)unused;
      const InputBatch prepared(inputs.data(), static_cast<int>(batch), kRows, physics_.dac_bits,
                                window);
      window += batch;
      for (const auto &array : arrays_) function(*array, prepared);
    }
    state.counters["MVM"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(batch),
                           benchmark::Counter::kIsRate);
    state.SetLabel(name(arrays_.front()->tier()));
  }

 private:
  static config::ChipConfig::Array config() { return {}; }

  Physics physics_;
  device::ArrayGeometry geometry_;
  std::vector<std::unique_ptr<PhysicalArray>> arrays_;
};

void converted(benchmark::State &state, const Physics &physics, const LineConverter &converter) {
  const Matrix matrix(physics);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(state.range(0)) * 8);
  matrix.run(state, [&](const PhysicalArray &array, const InputBatch &inputs) {
    array.converted_sums(inputs, converter, sums.data());
    benchmark::DoNotOptimize(sums.data());
    benchmark::ClobberMemory();
  });
}

void weighted(benchmark::State &state, const Physics &physics) {
  const Matrix matrix(physics);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(state.range(0)) * 8);
  matrix.run(state, [&](const PhysicalArray &array, const InputBatch &inputs) {
    array.weighted_sums(inputs, sums.data());
    benchmark::DoNotOptimize(sums.data());
    benchmark::ClobberMemory();
  });
}

Physics ideal() {
  return {};
}

Physics read_noise() {
  Physics physics;
  physics.device.read_noise.sigma = 0.02;
  return physics;
}

Physics programming_error() {
  Physics physics;
  physics.device.programming = {device::Distribution::kLognormal, device::Scale::kRelative, 0.025};
  return physics;
}

Physics both_errors() {
  Physics physics = programming_error();
  physics.device.read_noise.sigma = 0.02;
  return physics;
}

Physics ir_drop() {
  Physics physics;
  physics.device.cell.r_on_ohm = 1e5;
  physics.device.cell.r_off_ohm = 1e6;
  physics.wires.word_line_ohm = physics.wires.bit_line_ohm = 1;
  return physics;
}

Physics oracle() {
  Physics physics = both_errors();
  physics.per_cell = true;
  return physics;
}

void Ideal(benchmark::State &state) {
  converted(state, ideal(), kEightBits);
}
BENCHMARK(Ideal)->Arg(1)->Arg(16)->Arg(256)->Arg(1024);

void IdealSevenBitConverter(benchmark::State &state) {
  converted(state, ideal(), kSevenBits);
}
BENCHMARK(IdealSevenBitConverter)->Arg(1)->Arg(256);

void ReadNoise(benchmark::State &state) {
  converted(state, read_noise(), kEightBits);
}
BENCHMARK(ReadNoise)->Arg(1)->Arg(256);

void ReadNoiseAndProgrammingError(benchmark::State &state) {
  converted(state, both_errors(), kEightBits);
}
BENCHMARK(ReadNoiseAndProgrammingError)->Arg(1)->Arg(256);

void ProgrammingError(benchmark::State &state) {
  converted(state, programming_error(), kEightBits);
}
BENCHMARK(ProgrammingError)->Arg(1)->Arg(32)->Arg(64)->Arg(256)->Arg(1024);

void IrDropOneOhm(benchmark::State &state) {
  converted(state, ir_drop(), kEightBits);
}
BENCHMARK(IrDropOneOhm)->Arg(1)->Arg(256);

// Strategy C: the weighted sums of the bit lines, before NNS+A and converter.
void WeightedSumsProgrammingError(benchmark::State &state) {
  weighted(state, programming_error());
}
BENCHMARK(WeightedSumsProgrammingError)->Arg(256);

void WeightedSumsReadNoise(benchmark::State &state) {
  weighted(state, read_noise());
}
BENCHMARK(WeightedSumsReadNoise)->Arg(1)->Arg(256);

void PerCellOracle(benchmark::State &state) {
  converted(state, oracle(), kEightBits);
}
BENCHMARK(PerCellOracle)->Arg(1);

}  // namespace

BENCHMARK_MAIN();
