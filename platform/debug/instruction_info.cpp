#include "debug/instruction_info.h"

#include "cpu/decode.h"

namespace npim::debug {
namespace {

constexpr unsigned kLoad = 0x03, kLoadFp = 0x07, kStore = 0x23, kStoreFp = 0x27, kAtomic = 0x2f,
                   kJal = 0x6f, kJalr = 0x67, kSystem = 0x73;

std::uint32_t expand(std::uint32_t raw) {
  return cpu::is_compressed(raw) ? cpu::expand_compressed(static_cast<std::uint16_t>(raw)) : raw;
}

unsigned field(std::uint32_t bits, unsigned lsb, unsigned width) {
  return (bits >> lsb) & ((1u << width) - 1);
}

std::int64_t sign_extend_12(unsigned value) {
  return static_cast<std::int64_t>(value ^ 0x800) - 0x800;
}

bool is_link(unsigned reg) {
  constexpr unsigned kRa = 1, kT0 = 5;
  return reg == kRa || reg == kT0;
}

}  // namespace

std::optional<MemoryAccess> memory_access(std::uint32_t raw) {
  const std::uint32_t bits = expand(raw);
  const unsigned opcode = bits & 0x7f;
  MemoryAccess access;
  access.size = 1u << (field(bits, 12, 3) & 3);
  access.base = field(bits, 15, 5);
  switch (opcode) {
    case kLoad:
    case kLoadFp:
      access.reads = true;
      access.offset = sign_extend_12(field(bits, 20, 12));
      return access;
    case kStore:
    case kStoreFp:
      access.writes = true;
      access.offset = sign_extend_12(field(bits, 25, 7) << 5 | field(bits, 7, 5));
      return access;
    case kAtomic: {
      constexpr unsigned kLr = 2, kSc = 3;
      const unsigned function = field(bits, 27, 5);
      access.reads = function != kSc;
      access.writes = function != kLr;
      return access;
    }
    default:
      return std::nullopt;
  }
}

Flow control_flow(std::uint32_t raw) {
  constexpr std::uint32_t kMret = 0x30200073, kSret = 0x10200073;
  const std::uint32_t bits = expand(raw);
  const unsigned rd = field(bits, 7, 5);
  switch (bits & 0x7f) {
    case kJal:
      return is_link(rd) ? Flow::kCall : Flow::kJump;
    case kJalr:
      if (is_link(rd)) return Flow::kCall;
      return rd == 0 && is_link(field(bits, 15, 5)) ? Flow::kReturn : Flow::kJump;
    case kSystem:
      return bits == kMret || bits == kSret ? Flow::kTrapReturn : Flow::kNone;
    default:
      return Flow::kNone;
  }
}

}  // namespace npim::debug
