// Program files, read by tools and by firmware: the envelope, and behind a repaired checksum the
// sections.
#include "base/file.h"
#include "npim/program.h"
#include "program/program_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  npim::Bytes bytes(data, data + size);
  const auto attempt = [&] {
    try {
      npim::program::deserialise_program(bytes, "fuzz.npim");
    } catch (const npim::InputError &) {
    }
    npim_program program;
    npim_message why{};
    npim_program_open(&program, bytes.data(), bytes.size(), &why);
  };
  attempt();
  constexpr std::size_t kSizeAt = 8, kChecksumAt = 16, kChecksumFrom = 24;
  if (size < kChecksumFrom) return 0;
  const auto put = [&](std::size_t at, std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
  };
  put(kSizeAt, size, 8);
  put(kChecksumAt, npim::crc32(bytes.data() + kChecksumFrom, size - kChecksumFrom), 4);
  attempt();
  return 0;
}
