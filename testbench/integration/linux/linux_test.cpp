// Debian's kernel on the board, with the kernel driver and programs of firmware/linux. Needs what
// `make linux-setup` puts into build/linux (or into NPIM_LINUX_DIR); skipped without it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cinttypes>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "support/subprocess.h"

namespace npim::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPatience = 600;  // host seconds; a loaded machine is no failure
const std::string kSource = NPIM_SOURCE_DIR, kBinary = NPIM_BINARY_DIR;

std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Linux : ::testing::Test {
  std::string folder =
      std::getenv("NPIM_LINUX_DIR") ? std::getenv("NPIM_LINUX_DIR") : kSource + "/build/linux";
  fs::path scratch = fs::temp_directory_path() / ("npim-linux-" + std::to_string(getpid()));
  std::string platform = kSource + "/configs/platforms/demo.json";
  boost::json::object json;

  void SetUp() override {
    if (!fs::exists(folder + "/initramfs.cpio")) {
      GTEST_SKIP() << "`make linux-setup` has not filled " << folder;
    }
    fs::create_directories(scratch);
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
  }

  Finished boot(const std::string &what, const std::vector<std::string> &options = {}) {
    std::vector<std::string> command = {"env",
                                        "NPIM_PLATFORM=" + platform,
                                        kSource + "/firmware/linux/run.sh",
                                        kBinary + "/npim",
                                        folder,
                                        what,
                                        "--json",
                                        (scratch / "run.json").string()};
    command.insert(command.end(), options.begin(), options.end());
    Finished finished = run(command, kPatience);
    if (fs::exists(scratch / "run.json")) {
      json = boost::json::parse(read(scratch / "run.json")).as_object();
      RecordProperty("host_seconds", std::to_string(json.at("host_seconds").to_number<double>()));
      std::printf("%s: %" PRIu64 " instructions, %.1f host seconds\n", what.c_str(),
                  json.at("instructions").to_number<std::uint64_t>(),
                  json.at("host_seconds").to_number<double>());
    }
    return finished;
  }

  /// What a bare-metal run on the same images says: "logits: 500 x 10, crc32 ..." of its results.
  std::string bare_metal_logits() {
    const std::string digits = kSource + "/configs/networks/digits/";
    const std::string results = (scratch / "bare.json").string();
    const Finished finished = run(
        {kBinary + "/npim", "run", "--platform", kSource + "/configs/platforms/demo.json",
         "--firmware", NPIM_FIRMWARE_BUILD "/demo_cnn.elf", "--program", folder + "/digits.npim",
         "--images", digits + "digits-images-idx3-ubyte.gz", "--json", results},
        kPatience);
    EXPECT_EQ(finished.status, 0) << finished.err;
    Bytes values;
    std::size_t images = 0, outputs = 0;
    const auto bare = boost::json::parse(read(results));
    for (const auto &image : bare.at("logits").as_array()) {
      ++images;
      outputs = image.as_array().size();
      for (const auto &logit : image.as_array()) {
        const auto bits = static_cast<std::uint32_t>(logit.to_number<std::int32_t>());
        for (int shift = 0; shift < 32; shift += 8) {
          values.push_back(static_cast<std::uint8_t>(bits >> shift));
        }
      }
    }
    char text[80];
    std::snprintf(text, sizeof text, "logits: %zu x %zu, crc32 %08" PRIx32, images, outputs,
                  crc32(values.data(), values.size()));
    return text;
  }
};

TEST_F(Linux, ClassifiesTheDigitsAsBareMetalDoes) {
  const Finished finished = boot("poweroff");
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("neural-pim 40000000.accelerator: register map 1.1"));
  EXPECT_THAT(finished.out, HasSubstr("accuracy: 500 of 500"));
  EXPECT_THAT(finished.out, HasSubstr(bare_metal_logits()));
  EXPECT_THAT(finished.out, Not(HasSubstr("Call Trace")));
  EXPECT_THAT(finished.out, HasSubstr("reboot: Power down"));
}

TEST_F(Linux, DemonstrationEndsByItselfWithoutATerminal) {
  const Finished finished = boot("demo");
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("Classification through /dev/npim0: well"));
  EXPECT_THAT(finished.out, HasSubstr("/data # "));
  EXPECT_THAT(finished.out, HasSubstr("Linux on the platform: all went well"));
}

TEST_F(Linux, ClassifiesOnTwoHarts) {
  std::string text = read(platform);
  text.insert(text.find("\"name\""), "\"harts\": 2, ");
  const std::string chip = "../chips";
  text.replace(text.find(chip), chip.size(), kSource + "/configs/chips");
  platform = (scratch / "two-harts.json").string();
  std::ofstream(platform) << text;
  const Finished finished = boot("check");
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("smp: Brought up 1 node, 2 CPUs"));
  EXPECT_THAT(finished.out, HasSubstr("accuracy: 500 of 500"));
  EXPECT_THAT(finished.out, Not(HasSubstr("Call Trace")));
}

TEST_F(Linux, SpeedSettingsDoNotChangeIt) {
  const auto figures = [&](const std::vector<std::string> &options) {
    const Finished finished = boot("poweroff", options);
    EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
    boost::json::array values;
    for (const char *key :
         {"simulated_ps", "instructions", "hart_cycles", "exceptions", "interrupts"}) {
      values.push_back(json.at(key));
    }
    return boost::json::serialize(values);
  };
  const std::string expected = figures({});
  EXPECT_EQ(figures({"--quantum-ns", "777"}), expected);
  EXPECT_EQ(figures({"--no-dmi"}), expected);
}

TEST_F(Linux, DriverIsSafeAgainstPrograms) {
  const Finished finished = boot("check");
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr(" passed, 0 failed"));
  EXPECT_THAT(finished.out, Not(HasSubstr("FAIL ")));
  EXPECT_THAT(finished.out, Not(HasSubstr("Call Trace")));
}

TEST_F(Linux, ShellOnTheUartUnloadsAndLoadsTheDriver) {
  std::ofstream(scratch / "input") << "echo $((6*7)) answers\n"
                                      "rmmod neural_pim && ls /dev/npim0\n"
                                      "insmod /lib/neural_pim.ko\n"
                                      "npim_classify digits.npim images labels count=40 show=0\n"
                                      "grep npim /proc/interrupts\n"
                                      "exit\n";
  const Finished finished = boot(
      "shell", {"--uart-input", (scratch / "input").string(), "--uart-input-after", "/data # "});
  EXPECT_EQ(finished.status, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("42 answers"));
  EXPECT_THAT(finished.out, HasSubstr("/dev/npim0: No such file"));
  EXPECT_THAT(finished.out, HasSubstr("accuracy: 40 of 40"));
  EXPECT_THAT(finished.out, ContainsRegex(": +[1-9][0-9]* +SiFive PLIC +32 .*npim"));
  EXPECT_THAT(finished.out, Not(HasSubstr("Call Trace")));
}

}  // namespace
}  // namespace npim::testing
