// Speed of the chip model: images per second of host time for a network like LeNet-5, with values
// and times; and how the cost of a run grows with windows and with tiles.
#include <benchmark/benchmark.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <systemc>

#include "chip/chip.h"
#include "mapping/mapping.h"

namespace npim::chip {
namespace {

constexpr std::uint32_t kImages = 100;

/// Memory at address 0 and a process that executes the commands it is given.
class Host : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Host> commands{"commands"};
  tlm_utils::simple_target_socket<Host> memory{"memory"};
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(8 << 20);

  explicit Host(const sc_core::sc_module_name &module_name) : sc_module(module_name) {
    memory.register_b_transport(this, &Host::b_transport);
    SC_HAS_PROCESS(Host);
    SC_THREAD(main);
  }

  void execute(const abi::Descriptor &command) {
    command_ = command;
    start_.notify(sc_core::SC_ZERO_TIME);
    sc_core::sc_start();
  }
  void execute(abi::Opcode opcode, const Bytes &blob) {
    std::copy(blob.begin(), blob.end(), bytes.begin());
    abi::Descriptor command;
    command.opcode = static_cast<std::uint8_t>(opcode);
    command.source_bytes = static_cast<std::uint32_t>(blob.size());
    execute(command);
  }

 private:
  void main() {
    for (;;) {
      wait(start_);
      auto data = command_.encode();
      tlm::tlm_generic_payload payload;
      payload.set_command(tlm::TLM_WRITE_COMMAND);
      payload.set_data_ptr(data.data());
      payload.set_data_length(static_cast<unsigned>(data.size()));
      payload.set_streaming_width(static_cast<unsigned>(data.size()));
      sc_core::sc_time delay;
      commands->b_transport(payload, delay);
    }
  }
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &) {
    std::uint8_t *at = bytes.data() + payload.get_address();
    if (payload.is_read()) {
      std::memcpy(payload.get_data_ptr(), at, payload.get_data_length());
    } else {
      std::memcpy(at, payload.get_data_ptr(), payload.get_data_length());
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }

  abi::Descriptor command_;
  sc_core::sc_event start_;
};

/// Appends a layer on the last one's output.
void append(network::QuantisedNetwork &network, network::LayerOp op, int kernel, int stride,
            int channels) {
  std::mt19937 random(static_cast<unsigned>(network.layers.size()));
  network::Layer layer;
  layer.name = "layer" + std::to_string(network.layers.size());
  layer.op = op;
  layer.inputs = {static_cast<std::int32_t>(network.layers.size()) - 1};
  layer.input_shape =
      network.layers.empty() ? network.input_shape : network.layers.back().output_shape;
  layer.window.kernel_height = layer.window.kernel_width = kernel;
  layer.window.stride_height = layer.window.stride_width = stride;
  const int size = (layer.input_shape.height - kernel) / stride + 1;
  layer.output_shape = {size, size, channels};
  if (op == network::LayerOp::kConvolution) {
    layer.weights.resize(static_cast<std::size_t>(channels) * kernel * kernel *
                         layer.input_shape.channels);
    for (auto &weight : layer.weights) weight = static_cast<std::int8_t>(random());
    layer.requantise.multiplier.assign(static_cast<std::size_t>(channels), 1);
    layer.requantise.bias.assign(static_cast<std::size_t>(channels), 10);
  }
  network.layers.push_back(std::move(layer));
}

network::QuantisedNetwork lenet() {
  network::QuantisedNetwork network;
  network.name = "lenet";
  network.input_shape = {28, 28, 1};
  append(network, network::LayerOp::kConvolution, 5, 1, 6);
  append(network, network::LayerOp::kMaxPool, 2, 2, 6);
  append(network, network::LayerOp::kConvolution, 5, 1, 16);
  append(network, network::LayerOp::kMaxPool, 2, 2, 16);
  append(network, network::LayerOp::kConvolution, 4, 1, 120);
  append(network, network::LayerOp::kConvolution, 1, 1, 84);
  append(network, network::LayerOp::kConvolution, 1, 1, 10);
  network.layers.back().requantise.output_s32 = true;
  return network;
}

const config::ChipConfig &default_chip() {
  static const config::ChipConfig chip;
  return chip;
}

struct Bench {
  config::ChipConfig config;
  Chip chip;
  Host host;
  explicit Bench(const std::string &name, const config::ChipConfig &chip_config = default_chip())
      : config(chip_config),
        chip((name + "_chip").c_str(), config),
        host((name + "_host").c_str()) {
    host.commands.bind(chip.commands);
    chip.memory.bind(host.memory);
  }
};

config::ChipConfig chip_of_tiles(int tiles) {
  config::ChipConfig config;
  for (config.tile_rows = 1; config.tile_rows * config.tile_rows * 4 <= tiles;) {
    config.tile_rows *= 2;
  }
  config.tile_columns = tiles / config.tile_rows;
  return config;
}

/// All chips, because none can be made when the first simulation has begun.
struct Benches {
  Bench lenet{"lenet"};
  std::map<std::int64_t, std::unique_ptr<Bench>> by_tiles;
  Benches() {
    for (const int tiles : {4, 16, 64, 256}) {
      by_tiles[tiles] =
          std::make_unique<Bench>("tiles" + std::to_string(tiles), chip_of_tiles(tiles));
    }
    sc_core::sc_start(sc_core::SC_ZERO_TIME);  // processes wait for commands from now on
  }
};

Benches &benches() {
  static Benches benches;
  return benches;
}

Bench &bench() {
  return benches().lenet;
}

constexpr int kChannels = 8, kRow = 32;

/// A 1 x 1 convolution on each of `tiles` tiles, each with one array, which feed one another: what
/// a tile costs does not depend on how far away the others are.
program::ControlProgram chain(int tiles, int rows) {
  program::ControlProgram control;
  control.input_shape = control.output_shape = {rows, kRow, kChannels};
  control.output_element_bytes = 1;
  program::Destination in;
  control.inputs.push_back(in);
  for (int tile = 0; tile < tiles; ++tile) {
    program::Stage stage;
    stage.op = program::StageOp::kMvm;
    stage.tile = static_cast<std::uint16_t>(tile);
    program::InputPort port;
    port.shape = control.input_shape;
    port.ring_rows = static_cast<std::uint16_t>(std::min(4, rows));
    port.element_bytes = 1;
    stage.inputs = {port};
    stage.output_shape = control.output_shape;
    stage.kernel_rows = kChannels;
    stage.arrays = {{0, 0, 0}};
    stage.requantise.multiplier.assign(kChannels, 1);
    stage.requantise.bias.assign(kChannels, 10);
    program::Destination out;
    out.tile = tile + 1 < tiles ? static_cast<std::uint16_t>(tile + 1) : program::kHost;
    stage.destinations = {out};
    control.stages.push_back(std::move(stage));
  }
  return control;
}

void load(Host &host, const program::ControlProgram &control) {
  std::vector<program::ArrayWeights> weights;
  for (const auto &stage : control.stages) {
    program::ArrayWeights array;
    array.tile = stage.tile;
    array.rows = array.vectors = kChannels;
    array.values.assign(kChannels * kChannels, 3);
    weights.push_back(array);
  }
  host.execute(abi::Opcode::kLoadControl, program::encode(control));
  host.execute(abi::Opcode::kProgramWeights, program::encode(weights));
}

/// Runs one image again and again; the cost is that of `windows` windows on each of `tiles` tiles.
void run_chain(benchmark::State &state, int tiles, std::int64_t windows) {
  Bench &bench = *benches().by_tiles.at(tiles);
  const auto control = chain(tiles, static_cast<int>(windows / kRow));
  load(bench.host, control);
  abi::Descriptor run;
  run.opcode = static_cast<std::uint8_t>(abi::Opcode::kRun);
  run.source_bytes = run.source_stride = static_cast<std::uint32_t>(control.input_shape.elements());
  run.destination = 4 << 20;
  run.destination_bytes = run.destination_stride =
      static_cast<std::uint32_t>(control.output_shape.elements());
  run.count = 1;
  const std::uint64_t before = bench.chip.counters().windows;
  for (auto _ : state) bench.host.execute(run);
  const auto done = static_cast<double>(bench.chip.counters().windows - before);
  if (done != static_cast<double>(tiles * windows * state.iterations())) {
    state.SkipWithError("the chip did not do what it was asked to");
  }
  state.counters["windows_per_s"] = benchmark::Counter(done, benchmark::Counter::kIsRate);
}

void cost_of_windows(benchmark::State &state) {
  run_chain(state, 4, state.range(0));
  state.SetComplexityN(state.range(0));
}
BENCHMARK(cost_of_windows)
    ->RangeMultiplier(4)
    ->Range(64, 4096)
    ->Unit(benchmark::kMillisecond)
    ->Complexity(benchmark::oN);

void cost_of_tiles(benchmark::State &state) {
  run_chain(state, static_cast<int>(state.range(0)), 256);
  state.SetComplexityN(state.range(0));
}
BENCHMARK(cost_of_tiles)
    ->RangeMultiplier(4)
    ->Range(4, 256)
    ->Unit(benchmark::kMillisecond)
    ->Complexity(benchmark::oN);

void run_images(benchmark::State &state) {
  Host &host = bench().host;
  const auto mapping = mapping::map_network(lenet(), bench().config);
  host.execute(abi::Opcode::kLoadControl, program::encode(mapping.program.segments.at(0)));
  host.execute(abi::Opcode::kProgramWeights, program::encode(mapping.program.weights));
  abi::Descriptor run;
  run.opcode = static_cast<std::uint8_t>(abi::Opcode::kRun);
  run.source_bytes = run.source_stride = 784;
  run.destination = 4 << 20;
  run.destination_bytes = run.destination_stride = 40;
  run.count = kImages;
  const sc_core::sc_time start = sc_core::sc_time_stamp();
  std::int64_t images = 0;
  for (auto _ : state) {
    host.execute(run);
    images += kImages;
  }
  state.SetItemsProcessed(images);
  state.counters["simulated_us_per_image"] =
      (sc_core::sc_time_stamp() - start).to_seconds() * 1e6 / static_cast<double>(images);
}

BENCHMARK(run_images)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace npim::chip

int sc_main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
