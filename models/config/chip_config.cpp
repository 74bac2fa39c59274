#include "config/chip_config.h"

#include <algorithm>
#include <cmath>

namespace npim::config {
namespace {

// Simulated time counts picoseconds in 64 bits: nothing that happens often may be slow without
// limit.
constexpr double kLongestNs = 1e6, kSlowestMhz = 1e-3, kFastestMhz = 1e6;
constexpr double kLongestPulseNs = 1e9;
constexpr std::int64_t kMostEdramKib = 65536;

void read_array(Object object, ChipConfig &chip) {
  auto &array = chip.array;
  array.rows = static_cast<int>(object.integer("rows", 1, 512));
  array.columns = static_cast<int>(object.integer("columns", 2, 512));
  array.cell_bits = static_cast<int>(object.integer("cell_bits", 1, 4));
  array.weight_bits = static_cast<int>(object.integer("weight_bits", 8, 8));
  array.write_pulse_ns = object.number("write_pulse_ns", 1e-3, kLongestPulseNs);
  array.verify_read_ns = object.number("verify_read_ns", 0, kLongestPulseNs);
  array.write_verify_pulses = static_cast<int>(object.integer("write_verify_pulses", 1, 1000000));
  object.finish();
}

void read_tile(Object object, ChipConfig &chip) {
  chip.imas_per_tile = static_cast<int>(object.integer("imas", 1, 256));
  chip.tile_clock_mhz = object.number("clock_mhz", kSlowestMhz, kFastestMhz);
  chip.bus_bits = static_cast<int>(object.integer("bus_bits", 8, 65536));
  chip.post_lanes = static_cast<int>(object.integer("post_processing_lanes", 1, 65536));
  Object edram(object.at("edram"));
  chip.edram.bytes = edram.integer("kib", 1, kMostEdramKib) * 1024;
  chip.edram.banks = static_cast<int>(edram.integer("banks", 1, 1024));
  chip.edram.access_ns = edram.number("access_ns", 0, kLongestNs);
  edram.finish();
  object.finish();
}

void read_dac(Object object, ChipConfig &chip) {
  chip.dac_bits = static_cast<int>(object.integer("bits", 1, 8));
  chip.input_bits = static_cast<int>(object.integer("input_bits", 8, 8));
  chip.input_cycle_ns = object.number("input_cycle_ns", 1e-3, kLongestNs);
  object.finish();
}

int range_divisor(const Node &node) {
  const double of_vdd = node.number(0, 0.5);
  for (const int divisor : {1, 2, 4}) {
    if (of_vdd * divisor == 0.5) return divisor;
  }
  node.fail("the neural ADC was trained for V_max = 0.5, 0.25 and 0.125 VDD only");
}

/// A list of distinct values, which must contain at least one.
std::vector<int> read_list(const Node &list, int (*read)(const Node &)) {
  std::vector<int> values;
  for (const auto &item : list.items()) {
    const int value = read(item);
    if (std::find(values.begin(), values.end(), value) != values.end()) {
      item.fail("is in the list twice");
    }
    values.push_back(value);
  }
  if (values.empty()) list.fail("the list is empty");
  std::sort(values.begin(), values.end());
  return values;
}

int bitline_gain(const Node &node) {
  const auto gain = node.integer(1, 128);
  if ((gain & (gain - 1)) != 0) node.fail("bit-line gains are powers of two");
  return static_cast<int>(gain);
}

void read_nnadc(Object object, ChipConfig &chip) {
  auto &nnadc = chip.nnadc;
  nnadc.per_tile = static_cast<int>(object.integer("per_tile", 1, 4096));
  nnadc.bits = static_cast<int>(object.integer("bits", 8, 8));
  nnadc.rate_msps = object.number("rate_msps", kSlowestMhz, kFastestMhz);
  nnadc.range_divisors = read_list(object.at("ranges_of_vdd"), range_divisor);
  const std::string format =
      object.at("code_format").choice({"signed8", "sign_plus_8", "lossless"});
  nnadc.code = format == "signed8"       ? CodeFormat::kSigned8
               : format == "sign_plus_8" ? CodeFormat::kSignPlus8
                                         : CodeFormat::kLossless;
  object.finish();
}

void read_noc(Object object, ChipConfig &chip) {
  chip.noc.tiles_per_router = static_cast<int>(object.integer("tiles_per_router", 1, 64));
  chip.noc.flit_bits = static_cast<int>(object.integer("flit_bits", 8, 4096));
  chip.noc.clock_mhz = object.number("clock_mhz", kSlowestMhz, kFastestMhz);
  chip.noc.router_cycles = static_cast<int>(object.integer("router_cycles", 1, 1000));
  object.finish();
}

void check_consistency(const Node &node, const ChipConfig &chip) {
  const int columns_per_vector = 2 * chip.weight_columns();
  if (chip.array.columns % columns_per_vector != 0) {
    Object(node).at("array").fail("columns must be a multiple of " +
                                  std::to_string(columns_per_vector) +
                                  " (two columns for each cell of an 8-bit weight)");
  }
  if (chip.input_register_bytes < chip.array.rows) {
    Object(node).at("ima").fail("input_register_bytes is less than the rows of one array");
  }
  if (chip.vectors_per_array() * chip.partial_sum_bytes() > chip.output_register_bytes) {
    Object(Object(node).at("ima"))
        .at("output_register_bytes")
        .fail("the register does not hold the sums of one array: " +
              std::to_string(chip.vectors_per_array()) + " of " +
              std::to_string(chip.partial_sum_bytes()) + " bytes each");
  }
  if (chip.programming_ns() > kLongestProgrammingNs) {
    Object(Object(node).at("array"))
        .at("write_pulse_ns")
        .fail(
            "programming an IMA would take more than 1e13 ns: write_pulse_ns and verify_read_ns, "
            "times write_verify_pulses, rows and arrays");
  }
  constexpr int kMostArrays = 1 << 20;
  if (chip.tiles() >= 0xffff || chip.tiles() * std::int64_t{chip.arrays_per_tile()} > kMostArrays) {
    Object(node).at("tiles").fail("more than 65534 tiles or 1048576 arrays in all");
  }
}

}  // namespace

int ChipConfig::partial_sum_bytes() const {
  const std::int64_t highest_code = nnadc.code == CodeFormat::kSignPlus8 ? 255 : 127;
  int bytes = 2;
  while (highest_code * arrays_per_ima >= std::int64_t{1} << (8 * bytes - 1)) ++bytes;
  return bytes;
}

double ChipConfig::programming_ns() const {
  return (array.write_pulse_ns + array.verify_read_ns) * array.write_verify_pulses * array.rows *
         arrays_per_ima;
}

ChipConfig parse_chip_config(const Node &node) {
  ChipConfig chip;
  Object top(node);
  chip.name = top.text("name");
  top.at("fidelity").choice({"ideal"});
  Object tiles(top.at("tiles"));
  chip.tile_columns = static_cast<int>(tiles.integer("columns", 1, 1024));
  chip.tile_rows = static_cast<int>(tiles.integer("rows", 1, 1024));
  tiles.finish();
  read_tile(Object(top.at("tile")), chip);
  Object ima(top.at("ima"));
  chip.arrays_per_ima = static_cast<int>(ima.integer("arrays", 1, 4096));
  chip.input_register_bytes = static_cast<int>(ima.integer("input_register_bytes", 1, 1 << 24));
  chip.output_register_bytes = static_cast<int>(ima.integer("output_register_bytes", 1, 1 << 24));
  ima.finish();
  read_array(Object(top.at("array")), chip);
  read_dac(Object(top.at("dac")), chip);
  chip.bitline_gains = read_list(top.at("bitline_gains"), bitline_gain);
  Object nnsa(top.at("nnsa"));
  chip.nnsa_clock_mhz = nnsa.number("clock_mhz", kSlowestMhz, kFastestMhz);
  nnsa.finish();
  read_nnadc(Object(top.at("nnadc")), chip);
  read_noc(Object(top.at("noc")), chip);
  Object link(top.at("host_link"));
  chip.host_link.gigabytes_per_second = link.number("gigabytes_per_second", 1e-6, 1e6);
  chip.host_link.latency_ns = link.number("latency_ns", 0, kLongestNs);
  link.finish();
  Object chips(top.at("chips"));
  chip.chips.count = chips.integer("count", 1, 64);
  chip.chips.link_gigabytes_per_second = chips.number("link_gigabytes_per_second", 1e-6, 1e6);
  chip.chips.link_latency_ns = chips.number("link_latency_ns", 0, kLongestNs);
  chips.finish();
  top.finish();
  check_consistency(node, chip);
  return chip;
}

ChipConfig load_chip_config(const std::string &path) {
  return parse_chip_config(Node::load(path));
}

}  // namespace npim::config
