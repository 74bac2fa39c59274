#include "config/chip_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

namespace npim::config {
namespace {

// Simulated time counts picoseconds in 64 bits: nothing that happens often may be slow without
// limit.
constexpr double kLongestNs = 1e6, kSlowestMhz = 1e-3, kFastestMhz = 1e6;
constexpr double kLongestPulseNs = 1e9;
constexpr std::int64_t kMostEdramKib = 65536;
constexpr double kMostWireOhm = 1e6, kMostSeconds = 1e12;

void read_array(Object object, ChipConfig &chip) {
  auto &array = chip.array;
  array.rows = static_cast<int>(object.integer("rows", 1, 512));
  array.columns = static_cast<int>(object.integer("columns", 2, 512));
  array.cell_bits = static_cast<int>(object.integer("cell_bits", 1, 4));
  const bool neural = chip.dataflow == Dataflow::kAnalogAccumulation;
  array.weight_bits =
      static_cast<int>(object.integer("weight_bits", neural ? 8 : 2, neural ? 8 : 16));
  array.encoding =
      object.at("weight_encoding")
                  .choice(neural ? std::vector<std::string>{"differential"}
                                 : std::vector<std::string>{"differential", "biased"}) == "biased"
          ? WeightEncoding::kBiased
          : WeightEncoding::kDifferential;
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
  const bool neural = chip.dataflow == Dataflow::kAnalogAccumulation;
  // A buffer cell of dataflow B would have to hold more than 7 bits ([NP] section 3).
  const bool buffered = chip.dataflow == Dataflow::kAnalogBuffering;
  chip.dac_bits = static_cast<int>(object.integer("bits", 1, buffered ? 1 : 8));
  chip.input_bits = static_cast<int>(object.integer("input_bits", neural ? 8 : 2, neural ? 8 : 16));
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

void read_adc(Object object, ChipConfig &chip) {
  chip.adc.per_tile = static_cast<int>(object.integer("per_tile", 1, 4096));
  chip.adc.bits = static_cast<int>(object.integer("bits", 1, 16));
  chip.adc.rate_msps = object.number("rate_msps", kSlowestMhz, kFastestMhz);
  object.finish();
}

void read_buffer(Object object, ChipConfig &chip) {
  auto &buffer = chip.buffer;
  buffer.arrays_per_array = static_cast<int>(object.integer("arrays_per_array", 1, 64));
  buffer.tias_per_array = static_cast<int>(object.integer("tias_per_array", 1, 512));
  buffer.conversions_per_vector = static_cast<int>(object.integer("conversions_per_vector", 1, 64));
  object.finish();
}

/// The parts that the dataflows do not share.
void read_peripherals(Object &top, ChipConfig &chip) {
  if (chip.dataflow == Dataflow::kAnalogAccumulation) {
    chip.bitline_gains = read_list(top.at("bitline_gains"), bitline_gain);
    Object nnsa(top.at("nnsa"));
    chip.nnsa_clock_mhz = nnsa.number("clock_mhz", kSlowestMhz, kFastestMhz);
    nnsa.finish();
    read_nnadc(Object(top.at("nnadc")), chip);
    return;
  }
  // Bit-line sums are converted one by one, or in analog buffers, with as many bits as they have,
  // and are added up digitally: exact in ideal fidelity.
  chip.nnadc.code = CodeFormat::kLossless;
  read_adc(Object(top.at("adc")), chip);
  if (chip.dataflow == Dataflow::kAnalogBuffering) {
    read_buffer(Object(top.at("analog_buffer")), chip);
  }
}

std::string beside(const std::string &file, const std::string &path) {
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

void read_cost(Object &top, const Node &node, ChipConfig &chip) {
  chip.technology_nm = static_cast<int>(top.integer("technology_nm", 5, 250));
  for (const auto &library : top.at("components").items()) {
    chip.components.push_back(beside(node.file(), library.text()));
  }
  if (const auto published = top.find("published")) {
    chip.published = beside(node.file(), published->text());
  }
}

Dataflow read_dataflow(const Node &node) {
  const std::string name =
      node.choice({"digital_accumulation", "analog_buffering", "analog_accumulation"});
  return name == "digital_accumulation" ? Dataflow::kDigitalAccumulation
         : name == "analog_buffering"   ? Dataflow::kAnalogBuffering
                                        : Dataflow::kAnalogAccumulation;
}

void read_analog_peripherals(Object peripherals, const std::string &file, ChipConfig &chip) {
  auto &analog = chip.analog;
  if (chip.dataflow == Dataflow::kAnalogAccumulation) {
    analog.process = beside(file, peripherals.text("process"));
    analog.curves = beside(file, peripherals.text("curves"));
    analog.nnsa = beside(file, peripherals.text("nnsa"));
    for (const auto &nnadc : peripherals.at("nnadc").items()) {
      analog.nnadcs.push_back(beside(file, nnadc.text()));
    }
  } else {
    analog.baseline = beside(file, peripherals.text("baseline"));
  }
  peripherals.finish();
}

/// Programming and reading of one fidelity for all chips of a file: "analog" is there unless the
/// fidelity is ideal.
void read_fidelity(Object &top, const Node &node, ChipConfig &chip) {
  const std::string name = top.at("fidelity").choice({"ideal", "statistical", "circuit"});
  chip.fidelity = name == "ideal"         ? Fidelity::kIdeal
                  : name == "statistical" ? Fidelity::kStatistical
                                          : Fidelity::kCircuit;
  const auto given = top.find("analog");
  if (!given) {
    if (chip.fidelity != Fidelity::kIdeal && chip.analog.device.empty()) top.at("analog");
    return;
  }
  Object object(*given);
  auto &analog = chip.analog = {};
  const auto file = [&](const std::string &path) { return beside(node.file(), path); };
  analog.seed = static_cast<std::uint64_t>(
      object.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
  analog.device = file(object.text("device"));
  Object wires(object.at("wires"));
  analog.word_line_ohm = wires.number("word_line_ohm", 0, kMostWireOhm);
  analog.bit_line_ohm = wires.number("bit_line_ohm", 0, kMostWireOhm);
  analog.fast_wires = wires.at("method").choice({"fast", "nodal"}) == "fast";
  wires.finish();
  analog.seconds_since_programming = object.number("seconds_since_programming", 0, kMostSeconds);
  analog.temperature_k = object.number("temperature_k", 1, 1000);
  read_analog_peripherals(Object(object.at("peripherals")), node.file(), chip);
  object.finish();
}

void read_noc(Object object, ChipConfig &chip) {
  chip.noc.tiles_per_router = static_cast<int>(object.integer("tiles_per_router", 1, 64));
  chip.noc.flit_bits = static_cast<int>(object.integer("flit_bits", 8, 4096));
  chip.noc.clock_mhz = object.number("clock_mhz", kSlowestMhz, kFastestMhz);
  chip.noc.router_cycles = static_cast<int>(object.integer("router_cycles", 1, 1000));
  if (object.has("multicast")) chip.noc.multicast = object.flag("multicast");
  object.finish();
}

void check_consistency(const Node &node, const ChipConfig &chip) {
  const int columns_per_vector = chip.columns_per_vector();
  if (chip.array.columns % columns_per_vector != 0) {
    Object(node).at("array").fail("columns must be a multiple of " +
                                  std::to_string(columns_per_vector) +
                                  " (the columns of one signed weight)");
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

const char *to_text(Fidelity fidelity) {
  return fidelity == Fidelity::kIdeal         ? "ideal"
         : fidelity == Fidelity::kStatistical ? "statistical"
                                              : "circuit";
}

const char *to_text(Dataflow dataflow) {
  switch (dataflow) {
    case Dataflow::kDigitalAccumulation:
      return "digital accumulation";
    case Dataflow::kAnalogBuffering:
      return "analog buffering";
    default:
      return "analog accumulation";
  }
}

int ChipConfig::partial_sum_bytes() const {
  if (dataflow != Dataflow::kAnalogAccumulation) {
    // The exact sum: inputs times weights over all rows of the IMA, and a sign.
    const double rows = static_cast<double>(array.rows) * arrays_per_ima;
    return static_cast<int>(input_bits + array.weight_bits + std::ceil(std::log2(rows)) + 8) / 8;
  }
  const std::int64_t highest_code = nnadc.code == CodeFormat::kSignPlus8 ? 255 : 127;
  int bytes = 2;
  while (highest_code * arrays_per_ima >= std::int64_t{1} << (8 * bytes - 1)) ++bytes;
  return bytes;
}

double ChipConfig::programming_ns() const {
  return (array.write_pulse_ns + array.verify_read_ns) * array.write_verify_pulses * array.rows *
         arrays_per_ima;
}

namespace {

/// A chip that differs from another file's in the truth of its values alone.
ChipConfig parse_overlay(const Node &base, const Node &node) {
  const std::string path = beside(node.file(), base.text());
  const Node parent = Node::load(path);
  if (Object(parent).has("base")) base.fail("names a file that has a \"base\" itself");
  ChipConfig chip = parse_chip_config(parent);
  Object top(node);
  top.at("base");
  chip.name = top.text("name");
  read_fidelity(top, node, chip);
  top.finish();
  return chip;
}

}  // namespace

ChipConfig parse_chip_config(const Node &node) {
  ChipConfig chip;
  Object top(node);
  if (const auto base = top.find("base")) return parse_overlay(*base, node);
  chip.name = top.text("name");
  chip.dataflow = read_dataflow(top.at("dataflow"));
  read_fidelity(top, node, chip);
  chip.pipeline = top.at("pipeline").choice({"two_stage", "overlapped"}) == "two_stage"
                      ? WindowPipeline::kTwoStage
                      : WindowPipeline::kOverlapped;
  read_cost(top, node, chip);
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
  read_peripherals(top, chip);
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

void require_simulated(const ChipConfig &chip, const std::string &path) {
  if (chip.input_bits != 8 || chip.array.weight_bits != 8) {
    throw InputError(path,
                     "programs are compiled for and run on chips with 8-bit inputs and weights "
                     "only; npim chip takes this one");
  }
  if (chip.array.encoding != WeightEncoding::kDifferential) {
    throw InputError(path + ": key 'weight_encoding'",
                     "programs are compiled for and run on chips with differential weights only; "
                     "npim chip and npim compare take this one");
  }
}

}  // namespace npim::config
