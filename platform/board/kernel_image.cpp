#include "board/kernel_image.h"

#include "bus/address_map.h"

namespace npim::board {
namespace {

constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kTextOffsetAt = 8, kMagicAt = 56;
constexpr std::uint32_t kMagic = 0x05435352;  // "RSC\x05"
constexpr std::uint64_t kBigEndian = 1;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
constexpr std::uint64_t kPage = 4096;

}  // namespace

KernelImage parse_kernel_image(const Bytes &content, const std::string &file) {
  if (content.size() < kHeaderBytes) throw InputError(file, "is too short for a kernel image");
  ByteReader reader(content, file);
  reader.skip(kTextOffsetAt);
  KernelImage image;
  image.text_offset = reader.get<std::uint64_t>();
  image.memory_size = reader.get<std::uint64_t>();
  const auto flags = reader.get<std::uint64_t>();
  reader.skip(kMagicAt - reader.offset());
  if (reader.get<std::uint32_t>() != kMagic) {
    throw InputError(file, "is not a RISC-V kernel image (an \"Image\" file, not compressed)");
  }
  if ((flags & kBigEndian) != 0) throw InputError(file, "is a big-endian kernel");
  if (image.text_offset > kLargest || image.text_offset % kPage != 0) {
    throw InputError(file, "asks for an offset of " + bus::hex(image.text_offset) +
                               " in memory, which makes no sense");
  }
  if (image.memory_size < content.size() || image.memory_size > kLargest) {
    throw InputError(file, "is " + std::to_string(content.size()) + " bytes long and asks for " +
                               std::to_string(image.memory_size) + " bytes of memory");
  }
  return image;
}

}  // namespace npim::board
