// ONNX files: any bytes give a checked graph or an InputError, with and without weights made up,
// and any graph that is not too large for many runs gives an integer network or an InputError.
#include "network/onnx_import.h"
#include "network/quantise.h"

namespace {

using namespace npim::network;

std::int64_t elements(const Graph &graph) {
  std::int64_t sum = 0;
  for (const auto &entry : graph.shapes) sum += element_count(entry.second);
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const npim::Bytes bytes(data, data + size);
  ImportOptions options;
  QuantiseOptions nominal;
  nominal.without_calibration = true;
  for (const bool makes_up_weights : {false, true}) {
    if (makes_up_weights) options.synthetic_weights = {1};
    try {
      Graph graph = import_onnx(bytes, "fuzz.onnx", options);
      if (elements(graph) < 1 << 18) quantise(std::move(graph), {}, nominal);
    } catch (const npim::InputError &) {
    }
  }
  return 0;
}
