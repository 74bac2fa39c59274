// Platform files: any text gives a configuration or an InputError.
#include "base/error.h"
#include "board/platform_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    npim::board::PlatformConfig::parse(std::string(reinterpret_cast<const char *>(data), size),
                                       "fuzz.json");
  } catch (const npim::InputError &) {
  }
  return 0;
}
