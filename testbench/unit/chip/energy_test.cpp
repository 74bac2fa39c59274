// What the chip books, counted by hand, and how it adds up.
#include <gtest/gtest.h>

#include "chip_bench.h"
#include "mapping/mapping.h"
#include "programs.h"
#include "support/random_network.h"

namespace npim::chip::test {
namespace {

using cost::Accounting;
using cost::Part;

std::uint64_t booked(const Books &books, int tile, int layer, Part part) {
  std::uint64_t count = 0;
  for (const cost::Account &account : books.ledger().accounts()) {
    if (account.tile != tile || account.layer != layer) continue;
    count += account.actions[static_cast<std::size_t>(part)];
  }
  return count;
}

/// A row of `pixels` through a 1 x 1 convolution with one output channel on tile 0.
ControlProgram row_program(const config::ChipConfig &config, int pixels) {
  const TensorShape in = {1, pixels, 1};
  Stage s = mvm(config, 0, in, square_window(1), 1);
  s.requantise.output_s32 = true;
  s.destinations = {to_host()};
  return control(in, {s}, {to(0)});
}

/// Runs it on an image; `look` sees the bench at the end.
template <typename Look>
void run_row(const config::ChipConfig &config, const Bytes &image, Look look) {
  const ControlProgram program = row_program(config, static_cast<int>(image.size()));
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(program), abi::Error::kNone);
    ASSERT_EQ(bench.program(weights(config, program.stages[0], {{5}})), abi::Error::kNone);
    bench.run({image}, 4);
    look(bench);
  });
}

TEST(Energy, ActionsOfFourWindowsByHand) {
  const ControlProgram program = row_program(small_chip(), 4);
  const auto blobs = program::encode(program).size() +
                     program::encode(weights(small_chip(), program.stages[0], {{5}})).size();
  run_row(small_chip(), {0, 1, 16, 17}, [&](ChipBench &bench) {
    const Books &books = bench.chip.books();
    const auto of_layer = [&](Part part) { return booked(books, 0, 0, part); };
    EXPECT_EQ(of_layer(Part::kDac), 4U) << "slices of four bits that are not zero: 0, 1, 1, 2";
    EXPECT_EQ(of_layer(Part::kCrossbar), 8U) << "4 windows of 2 input cycles";
    EXPECT_EQ(of_layer(Part::kInputRegister), 8U);
    EXPECT_EQ(of_layer(Part::kNnsa), 8U);
    EXPECT_EQ(of_layer(Part::kSampleHold), 8U * (16 + 2));
    EXPECT_EQ(of_layer(Part::kNnadc), 4U);
    EXPECT_EQ(of_layer(Part::kOutputRegister), 8U) << "a code in, a sum of 2 bytes out";
    EXPECT_EQ(of_layer(Part::kTileShiftAdd), 4U);
    EXPECT_EQ(of_layer(Part::kSigmoid), 4U);
    EXPECT_EQ(of_layer(Part::kTileOutputRegister), 8U) << "4 values of 4 bytes";
    EXPECT_EQ(of_layer(Part::kEdram), 1U + 4U) << "the image's row in, four windows out";
    EXPECT_EQ(of_layer(Part::kTileBus), 8U * (4 + 4 + 4 * 2));
    EXPECT_EQ(of_layer(Part::kRouter), 4U * 2) << "a header and 4 bytes over one router each";
    EXPECT_EQ(of_layer(Part::kCellWrite), 0U);
    EXPECT_EQ(booked(books, 0, cost::kNoLayer, Part::kCellWrite), 128U * 4)
        << "one word line, every cell, four pulses";
    EXPECT_EQ(booked(books, cost::kNoTile, cost::kNoLayer, Part::kLink), blobs + 4 + 4 * 4)
        << "control vectors, weights, the image and its results";
  });
}

TEST(Energy, ZerosDriveNothing) {
  run_row(small_chip(), {0, 0, 0}, [](ChipBench &bench) {
    EXPECT_EQ(booked(bench.chip.books(), 0, 0, Part::kDac), 0U);
    EXPECT_EQ(booked(bench.chip.books(), 0, 0, Part::kNnadc), 3U);
  });
}

TEST(Energy, PoweredTimesOfFourWindowsByHand) {
  const auto config = small_chip();
  run_row(config, {1, 2, 3, 4}, [&](ChipBench &bench) {
    const cost::Energy energy = bench.chip.books().settle(Accounting::kPoweredTime);
    const cost::Bill bill = cost::make_bill(config);
    const auto mw = [&](Part part) { return bill.find(part)->unit.power_mw; };
    EXPECT_NEAR(energy.part_pj(Part::kCrossbar), mw(Part::kCrossbar) * 800, 1e-6);
    EXPECT_NEAR(energy.part_pj(Part::kDac), mw(Part::kDac) * 128 * 800, 1e-6);
    const StageReport stage = bench.chip.stages()[0];
    // From the first window's copy on there is always one in the pipeline.
    const abi::StageCounters counters = bench.stage_counters(0);
    const double on_ns = static_cast<double>(counters.last_end_ns - counters.first_start_ns);
    EXPECT_NEAR(energy.part_pj(Part::kNnadc), mw(Part::kNnadc) * on_ns, 2 * mw(Part::kNnadc));
    EXPECT_NEAR(energy.part_pj(Part::kInputRegister),
                mw(Part::kInputRegister) * on_ns / config.arrays_per_ima,
                2 * mw(Part::kInputRegister));
    EXPECT_EQ(stage.windows, 4U);
  });
}

/// Control vectors take turns: what they do adds up.
TEST(Energy, SeveralProgramsAddUp) {
  const auto config = small_chip();
  ControlProgram one = row_program(config, 3), other = row_program(config, 5);
  other.stages[0].layer = 1;
  ChipBench bench(config);
  bench.simulate([&] {
    for (int turn = 0; turn < 3; ++turn) {
      for (const ControlProgram &program : {one, other}) {
        ASSERT_EQ(bench.load(program), abi::Error::kNone);
        ASSERT_EQ(bench.program(weights(config, program.stages[0], {{5}})), abi::Error::kNone);
        bench.run({Bytes(static_cast<std::size_t>(program.input_shape.width), 1)}, 4);
      }
    }
  });
  const auto stages = bench.chip.stages();
  ASSERT_EQ(stages.size(), 2U);
  EXPECT_EQ(stages[0].windows, 9U);
  EXPECT_EQ(stages[1].windows, 15U);
  const Books &books = bench.chip.books();
  EXPECT_EQ(booked(books, 0, 0, Part::kDac), 9U);
  EXPECT_EQ(booked(books, 0, 1, Part::kDac), 15U);
  // A window takes 3 cycles; the whole life is accounted for.
  EXPECT_GT(stages[1].time.lifetime(), sc_core::sc_time(15 * 300, sc_core::SC_NS));
}

TEST(Energy, RegistersCountFromTheReset) {
  run_row(small_chip(), {1, 2, 3, 4}, [](ChipBench &bench) {
    const Books &books = bench.chip.books();
    const auto both = {Accounting::kPerAction, Accounting::kPoweredTime};
    std::vector<double> before;
    for (const auto accounting : both) {
      before.push_back(books.settle(accounting).total_pj());
      EXPECT_EQ(books.settle_since_reset(accounting).total_pj(), before.back());
    }
    bench.chip.reset();
    auto whole = before.begin();
    for (const auto accounting : both) {
      EXPECT_EQ(books.settle_since_reset(accounting).total_pj(), 0.0);
      EXPECT_EQ(books.settle(accounting).total_pj(), *whole++) << "nothing is forgotten";
    }
    EXPECT_EQ(bench.chip.stages()[0].windows, 4U);
  });
}

TEST(Energy, WithoutLibrariesThereAreCountsButNoPrices) {
  auto config = small_chip();
  config.components.clear();
  run_row(config, {1, 2}, [](ChipBench &bench) {
    EXPECT_FALSE(bench.chip.books().has_prices());
    EXPECT_NE(bench.chip.books().why_no_prices(), "");
    EXPECT_EQ(booked(bench.chip.books(), 0, 0, Part::kDac), 2U);
  });
}

TEST(Energy, AMissingFigureIsNamed) {
  auto config = small_chip();
  config.dac_bits = 8;  // the library knows DACs of 1 to 4 bits
  const Books books(config);
  EXPECT_FALSE(books.has_prices());
  EXPECT_NE(books.why_no_prices().find("'dac'"), std::string::npos) << books.why_no_prices();
}

TEST(SharedTime, IsDividedAmongThoseWhoUseTheTile) {
  const auto at = [](double ns) { return sc_core::sc_time(ns, sc_core::SC_NS); };
  SharedTime tile;
  const double a = tile.enter(at(10));
  const double b = tile.enter(at(20));  // a alone for 10
  EXPECT_DOUBLE_EQ(tile.leave(at(40)) - a, 10 + 10.0);
  EXPECT_DOUBLE_EQ(tile.leave(at(45)) - b, 10 + 5.0);
  const double c = tile.enter(at(100));
  EXPECT_DOUBLE_EQ(tile.leave(at(101)) - c, 1.0);
}

TEST(StageTime, OneWhoComputesIsEnough) {
  const auto at = [](double ns) { return sc_core::sc_time(ns, sc_core::SC_NS); };
  StageTime time;
  time.begin(at(100), false);
  time.until(StageTime::kFront, Phase::kInput, at(150));
  time.until(StageTime::kFront, Phase::kComputing, at(200));
  time.until(StageTime::kBack, Phase::kNothing, at(200));
  time.until(StageTime::kFront, Phase::kInput, at(260));
  time.until(StageTime::kBack, Phase::kConverter, at(210));
  time.until(StageTime::kBack, Phase::kComputing, at(240));
  time.finish(StageTime::kFront);
  time.until(StageTime::kBack, Phase::kSpace, at(300));
  time.until(StageTime::kBack, Phase::kNoc, at(301));
  time.finish(StageTime::kBack);
  EXPECT_EQ(time.in(Phase::kComputing), at(50 + 30));
  EXPECT_EQ(time.in(Phase::kInput), at(50));
  EXPECT_EQ(time.in(Phase::kConverter), at(10));
  EXPECT_EQ(time.in(Phase::kSpace), at(60));
  EXPECT_EQ(time.in(Phase::kNoc), at(1));
  EXPECT_EQ(time.lifetime(), at(201));
}

std::uint64_t bytes_of(const TensorShape &shape) {
  return static_cast<std::uint64_t>(shape.elements());
}

/// Of one image, to all stages that read it.
std::uint64_t image_bytes(const ControlProgram &program) {
  std::int64_t bytes = 0;
  for (const auto &to : program.inputs) {
    const program::Rectangle part = program::sent_part(to, program.input_shape);
    bytes += part.columns * part.channels * program.input_shape.height;
  }
  return static_cast<std::uint64_t>(bytes);
}

/// A stage with crossbars takes at least the copy and the input cycles for each of its steps; the
/// first copy needs no whole cycle.
void expect_bound(const config::ChipConfig &config, const Stage &stage, const StageReport &report,
                  std::uint64_t images) {
  if (stage.op != StageOp::kMvm) return;
  const std::int64_t steps = (stage.output_shape.width + stage.burst - 1) / stage.burst *
                             stage.output_shape.height * static_cast<std::int64_t>(images);
  const double least_ns =
      static_cast<double>(steps * (1 + config.input_cycles()) - 1) * config.input_cycle_ns;
  EXPECT_GE((report.end - report.begin) / sc_core::sc_time(1, sc_core::SC_NS), least_ns);
}

/// Sees to it that time never runs backwards.
class Watch : public ChipObserver {
 public:
  void stage_active(std::uint32_t, unsigned, unsigned, std::uint32_t,
                    const sc_core::sc_time &begin) override {
    const sc_core::sc_time now = sc_core::sc_time_stamp();
    EXPECT_LE(begin, now);
    EXPECT_LE(last_, now);
    last_ = now;
  }

 private:
  sc_core::sc_time last_;
};

/// Random networks: everything that is booked is found again in the sums, and every moment of a
/// stage's life is attributed.
class Attribution : public ::testing::TestWithParam<int> {};

TEST_P(Attribution, NothingIsLost) {
  auto config = small_chip();
  config.tile_columns = config.tile_rows = 8;
  testing::RandomNetwork random(static_cast<std::uint32_t>(300 + GetParam()));
  const network::ConverterFormat format = {
      config.array.rows, static_cast<network::ConverterFormat::Code>(config.nnadc.code)};
  const auto network = random.make(format, 2 + GetParam() % 6);
  const auto mapping = mapping::map_network(network, config, {});
  std::vector<Bytes> inputs;
  for (int i = 0; i < 3; ++i) inputs.push_back(random.image(network.input_shape));
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(mapping.program.segments.at(0)), abi::Error::kNone);
    ASSERT_EQ(bench.program(mapping.program.weights), abi::Error::kNone);
    const std::uint64_t loaded = bench.chip.books().ledger().actions(Part::kLink);
    Watch watch;
    bench.chip.set_observer(&watch);
    bench.run(inputs, 4);
    const ControlProgram &program = mapping.program.segments.at(0);
    const std::uint64_t images = inputs.size();
    const std::uint64_t output_bytes = images * bytes_of(program.output_shape) * 4;
    EXPECT_EQ(bench.chip.books().ledger().actions(Part::kLink) - loaded,
              images * bytes_of(program.input_shape) + output_bytes)
        << "bytes over the host link";
    std::uint64_t sent = image_bytes(program) * images, received = output_bytes;
    for (const StageReport &stage : bench.chip.stages()) {
      sent += stage.bytes_sent;
      received += stage.bytes_received;
      expect_bound(config, program.stages[stage.stage], stage, images);
    }
    EXPECT_EQ(sent, received);
    std::uint64_t windows = 0, conversions = 0, cycles = 0;
    for (const StageReport &stage : bench.chip.stages()) {
      EXPECT_EQ(stage.time.lifetime(), stage.end - stage.begin) << "stage " << stage.stage;
      const auto &shape = mapping.program.segments.at(0).stages[stage.stage].output_shape;
      EXPECT_EQ(stage.windows, inputs.size() * static_cast<std::uint64_t>(shape.height) *
                                   static_cast<std::uint64_t>(shape.width));
      windows += stage.windows;
      conversions += stage.conversions;
      cycles += stage.input_cycles;
    }
    EXPECT_EQ(windows, bench.chip.counters().windows);
    EXPECT_EQ(cycles, bench.chip.counters().cycles);
    const Books &books = bench.chip.books();
    EXPECT_EQ(conversions, books.ledger().actions(Part::kNnadc));
    for (const auto accounting : {Accounting::kPerAction, Accounting::kPoweredTime}) {
      const cost::Energy energy = books.settle(accounting);
      double layers = 0, tiles = 0;
      for (const auto &[layer, pj] : energy.by_layer) layers += pj;
      for (const auto &[tile, pj] : energy.by_tile) tiles += pj;
      EXPECT_NEAR(layers / energy.total_pj(), 1, 1e-9);
      EXPECT_NEAR(tiles / energy.total_pj(), 1, 1e-9);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Seeds, Attribution, ::testing::Range(0, 12));

}  // namespace
}  // namespace npim::chip::test
