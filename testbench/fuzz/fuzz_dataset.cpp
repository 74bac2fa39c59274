// Image and label files in IDX and CIFAR form.
#include "network/dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const npim::Bytes bytes(data, data + size);
  const auto attempt = [&](auto parse) {
    try {
      parse(bytes, "fuzz.idx");
    } catch (const npim::InputError &) {
    }
  };
  attempt(npim::network::parse_idx_images);
  attempt(npim::network::parse_idx_labels);
  attempt(npim::network::parse_cifar);
  return 0;
}
