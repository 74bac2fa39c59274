// Chip configurations: any text gives a configuration or an InputError.
#include <string>

#include "config/chip_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    const std::string text(reinterpret_cast<const char *>(data), size);
    npim::config::parse_chip_config(npim::config::Node::parse(text, "fuzz.json"));
  } catch (const npim::InputError &) {
  }
  return 0;
}
