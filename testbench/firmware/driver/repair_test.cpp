// The driver's service commands, march test and repair on the chip model: a program is mapped
// around stuck cells and equals the golden executor again.
#include "npim/repair.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "mapping/mapping.h"
#include "network/golden.h"
#include "npim/runtime.h"
#include "program/program_file.h"
#include "support/accelerator_bench.h"
#include "support/random_network.h"

namespace npim::testing {
namespace {

constexpr std::uint64_t kSecond = 1000000000;

config::ChipConfig chip_with_converters() {
  auto config = small_chip();
  config.nnadc.per_tile = 4;
  return config;
}

struct Compiled {
  network::QuantisedNetwork network;
  Bytes file;
};

Compiled compile() {
  RandomNetwork random(6);  // whose outputs depend on its inputs
  Compiled compiled;
  compiled.network = random.make(network::ConverterFormat{}, 3, 8);
  compiled.file = program::serialise(
      mapping::map_network(compiled.network, chip_with_converters(), {mapping::Replication::kNone})
          .program);
  return compiled;
}

/// An open chip with a program in its memory that may be changed.
class Bench {
 public:
  Bench(AcceleratorBench &bench, const Compiled &compiled)
      : compiled_(compiled), port_(bench.host.port()) {
    EXPECT_EQ(npim_probe(&device, port_), NPIM_OK);
    EXPECT_EQ(npim_open(&device, 4), NPIM_OK);
    file_ = allocate(compiled.file.size());
    std::memcpy(file_, compiled.file.data(), compiled.file.size());
    EXPECT_EQ(npim_program_open(&program, file_, compiled.file.size(), &why), NPIM_OK) << why.text;
    images_ = allocate(kImages * npim_program_input_bytes(&program));
    std::mt19937 random(3);
    for (std::size_t i = 0; i < kImages * npim_program_input_bytes(&program); ++i) {
      images_[i] = static_cast<std::uint8_t>(random());
    }
    records.resize(64);
    std::uint32_t count = 0;
    EXPECT_EQ(npim_list_arrays(writable(program.weights), program.weights_bytes, records.data(), 64,
                               &count),
              NPIM_OK);
    records.resize(count);
    cells.resize(4096);
    const std::size_t size = 128 * 128;
    march.levels = allocate(size);
    march.sensed = allocate(size);
    march.seen = allocate(size);
    march.cells = cells.data();
    march.capacity = 4096;
  }

  std::uint8_t *allocate(std::size_t bytes) {
    return static_cast<std::uint8_t *>(port_->dma_alloc(port_->context, bytes, 64));
  }
  std::uint8_t *writable(const std::uint8_t *part) { return file_ + (part - file_); }
  int load() { return npim_program_load(&device, &program, kSecond, &why); }

  /// How many outputs differ from the golden executor's; -1 when the run fails.
  int differences() {
    struct Sink {
      std::vector<std::vector<std::int32_t>> outputs;
      std::size_t size;
    } sink{{}, npim_program_outputs(&program)};
    npim_network_job run{};
    run.images = images_;
    run.count = kImages;
    run.batch = 2;
    run.timeout_ns = kSecond;
    run.context = &sink;
    run.on_output = [](void *context, std::uint32_t, const std::int32_t *values) {
      auto *to = static_cast<Sink *>(context);
      to->outputs.emplace_back(values, values + to->size);
    };
    std::vector<std::int32_t> scratch(sink.size);
    npim_network_report report{};
    if (npim_network_run(&device, &program, &run, scratch.data(), &report, &why) != NPIM_OK) {
      return -1;
    }
    int differences = 0;
    for (std::size_t i = 0; i < kImages; ++i) {
      const auto golden = network::golden_logits(compiled_.network,
                                                 images_ + i * npim_program_input_bytes(&program));
      for (std::size_t k = 0; k < golden.size(); ++k)
        differences += golden[k] != sink.outputs[i][k];
    }
    return differences;
  }

  int march_all() {
    std::set<std::uint16_t> tiles;
    for (const auto &record : records) tiles.insert(record.tile);
    for (const std::uint16_t tile : tiles) {
      for (std::uint16_t array = 0; array < 8; ++array) {
        const int result = npim_march_array(&device, tile, array, &march, kSecond);
        if (result != NPIM_OK) return result;
      }
    }
    return NPIM_OK;
  }
  int repair(npim_repair_report *report) {
    return npim_repair(&device.info, &program, file_, records.data(),
                       static_cast<std::uint32_t>(records.size()), &march, report, &why);
  }

  static constexpr std::size_t kImages = 5;
  npim_device device{};
  npim_program program{};
  npim_message why{};
  std::vector<npim_array_record> records;
  std::vector<npim_stuck_cell> cells;
  npim_march march{};

 private:
  const Compiled &compiled_;
  const npim_port *port_;
  std::uint8_t *file_ = nullptr, *images_ = nullptr;
};

TEST(Repair, MarchFindsExactlyTheStuckCellsAndTheProgramIsMappedAroundThem) {
  const Compiled compiled = compile();
  AcceleratorBench sim(chip_with_converters());
  sim.run([&] {
    Bench bench(sim, compiled);
    ASSERT_EQ(bench.load(), NPIM_OK) << bench.why.text;
    ASSERT_EQ(bench.differences(), 0) << bench.why.text;

    // In two arrays of the program, and one spare array of theirs.
    std::map<std::vector<int>, int> injected;
    const auto stick = [&](std::uint16_t tile, std::uint16_t array, std::uint32_t row,
                           std::uint32_t column, bool on) {
      ASSERT_EQ(npim_inject_fault(&bench.device, on ? NPIM_FAULT_STUCK_ON : NPIM_FAULT_STUCK_OFF,
                                  tile, array, row << 16 | column, kSecond),
                NPIM_OK);
      injected[{tile, array, static_cast<int>(row), static_cast<int>(column)}] = on ? 1 : 0;
    };
    const npim_array_record first = bench.records.front(), last = bench.records.back();
    // Bit 7 of positive weights, which is never set, of every other vector: each cell adds 128.
    constexpr std::uint32_t kHighestBit = 14, kColumns = 16;
    for (const npim_array_record &record : {first, last}) {
      for (std::uint32_t vector = 0; vector < record.vectors; vector += 2) {
        for (std::uint32_t row = 0; row < record.rows; ++row) {
          stick(record.tile, record.array, row, kColumns * vector + kHighestBit, true);
        }
      }
    }
    std::set<int> used;
    for (const auto &record : bench.records) {
      if (record.tile == first.tile) used.insert(record.array);
    }
    ASSERT_LT(used.size(), 7u) << "two spare arrays, of which one is broken";
    for (std::uint16_t array = 0; array < 8; ++array) {
      if (used.count(array) != 0) continue;
      for (std::uint32_t row = 0; row < 128; row += 2) stick(first.tile, array, row, 14, true);
      break;
    }
    ASSERT_EQ(bench.load(), NPIM_OK);
    EXPECT_GT(bench.differences(), 0);
    npim_error_counters errors{};
    npim_read_error_counters(&bench.device, &errors);
    EXPECT_EQ(errors.injected_faults, injected.size());
    EXPECT_GT(errors.verify_failures, 0u);

    ASSERT_EQ(bench.march_all(), NPIM_OK);
    ASSERT_EQ(bench.march.count, injected.size());
    for (std::uint32_t i = 0; i < bench.march.count; ++i) {
      const auto &cell = bench.cells[i];
      const auto found = injected.find({cell.tile, cell.array, cell.row, cell.column});
      ASSERT_NE(found, injected.end());
      EXPECT_EQ(cell.level, found->second);
    }
    EXPECT_EQ(bench.load(), NPIM_OK);
    npim_repair_report report{};
    ASSERT_EQ(bench.repair(&report), NPIM_OK) << bench.why.text;
    EXPECT_GE(report.harmed, 1u);
    EXPECT_EQ(report.moved + report.swapped, report.harmed);
    EXPECT_EQ(report.left, 0u);
    ASSERT_EQ(bench.load(), NPIM_OK) << bench.why.text;
    EXPECT_EQ(bench.differences(), 0);
    npim_close(&bench.device);
  });
}

TEST(Repair, ConvertersOutOfServiceAndCalibrationThroughTheDriver) {
  const Compiled compiled = compile();
  AcceleratorBench sim(chip_with_converters());
  sim.run([&] {
    Bench bench(sim, compiled);
    ASSERT_EQ(bench.load(), NPIM_OK);
    const std::uint16_t tile = bench.records.front().tile;
    npim_completion completion{};
    EXPECT_EQ(npim_calibrate(&bench.device, NPIM_ALL_TILES, kSecond, &completion), NPIM_OK);
    ASSERT_EQ(npim_inject_fault(&bench.device, NPIM_FAULT_DEAD_CONVERTER, tile, 0, 0, kSecond),
              NPIM_OK);
    EXPECT_EQ(bench.differences(), -1);
    EXPECT_NE(std::string(bench.why.text).find("CONVERTER_DEAD"), std::string::npos)
        << bench.why.text;
    EXPECT_EQ(npim_calibrate(&bench.device, tile, kSecond, &completion),
              NPIM_ERROR_CONVERTER_FAILED);
    EXPECT_EQ(completion.fault_address, std::uint64_t{tile} << 16);
    auto *state =
        reinterpret_cast<npim_converter_state *>(bench.allocate(sizeof(npim_converter_state)));
    EXPECT_EQ(npim_read_converter(&bench.device, tile, 0, state, kSecond), NPIM_OK);
    EXPECT_EQ(state->failed, 1);
    EXPECT_EQ(npim_converter_service(&bench.device, tile, 0, false, kSecond), NPIM_OK);
    EXPECT_EQ(bench.differences(), 0) << bench.why.text;
    EXPECT_EQ(npim_set_converter(&bench.device, 1000, 1, 1, kSecond),
              NPIM_ERROR_STAGE_OUT_OF_RANGE);
    EXPECT_EQ(npim_inject_fault(&bench.device, NPIM_FAULT_DROPPED_TILE, tile, 0, 0, kSecond),
              NPIM_OK);
    EXPECT_EQ(bench.load(), NPIM_ERROR_TILE_DROPPED);
    npim_close(&bench.device);
  });
}

TEST(Repair, DamagedListsAreRefused) {
  npim_array_record records[4];
  std::uint32_t count = 0;
  Bytes weights = {0, 0, 1, 0, 1, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(npim_list_arrays(weights.data(), 16, records, 4, &count), NPIM_OK);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(records[0].array, 1);
  EXPECT_EQ(npim_list_arrays(weights.data(), 12, records, 4, &count), NPIM_E_FILE);
  EXPECT_EQ(npim_list_arrays(weights.data(), 16, records, 0, &count), NPIM_E_NO_MEMORY);
}

}  // namespace
}  // namespace npim::testing
