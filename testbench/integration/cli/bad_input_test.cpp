// Bad input of every kind: exit status 2 and a message that names file, key, node or option.
#include <gtest/gtest.h>

#include <fstream>

#include "npim_runner.h"

namespace npim::testing {
namespace {

class BadInput : public ::testing::Test {
 protected:
  void expect_refused(const Finished &finished, const std::vector<std::string> &words) {
    EXPECT_EQ(finished.status, 2) << finished.out << finished.err;
    for (const auto &word : words) {
      EXPECT_NE(finished.err.find(word), std::string::npos)
          << word << " is not in: " << finished.err;
    }
  }
  Finished run_with(const std::string &option, const std::string &value) {
    std::vector<std::string> arguments = {"run", "--platform",
                                          NpimRunner::source("configs/platforms/demo-small.json"),
                                          "--firmware", NpimRunner::firmware("hello")};
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (arguments[i] == option) {
        arguments[i + 1] = value;
        return npim_.npim(arguments);
      }
    }
    arguments.insert(arguments.end(), {option, value});
    return npim_.npim(arguments);
  }
  Finished compile_for(const std::string &chip_file, const std::string &model = digits_onnx(),
                       const std::string &calibration = calibration_images()) {
    return npim_.npim({"compile", model, "--chip", chip_file, "--calibrate", calibration, "-o",
                       npim_.path("out.npim")});
  }
  static std::string digits_onnx() {
    return NpimRunner::source("configs/networks/digits/digits.onnx");
  }
  static std::string calibration_images() {
    return NpimRunner::source("configs/networks/digits/calibration-images-idx3-ubyte.gz");
  }
  static std::string small_chip() {
    return NpimRunner::source("configs/chips/neural-pim-small.json");
  }
  static std::string replaced(std::string text, const std::string &from, const std::string &to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  std::string edited_chip(const std::string &from, const std::string &to) {
    return npim_.write("chip.json", replaced(NpimRunner::read(small_chip()), from, to));
  }
  std::string platform(const std::string &members) {
    return npim_.write("platform.json", "{\"name\": \"test\"" + members + "}");
  }
  NpimRunner npim_;
};

TEST_F(BadInput, UnknownCommandsAndOptions) {
  expect_refused(npim_.npim({"rum"}), {"rum"});
  expect_refused(npim_.npim({"run", "--platfrom", "x"}), {"platfrom"});
  expect_refused(npim_.npim({"run"}), {"required"});
  expect_refused(run_with("--count", "0"), {"--count"});
  expect_refused(run_with("--count", "many"), {"many"});
  expect_refused(run_with("--timeout", "-1"), {"--timeout"});
  expect_refused(run_with("--quantum-ns", "nan"), {"quantum-ns"});
}

TEST_F(BadInput, ChipConfigurations) {
  expect_refused(compile_for(edited_chip("\"imas\"", "\"immas\"")), {"chip.json", "imas"});
  expect_refused(compile_for(edited_chip("\"banks\": 2,", "")), {"chip.json", "banks"});
  expect_refused(compile_for(edited_chip("\"imas\": 2", "\"imas\": \"two\"")),
                 {"tile.imas", "integer"});
  expect_refused(compile_for(edited_chip("input_cycle_ns", "input_cycle_ms")), {"input_cycle"});
  expect_refused(compile_for(edited_chip("\"imas\": 2", "\"imas\": 1e99")), {"tile.imas"});
  expect_refused(compile_for(npim_.write("chip.json", "{")), {"chip.json", "JSON"});
  expect_refused(compile_for("/no/such/chip.json"), {"/no/such/chip.json"});
}

TEST_F(BadInput, PlatformFiles) {
  expect_refused(run_with("--platform", platform(", \"harts\": {}")), {"platform.json", "harts"});
  expect_refused(
      run_with("--platform",
               platform(", \"uart\": {\"base\": \"0x2000000\", \"plic_interrupt\": 10}")),
      {"platform.json", "overlap"});
  expect_refused(run_with("--platform", platform(", \"hart\": {\"clock_mhz\": -5}")),
                 {"hart.clock_mhz"});
  expect_refused(run_with("--platform", platform(", \"chip\": \"missing.json\"")),
                 {"missing.json"});
}

TEST_F(BadInput, FirmwareImages) {
  const std::string good = NpimRunner::read(NpimRunner::firmware("hello"));
  ASSERT_GT(good.size(), 1000u);
  expect_refused(run_with("--firmware", npim_.write("cut.elf", good.substr(0, 1000))), {"cut.elf"});
  std::string other = good;
  other[18] = 62;  // e_machine = x86-64
  expect_refused(run_with("--firmware", npim_.write("x86.elf", other)), {"x86.elf", "RISC-V"});
  expect_refused(run_with("--firmware", npim_.write("text.elf", "not an ELF")), {"text.elf"});
  expect_refused(run_with("--firmware", "/no/such.elf"), {"/no/such.elf"});
}

TEST_F(BadInput, ProgramFiles) {
  const std::string good = NpimRunner::read(npim_.digits_program());
  expect_refused(run_with("--program", npim_.write("cut.npim", good.substr(0, good.size() / 2))),
                 {"cut.npim", "bytes"});
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 4);
  expect_refused(run_with("--program", npim_.write("flipped.npim", flipped)),
                 {"flipped.npim", "checksum"});
  std::string version = good;
  version[4] = 7;
  expect_refused(run_with("--program", npim_.write("version.npim", version)),
                 {"version.npim", "version 7"});
  expect_refused(run_with("--program", npim_.write("text.npim", std::string(500, 'x'))),
                 {"text.npim", "magic"});
}

TEST_F(BadInput, ProgramForABiggerChip) {
  expect_refused(run_with("--program", npim_.digits_program("neural-pim")),
                 {"neural-pim.npim", "does not fit chip 'neural-pim-small'"});
}

TEST_F(BadInput, ImagesAndLabels) {
  const std::string idx = std::string("\0\0\x08\x03\0\0\0\x02\0\0\0\x1c\0\0\0\x1c", 16);
  const std::string images = npim_.write("two.idx", idx + std::string(2 * 784, 'a'));
  expect_refused(run_with("--images", npim_.write("cut.idx", idx + std::string(784, 'a'))),
                 {"cut.idx"});
  const std::string labels =
      npim_.write("three.idx", std::string("\0\0\x08\x01\0\0\0\x03", 8) + "abc");
  const auto both = npim_.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo-small.json"), "--firmware",
       NpimRunner::firmware("hello"), "--images", images, "--labels", labels});
  expect_refused(both, {"three.idx", "3", "2"});
  std::string gz = NpimRunner::read(calibration_images());
  expect_refused(run_with("--images", npim_.write("cut.idx.gz", gz.substr(0, gz.size() / 2))),
                 {"cut.idx.gz", "gzip"});
}

TEST_F(BadInput, KernelsAndRamDisks) {
  expect_refused(run_with("--kernel", "/no/such/Image"), {"/no/such/Image"});
  expect_refused(run_with("--kernel", npim_.write("short", "MZ")), {"short", "too short"});
  expect_refused(run_with("--kernel", NpimRunner::firmware("hello")),
                 {"hello.elf", "not a RISC-V kernel image"});
  expect_refused(run_with("--initrd", npim_.write("disk", "x")), {"--initrd", "--kernel"});
  expect_refused(run_with("--uart-input-after", "# "), {"--uart-input-after", "--uart-input"});
}

TEST_F(BadInput, ImagesOfAnotherShapeThanTheProgram) {
  const std::string idx = std::string("\0\0\x08\x03\0\0\0\x01\0\0\0\x04\0\0\0\x04", 16);
  const std::string images = npim_.write("four.idx", idx + std::string(16, 'a'));
  const auto finished = npim_.npim(
      {"run", "--platform", NpimRunner::source("configs/platforms/demo-small.json"), "--firmware",
       NpimRunner::firmware("demo_cnn"), "--program", npim_.digits_program(), "--images", images});
  expect_refused(finished, {"four.idx", "4 x 4 x 1", "28 x 28 x 1"});
  expect_refused(compile_for(small_chip(), digits_onnx(), images), {"four.idx", "28 x 28 x 1"});
}

TEST_F(BadInput, Models) {
  const std::string good = NpimRunner::read(digits_onnx());
  expect_refused(
      compile_for(small_chip(), npim_.write("cut.onnx", good.substr(0, good.size() / 3))),
      {"cut.onnx"});
  expect_refused(compile_for(small_chip(), npim_.write("text.onnx", "hello")), {"text.onnx"});
  const std::string unsupported = replaced(good, "\x22\x07MaxPool", "\x22\x07MaxPoof");
  expect_refused(compile_for(small_chip(), npim_.write("poof.onnx", unsupported)),
                 {"poof.onnx", "MaxPoof", "/pool1/", "supported"});
}

TEST_F(BadInput, OutputsThatCannotBeWritten) {
  expect_refused(npim_.npim({"compile", digits_onnx(), "--chip", small_chip(), "--calibrate",
                             calibration_images(), "-o", "/no/such/folder/out.npim"}),
                 {"/no/such/folder/out.npim"});
  expect_refused(run_with("--trace", "/no/such/folder/trace.json"), {"/no/such/folder/trace.json"});
}

}  // namespace
}  // namespace npim::testing
