// ONNX files: any bytes give a checked graph or an InputError, with and without weights made up.
#include "network/onnx_import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const npim::Bytes bytes(data, data + size);
  npim::network::ImportOptions options;
  for (const bool makes_up_weights : {false, true}) {
    if (makes_up_weights) options.synthetic_weights = 1;
    try {
      npim::network::import_onnx(bytes, "fuzz.onnx", options);
    } catch (const npim::InputError &) {
    }
  }
  return 0;
}
