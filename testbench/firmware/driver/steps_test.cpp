// Programs in which chip and host take turns: the host's operations in C and the chip, through the
// driver, equal the golden executor; hostile schedules are refused before anything is run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "mapping/mapping.h"
#include "network/golden.h"
#include "npim/host_ops.h"
#include "npim/runtime.h"
#include "program/program_file.h"
#include "support/accelerator_bench.h"
#include "support/random_network.h"

namespace npim::testing {
namespace {

constexpr std::uint64_t kSecond = 1000000000;
using Kind = RandomNetwork::Kind;

config::ChipConfig larger_chip() {
  auto chip = small_chip();
  chip.tile_columns = chip.tile_rows = 8;
  return chip;
}

struct Ran {
  program::Program program;
  std::vector<std::vector<std::int32_t>> outputs;
  std::vector<npim_layer_totals> totals;
  npim_network_report report{};
};

/// Runs images through a program of the real compiler and compares every output.
Ran expect_golden(const network::QuantisedNetwork &network, const config::ChipConfig &chip,
                  const mapping::MapOptions &options, std::uint32_t count, std::uint32_t batch,
                  std::uint32_t seed) {
  Ran ran;
  ran.program = mapping::map_network(network, chip, options).program;
  const Bytes file = program::serialise(ran.program);
  EXPECT_EQ(program::serialise(program::deserialise_program(file, "again")), file);
  const auto image_bytes = static_cast<std::size_t>(network.input_shape.elements());
  Bytes images(count * image_bytes);
  std::mt19937 random(seed);
  for (auto &pixel : images) pixel = static_cast<std::uint8_t>(random());
  AcceleratorBench bench(chip);
  bench.run([&] {
    npim_device device;
    npim_program program;
    npim_message why{};
    const npim_port *port = bench.host.port();
    const auto place = [&](const Bytes &bytes) {
      auto *memory = static_cast<std::uint8_t *>(port->dma_alloc(port->context, bytes.size(), 64));
      std::memcpy(memory, bytes.data(), bytes.size());
      return memory;
    };
    ASSERT_EQ(npim_probe(&device, port), NPIM_OK);
    ASSERT_EQ(npim_open(&device, 4), NPIM_OK);
    ASSERT_EQ(npim_program_open(&program, place(file), file.size(), &why), NPIM_OK) << why.text;
    ASSERT_EQ(npim_program_check(&program, &device.info, &why), NPIM_OK) << why.text;
    ASSERT_EQ(npim_program_load(&device, &program, kSecond, &why), NPIM_OK) << why.text;
    std::vector<std::int32_t> scratch(npim_program_outputs(&program));
    ran.totals.resize(program.layer_count);
    npim_network_job job{};
    job.images = place(images);
    job.count = count;
    job.batch = batch;
    job.timeout_ns = kSecond;
    job.totals = ran.totals.data();
    struct Sink {
      Ran &ran;
      std::size_t size;
    } sink{ran, scratch.size()};
    job.context = &sink;
    job.on_output = [](void *context, std::uint32_t, const std::int32_t *values) {
      auto *to = static_cast<Sink *>(context);
      to->ran.outputs.emplace_back(values, values + to->size);
    };
    ASSERT_EQ(npim_network_run(&device, &program, &job, scratch.data(), &ran.report, &why), NPIM_OK)
        << why.text;
    npim_close(&device);
  });
  EXPECT_EQ(ran.outputs.size(), count);
  for (std::size_t i = 0; i < ran.outputs.size(); ++i) {
    EXPECT_EQ(ran.outputs[i], network::golden_logits(network, images.data() + i * image_bytes))
        << "image " << i;
  }
  return ran;
}

network::ConverterFormat format_of(const config::ChipConfig &chip) {
  return {chip.array.rows, static_cast<network::ConverterFormat::Code>(chip.nnadc.code)};
}

class MixedNetworks : public ::testing::TestWithParam<int> {};

/// Networks that move elements between rows, have steps with shared weights, and joins of tensors
/// that come from far apart.
TEST_P(MixedNetworks, EqualGolden) {
  auto chip = larger_chip();
  chip.nnadc.code = static_cast<config::CodeFormat>(1 + GetParam() % 3);
  RandomNetwork random(static_cast<std::uint32_t>(GetParam()) + 500, Kind::kAny);
  const auto network = random.make(format_of(chip), 2 + GetParam() % 7, 10);
  mapping::MapOptions options;
  if (GetParam() % 2 == 1) options.replication = mapping::Replication::kNone;
  const Ran ran = expect_golden(network, chip, options, 3, 2, 9);
  for (std::size_t i = 0; i < ran.totals.size(); ++i) {
    const auto &layer = ran.program.layers[i];
    const bool works_on_chip = !layer.on_host && layer.stages > 0;
    EXPECT_EQ(ran.totals[i].windows >= 3u * layer.windows && ran.totals[i].busy_ns > 0,
              works_on_chip)
        << layer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, MixedNetworks, ::testing::Range(0, 40));

class AnyLayerOnTheHost : public ::testing::TestWithParam<int> {};

/// Every operation in C; a third of the layers, or all of them.
TEST_P(AnyLayerOnTheHost, EqualsGolden) {
  auto chip = larger_chip();
  chip.nnadc.code = static_cast<config::CodeFormat>(1 + GetParam() % 3);
  RandomNetwork random(static_cast<std::uint32_t>(GetParam()) + 900, Kind::kAny);
  const auto network = random.make(format_of(chip), 2 + GetParam() % 7, 10);
  mapping::MapOptions options;
  for (const auto &layer : network.layers) {
    if (GetParam() % 4 == 0 || random.between(0, 2) == 0) options.on_host.push_back(layer.name);
  }
  const Ran ran = expect_golden(network, chip, options, 2, 32, 3);
  if (GetParam() % 4 == 0) {
    EXPECT_TRUE(ran.program.segments.empty());
    EXPECT_EQ(ran.report.chip_ns, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyLayerOnTheHost, ::testing::Range(0, 40));

/// A network of one recurrent layer.
network::QuantisedNetwork recurrent(int steps) {
  return RandomNetwork(4, Kind::kAny).make_recurrent({}, steps, 16, 5);
}

TEST(RecurrentSteps, ShareTheirArrays) {
  const auto short_one = recurrent(3), long_one = recurrent(9);
  const auto few = mapping::map_network(short_one, larger_chip(), {});
  const auto many = expect_golden(long_one, larger_chip(), {}, 5, 3, 1);
  EXPECT_EQ(many.program.segments.size(), few.program.segments.size() + 6);
  // What grows is the classifier behind the states.
  std::set<std::pair<int, int>> arrays;
  for (const auto &array : many.program.weights) {
    EXPECT_TRUE(arrays.emplace(array.tile, array.array).second) << "programmed twice";
  }
  std::size_t recurrent_arrays = 0;
  for (const auto &layer : many.program.layers) {
    if (layer.op == network::LayerOp::kConvolution) recurrent_arrays += layer.arrays;
  }
  EXPECT_GE(recurrent_arrays, arrays.size() + 7 * 2) << "eight products of two arrays each";
}

TEST(MixedPrograms, TooLittleMemoryMakesBatchesSmaller) {
  RandomNetwork random(501, Kind::kAny);
  const auto network = random.make(network::ConverterFormat{}, 6, 10);
  expect_golden(network, larger_chip(), {}, 5, 5, 2);
}

// --- Hostile files -------------------------------------------------------------------------------

void seal(Bytes &file) {
  const std::uint32_t crc = crc32(file.data() + 24, file.size() - 24);
  for (std::size_t i = 0; i < 4; ++i) file[16 + i] = static_cast<std::uint8_t>(crc >> 8 * i);
}

std::uint64_t get(const Bytes &file, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | file[at + i];
  return value;
}

/// Offset and size of a section.
std::pair<std::size_t, std::size_t> section_of(const Bytes &file, program::SectionType type) {
  for (std::size_t entry = 128;; entry += 32) {
    if (get(file, entry, 4) == static_cast<std::uint64_t>(type)) {
      return {get(file, entry + 8, 8), get(file, entry + 16, 8)};
    }
  }
}

/// What the runtime does with memory that is exactly as large as it asks for. No chip: steps of the
/// chip are left out.
void execute_host_steps(const npim_program &program) {
  const auto at = [](std::vector<Bytes> &places, const npim_tensor &tensor) {
    Bytes &place = places[tensor.place];
    const std::size_t first = tensor.buffer + tensor.first_byte;
    EXPECT_LE(first, place.size());
    return npim_operand{place.data() + first, tensor.shape, tensor.pixel_bytes};
  };
  if (program.workspace_bytes > (std::uint64_t{1} << 24)) return;
  std::vector<Bytes> places = {
      Bytes(npim_program_input_bytes(&program), 200),
      Bytes(std::size_t{npim_program_outputs(&program)} * program.output_element_bytes),
      Bytes(program.workspace_bytes, 100)};
  npim_step step;
  for (std::uint32_t i = 0; npim_program_step(&program, i, &step); ++i) {
    if (step.kind != NPIM_STEP_HOST) continue;
    npim_host_op op;
    npim_tensor output, input;
    ASSERT_TRUE(npim_host_op_read(&op, step.data, step.bytes));
    ASSERT_TRUE(npim_program_tensor(&program, step.output, &output));
    const npim_operand to = at(places, output);
    if (npim_host_op_joins(&op)) {
      npim_host_op_fill(&op, &to);
      for (std::uint32_t k = 0; k < step.input_count; ++k) {
        ASSERT_TRUE(npim_program_tensor(&program, npim_step_input(&step, k), &input));
        const npim_operand from = at(places, input);
        npim_host_op_join(&op, k, &from, &to);
      }
      continue;
    }
    ASSERT_TRUE(npim_program_tensor(&program, npim_step_input(&step, 0), &input));
    const npim_operand first = at(places, input);
    ASSERT_TRUE(
        npim_program_tensor(&program, npim_step_input(&step, step.input_count - 1), &input));
    const npim_operand second = at(places, input);
    npim_host_op_execute(&op, &first, step.input_count == 2 ? &second : nullptr, &to);
  }
}

/// Damaged schedules and operations behind a correct checksum: refused by firmware and tools, or
/// harmless in firmware. Under the address sanitiser this finds every access that is not checked.
TEST(HostileSchedules, NeverReachBeyondTensorsOrFile) {
  std::mt19937 random(11);
  int opened = 0, refused = 0, refused_by_tools = 0;
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    RandomNetwork networks(600 + seed, Kind::kAny);
    const auto network = networks.make(network::ConverterFormat{}, 5, 6);
    mapping::MapOptions options;
    for (const auto &layer : network.layers) {
      if (networks.between(0, 1) == 0) options.on_host.push_back(layer.name);
    }
    const Bytes good =
        program::serialise(mapping::map_network(network, larger_chip(), options).program);
    const auto schedule = section_of(good, program::SectionType::kSchedule);
    const auto operations = section_of(good, program::SectionType::kHostOperations);
    for (int i = 0; i < 250; ++i) {
      Bytes file = good;
      for (unsigned k = 0; k <= random() % 3; ++k) {
        const auto &section = random() % 2 == 0 || operations.second == 0 ? schedule : operations;
        const std::size_t reach = std::min<std::size_t>(section.second, 1 << 12);
        const std::size_t at = section.first + random() % reach;
        file[at] = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : file[at] + 1);
      }
      seal(file);
      npim_program program;
      npim_message why{};
      if (npim_program_open(&program, file.data(), file.size(), &why) == NPIM_OK) {
        ++opened;
        execute_host_steps(program);
      } else {
        ++refused;
        EXPECT_NE(std::string(why.text), "");
      }
      try {
        // Another order of tensors or a larger workspace is no damage.
        program::deserialise_program(file, "hostile");
      } catch (const InputError &) {
        ++refused_by_tools;
      }
    }
  }
  EXPECT_GT(opened, 100);
  EXPECT_GT(refused, 1000);
  EXPECT_GT(refused_by_tools, refused);
}

}  // namespace
}  // namespace npim::testing
