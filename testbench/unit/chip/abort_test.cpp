// Cancel, reset, stalls and damaged control programs: the chip is usable afterwards, whatever the
// moment.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "chip_bench.h"
#include "programs.h"

namespace npim::chip::test {
namespace {

using abi::Error;

using Example = ConvolutionAndPool;

/// Calls an action at a time after it has been armed.
class Later : public sc_core::sc_module {
 public:
  explicit Later(std::function<void()> action, const sc_core::sc_module_name &module_name = "later")
      : sc_module(module_name), action_(std::move(action)) {
    SC_HAS_PROCESS(Later);
    SC_THREAD(run);
  }
  void arm(const sc_core::sc_time &after) { event_.notify(after); }

 private:
  void run() {
    for (;;) {
      wait(event_);
      action_();
    }
  }
  std::function<void()> action_;
  sc_core::sc_event event_;
};

TEST(Abort, CancelAtAnyMomentOfARun) {
  Example example;
  ChipBench bench(example.config);
  Later later([&] { bench.chip.cancel(); });
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    for (int i = 0; i < 60; ++i) {
      const sc_core::sc_time after(i * i * 3 + i % 7 * 0.25, sc_core::SC_NS);
      later.arm(after);
      const sc_core::sc_time start = sc_core::sc_time_stamp();
      bench.execute(bench.run_command(4));
      EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kCancelled) << i;
      EXPECT_LE(sc_core::sc_time_stamp() - start, after + sc_core::sc_time(50, sc_core::SC_NS));
      if (i % 10 == 0) {
        EXPECT_EQ(bench.run(example.images, 1), example.expected) << i;
      }
    }
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
  });
}

/// The second stage needs every other pixel, so that it is done before the last one has arrived.
TEST(Abort, CancelWhilePixelsThatNobodyNeedsAreUnderWay) {
  auto config = small_chip();
  config.noc.clock_mhz = 100;  // slow: they are under way for long
  Stage first = mvm(config, 0, {1, 4, 1}, square_window(1), 1);
  first.requantise.high = 255;
  first.destinations = {to(1)};
  Stage second = mvm(config, 1, {1, 4, 1}, square_window(1, 2), 1);
  second.requantise.output_s32 = true;
  second.destinations = {to_host()};
  const auto program = control({1, 4, 1}, {first, second}, {to(0)});
  auto records = weights(config, first, {{3}});
  const auto more = weights(config, second, {{5}});
  records.insert(records.end(), more.begin(), more.end());
  ChipBench bench(config);
  Later later([&] { bench.chip.cancel(); });
  bench.simulate([&] {
    ASSERT_EQ(bench.load(program), Error::kNone);
    ASSERT_EQ(bench.program(records), Error::kNone);
    const std::vector<Bytes> images = {{1, 2, 3, 4}};
    const sc_core::sc_time start = sc_core::sc_time_stamp();
    const auto expected = bench.run(images, 4);
    const sc_core::sc_time duration = sc_core::sc_time_stamp() - start;
    for (int i = 0; i < 100; ++i) {
      later.arm(duration - sc_core::sc_time(2.5 * i, sc_core::SC_NS));
      bench.execute(bench.run_command(1));
      EXPECT_EQ(bench.run(images, 4), expected) << i;
      if (i % 10 == 0) {
        EXPECT_EQ(bench.load(program), Error::kNone);
      }
    }
  });
}

/// Reservations of buses, converters and routers end with the run that made them.
TEST(Abort, ARunAfterACancelTakesTheTimeOfAnUndisturbedOne) {
  Example example;
  // Slow units, so that much is reserved at any time.
  example.config.tile_clock_mhz = 50;
  example.config.noc.clock_mhz = 20;
  example.config.nnadc.rate_msps = 5;
  ChipBench bench(example.config);
  Later later([&] { bench.chip.cancel(); });
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    const auto duration = [&] {
      const sc_core::sc_time start = sc_core::sc_time_stamp();
      EXPECT_EQ(bench.run(example.images, 1), example.expected);
      return (sc_core::sc_time_stamp() - start).value();
    };
    const std::uint64_t undisturbed = duration();
    for (int i = 0; i < 40; ++i) {
      later.arm(sc_core::sc_time(300 + i * 531, sc_core::SC_NS));
      bench.execute(bench.run_command(4));
      ASSERT_EQ(static_cast<Error>(bench.last.error), Error::kCancelled) << i;
      EXPECT_EQ(duration(), undisturbed) << i;
    }
  });
}

TEST(Abort, ARunAfterAResetTakesTheTimeOfAnUndisturbedOne) {
  Example example;
  example.config.noc.clock_mhz = 20;
  ChipBench bench(example.config);
  Later later([&] { bench.chip.reset(); });
  bench.simulate([&] {
    std::uint64_t undisturbed = 0;
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(bench.load(example.program), Error::kNone);
      ASSERT_EQ(bench.program(example.records), Error::kNone);
      EXPECT_EQ(bench.run(example.images, 1), example.expected);
      if (i == 0) undisturbed = bench.last.duration_ns;
      EXPECT_EQ(bench.last.duration_ns, undisturbed) << i;
      later.arm(sc_core::sc_time(300 + i * 531, sc_core::SC_NS));
      bench.execute(bench.run_command(4));
      ASSERT_EQ(static_cast<Error>(bench.last.error), Error::kCancelled) << i;
    }
  });
}

TEST(Structure, ProcessesOfStagesAreNamed) {
  Example example;
  ChipBench bench(example.config);
  std::vector<std::string> names;
  const std::function<void(const std::vector<sc_core::sc_object *> &)> walk =
      [&](const std::vector<sc_core::sc_object *> &objects) {
        for (const sc_core::sc_object *object : objects) {
          names.emplace_back(object->name());
          walk(object->get_child_objects());
        }
      };
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    walk(sc_core::sc_get_top_level_objects());
  });
  for (const std::string part : {"tile0_slot0_front", "tile0_slot0_back", "tile4_slot0_front"}) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const std::string &name) {
      return name.find(part) != std::string::npos;
    });
    EXPECT_NE(found, names.end()) << part;
  }
}

TEST(Abort, CancelOfOtherCommands) {
  Example example;
  ChipBench bench(example.config);
  Later later([&] { bench.chip.cancel(); });
  bench.simulate([&] {
    bench.chip.cancel();  // nothing to cancel: no effect on the next command
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    later.arm(sc_core::sc_time(5, sc_core::SC_US));
    EXPECT_EQ(bench.program(example.records), Error::kCancelled);
    EXPECT_LE(bench.last.duration_ns, 5001U);
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kWeightsNotProgrammed);
    later.arm(sc_core::sc_time(20, sc_core::SC_NS));
    EXPECT_EQ(bench.load(example.program), Error::kCancelled);
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kControlNotLoaded);
    EXPECT_EQ(bench.load(example.program), Error::kNone);
    EXPECT_EQ(bench.program(example.records), Error::kNone);
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
  });
}

TEST(Abort, ResetForgetsEverything) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
    EXPECT_GT(bench.chip.counters().windows, 0U);
    bench.chip.reset();
    EXPECT_EQ(bench.chip.counters().windows, 0U);
    EXPECT_EQ(bench.chip.counters().cycles, 0U);
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kControlNotLoaded);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    bench.execute(bench.run_command(1));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kWeightsNotProgrammed);
  });
}

TEST(Abort, ResetInTheMiddleOfARun) {
  Example example;
  ChipBench bench(example.config);
  Later later([&] { bench.chip.reset(); });
  bench.simulate([&] {
    for (const double after : {0.0, 7.5, 333.0, 5000.0}) {
      ASSERT_EQ(bench.load(example.program), Error::kNone);
      ASSERT_EQ(bench.program(example.records), Error::kNone);
      later.arm(sc_core::sc_time(after, sc_core::SC_NS));
      bench.execute(bench.run_command(4));
      EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kCancelled);
      EXPECT_EQ(bench.chip.counters().windows, 0U);
      bench.execute(bench.run_command(1));
      EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kControlNotLoaded);
    }
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
  });
}

TEST(Abort, MemoryTransfersAreSeenThrough) {
  Example example;
  ChipBench bench(example.config);
  // Memory that waits itself: it must not be killed in the middle of an access.
  int open = 0;
  bench.memory.on_access = [&](std::uint64_t) {
    ++open;
    sc_core::wait(40, sc_core::SC_NS);
    --open;
  };
  Later later([&] { bench.chip.cancel(); });
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    for (int i = 0; i < 20; ++i) {
      later.arm(sc_core::sc_time(i * 13, sc_core::SC_NS));
      bench.execute(bench.run_command(4));
      EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kCancelled);
      EXPECT_EQ(open, 0);
    }
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
  });
}

TEST(Abort, ASecondCommandIsRefusedWhileOneRuns) {
  Example example;
  ChipBench bench(example.config);
  tlm::tlm_response_status status = tlm::TLM_OK_RESPONSE;
  Later later([&] {
    auto bytes = abi::Descriptor().encode();
    status = bench.transport(tlm::TLM_WRITE_COMMAND, 0, bytes.data(), bytes.size());
  });
  bench.simulate([&] {
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    later.arm(sc_core::sc_time(1, sc_core::SC_US));
    EXPECT_EQ(bench.program(example.records), Error::kNone);
  });
  EXPECT_EQ(status, tlm::TLM_GENERIC_ERROR_RESPONSE);
}

/// The image goes to an addition directly and through a pool of the whole image; the addition's
/// direct ring is too small to wait for that.
TEST(Abort, AStallIsFound) {
  const auto config = small_chip();
  const TensorShape in = {6, 4, 1};
  Stage delayed = stage(StageOp::kAveragePool, 0, in, {6, 1, 1, 1, 1, 1, 5, 0, 0, 0}, 1);
  delayed.window.pad_top = 0;
  delayed.window.pad_bottom = 5;  // the first output needs all rows
  Stage add = stage(StageOp::kAdd, 1, in, square_window(1), 1);
  add.inputs = {port(in, 0, 2), port(in, 1024, 6)};
  add.requantise.multiplier = {1, 1};
  add.requantise.bias = {0};
  delayed.destinations = {to(1, 0, 1)};
  add.destinations = {to_host()};
  auto program = control(in, {delayed, add}, {to(1, 0, 0), to(0)});
  ChipBench bench(config);
  bench.simulate([&] {
    ASSERT_EQ(bench.load(program), Error::kNone);
    bench.execute(bench.run_command(2));
    EXPECT_EQ(static_cast<Error>(bench.last.error), Error::kStalled);
    EXPECT_LT(bench.last.duration_ns, 1000U);
    program.stages[1].inputs[0].ring_rows = 6;
    ASSERT_EQ(bench.load(program), Error::kNone);
    bench.execute(bench.run_command(2));
    EXPECT_EQ(bench.last.error, 0);
  });
}

TEST(Abort, LoadingAgainAndAgain) {
  Example example;
  ChipBench bench(example.config);
  bench.simulate([&] {
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    for (int i = 0; i < 30; ++i) {
      ASSERT_EQ(bench.load(example.program), Error::kNone);
      if (i % 7 == 0) {
        ASSERT_EQ(bench.run(example.images, 1), example.expected);
      }
    }
  });
}

/// Every damaged blob is refused or gives a program that runs, stalls or is ended; never a crash.
TEST(Hostile, DamagedControlProgramsDoNoHarm) {
  Example example(1);
  const Bytes good = program::encode(example.program);
  ChipBench bench(example.config);
  Later later([&] { bench.chip.cancel(); });
  Random random(5);
  int accepted = 0;
  bench.simulate([&] {
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    for (int i = 0; i < 3000; ++i) {
      Bytes blob = good;
      for (int k = random.integer(1, 3); k > 0; --k) {
        auto &byte =
            blob[static_cast<std::size_t>(random.integer(0, static_cast<int>(blob.size()) - 1))];
        const int kind = random.integer(0, 3);
        byte = static_cast<std::uint8_t>(kind == 0   ? random.integer(0, 255)
                                         : kind == 1 ? byte ^ 1 << random.integer(0, 7)
                                         : kind == 2 ? byte + 1
                                                     : 0xff);
      }
      if (i % 50 == 0) blob.resize(static_cast<std::size_t>(random.integer(1, 300)));
      if (bench.command(abi::Opcode::kLoadControl, blob) != Error::kNone) continue;
      ++accepted;
      // Sizes may have changed: ask for what the program says.
      const auto p = program::decode_control(blob.data(), blob.size(), "damaged");
      auto run = bench.run_command(2);
      run.source_bytes = run.source_stride = static_cast<std::uint32_t>(p.input_shape.elements());
      run.destination_bytes = run.destination_stride =
          static_cast<std::uint32_t>(p.output_shape.elements() * p.output_element_bytes);
      later.arm(sc_core::sc_time(200, sc_core::SC_US));
      bench.execute(run);
    }
    EXPECT_GT(accepted, 100);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
  });
}

TEST(Hostile, DamagedWeightsDoNoHarm) {
  Example example(1);
  const Bytes good = program::encode(example.records);
  ChipBench bench(example.config);
  Random random(6);
  bench.simulate([&] {
    for (int i = 0; i < 500; ++i) {
      Bytes blob = good;
      blob[static_cast<std::size_t>(random.integer(0, 11))] ^=
          static_cast<std::uint8_t>(random.integer(1, 255));
      bench.command(abi::Opcode::kProgramWeights, blob);
    }
    ASSERT_EQ(bench.program(example.records), Error::kNone);
    ASSERT_EQ(bench.load(example.program), Error::kNone);
    EXPECT_EQ(bench.run(example.images, 1), example.expected);
  });
}

TEST(Structure, TheFullChipElaboratesQuickly) {
  const auto config = config::load_chip_config(NPIM_SOURCE_DIR "/configs/chips/neural-pim.json");
  const std::clock_t start = std::clock();
  ChipBench bench(config);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 3.0);  // 0.1 s in a release build
  EXPECT_NE(sc_core::sc_find_object("bench.chip.tile279.ima3.sh"), nullptr);
  bench.simulate([&] { EXPECT_EQ(bench.execute({1}).error, 0); });
}

TEST(Structure, NocShapes) {
  auto config = small_chip();
  config.tile_columns = 7;
  config.tile_rows = 5;
  for (const int per_router : {1, 2, 3, 4, 6, 64}) {
    config.noc.tiles_per_router = per_router;
    ChipContext context(config, dataflow::Kernel::kFolded);
    const Noc noc(("noc" + std::to_string(per_router)).c_str(), context);
    for (unsigned tile = 0; tile < 35; ++tile) {
      EXPECT_EQ(noc.hops(tile, tile), 1);
      EXPECT_EQ(noc.hops(tile, 35), noc.hops(35, tile));
    }
    EXPECT_EQ(noc.hops(35, 0), 1);
    if (per_router == 1) {
      EXPECT_EQ(noc.hops(0, 34), 11);
    }
    if (per_router == 4) {
      EXPECT_EQ(noc.hops(0, 34), 6);
    }
  }
}

}  // namespace
}  // namespace npim::chip::test
