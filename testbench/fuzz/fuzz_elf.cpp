// Firmware images: any bytes give a checked image or an InputError.
#include "base/error.h"
#include "board/elf_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  constexpr std::uint64_t kBase = 0x80000000, kSize = 0x1000000;
  try {
    const auto image =
        npim::board::parse_elf(npim::Bytes(data, data + size), "fuzz.elf", kBase, kSize);
    image.symbolise(image.entry);
  } catch (const npim::InputError &) {
  }
  return 0;
}
