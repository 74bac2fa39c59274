// Strategies A and B as arrays of a chip: without errors they hold and convert what the ideal array
// does; with errors, statistical fidelity is circuit fidelity in distribution, the folded cells are
// the per-cell oracle, and results belong to the window and not to the batch.
#include "dataflow/line_array.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "dataflow/datapath.h"

namespace npim::dataflow {
namespace {

using config::Dataflow;
using config::Fidelity;
using peripheral::Baseline;

constexpr int kVectors = 5;

config::ChipConfig shipped(const std::string &name) {
  return config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/" + name + ".json");
}

/// A chip of dataflow A or B and parts without errors, as many bits as its sums need.
struct Exact {
  config::ChipConfig chip;
  Baseline parts;

  Exact(bool buffered, bool flip, int cell_bits, int dac_bits, int rows) {
    chip = shipped(buffered ? "cascade-style" : "isaac-style");
    chip.fidelity = Fidelity::kStatistical;
    chip.array.cell_bits = cell_bits;
    chip.array.rows = rows;
    chip.dac_bits = parts.dac_bits = dac_bits;
    chip.adc.bits = parts.adc.bits = 16;
    parts.layout.flip = flip;
    if (!buffered) return;
    parts.buffer.emplace();
    parts.buffer->cell.cell.bits = 8;
    parts.buffer->conversions_per_vector = chip.buffer.conversions_per_vector;
    parts.buffer->subtracts = true;
  }
};

/// Arrays of one tile of a chip with these parts.
struct Tile {
  device::ArrayGeometry geometry;
  LineChip line;
  ConverterBank converters;

  Tile(const config::ChipConfig &chip, const Baseline &parts, bool per_cell = false)
      : geometry(chip.array),
        line{chip, geometry, crossbar::Physics{}, LineParts(chip, parts)},
        converters(chip.converters_per_tile()) {
    line.physics.device.cell.bits = 4;
    line.physics.dac_bits = chip.dac_bits;
    line.physics.per_cell = per_cell;
  }
};

/// Random weights and inputs; the first vector flips, the first window drives every row.
struct Work {
  int rows, windows;
  std::vector<std::int8_t> weights;
  std::vector<std::uint8_t> inputs;

  explicit Work(int row_count, int window_count = 3) : rows(row_count), windows(window_count) {
    std::mt19937 random(4);
    weights.resize(static_cast<std::size_t>(rows * kVectors));
    inputs.resize(static_cast<std::size_t>(rows * windows));
    for (auto &weight : weights) weight = static_cast<std::int8_t>(random());
    for (auto &input : inputs) input = static_cast<std::uint8_t>(random());
    for (int row = 0; row < rows; ++row) {
      weights[static_cast<std::size_t>(row * kVectors)] = 127;
      inputs[static_cast<std::size_t>(row)] = 255;
    }
    weights[1] = -128;
  }
  /// As inside a network: most inputs are 0, weights are small.
  void make_sparse() {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = i % 5 == 0 ? inputs[i] / 2 : 0;
    }
    for (auto &weight : weights) weight = static_cast<std::int8_t>(weight / 4);
  }
  void program(ArrayDatapath &array) const { array.program(weights.data(), rows, kVectors, 0); }
  std::vector<std::int32_t> codes(const ArrayDatapath &array, int first, int count) const {
    const LayerConverter layer{{}, std::make_unique<peripheral::LosslessConverter>()};
    const Windows work{
        inputs.data() + first * rows, rows, {static_cast<std::uint64_t>(first), count}};
    std::vector<double> held(static_cast<std::size_t>(count * array.vectors()));
    std::vector<std::int32_t> codes(static_cast<std::size_t>(count * kVectors));
    array.hold(work, layer, held.data());
    array.convert(work.keys, layer, held.data(), kVectors, codes.data());
    return codes;
  }
  std::vector<std::int32_t> codes(const ArrayDatapath &array) const {
    return codes(array, 0, windows);
  }
};

class LineLayout : public testing::TestWithParam<std::tuple<bool, bool, int, int>> {};

TEST_P(LineLayout, WithoutErrorsEqualsTheIdealArray) {
  const auto [buffered, flip, cell_bits, dac_bits] = GetParam();
  // Buffer cells of 8 bits and converters of 16 hold the sums of so many rows.
  const int rows = cell_bits > 1 && (buffered || dac_bits == 8) ? 16 : 128;
  Exact exact(buffered, flip, cell_bits, dac_bits, rows);
  if (buffered) {  // each buffer column on its own, else sums have more than 16 bits
    const int columns = 8 + (8 + cell_bits - 1) / cell_bits * cell_bits - cell_bits;
    exact.chip.buffer.conversions_per_vector = exact.parts.buffer->conversions_per_vector = columns;
  }
  auto ideal_chip = exact.chip;
  ideal_chip.fidelity = Fidelity::kIdeal;
  const Datapath ideal(ideal_chip);
  const auto expected = ideal.make_array({2, 3});
  const Work work(rows);
  work.program(*expected);
  for (const auto fidelity : {Fidelity::kStatistical, Fidelity::kCircuit}) {
    for (const bool per_cell : {false, true}) {
      exact.chip.fidelity = fidelity;
      const Tile tile(exact.chip, exact.parts, per_cell);
      LineArray array(tile.line, {2, 3}, tile.converters);
      work.program(array);
      EXPECT_LE(array.required_bits(), 16);
      EXPECT_EQ(work.codes(array), work.codes(*expected)) << to_text(fidelity) << per_cell;
      for (int row = 0; row < rows; ++row) {
        for (int vector = 0; vector < kVectors; ++vector) {
          ASSERT_EQ(array.weight(row, vector), expected->weight(row, vector));
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Digital, LineLayout,
                         testing::Combine(testing::Values(false), testing::Bool(),
                                          testing::Values(1, 2, 4), testing::Values(1, 2, 4, 8)));
// [NP] section 3: P_D = 1 only.
INSTANTIATE_TEST_SUITE_P(Buffered, LineLayout,
                         testing::Combine(testing::Values(true), testing::Bool(),
                                          testing::Values(1, 2, 4), testing::Values(1)));

TEST(LineArray, SevenBitsAreEnoughWithFlippedColumns) {
  Exact exact(false, true, 1, 1, 128);
  exact.chip.adc.bits = exact.parts.adc.bits = 7;
  const Tile tile(exact.chip, exact.parts);
  LineArray array(tile.line, {0, 0}, tile.converters);
  const Work work(128);
  work.program(array);
  EXPECT_EQ(array.required_bits(), 7);
  auto ideal_chip = exact.chip;
  ideal_chip.fidelity = Fidelity::kIdeal;
  const Datapath ideal(ideal_chip);
  const auto expected = ideal.make_array({0, 0});
  work.program(*expected);
  EXPECT_EQ(work.codes(array), work.codes(*expected));
}

/// ShippedLines chips, by dataflow and fidelity.
class NoisyLines : public testing::TestWithParam<std::tuple<const char *, Fidelity>> {
 protected:
  config::ChipConfig chip(std::uint64_t seed = 1) const {
    auto chip = shipped(std::string(std::get<0>(GetParam())) + "-statistical");
    chip.fidelity = std::get<1>(GetParam());
    chip.analog.seed = seed;
    return chip;
  }
};

TEST_P(NoisyLines, ErrorsDependOnSeedPlaceAndWindowAndNotOnTheBatch) {
  const Work work(100);
  const auto codes = [&](std::uint64_t seed, ArrayPlace place) {
    const Datapath datapath(chip(seed));
    const auto array = datapath.make_array(place);
    work.program(*array);
    return work.codes(*array);
  };
  const auto together = codes(1, {2, 3});
  EXPECT_EQ(codes(1, {2, 3}), together);
  EXPECT_NE(codes(2, {2, 3}), together);
  EXPECT_NE(codes(1, {2, 4}), together);
  EXPECT_NE(codes(1, {3, 3}), together);
  const Datapath datapath(chip());
  const auto array = datapath.make_array({2, 3});
  work.program(*array);
  for (int window = work.windows - 1; window >= 0; --window) {
    const auto alone = work.codes(*array, window, 1);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + window * kVectors));
  }
}

TEST_P(NoisyLines, ManyWindowsTogetherEqualEachAlone) {
  // Batches of eight and more take the crossbar's tables.
  const Work work(128, 20);
  const Datapath datapath(chip());
  const auto array = datapath.make_array({0, 1});
  work.program(*array);
  const auto together = work.codes(*array);
  for (int window = 0; window < work.windows; ++window) {
    const auto alone = work.codes(*array, window, 1);
    ASSERT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + window * kVectors));
  }
}

TEST_P(NoisyLines, StuckCellsFailVerificationAndAreSensed) {
  const Datapath datapath(chip());
  const auto array = datapath.make_array({0, 0});
  array->stick(3, 5, true);
  array->stick(4, 0, false);
  const std::vector<std::uint8_t> zeros(128 * 128, 0), ones(128 * 128, 1);
  EXPECT_EQ(array->program_levels(zeros.data()).failed_cells, 1);
  EXPECT_EQ(array->level(3, 5), 1);
  EXPECT_EQ(array->level(4, 0), 0);
  EXPECT_EQ(array->program_levels(ones.data()).failed_cells, 1);
  EXPECT_EQ(array->level(4, 0), 0);
  EXPECT_EQ(array->level(4, 1), 1);
}

TEST_P(NoisyLines, ACellStuckInAFlippedColumnReadsTheOtherWayRound) {
  const Datapath datapath(chip());
  const auto array = datapath.make_array({0, 0});
  const Work work(100);
  array->stick(7, 0, true);    // digit 0 of W_P of 127 everywhere: stored flipped, as 0
  array->stick(120, 0, true);  // beyond the rows in use nothing is flipped
  work.program(*array);
  EXPECT_EQ(array->weight(6, 0), 127);
  EXPECT_EQ(array->weight(7, 0), 126);
  EXPECT_EQ(array->level(120, 0), 1);
}

TEST_P(NoisyLines, BrokenConvertersGiveTheirCodeUntilOutOfService) {
  auto config = chip();
  config.adc.per_tile = 4;
  Datapath datapath(config);
  const auto array = datapath.make_array({2, 3});
  const Work work(100);
  work.program(*array);
  ConverterBank &bank = datapath.converters(2);
  const auto good = work.codes(*array);
  for (int converter = 0; converter < 4; ++converter) {
    EXPECT_TRUE(datapath.calibrate(2, converter));
    for (const Trim &trim : bank.at(converter).trims) {
      EXPECT_EQ(trim.offset_lsb, 0);
      EXPECT_EQ(trim.gain, 0);
    }
  }
  EXPECT_EQ(work.codes(*array), good) << "there is nothing to trim";
  bank.inject(1, ConverterFault::kStuck, 55);
  const auto stuck = work.codes(*array);
  // Array 3 starts at slot 24: converter 0 serves its first vector.
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_EQ(stuck[i], i % kVectors % 4 == 1 ? 55 : good[i]) << i;
  }
  EXPECT_FALSE(datapath.calibrate(2, 1));
  bank.set_in_service(1, false);
  const auto masked = work.codes(*array);
  EXPECT_NE(masked, good) << "other converters have other capacitors";
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_NEAR(masked[i], good[i], 30000) << "but the same sum, of up to 3 million";
  }
}

TEST_P(NoisyLines, AgeAndWiresCount) {
  const Work work(100);
  const auto codes = [&](auto change) {
    auto config = chip();
    change(config);
    const Datapath datapath(config);
    const auto array = datapath.make_array({0, 0});
    work.program(*array);
    return work.codes(*array);
  };
  const auto fresh = codes([](auto &) {});
  EXPECT_NE(codes([](auto &c) { c.analog.bit_line_ohm = c.analog.word_line_ohm = 1; }), fresh);
  const Bytes shipped_device = read_file(NPIM_SOURCE_DIR "/configs/devices/neural-pim.json");
  std::string device(shipped_device.begin(), shipped_device.end());
  device.replace(device.find("\"exponent\": 0,"), 14, "\"exponent\": 0.05,");
  const std::string path =
      testing::TempDir() + "/drifting-" + chip().name + to_text(chip().fidelity);
  write_file(path, device);
  EXPECT_NE(codes([&](auto &c) {
              c.analog.device = path;
              c.analog.seconds_since_programming = 1e7;
            }),
            fresh);
}

INSTANTIATE_TEST_SUITE_P(Chips, NoisyLines,
                         testing::Combine(testing::Values("isaac-style", "cascade-style"),
                                          testing::Values(Fidelity::kStatistical,
                                                          Fidelity::kCircuit)),
                         [](const auto &test) {
                           std::string name = std::get<0>(test.param);
                           name.resize(name.find('-'));
                           return name + "_" + config::to_text(std::get<1>(test.param));
                         });

class ShippedLines : public testing::TestWithParam<const char *> {
 protected:
  /// Errors of dot products over drawn chips and windows, sorted.
  std::vector<double> errors(Fidelity fidelity, Kernel kernel, const Work &work, int chips) const {
    std::vector<double> errors;
    for (int seed = 0; seed < chips; ++seed) {
      auto chip = shipped(std::string(GetParam()) + "-statistical");
      chip.fidelity = fidelity;
      chip.analog.seed = static_cast<std::uint64_t>(seed);
      const Datapath datapath(chip, kernel);
      chip.fidelity = Fidelity::kIdeal;
      const Datapath ideal(chip);
      const auto array = datapath.make_array({0, 0}), exact = ideal.make_array({0, 0});
      work.program(*array);
      work.program(*exact);
      const auto codes = work.codes(*array), wanted = work.codes(*exact);
      for (std::size_t i = 0; i < codes.size(); ++i) errors.push_back(codes[i] - wanted[i]);
    }
    return errors;
  }
};

double mean(const std::vector<double> &values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double rms(const std::vector<double> &values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

/// Kolmogorov-Smirnov distance.
double distance(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  const auto up_to = [](const std::vector<double> &values, double value) {
    const auto above = std::upper_bound(values.begin(), values.end(), value);
    return static_cast<double>(above - values.begin()) / static_cast<double>(values.size());
  };
  double most = 0;
  for (const double value : a) most = std::max(most, std::abs(up_to(a, value) - up_to(b, value)));
  return most;
}

TEST_P(ShippedLines, StatisticalIsCircuitInDistribution) {
  for (const bool sparse : {false, true}) {
    Work work(128, 100);
    if (sparse) work.make_sparse();
    const auto circuit = errors(Fidelity::kCircuit, Kernel::kFolded, work, 60);
    const auto statistical = errors(Fidelity::kStatistical, Kernel::kFolded, work, 60);
    const double ks = distance(circuit, statistical);
    std::printf("error of a dot product: circuit %.1f +- %.1f, statistical %.1f +- %.1f, KS %.4f\n",
                mean(circuit), rms(circuit), mean(statistical), rms(statistical), ks);
    EXPECT_NEAR(mean(statistical), mean(circuit), 0.03 * rms(circuit));
    EXPECT_NEAR(rms(statistical) / rms(circuit), 1, 0.04);
    EXPECT_LT(ks, 0.02);
  }
}

TEST_P(ShippedLines, FoldedCellsAreThePerCellOracle) {
  const Work work(128, 20);
  for (const auto fidelity : {Fidelity::kStatistical, Fidelity::kCircuit}) {
    const auto folded = errors(fidelity, Kernel::kFolded, work, 3);
    const auto oracle = errors(fidelity, Kernel::kPerCycle, work, 3);
    // Draws are the same. The folded cells' rounding moves a bit line by 0.005 LSB, which turns one
    // in 300 codes, and a dot product has 128.
    std::size_t equal = 0;
    std::vector<double> difference;
    for (std::size_t i = 0; i < folded.size(); ++i) {
      equal += folded[i] == oracle[i];
      difference.push_back(folded[i] - oracle[i]);
    }
    EXPECT_GT(static_cast<double>(equal) / static_cast<double>(folded.size()), 0.5);
    EXPECT_LT(rms(difference), 0.4 * rms(oracle));
    EXPECT_NEAR(rms(folded) / rms(oracle), 1, 0.06);
    EXPECT_LT(distance(folded, oracle), 0.05);
  }
}

INSTANTIATE_TEST_SUITE_P(Chips, ShippedLines, testing::Values("isaac-style", "cascade-style"),
                         [](const auto &test) {
                           const std::string name = test.param;
                           return name.substr(0, name.find('-'));
                         });

TEST(LineParts, PartsThatDoNotSuitTheChipAreRefusedByFileAndKey) {
  const auto refused = [](bool buffered, auto change) {
    Exact exact(buffered, true, 1, 1, 128);
    exact.chip.analog.baseline = "parts.json";
    change(exact);
    try {
      const LineParts parts(exact.chip, exact.parts);
    } catch (const InputError &error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refused(false, [](Exact &) {}), "accepted");
  EXPECT_EQ(refused(true, [](Exact &) {}), "accepted");
  const auto names = [](const std::string &error, const std::string &key) {
    EXPECT_NE(error.find("parts.json: key '" + key + "'"), std::string::npos) << error;
  };
  names(refused(false, [](Exact &e) { e.parts.buffer.emplace(); }), "dataflow");
  names(refused(true, [](Exact &e) { e.parts.buffer.reset(); }), "dataflow");
  names(refused(false, [](Exact &e) { e.parts.dac_bits = 2; }), "dac_bits");
  names(refused(false, [](Exact &e) { e.chip.adc.bits = 8; }), "adc.bits");
  names(
      refused(false, [](Exact &e) { e.parts.layout.mapping = peripheral::WeightMapping::kBiased; }),
      "layout.weight_encoding");
  names(refused(false, [](Exact &e) { e.parts.layout.unit_columns = 129; }), "layout.unit_columns");
  names(refused(true, [](Exact &e) { e.parts.buffer->conversions_per_vector = 0; }),
        "buffer.conversions_per_vector");
  names(refused(true, [](Exact &e) { e.parts.buffer->subtracts = false; }),
        "buffer.conversions_per_vector");
  const std::string inputs = refused(true, [](Exact &e) { e.chip.input_bits = 16; });
  EXPECT_NE(inputs.find("key 'dac.input_bits'"), std::string::npos) << inputs;
  const std::string weights = refused(false, [](Exact &e) { e.chip.array.weight_bits = 2; });
  EXPECT_NE(weights.find("key 'array.weight_bits'"), std::string::npos) << weights;
}

}  // namespace
}  // namespace npim::dataflow
