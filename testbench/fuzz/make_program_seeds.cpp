// Writes small programs of the present format for the program fuzzer: one that the chip runs alone
// and one with steps of the host. Usage: make_program_seeds CHIP_ALONE.npim MIXED.npim
#include <cstdint>
#include <iostream>

#include "base/file.h"
#include "mapping/mapping.h"
#include "support/random_network.h"

namespace npim {
namespace {

Bytes program_of(std::uint32_t seed, testing::RandomNetwork::Kind kind, int layers) {
  config::ChipConfig chip;
  testing::RandomNetwork random(seed, kind);
  const network::ConverterFormat format = {
      chip.array.rows, static_cast<network::ConverterFormat::Code>(chip.nnadc.code)};
  const auto network = random.make(format, layers, 3);
  mapping::MapOptions options;
  options.replication = mapping::Replication::kNone;
  return program::serialise(mapping::map_network(network, chip, options).program);
}

/// The first of the drawn programs whose steps are of the wanted kind, so that layers of random
/// networks may change.
Bytes find_program(testing::RandomNetwork::Kind kind, int layers, bool with_host) {
  for (std::uint32_t seed = 0;; ++seed) {
    Bytes file = program_of(seed, kind, layers);
    const auto steps = program::deserialise_program(file, "seed").schedule.steps;
    bool has_host = false;
    for (const auto &step : steps) has_host |= step.kind == program::Step::Kind::kOnHost;
    if (has_host == with_host) return file;
  }
}

}  // namespace
}  // namespace npim

int main(int argc, char **argv) {
  using Kind = npim::testing::RandomNetwork::Kind;
  if (argc != 3) {
    std::cerr << "Usage: make_program_seeds CHIP_ALONE.npim MIXED.npim\n";
    return 2;
  }
  npim::write_file(argv[1], npim::find_program(Kind::kChip, 1, false));
  npim::write_file(argv[2], npim::find_program(Kind::kAny, 4, true));
  return 0;
}
