// Configuration of one chip (configs/chips/*.json): sizes, precisions, clocks and bandwidths; for
// Neural-PIM and for the chips that it is compared with (`dataflow`). Defaults are those of [NP]
// Table 2 in the reading of 64 arrays per tile (4 IMAs x 16); what the paper leaves open (eDRAM,
// IR, OR, bus, flit) is taken from ISAAC [IS] Table I.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/json_config.h"

namespace npim::config {

/// Programming an IMA may take so long (2.8 hours), so that simulated time stays within 64 bits of
/// picoseconds.
constexpr double kLongestProgrammingNs = 1e13;

/// How true the values of the analog parts are. The numbers are CAP_FEATURES.FIDELITY's.
enum class Fidelity {
  kIdeal = 0,        ///< integers, bit for bit the golden executor's
  kStatistical = 1,  ///< errors of cells, wires and peripherals folded; noise drawn per vector
                     ///< (C), per conversion (A, B)
  kCircuit = 2,      ///< every part in every input cycle: the trained NNS+A and NNADC networks (C),
                     ///< every decision of a converter and every write of a buffer cell (A, B)
};
const char *to_text(Fidelity fidelity);

/// How the NNADC codes a signed dot product; see network/quantised.h.
enum class CodeFormat { kSigned8 = 1, kSignPlus8 = 2, kLossless = 3 };

/// How one dot product is accumulated and converted: strategies A, B and C of [NP] section 3.
enum class Dataflow {
  kDigitalAccumulation,  ///< A, ISAAC: every bit line is converted in every input cycle
  kAnalogBuffering,     ///< B, CASCADE: bit-line sums wait in RRAM buffer cells, then are converted
  kAnalogAccumulation,  ///< C, Neural-PIM: NNS+A accumulates, one conversion per dot product
};
const char *to_text(Dataflow dataflow);

enum class WeightEncoding {
  kDifferential,  ///< W = W_P - W_N in columns of their own ([NP] section 5)
  kBiased,        ///< W + 2^(bits-1), the bias removed digitally with a unit column ([IS])
};

/// When the next window of a layer may enter the crossbars.
enum class WindowPipeline {
  kTwoStage,    ///< one input cycle to copy the window, then the input slices ([NP] section 5.2)
  kOverlapped,  ///< the copy overlaps with the window before ([IS] Fig. 4)
};

struct ChipConfig {
  std::string name = "neural-pim";
  Fidelity fidelity = Fidelity::kIdeal;
  Dataflow dataflow = Dataflow::kAnalogAccumulation;
  WindowPipeline pipeline = WindowPipeline::kTwoStage;

  /// What is not ideal about the analog parts; of no consequence in ideal fidelity. Paths as seen
  /// from the configuration's folder.
  struct Analog {
    std::uint64_t seed = 1;  ///< of this chip: other seeds are other chips of the same design
    std::string device;      ///< the cells (device/device_params.h)
    double word_line_ohm = 0, bit_line_ohm = 0;  ///< of one segment of wire
    bool fast_wires = true;  ///< voltage drop by the approximation of crossbar/ir_drop.h
    double seconds_since_programming = 0, temperature_k = 300;
    // Trained peripherals of dataflow C (models/peripheral), one NNADC for each range.
    std::string process, curves, nnsa;
    std::vector<std::string> nnadcs;
    std::string baseline;  ///< peripherals of dataflows A and B (peripheral/baseline_file.h)
  } analog;

  int technology_nm = 32;
  /// Component libraries (cost/component.h); paths as seen from the configuration's folder.
  std::vector<std::string> components;
  /// Published figures of the chip (cost/published.h), or empty.
  std::string published;

  // Tiles stand in a grid; four neighbours share a router of the concentrated mesh.
  int tile_columns = 20, tile_rows = 14;
  int imas_per_tile = 4, arrays_per_ima = 16;

  struct Array {
    int rows = 128, columns = 128;  ///< word lines, bit lines
    int cell_bits = 1;
    int weight_bits = 8;
    WeightEncoding encoding = WeightEncoding::kDifferential;
    double write_pulse_ns = 50.0;  ///< one programming pulse, all cells of a word line in parallel
    double verify_read_ns = 100.0;
    int write_verify_pulses = 4;  ///< pulses (each followed by a verify) to program one word line
  } array;

  int dac_bits = 4;
  int input_bits = 8;
  double input_cycle_ns = 100.0;  ///< of DAC and crossbar; the NNS+As may make it longer

  struct Nnadc {
    int per_tile = 4;
    double rate_msps = 1200.0;
    int bits = 8;
    std::vector<int> range_divisors = {1, 2, 4};  ///< 0.5 VDD / V_max
    CodeFormat code = CodeFormat::kSigned8;
  } nnadc;
  std::vector<int> bitline_gains = {1, 2, 4, 8};

  /// Converters of dataflows A and B; the neural ones above belong to C.
  struct Adc {
    int per_tile = 64;
    int bits = 7;
    double rate_msps = 1280.0;
  } adc;

  /// Dataflow B ([NP] section 7, CASCADE): RRAM buffers behind each array.
  struct AnalogBuffer {
    int arrays_per_array = 4;        ///< buffer arrays, each with a summing amplifier
    int tias_per_array = 64;         ///< transimpedance amplifiers
    int conversions_per_vector = 5;  ///< after the summing amplifiers have joined buffer columns
  } buffer;

  /// One NNS+A per array serves the array's vectors one after the other, a vector per clock, so an
  /// input cycle lasts at least vectors_per_array() clocks ([NP] Table 2: 8 at 80 MHz in 100 ns).
  double nnsa_clock_mhz = 80.0;
  /// Of a design space that shares them differently; 0 means one per array. Not in the file.
  int nnsas_per_tile = 0;

  struct Edram {
    std::int64_t bytes = 64 * 1024;
    int banks = 2;
    double access_ns = 2.0;  ///< one access of bus width; banks work in parallel
  } edram;
  int input_register_bytes = 2048;  ///< IR per IMA
  /// OR per IMA: sums of converter codes on their way to the tile's adders. The default holds one
  /// for every vector of all arrays; with less, the sums of a window drain in several portions and
  /// conversion waits meanwhile.
  int output_register_bytes = 256;
  int bus_bits = 256;
  double tile_clock_mhz = 1200.0;
  int post_lanes = 32;  ///< values the post-processing unit handles per tile clock

  struct Noc {
    int tiles_per_router = 4;
    int flit_bits = 32;
    double clock_mhz = 1200.0;
    int router_cycles = 2;  ///< per hop
    /// Routers copy a packet for several receivers where their ways part. (Transfers are known when
    /// a network is compiled, so that the trees can be set up with the control vectors.)
    bool multicast = true;
  } noc;

  struct HostLink {
    double gigabytes_per_second = 6.4;  ///< one HyperTransport link [IS]
    double latency_ns = 5.0;
  } host_link;

  /// Chips like this one in a chain, each joined to the next by a link. The first has the
  /// controller and the host link. Tiles are numbered through all chips.
  struct Chips {
    int count = 1;
    double link_gigabytes_per_second = 6.4;  ///< one HyperTransport link [IS], each way
    double link_latency_ns = 5.0;
  } chips;

  int tiles_per_chip() const { return tile_columns * tile_rows; }
  int tiles() const { return tiles_per_chip() * chips.count; }
  int arrays_per_tile() const { return imas_per_tile * arrays_per_ima; }
  int nnsas() const { return nnsas_per_tile > 0 ? nnsas_per_tile : arrays_per_tile(); }
  int converters_per_tile() const {
    return dataflow == Dataflow::kAnalogAccumulation ? nnadc.per_tile : adc.per_tile;
  }
  int converter_bits() const {
    return dataflow == Dataflow::kAnalogAccumulation ? nnadc.bits : adc.bits;
  }
  double converter_rate_msps() const {
    return dataflow == Dataflow::kAnalogAccumulation ? nnadc.rate_msps : adc.rate_msps;
  }
  /// Columns that one signed weight takes: W_P and W_N, or the biased weight; one per cell.
  int columns_per_vector() const {
    return weight_columns() * (array.encoding == WeightEncoding::kDifferential ? 2 : 1);
  }
  /// Logical weight vectors (columns of signed weights) per array.
  int vectors_per_array() const { return array.columns / columns_per_vector(); }
  int weight_columns() const { return (array.weight_bits + array.cell_bits - 1) / array.cell_bits; }
  int input_cycles() const { return (input_bits + dac_bits - 1) / dac_bits; }
  /// Bytes of a sum in OR: whole bytes, two or more, for a signed sum of one code of each array of
  /// an IMA. The lossless codes of tests are counted like signed8.
  int partial_sum_bytes() const;
  /// Time to program all arrays of an IMA, word line by word line.
  double programming_ns() const;
};

/// Reads and validates. Throws InputError naming file and key. A file with "base" is the chip of
/// that file with another name, fidelity or "analog".
ChipConfig load_chip_config(const std::string &path);
ChipConfig parse_chip_config(const Node &node);

/// Throws InputError naming `path` unless programs can be compiled for the chip and run on it:
/// those of other precisions than 8 bits or with biased weights are there for the analytic model.
void require_simulated(const ChipConfig &chip, const std::string &path);

}  // namespace npim::config
