#include "board/reset_code.h"

namespace npim::board {
namespace {

constexpr std::uint32_t kT0 = 5, kA0 = 10, kA1 = 11;
constexpr std::uint32_t kMhartid = 0xf14;

// Encodings: RISC-V unprivileged specification 20191213, chapter 24; Zicsr chapter 9.
constexpr std::uint32_t auipc(std::uint32_t rd, std::uint32_t upper) {
  return (upper << 12) | (rd << 7) | 0x17;
}
constexpr std::uint32_t csrr(std::uint32_t rd, std::uint32_t csr) {
  return (csr << 20) | (2u << 12) | (rd << 7) | 0x73;
}
constexpr std::uint32_t ld(std::uint32_t rd, std::uint32_t offset, std::uint32_t rs1) {
  return (offset << 20) | (rs1 << 15) | (3u << 12) | (rd << 7) | 0x03;
}
constexpr std::uint32_t jr(std::uint32_t rs1) {
  return (rs1 << 15) | 0x67;
}

}  // namespace

Bytes reset_code(std::uint64_t entry, std::uint64_t device_tree) {
  constexpr std::uint32_t kEntryAt = 0x20, kTreeAt = 0x28;
  ByteWriter code;
  code.put(auipc(kT0, 0));
  code.put(csrr(kA0, kMhartid));
  code.put(ld(kA1, kTreeAt, kT0));
  code.put(ld(kT0, kEntryAt, kT0));
  code.put(jr(kT0));
  code.align(kEntryAt);
  code.put(entry);
  code.put(device_tree);
  return code.take();
}

}  // namespace npim::board
