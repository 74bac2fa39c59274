// Device files: any text gives a device or an InputError, and the cells of any device that is taken
// have conductances that are finite and not negative.
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "device/cell_bank.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace npim;
  try {
    const std::string text(reinterpret_cast<const char *>(data), size);
    const auto device = device::parse_device(config::Node::parse(text, "fuzz.json"));
    device::CellBank bank(device, 2, 3, device::CellLevels{1}, {1, 2, 3});
    const std::vector<std::uint8_t> levels = {0, 1, 1, 0, 1, 0};
    bank.program(levels.data());
    for (int row = 0; row < 2; ++row) {
      for (int column = 0; column < 3; ++column) {
        const double g = bank.conductance_s(row, column, {1e9, 400});
        if (!std::isfinite(g) || g < 0 || !std::isfinite(bank.noise(row, column, g).sigma_s)) {
          std::abort();
        }
      }
    }
  } catch (const InputError &) {
  }
  return 0;
}
