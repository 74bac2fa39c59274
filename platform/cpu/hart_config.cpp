#include "cpu/hart_config.h"

#include <limits>

namespace npim::cpu {
namespace {

constexpr std::int64_t kMostCycles = 10'000;

void read_cost(config::Object &object, const char *key, std::uint16_t &cost) {
  if (auto node = object.find(key)) {
    cost = static_cast<std::uint16_t>(node->integer(1, kMostCycles));
  }
}

CycleCosts parse_cycles(const config::Node &node) {
  config::Object object(node);
  CycleCosts costs;
  read_cost(object, "default", costs.base);
  // Classes that are not named cost what "default" says.
  costs.load = costs.store = costs.amo = costs.mul = costs.div = costs.branch_taken = costs.jump =
      costs.csr = costs.fp = costs.fp_div = costs.base;
  read_cost(object, "load", costs.load);
  read_cost(object, "store", costs.store);
  read_cost(object, "amo", costs.amo);
  read_cost(object, "mul", costs.mul);
  read_cost(object, "div", costs.div);
  read_cost(object, "branch_taken", costs.branch_taken);
  read_cost(object, "jump", costs.jump);
  read_cost(object, "csr", costs.csr);
  read_cost(object, "fp", costs.fp);
  read_cost(object, "fp_div", costs.fp_div);
  object.finish();
  return costs;
}

std::uint64_t parse_address(const config::Node &node) {
  if (!node.value().is_string()) {
    return static_cast<std::uint64_t>(node.integer(0, std::numeric_limits<std::int64_t>::max()));
  }
  const std::string text = node.text();
  const std::string digits = text.rfind("0x", 0) == 0 ? text.substr(2) : "";
  if (digits.empty() || digits.size() > 16 ||
      digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
    node.fail("\"" + text + "\" is not a hexadecimal address like \"0x1000\"");
  }
  return std::stoull(digits, nullptr, 16);
}

}  // namespace

HartConfig parse_hart_config(config::Object &object) {
  HartConfig config;
  if (auto node = object.find("clock_mhz")) config.clock_mhz = node->number(0.001, 100'000);
  if (auto node = object.find("cycles")) config.cycles = parse_cycles(*node);
  if (auto node = object.find("reset_pc")) {
    config.reset_pc = parse_address(*node);
    if ((config.reset_pc & 1) != 0) node->fail("an odd address cannot hold an instruction");
  }
  if (auto node = object.find("hart_id")) {
    config.hart_id = static_cast<std::uint64_t>(node->integer(0, 4095));
  }
  if (auto node = object.find("timebase_hz")) {
    config.timebase_hz = static_cast<std::uint64_t>(node->integer(1, 1'000'000'000'000));
  }
  if (auto node = object.find("quantum_ns")) {
    config.quantum = sc_core::sc_time(node->number(0, 1e12), sc_core::SC_NS);
  }
  if (auto node = object.find("dmi")) config.dmi = node->flag();
  if (auto node = object.find("block_cache")) config.block_cache = node->flag();
  return config;
}

}  // namespace npim::cpu
