#include "board/platform_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "abi/npim_abi.h"
#include "peripherals/clint.h"
#include "peripherals/finisher.h"
#include "peripherals/plic.h"
#include "peripherals/uart.h"

namespace npim::board {
namespace {

using config::Node;
using config::Object;

constexpr std::uint64_t kPage = 4096;
constexpr std::int64_t kMostHarts = 32;
constexpr std::uint64_t kHighestDram = std::uint64_t{1} << 56;  // no sum of ours overflows
constexpr std::uint64_t kLargestDram = std::uint64_t{1} << 40;

/// An address or a size: an integer, or text in C notation ("0x80000000").
std::uint64_t parse_address(const Node &node) {
  if (!node.value().is_string()) {
    return static_cast<std::uint64_t>(node.integer(0, INT64_MAX));
  }
  const std::string text = node.text();
  const bool is_hex = text.rfind("0x", 0) == 0 || text.rfind("0X", 0) == 0;
  const char *first = text.data() + (is_hex ? 2 : 0);
  const char *last = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value, is_hex ? 16 : 10);
  if (first == last || end != last || error != std::errc()) {
    node.fail("expected an address such as \"0x80000000\", found \"" + text + "\"");
  }
  return value;
}

void read_address(Object &object, const std::string &key, std::uint64_t &value) {
  if (const auto node = object.find(key)) value = parse_address(*node);
}

unsigned parse_interrupt(const Node &node) {
  return static_cast<unsigned>(node.integer(1, peripherals::Plic::kSources - 1));
}

/// The members of one part of the board, all optional: "base", and what `more` asks for.
template <typename More>
void read_part(Object &platform, const std::string &key, std::uint64_t &base, More more) {
  const auto node = platform.find(key);
  if (!node) return;
  Object part(*node);
  read_address(part, "base", base);
  if (base % kPage != 0) part.at("base").fail("expected a multiple of 4096");
  more(part);
  part.finish();
}

void read_memories(Object &platform, PlatformConfig &config) {
  const auto size_of = [](Object &part, Range &range, std::uint64_t largest) {
    read_address(part, "size", range.size);
    if (range.size == 0 || range.size % kPage != 0 || range.size > largest) {
      part.at("size").fail("expected a multiple of 4096 from 0x1000 to " + bus::hex(largest));
    }
  };
  read_part(platform, "boot_rom", config.boot_rom.base,
            [&](Object &part) { size_of(part, config.boot_rom, 1 << 20); });
  read_part(platform, "dram", config.dram.base,
            [&](Object &part) { size_of(part, config.dram, kLargestDram); });
  if (config.dram.base > kHighestDram) {
    platform.at("dram").fail("expected a base of at most " + bus::hex(kHighestDram));
  }
}

void read_timebase(Object &part, PlatformConfig &config) {
  if (const auto node = part.find("timebase_hz")) {
    config.timebase_hz = static_cast<std::uint64_t>(node->integer(1, 1'000'000'000));
    if (1'000'000'000'000 % config.timebase_hz != 0) {
      node->fail("expected a frequency whose period is a whole number of picoseconds");
    }
  }
}

void read_peripherals(Object &platform, PlatformConfig &config) {
  const auto nothing_else = [](Object &) {};
  read_part(platform, "finisher", config.finisher.base, nothing_else);
  read_part(platform, "plic", config.plic.base, nothing_else);
  read_part(platform, "clint", config.clint.base,
            [&](Object &part) { read_timebase(part, config); });
  read_part(platform, "uart", config.uart.base, [&](Object &part) {
    if (const auto node = part.find("plic_interrupt")) {
      config.uart_plic_interrupt = parse_interrupt(*node);
    }
  });
}

/// A reservation ends with its hart's slice. The loops that software may rely on (16 instructions,
/// of the unprivileged specification's section 8.3) have to fit twice: one may begin in the middle.
void check_slice(const Node &hart, const PlatformConfig &config) {
  constexpr double kInstructions = 2 * 16;
  const cpu::CycleCosts &costs = config.hart.cycles;
  const auto dearest = std::max({costs.base, costs.load, costs.store, costs.amo, costs.mul,
                                 costs.div, costs.branch_taken, costs.jump});
  const double shortest_ns = kInstructions * dearest * 1e3 / config.hart.clock_mhz;
  const double slice_ns = config.hart_slice / sc_core::sc_time(1, sc_core::SC_NS);
  if (config.harts == 1 || slice_ns >= shortest_ns) return;
  hart.fail("slices of " + std::to_string(slice_ns) + " ns (slice_ns) are too short for several " +
            "harts with this clock: LR/SC loops may need " + std::to_string(shortest_ns) + " ns");
}

void read_hart(Object &platform, PlatformConfig &config) {
  if (const auto node = platform.find("harts")) {
    config.harts = static_cast<unsigned>(node->integer(1, kMostHarts));
  }
  bool has_reset_pc = false;
  if (const auto node = platform.find("hart")) {
    Object hart(*node);
    if (hart.has("timebase_hz")) {
      hart.at("timebase_hz").fail("is the CLINT's on this board: set 'clint.timebase_hz'");
    }
    config.hart = cpu::parse_hart_config(hart);
    if (const auto slice = hart.find("slice_ns")) {
      config.hart_slice = sc_core::sc_time(slice->number(10, 1e9), sc_core::SC_NS);
    }
    if (config.harts > 1 && config.hart.hart_id != 0) {
      hart.at("hart_id").fail("several harts are numbered from 0");
    }
    check_slice(*node, config);
    has_reset_pc = hart.has("reset_pc");
    hart.finish();
  }
  if (!has_reset_pc) config.hart.reset_pc = config.boot_rom.base;
  config.hart.timebase_hz = config.timebase_hz;
}

void read_chip(Object &platform, const std::string &file, PlatformConfig &config) {
  const auto chip = platform.find("chip");
  const auto node = platform.find("accelerator");
  if (node && !chip) node->fail("needs a chip: key 'chip' is missing");
  if (!chip) return;
  const std::filesystem::path path = chip->text();
  if (path.empty()) chip->fail("expected the path of a chip configuration");
  config.chip_path = (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
  config.accelerator.emplace();
  if (!node) return;
  Object accelerator(*node);
  auto &settings = *config.accelerator;
  read_address(accelerator, "base", settings.registers.base);
  read_address(accelerator, "size", settings.registers.size);
  if (settings.registers.size < abi::kRegisterBlockBytes) {
    accelerator.at("size").fail("is less than the register block, " +
                                bus::hex(abi::kRegisterBlockBytes));
  }
  if (settings.registers.base % kPage != 0)
    accelerator.at("base").fail("expected a multiple of 4096");
  if (const auto line = accelerator.find("plic_interrupt")) {
    settings.plic_interrupt = parse_interrupt(*line);
    if (settings.plic_interrupt == config.uart_plic_interrupt) {
      line->fail("interrupt " + std::to_string(settings.plic_interrupt) + " is the UART's");
    }
  }
  accelerator.finish();
}

PlatformConfig read(const Node &root) {
  Object platform(root);
  PlatformConfig config;
  config.name = platform.text("name");
  read_memories(platform, config);
  read_peripherals(platform, config);
  read_hart(platform, config);
  read_chip(platform, root.file(), config);
  platform.finish();
  (void)config.address_map(root.file());
  return config;
}

}  // namespace

PlatformConfig PlatformConfig::load(const std::string &path) {
  return read(Node::load(path));
}

PlatformConfig PlatformConfig::parse(const std::string &text, const std::string &name) {
  return read(Node::parse(text, name));
}

bus::AddressMap PlatformConfig::address_map(const std::string &where) const {
  bus::AddressMap map(where);
  const auto add = [&map](const char *part, const Range &range) {
    map.add({part, range.base, range.size, {}});
  };
  add("boot ROM", boot_rom);
  add("test finisher", finisher);
  add("CLINT", clint);
  add("PLIC", plic);
  add("UART 16550", uart);
  if (accelerator) add("accelerator", accelerator->registers);
  add("DRAM", dram);
  return map;
}

}  // namespace npim::board
