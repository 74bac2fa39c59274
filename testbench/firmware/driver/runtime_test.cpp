// The firmware's runtime: program files of the real compiler run on the chip through the driver and
// equal the golden executor; damaged files and files for other chips are refused with a message.
#include "npim/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "mapping/mapping.h"
#include "network/golden.h"
#include "npim/idx.h"
#include "npim/results.h"
#include "program/program_file.h"
#include "support/accelerator_bench.h"
#include "support/random_network.h"

namespace npim::testing {
namespace {

constexpr std::uint64_t kSecond = 1000000000;

struct Compiled {
  network::QuantisedNetwork network;
  Bytes file;
};

Compiled compile(std::uint32_t seed = 7) {
  RandomNetwork random(seed);
  Compiled compiled;
  compiled.network = random.make(network::ConverterFormat{}, 3, 8);
  compiled.file = program::serialise(mapping::map_network(compiled.network, small_chip()).program);
  return compiled;
}

/// Puts the checksum right again, so that what was changed is found by the check behind it.
void seal(Bytes &file) {
  const std::uint32_t crc = crc32(file.data() + 24, file.size() - 24);
  for (std::size_t i = 0; i < 4; ++i) file[16 + i] = static_cast<std::uint8_t>(crc >> 8 * i);
}

void put32(Bytes &file, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) file[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

std::string refusal(const Bytes &file) {
  npim_program program;
  npim_message why{};
  if (npim_program_open(&program, file.data(), file.size(), &why) == NPIM_OK) return "";
  EXPECT_NE(std::string(why.text), "");
  return why.text;
}

TEST(ProgramFile, SaysWhatTheCompilerWrote) {
  const Compiled compiled = compile();
  npim_program program;
  npim_message why{};
  ASSERT_EQ(npim_program_open(&program, compiled.file.data(), compiled.file.size(), &why), NPIM_OK)
      << why.text;
  EXPECT_STREQ(program.name, "random");
  EXPECT_EQ(program.layer_count, compiled.network.layers.size());
  EXPECT_EQ(npim_program_input_bytes(&program), compiled.network.input_shape.elements());
  EXPECT_EQ(npim_program_outputs(&program), compiled.network.layers.back().output_shape.elements());
  npim_layer layer;
  for (std::uint32_t i = 0; i < program.layer_count; ++i) {
    ASSERT_TRUE(npim_program_layer(&program, i, &layer));
    EXPECT_EQ(layer.name, compiled.network.layers[i].name);
    EXPECT_EQ(layer.op, static_cast<std::uint8_t>(compiled.network.layers[i].op));
    EXPECT_STRNE(npim_layer_op_name(layer.op), "?");
  }
  EXPECT_FALSE(npim_program_layer(&program, program.layer_count, &layer));
}

TEST(ProgramFile, EveryTruncationIsRefused) {
  const Compiled compiled = compile();
  for (std::size_t size = 0; size < compiled.file.size(); size += size < 300 ? 1 : 97) {
    EXPECT_NE(refusal(Bytes(compiled.file.begin(),
                            compiled.file.begin() + static_cast<std::ptrdiff_t>(size))),
              "")
        << size;
  }
}

TEST(ProgramFile, EveryFlippedBitIsFound) {
  Bytes file = compile().file;
  for (std::size_t at = 0; at < file.size(); at += at < 256 ? 1 : 61) {
    file[at] ^= 0x10;
    // The minor version may grow without a new layout and is not under the checksum.
    if (at != 6 && at != 7) {
      EXPECT_NE(refusal(file), "") << at;
    }
    file[at] ^= 0x10;
  }
}

TEST(ProgramFile, WrongHeadersAreExplained) {
  const Bytes good = compile().file;
  const auto changed = [&](std::size_t at, std::uint32_t value) {
    Bytes file = good;
    put32(file, at, value);
    seal(file);
    return refusal(file);
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(changed(0, 0), HasSubstr("not a Neural-PIM program"));
  EXPECT_THAT(changed(4, 5), HasSubstr("version 5.0"));
  EXPECT_THAT(changed(8, 77), HasSubstr("77 bytes"));
  EXPECT_THAT(changed(20, 65), HasSubstr("65 sections"));
  EXPECT_THAT(changed(20, 0), HasSubstr("no section"));
  EXPECT_THAT(changed(48, 0), HasSubstr("dimension"));
  EXPECT_THAT(changed(48, 0x7fffffff), HasSubstr("dimension"));
  EXPECT_THAT(changed(72, 2), HasSubstr("outputs of 2 bytes"));
  EXPECT_THAT(changed(76, 1000), HasSubstr("layer section"));
  EXPECT_THAT(changed(128 + 8, 0x7fffffc0), HasSubstr("outside the file"));
  EXPECT_THAT(changed(128 + 8, 33), HasSubstr("outside the file"));
  EXPECT_THAT(changed(128 + 20, 1), HasSubstr("outside the file"));
  Bytes damaged = good;
  damaged.back() ^= 1;
  EXPECT_THAT(refusal(damaged), HasSubstr("checksum"));
}

TEST(ProgramFile, HostileHeadersNeverReachBeyondTheFile) {
  const Bytes good = compile().file;
  std::mt19937 random(5);
  for (int i = 0; i < 3000; ++i) {
    Bytes file = good;
    for (unsigned k = 0; k <= random() % 3; ++k) {
      file[8 + random() % 250] = static_cast<std::uint8_t>(random());
    }
    seal(file);
    npim_program program;
    npim_message why{};
    if (npim_program_open(&program, file.data(), file.size(), &why) != NPIM_OK) continue;
    EXPECT_GE(program.control, file.data());
    EXPECT_LE(program.control + program.control_bytes, file.data() + file.size());
    EXPECT_LE(program.weights + program.weights_bytes, file.data() + file.size());
    npim_layer layer;
    for (std::uint32_t n = 0; npim_program_layer(&program, n, &layer); ++n) {
      EXPECT_LT(std::strlen(layer.name), sizeof layer.name);
    }
  }
}

TEST(ProgramCheck, NamesWhatTheChipLacks) {
  const Compiled compiled = compile();
  AcceleratorBench bench;
  npim_device device;
  bench.run([&] { ASSERT_EQ(npim_probe(&device, bench.host.port()), NPIM_OK); });
  npim_program program;
  npim_message why{};
  ASSERT_EQ(npim_program_open(&program, compiled.file.data(), compiled.file.size(), &why), NPIM_OK);
  EXPECT_EQ(npim_program_check(&program, &device.info, &why), NPIM_OK) << why.text;
  const auto check = [&](auto change) {
    npim_info other = device.info;
    change(other);
    EXPECT_EQ(npim_program_check(&program, &other, &why), NPIM_E_FILE);
    return std::string(why.text);
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(check([](npim_info &i) { i.tiles = 0; }), HasSubstr("tiles, this chip has 0"));
  EXPECT_THAT(check([](npim_info &i) { i.edram_bytes = 8; }), HasSubstr("eDRAM"));
  EXPECT_THAT(check([](npim_info &i) { i.imas_per_tile = 9; }), HasSubstr("IMAs per tile: 2"));
  EXPECT_THAT(check([](npim_info &i) { i.arrays_per_ima = 9; }), HasSubstr("arrays per IMA: 4"));
  EXPECT_THAT(check([](npim_info &i) { i.array_rows = 64; }), HasSubstr("array rows: 128"));
  EXPECT_THAT(check([](npim_info &i) { i.array_columns = 64; }), HasSubstr("array columns: 128"));
  EXPECT_THAT(check([](npim_info &i) { i.cell_bits = 2; }), HasSubstr("cell bits: 1"));
  EXPECT_THAT(check([](npim_info &i) { i.nnadc_bits = 7; }), HasSubstr("NNADC bits: 8"));
  EXPECT_THAT(check([](npim_info &i) { i.code_format = 3; }), HasSubstr("code format: 1"));
  EXPECT_THAT(check([](npim_info &i) { i.range_divisors_mask = 0; }), HasSubstr("range"));
  EXPECT_THAT(check([](npim_info &i) { i.bitline_gains_mask = 0; }), HasSubstr("gain"));
}

/// A program in simulated RAM on an open device, and images behind it.
struct Session {
  Session(AcceleratorBench &bench, const Compiled &compiled) : port(bench.host.port()) {
    EXPECT_EQ(npim_probe(&device, port), NPIM_OK);
    EXPECT_EQ(npim_open(&device, 4), NPIM_OK);
    auto *file =
        static_cast<std::uint8_t *>(port->dma_alloc(port->context, compiled.file.size(), 64));
    std::memcpy(file, compiled.file.data(), compiled.file.size());
    EXPECT_EQ(npim_program_open(&program, file, compiled.file.size(), &why), NPIM_OK) << why.text;
    EXPECT_EQ(npim_program_check(&program, &device.info, &why), NPIM_OK) << why.text;
    scratch.resize(npim_program_outputs(&program));
  }
  const std::uint8_t *place(const Bytes &bytes) {
    auto *memory = static_cast<std::uint8_t *>(port->dma_alloc(port->context, bytes.size(), 64));
    std::memcpy(memory, bytes.data(), bytes.size());
    return memory;
  }
  const npim_port *port;
  npim_device device;
  npim_program program;
  npim_message why{};
  npim_network_report report{};
  std::vector<std::int32_t> scratch;
};

using Outputs = std::map<std::uint32_t, std::vector<std::int32_t>>;

Outputs run_batches(std::uint32_t batch, std::uint32_t count, std::uint64_t *chip_ns = nullptr) {
  const Compiled compiled = compile();
  AcceleratorBench bench;
  Outputs outputs;
  bench.run([&] {
    Session session(bench, compiled);
    ASSERT_EQ(npim_program_load(&session.device, &session.program, kSecond, &session.why), NPIM_OK)
        << session.why.text;
    Bytes images(count * npim_program_input_bytes(&session.program));
    std::mt19937 random(3);
    for (auto &pixel : images) pixel = static_cast<std::uint8_t>(random());
    npim_network_job run{};
    run.images = session.place(images);
    run.count = count;
    run.batch = batch;
    run.timeout_ns = kSecond;
    struct Sink {
      Outputs &outputs;
      std::size_t size;
    } sink{outputs, session.scratch.size()};
    run.context = &sink;
    run.on_output = [](void *context, std::uint32_t image, const std::int32_t *values) {
      auto *to = static_cast<Sink *>(context);
      EXPECT_EQ(image, to->outputs.size()) << "in order";
      to->outputs[image].assign(values, values + to->size);
    };
    ASSERT_EQ(npim_network_run(&session.device, &session.program, &run, session.scratch.data(),
                               &session.report, &session.why),
              NPIM_OK)
        << session.why.text;
    EXPECT_EQ(session.report.images_done, count);
    if (chip_ns != nullptr) *chip_ns = session.report.chip_ns;
    const std::size_t bytes = npim_program_input_bytes(&session.program);
    for (std::uint32_t i = 0; i < count; ++i) {
      EXPECT_EQ(outputs[i], network::golden_logits(compiled.network, images.data() + i * bytes))
          << i;
    }
    npim_close(&session.device);
  });
  return outputs;
}

TEST(NetworkRun, OneImagePerCommandEqualsGolden) {
  run_batches(1, 5);
}

TEST(NetworkRun, LastBatchMayBeSmaller) {
  std::uint64_t chip_ns = 0;
  run_batches(3, 7, &chip_ns);
  EXPECT_GT(chip_ns, 0u);
}

TEST(NetworkRun, BatchMayBeLargerThanTheSet) {
  run_batches(100, 2);
}

TEST(NetworkRun, ReportsLayersInOrder) {
  const Compiled compiled = compile();
  AcceleratorBench bench;
  std::vector<npim_layer_report> reports;
  bench.run([&] {
    Session session(bench, compiled);
    ASSERT_EQ(npim_program_load(&session.device, &session.program, kSecond, &session.why), NPIM_OK);
    npim_network_job run{};
    run.images = session.place(Bytes(2 * npim_program_input_bytes(&session.program), 9));
    run.count = run.batch = 2;
    run.timeout_ns = kSecond;
    run.on_output = [](void *, std::uint32_t, const std::int32_t *) {};
    ASSERT_EQ(npim_network_run(&session.device, &session.program, &run, session.scratch.data(),
                               &session.report, &session.why),
              NPIM_OK);
    ASSERT_EQ(npim_network_layers(
                  &session.device, &session.program, nullptr, kSecond,
                  [](void *context, const npim_layer_report *report) {
                    static_cast<std::vector<npim_layer_report> *>(context)->push_back(*report);
                  },
                  &reports),
              NPIM_OK);
    npim_close(&session.device);
  });
  ASSERT_EQ(reports.size(), compiled.network.layers.size());
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].layer.layer, i);
    EXPECT_GE(reports[i].totals.windows, 2u * reports[i].layer.windows) << "two images";
    if (reports[i].layer.stages == 0) continue;  // a concat: its readers' buffers do the work
    EXPECT_GT(reports[i].totals.busy_ns, 0u);
  }
}

TEST(NetworkRun, FailuresNameTheImagesAndLeaveTheDeviceUsable) {
  const Compiled compiled = compile();
  AcceleratorBench bench;
  bench.run([&] {
    Session session(bench, compiled);
    npim_network_job run{};
    run.images = session.place(Bytes(4 * npim_program_input_bytes(&session.program), 9));
    run.count = 4;
    run.batch = 2;
    run.timeout_ns = kSecond;
    run.on_output = [](void *, std::uint32_t, const std::int32_t *) { FAIL() << "no output"; };
    const auto attempt = [&] {
      return npim_network_run(&session.device, &session.program, &run, session.scratch.data(),
                              &session.report, &session.why);
    };
    EXPECT_EQ(attempt(), NPIM_ERROR_CONTROL_NOT_LOADED);
    EXPECT_THAT(std::string(session.why.text), ::testing::HasSubstr("run of images 0 to 1"));
    ASSERT_EQ(npim_program_load(&session.device, &session.program, kSecond, &session.why), NPIM_OK);
    run.timeout_ns = 100;
    EXPECT_EQ(attempt(), NPIM_E_TIMEOUT);
    run.batch = 0;
    EXPECT_EQ(attempt(), NPIM_E_ARGUMENT);
    run.batch = 0xffffffff;
    EXPECT_EQ(attempt(), NPIM_E_ARGUMENT);
    EXPECT_EQ(npim_reset(&session.device, kSecond), NPIM_OK);
    ASSERT_EQ(npim_program_load(&session.device, &session.program, kSecond, &session.why), NPIM_OK);
    run.batch = 4;
    run.timeout_ns = kSecond;
    run.on_output = [](void *, std::uint32_t, const std::int32_t *) {};
    EXPECT_EQ(attempt(), NPIM_OK) << session.why.text;
    npim_close(&session.device);
  });
}

TEST(ProgramLoad, ExplainsWhatTheChipRefused) {
  const Compiled compiled = compile();
  AcceleratorBench bench;
  bench.run([&] {
    Session session(bench, compiled);
    // One byte less of the control vectors: the last field of the schedule's only step.
    std::uint8_t *const bytes =
        const_cast<std::uint8_t *>(session.program.steps) + 32;  // NOLINT: in simulated RAM
    --*bytes;
    EXPECT_EQ(npim_program_load(&session.device, &session.program, kSecond, &session.why),
              NPIM_ERROR_BAD_CONTROL_VECTOR);
    EXPECT_THAT(std::string(session.why.text), ::testing::HasSubstr("loading control vectors"));
    ++*bytes;
    session.program.weights_bytes -= 4;
    EXPECT_EQ(npim_program_load(&session.device, &session.program, kSecond, &session.why),
              NPIM_ERROR_BAD_WEIGHTS);
    EXPECT_THAT(std::string(session.why.text), ::testing::HasSubstr("programming weights"));
    npim_close(&session.device);
  });
}

TEST(Crc32, EqualsTheToolsChecksum) {
  const std::string text = "123456789";
  EXPECT_EQ(npim_crc32(text.data(), text.size()), 0xcbf43926u);
  EXPECT_EQ(npim_crc32(text.data(), 0), 0u);
  Bytes bytes(1000);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  EXPECT_EQ(npim_crc32(bytes.data(), bytes.size()), crc32(bytes.data(), bytes.size()));
}

Bytes idx(std::uint8_t type, const std::vector<std::uint32_t> &dimensions, std::size_t content) {
  Bytes file = {0, 0, type, static_cast<std::uint8_t>(dimensions.size())};
  for (const std::uint32_t d : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8)
      file.push_back(static_cast<std::uint8_t>(d >> shift));
  }
  file.resize(file.size() + content, 42);
  return file;
}

TEST(Idx, ReadsImagesOfRankThreeAndFour) {
  npim_images images;
  npim_message why{};
  Bytes file = idx(8, {3, 4, 5}, 60);
  ASSERT_EQ(npim_idx_images(&images, file.data(), file.size(), &why), NPIM_OK) << why.text;
  EXPECT_EQ(images.count, 3u);
  EXPECT_EQ(images.shape.height, 4u);
  EXPECT_EQ(images.shape.width, 5u);
  EXPECT_EQ(images.shape.channels, 1u);
  EXPECT_EQ(images.pixels, file.data() + 16);
  file = idx(8, {2, 2, 2, 3}, 24);
  ASSERT_EQ(npim_idx_images(&images, file.data(), file.size(), &why), NPIM_OK) << why.text;
  EXPECT_EQ(images.shape.channels, 3u);
}

TEST(Idx, RefusesWhatIsNotThatMany) {
  npim_images images;
  npim_labels labels;
  npim_message why{};
  const auto refused = [&](const Bytes &file) {
    why.text[0] = '\0';
    return npim_idx_images(&images, file.data(), file.size(), &why) == NPIM_E_FILE &&
           why.text[0] != '\0';
  };
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({0, 0, 8}));
  EXPECT_TRUE(refused(idx(13, {1, 2, 2}, 4)));
  EXPECT_TRUE(refused(idx(8, {4}, 4)));
  EXPECT_TRUE(refused(idx(8, {1, 1, 1, 1, 1}, 1)));
  EXPECT_TRUE(refused(idx(8, {}, 0)));
  EXPECT_TRUE(refused(idx(8, {3, 4, 5}, 59)));
  EXPECT_TRUE(refused(idx(8, {3, 4, 5}, 61)));
  EXPECT_TRUE(refused(idx(8, {0, 4, 5}, 0)));
  EXPECT_TRUE(refused(idx(8, {0xffffffff, 0xffffffff, 0xffffffff}, 1)));
  EXPECT_TRUE(refused(idx(8, {0x80000000, 0x80000000, 4}, 0))) << "the product wraps to 0";
  const Bytes good = idx(8, {7}, 7), bad = idx(8, {7}, 6), wrong_rank = idx(8, {7, 1}, 7);
  EXPECT_EQ(npim_idx_labels(&labels, good.data(), good.size(), &why), NPIM_OK);
  EXPECT_EQ(labels.count, 7u);
  EXPECT_EQ(labels.values[6], 42);
  EXPECT_EQ(npim_idx_labels(&labels, bad.data(), bad.size(), &why), NPIM_E_FILE);
  EXPECT_EQ(npim_idx_labels(&labels, wrong_rank.data(), wrong_rank.size(), &why), NPIM_E_FILE);
}

TEST(Classify, ArgmaxTakesTheFirstOfEqualOnes) {
  const std::int32_t values[] = {-5, 7, 7, INT32_MIN};
  EXPECT_EQ(npim_argmax(values, 4), 1u);
  EXPECT_EQ(npim_argmax(values, 1), 0u);
}

TEST(Classify, SoftmaxSumsToOneForAnyRange) {
  const std::int32_t values[] = {INT32_MIN, 0, INT32_MAX, INT32_MAX};
  float out[4];
  npim_softmax(values, 4, 1.0, out);
  EXPECT_FLOAT_EQ(out[0], 0);
  EXPECT_FLOAT_EQ(out[2], 0.5F);
  const std::int32_t small[] = {1, 2, 3};
  npim_softmax(small, 3, 0.5, out);
  const double sum = std::exp(0.5) + std::exp(1.0) + std::exp(1.5);
  EXPECT_NEAR(out[0], std::exp(0.5) / sum, 1e-6);
  EXPECT_NEAR(out[2], std::exp(1.5) / sum, 1e-6);
}

}  // namespace
}  // namespace npim::testing
