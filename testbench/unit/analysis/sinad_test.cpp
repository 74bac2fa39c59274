#include "analysis/sinad.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "peripheral/parameter_file.h"

namespace npim::analysis {
namespace {

std::string config(const std::string &path) {
  return std::string(NPIM_SOURCE_DIR) + "/configs/" + path;
}

const SinadParts &parts() {
  static const SinadParts parts = [] {
    SinadParts p;
    p.process = peripheral::load_process(config("peripherals/process-130nm.json"));
    p.curves = peripheral::load_curves(config("peripherals/curves-130nm.json"), p.process).at("tt");
    p.nnsa = peripheral::load_nnsa(config("peripherals/nnsa-d4.json"), p.process);
    for (const char *range : {"1", "2", "4"}) {
      p.converters.push_back(
          peripheral::load_nnadc(config("peripherals/nnadc-r") + range + ".json", p.process));
    }
    p.bitline_gains = {1, 2, 4, 8};
    p.isaac = peripheral::load_baseline(config("peripherals/isaac-style.json"));
    p.cascade = peripheral::load_baseline(config("peripherals/cascade-style.json"));
    p.device = device::load_device(config("devices/neural-pim.json"));
    p.plain_nnsa = train_plain_nnsa(4, p.process, p.curves, 200, 1);
    return p;
  }();
  return parts;
}

SinadOptions options(unsigned threads = 1) {
  SinadOptions options;
  options.runs = 8;
  options.windows = 4;
  options.threads = threads;
  return options;
}

std::map<std::string, SinadCase> cases(const SinadOptions &options) {
  std::map<std::string, SinadCase> by_key;
  for (auto &one : sinad_cases(parts(), options)) by_key.emplace(one.key, one);
  return by_key;
}

TEST(Sinad, ExactPartsAreExact) {
  const SinadOptions settings = options();
  const auto all = cases(settings);
  EXPECT_TRUE(std::isinf(all.at("arrays").run(Signals::kSigned, true).sinad_db));
  // Arrays alone: 2.5 % of every cell.
  const auto varied = all.at("arrays").run(Signals::kUnsigned, false);
  EXPECT_GT(varied.sinad_db, 40);
  EXPECT_LT(varied.sinad_db, 70);
}

TEST(Sinad, EveryChipStaysBelowItsArraysAlone) {
  const SinadOptions settings = options();
  const auto all = cases(settings);
  const double ceiling = all.at("arrays").run(Signals::kUnsigned, false).sinad_db;
  for (const char *key : {"neural_pim", "isaac_style", "cascade_style"}) {
    const auto result = all.at(key).run(Signals::kUnsigned, false);
    EXPECT_LT(result.sinad_db, ceiling) << key;
    EXPECT_GT(result.sinad_db, 20) << key;
    EXPECT_LE(result.error_rms, result.largest_error) << key;
  }
}

TEST(Sinad, TechniquesHelp) {
  const SinadOptions settings = options();
  const auto all = cases(settings);
  const auto with = all.at("neural_pim").run(Signals::kUnsigned, false);
  const auto without = all.at("neural_pim_without").run(Signals::kUnsigned, false);
  EXPECT_GT(with.sinad_db, without.sinad_db + 3);
  EXPECT_EQ(without.range_divisor * without.bitline_gain, 1);
  EXPECT_GT(with.range_divisor * with.bitline_gain, 1);
}

TEST(Sinad, DoesNotDependOnThreads) {
  const SinadOptions one = options(1), three = options(3);
  for (const char *key : {"neural_pim", "cascade_style"}) {
    EXPECT_EQ(cases(one).at(key).run(Signals::kSigned, false).sinad_db,
              cases(three).at(key).run(Signals::kSigned, false).sinad_db);
  }
}

}  // namespace
}  // namespace npim::analysis
