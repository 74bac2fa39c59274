#include "random_program.h"

#include <cstring>
#include <random>

#include "../../unit/cpu/assembler.h"
#include "cpu/decode.h"

namespace npim::cpu::test {
namespace {

constexpr std::uint64_t kBase = 0x80000000, kData = 0x80080000, kUart = 0x10000000,
                        kFinisher = 0x100000;
/// Data: 4 KiB that the program may change, 512 bytes of initial registers, 512 of final ones.
constexpr unsigned kWork = 4096, kInitial = kWork, kFinal = kInitial + 512,
                   kDataSize = kFinal + 512;

/// sp, s1 and t6 point to the middle of the work area all the time; t5 is scratch.
constexpr bool pinned(unsigned reg) {
  return reg == sp || reg == s1 || reg == t6 || reg == t5;
}

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::vector<unsigned char> program(unsigned length) {
    prologue();
    for (unsigned i = 0; i < length; ++i) instruction();
    epilogue();
    image_.resize(kData - kBase);
    for (unsigned i = 0; i < kDataSize; i += 8) {
      const std::uint64_t value = number();
      for (unsigned byte = 0; byte < 8; ++byte) {
        image_.push_back(static_cast<unsigned char>(value >> (8 * byte)));
      }
    }
    return image_;
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  void emit(std::uint32_t bits) {
    for (unsigned i = 0; i < 4; ++i) image_.push_back(static_cast<unsigned char>(bits >> (8 * i)));
  }
  void emit_half(std::uint32_t bits) {
    image_.push_back(static_cast<unsigned char>(bits));
    image_.push_back(static_cast<unsigned char>(bits >> 8));
  }
  void emit_all(const std::vector<std::uint32_t> &code) {
    for (const auto bits : code) emit(bits);
  }

  /// Integers and floating-point numbers of both formats with a taste for corners.
  std::uint64_t number() {
    const std::uint64_t any = random_();
    const std::uint64_t sign = any & 1 ? std::uint64_t{1} << 63 : 0;
    switch (below(9)) {
      case 0:
        return any >> below(64);
      case 1:
        return static_cast<std::uint64_t>(static_cast<std::int64_t>(any) >> below(64));
      case 2:
        return std::uint64_t{1} << below(64);
      case 3:  // doubles near one
        return sign | (1023 - 30 + below(60)) << 52 | (any >> 12);
      case 4:  // boxed singles near one
        return 0xffffffff00000000 | (sign >> 32) | (127 - 30 + below(60)) << 23 | (any >> 41);
      case 5:  // boxed singles of any kind
        return 0xffffffff00000000 | (any >> 32);
      case 6: {
        static constexpr std::uint64_t kDoubles[] = {0,
                                                     1,
                                                     0x7ff0000000000000,
                                                     0x7ff8000000000000,
                                                     0x7ff0000000000001,
                                                     0x7fefffffffffffff,
                                                     0x0010000000000000,
                                                     0x000fffffffffffff,
                                                     0x43e0000000000000,
                                                     0x41dfffffffc00000,
                                                     0x3fe0000000000000,
                                                     0x36a0000000000000};
        return sign | kDoubles[below(std::size(kDoubles))];
      }
      case 7: {
        static constexpr std::uint64_t kSingles[] = {0,          1,          0x7f800000, 0x7fc00000,
                                                     0x7f800001, 0x7f7fffff, 0x00800000, 0x007fffff,
                                                     0x5f000000, 0x4f000000, 0x3f000000};
        return 0xffffffff00000000 | sign >> 32 | kSingles[below(std::size(kSingles))];
      }
      default:
        return any;
    }
  }

  unsigned source() { return static_cast<unsigned>(below(32)); }
  unsigned destination() {
    unsigned reg = source();
    while (pinned(reg)) reg = source();
    return reg;
  }
  int offset(unsigned alignment) {
    return static_cast<int>(below(4080) / alignment * alignment) - 2040;
  }
  unsigned rounding() {
    static constexpr unsigned kModes[] = {0, 1, 2, 3, 4, 7, 7, 7};
    return kModes[below(8)];
  }

  void prologue() {
    emit(jal(0, 4 + 4 * kHandlerLength));
    handler();
    emit_all(li(t0, kBase + 4));
    emit(csrrw(zero, 0x305, t0));
    emit_all(li(t0, 0x2000));
    emit(csrrs(zero, 0x300, t0));
    emit_all(li(t6, kData + kWork / 2));
    emit(addi(sp, t6, 0));
    emit(addi(s1, t6, 0));
    emit_all(li(t5, kData + kInitial));
    for (unsigned i = 0; i < 32; ++i) emit(i_type(0x07, 3, i, t5, static_cast<int>(8 * i)));
    for (unsigned i = 1; i < 32; ++i) {
      if (!pinned(i)) emit(ld(i, t5, static_cast<int>(256 + 8 * i)));
    }
    emit(csrrwi(zero, 3, 0));
  }

  /// Folds mcause, mtval and mepc into a word of the work area and steps over four bytes.
  static constexpr int kHandlerLength = 16;
  void handler() {
    const std::size_t start = image_.size();
    emit(csrrw(zero, 0x340, t0));
    emit(ld(t5, t6, 2040));
    for (const unsigned number : {0x342u, 0x343u, 0x341u}) {
      emit(csrrs(t0, number, zero));
      emit(add(t5, t5, t0));
      emit(i_type(0x13, 1, t5, t5, 1));
    }
    emit(sd(t5, t6, 2040));
    emit(addi(t0, t0, 4));
    emit(csrrw(zero, 0x341, t0));
    emit(csrrs(t0, 0x340, zero));
    emit(kMret);
    while (image_.size() - start < 4 * kHandlerLength) emit(kNop);
  }

  void instruction() {
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
        return integer_registers();
      case 3:
      case 4:
        return integer_immediate();
      case 5:
        return load_or_store();
      case 6:
        return branch_over();
      case 7:
        return atomic();
      case 8:
      case 9:
        return compressed();
      case 10:
        return csr_or_trap();
      case 11:
        return fp_memory();
      case 12:
        return fused();
      default:
        return fp();
    }
  }

  void integer_registers() {
    static constexpr unsigned kFunct7[] = {0, 1, 0x20};
    static constexpr unsigned kWordFunct3[] = {0, 1, 5, 0, 4, 5, 6, 7};
    const unsigned rd = destination(), a = source(), b = source();
    const unsigned funct7 = kFunct7[below(3)];
    if (below(2) == 0) {
      const unsigned funct3 =
          funct7 == 0x20 ? (below(2) == 0 ? 0 : 5) : static_cast<unsigned>(below(8));
      emit(r_type(0x33, funct3, funct7, rd, a, b));
      return;
    }
    const unsigned funct3 = funct7 == 1      ? kWordFunct3[3 + below(5)]
                            : funct7 == 0x20 ? (below(2) == 0 ? 0 : 5)
                                             : kWordFunct3[below(3)];
    emit(r_type(0x3b, funct3, funct7, rd, a, b));
  }

  void integer_immediate() {
    const unsigned rd = destination(), a = source();
    const int imm = static_cast<int>(below(4096)) - 2048;
    switch (below(4)) {
      case 0:
        emit(static_cast<std::uint32_t>(random_()) << 12 | rd << 7 | (below(2) == 0 ? 0x37 : 0x17));
        return;
      case 1: {
        const int arithmetic = below(2) == 0 ? 0x400 : 0;
        if (below(2) == 0) {
          emit(below(2) == 0 ? i_type(0x13, 1, rd, a, imm & 63)
                             : i_type(0x13, 5, rd, a, (imm & 63) | arithmetic));
        } else {
          emit(below(2) == 0 ? i_type(0x1b, 1, rd, a, imm & 31)
                             : i_type(0x1b, 5, rd, a, (imm & 31) | arithmetic));
        }
        return;
      }
      case 2:
        emit(i_type(0x1b, 0, rd, a, imm));
        return;
      default: {
        static constexpr unsigned kFunct3[] = {0, 2, 3, 4, 6, 7};
        emit(i_type(0x13, kFunct3[below(6)], rd, a, imm));
      }
    }
  }

  void load_or_store() {
    const int where = offset(1);  // misaligned as often as not
    if (below(2) == 0) {
      emit(i_type(0x03, static_cast<unsigned>(below(7)), destination(), t6, where));
    } else {
      emit(s_type(0x23, static_cast<unsigned>(below(4)), t6, source(), where));
    }
  }

  void branch_over() {
    static constexpr unsigned kFunct3[] = {0, 1, 4, 5, 6, 7};
    const unsigned kind = static_cast<unsigned>(below(8));
    if (kind < 6) {
      emit(branch(kFunct3[kind], source(), source(), 8));
    } else if (kind == 6) {
      emit(jal(destination(), 8));
    } else {
      emit(0x17 | t5 << 7);  // auipc t5, 0
      emit(jalr(destination(), t5, 12));
    }
    integer_immediate();
  }

  void atomic() {
    static constexpr unsigned kFunct5[] = {1, 0, 4, 12, 8, 16, 20, 24, 28};
    const unsigned width = 2 + static_cast<unsigned>(below(2));
    const bool misaligned = below(8) == 0;
    emit(addi(t5, t6, offset(8) | (misaligned ? 2 : 0)));
    if (misaligned) {
      // Only lr: QEMU 7.2 reports misaligned AMOs as loads, where the specification says store/AMO.
      emit(amo(2, width, destination(), t5, zero));
      return;
    }
    if (below(3) != 0) {
      emit(amo(kFunct5[below(9)], width, destination(), t5, source()));
      return;
    }
    emit(amo(2, width, destination(), t5, zero));
    if (below(2) == 0) integer_registers();
    if (below(4) == 0) emit(sd(source(), t5, 0));
    emit(amo(3, width, destination(), t5, source()));
  }

  void compressed() {
    while (true) {
      const auto bits = static_cast<std::uint32_t>(below(0x10000));
      if (is_compressed(bits) && harmless(decode(bits, CycleCosts()))) return emit_half(bits);
    }
  }
  /// Stays in line, leaves the pinned registers alone, accesses the work area only.
  static bool harmless(const Instruction &d) {
    const bool memory =
        (d.op >= Op::kLb && d.op <= Op::kSd) || d.op == Op::kFld || d.op == Op::kFsd;
    const bool stores = (d.op >= Op::kSb && d.op <= Op::kSd) || d.op == Op::kFsd;
    if (memory && d.rs1 != sp && d.rs1 != s1) return false;
    if (d.op == Op::kIllegal || (d.op >= Op::kJal && d.op <= Op::kBgeu) || d.op == Op::kEbreak) {
      return false;
    }
    return stores || d.op == Op::kFld || !pinned(d.rd);
  }

  void csr_or_trap() {
    switch (below(10)) {
      case 0:
      case 1:
        emit(csrrs(destination(), static_cast<unsigned>(1 + below(3)), zero));
        return;
      case 2:
      case 3:
        emit(csrrwi(destination(), 2, static_cast<unsigned>(below(5))));
        return;
      case 4:
        emit(csrrwi(destination(), 2, static_cast<unsigned>(below(8))));  // maybe reserved
        integer_immediate();
        fp();
        emit(csrrwi(destination(), 2, static_cast<unsigned>(below(5))));
        return;
      case 5:
        emit(csrrc(destination(), 1, source()));
        return;
      case 6:
        emit(kEcall);
        return;
      case 7:
        emit(below(2) == 0 ? 0xffffffff : csrrs(destination(), 0x5c0, zero));
        return;
      case 8:  // a hole in the address map
        emit(lui(t5, 0x8000));
        emit(below(2) == 0 ? ld(destination(), t5, offset(8)) : sw(source(), t5, offset(4)));
        return;
      default:
        emit(csrrw(destination(), 0x340, source()));
    }
  }

  void fp_memory() {
    const unsigned width = 2 + static_cast<unsigned>(below(2));
    const int where = offset(4);
    if (below(3) != 0) {
      emit(i_type(0x07, width, source(), t6, where));
    } else {
      emit(s_type(0x27, width, t6, source(), where));
    }
  }

  void fused() {
    static constexpr unsigned kOpcodes[] = {0x43, 0x47, 0x4b, 0x4f};
    emit(r_type(kOpcodes[below(4)], rounding(), static_cast<unsigned>(below(32) << 2 | below(2)),
                source(), source(), source()));
  }

  void fp() {
    const unsigned format = static_cast<unsigned>(below(2));
    const auto kind = [&](unsigned funct5) { return funct5 << 2 | format; };
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        emit(r_type(0x53, rounding(), kind(static_cast<unsigned>(below(4))), source(), source(),
                    source()));
        return;
      case 4:
        emit(r_type(0x53, rounding(), kind(0x0b), source(), source(), 0));
        return;
      case 5:
        emit(r_type(0x53, static_cast<unsigned>(below(3)), kind(4), source(), source(), source()));
        return;
      case 6:
        emit(r_type(0x53, static_cast<unsigned>(below(2)), kind(5), source(), source(), source()));
        return;
      case 7:
        emit(r_type(0x53, static_cast<unsigned>(below(3)), kind(0x14), destination(), source(),
                    source()));
        return;
      case 8:
        emit(r_type(0x53, rounding(), kind(0x18), destination(), source(),
                    static_cast<unsigned>(below(4))));
        return;
      case 9:
        emit(r_type(0x53, rounding(), kind(0x1a), source(), source(),
                    static_cast<unsigned>(below(4))));
        return;
      case 10:
        emit(r_type(0x53, rounding(), kind(0x08), source(), source(), format == 0 ? 1 : 0));
        return;
      default:
        if (below(2) == 0) {
          emit(r_type(0x53, static_cast<unsigned>(below(2)), kind(0x1c), destination(), source(),
                      0));
        } else {
          emit(r_type(0x53, 0, kind(0x1e), source(), source(), 0));
        }
    }
  }

  /// Saves the registers, prints everything, leaves.
  void epilogue() {
    if (image_.size() % 4 != 0) emit_half(0x0001);
    emit_all(li(t5, kData + kFinal));
    for (unsigned i = 0; i < 32; ++i) emit(s_type(0x27, 3, t5, i, static_cast<int>(8 * i)));
    emit(csrrs(t5, 3, zero));
    emit(sd(t5, t6, 2032));
    emit_all(li(t5, kData + kFinal));
    for (unsigned i = 0; i < 32; ++i) emit(sd(i, t5, static_cast<int>(256 + 8 * i)));
    emit_all(li(a0, kData));
    emit_all(li(a1, kData + kDataSize));
    emit_all(li(a2, kUart));
    emit_all(li(a3, 58));  // beyond '9'
    const std::size_t loop = image_.size();
    emit(i_type(0x03, 4, a4, a0, 0));  // lbu
    emit(i_type(0x13, 5, a5, a4, 4));  // high digit
    print_digit();
    emit(i_type(0x13, 7, a5, a4, 15));  // low digit
    print_digit();
    emit(addi(a0, a0, 1));
    emit(branch(6, a0, a1, -static_cast<int>(image_.size() - loop)));
    emit(addi(a5, zero, 10));
    emit(s_type(0x23, 0, a2, a5, 0));
    emit_all(li(a0, kFinisher));
    emit_all(li(a1, 0x5555));
    emit(sw(a1, a0, 0));
    emit(jal(0, 0));
  }
  void print_digit() {
    emit(addi(a5, a5, 48));
    emit(branch(6, a5, a3, 8));
    emit(addi(a5, a5, 39));
    emit(i_type(0x03, 4, a6, a2, 5));  // line status
    emit(i_type(0x13, 7, a6, a6, 0x20));
    emit(beq(a6, zero, -8));
    emit(s_type(0x23, 0, a2, a5, 0));
  }

  std::mt19937_64 random_;
  std::vector<unsigned char> image_;
};

}  // namespace

std::vector<unsigned char> random_program(std::uint64_t seed, unsigned length) {
  return Generator(seed).program(length);
}

}  // namespace npim::cpu::test
