// ONNX files: any bytes give a checked graph or an InputError.
#include "network/onnx_import.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    npim::network::import_onnx(npim::Bytes(data, data + size), "fuzz.onnx");
  } catch (const npim::InputError &) {
  }
  return 0;
}
