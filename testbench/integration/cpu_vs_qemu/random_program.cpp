#include "random_program.h"

#include <array>
#include <cstring>
#include <random>
#include <stdexcept>

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

/// Of privileged programs: the supervisor's handler and its data, a page of returns, a page that
/// PMP guards, page tables. The code and all of this is mapped where it is, for S and for U;
/// windows onto the work area and others have random rights.
constexpr std::uint64_t kSupervisorHandler = 0x80090000, kSupervisorData = 0x80091000,
                        kReturns = 0x80092000, kGuarded = 0x80093000, kTables = 0x80094000,
                        kRootS = kTables, kRootU = kTables + 0x1000, kMiddleS = kTables + 0x2000,
                        kMiddleU = kTables + 0x3000, kLowS = kTables + 0x4000,
                        kLowU = kTables + 0x5000, kMiddleWindows = kTables + 0x6000,
                        kLowWindows = kTables + 0x7000, kImageEnd = kTables + 0x8000;
constexpr std::uint64_t kWindows = 0x8000000, kHole = 0x8000000;  // nothing is there physically
constexpr unsigned kPages = 64;       // windows of 4 KiB, the first of which show kReturns
constexpr unsigned kReturnPages = 8;  // of these
constexpr unsigned kLargePages = 8;   // windows of 2 MiB, behind the first 2 MiB
constexpr std::uint64_t kMpp = 0x1800, kMprv = 1 << 17, kSum = 1 << 18, kMxr = 1 << 19,
                        kTraps = 3 << 20;  // TVM, TW; TSR would trap the handler itself
constexpr std::uint32_t kSret = 0x10200073, kSfence = 0x12000073;

class Generator {
 public:
  explicit Generator(std::uint64_t seed, bool privileged = false)
      : random_(seed), privileged_(privileged) {
    static constexpr std::uint64_t kTargets[] = {kData, kData, kData, kData, kGuarded, kHole};
    for (unsigned i = 0; i < kPages; ++i) {
      windows_[i] = i < kReturnPages ? kReturns : kTargets[below(6)];
    }
  }

  std::vector<unsigned char> program(unsigned length) {
    prologue();
    for (unsigned i = 0; i < length; ++i) instruction();
    epilogue();
    if (image_.size() > kData - kBase) throw std::length_error("the program is too long");
    image_.resize(kData - kBase);
    for (unsigned i = 0; i < kDataSize; i += 8) {
      const std::uint64_t value = number();
      for (unsigned byte = 0; byte < 8; ++byte) {
        image_.push_back(static_cast<unsigned char>(value >> (8 * byte)));
      }
    }
    if (privileged_) supervisor();
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
    if (privileged_) privileged_prologue();
  }

  /// Folds mcause, mtval and mepc into a word of the work area and steps over four bytes. In
  /// privileged programs also mstatus; drops interrupts, returns to ra when there was nothing to
  /// fetch, and changes the mode at environment calls.
  static constexpr int kHandlerLength = 64;
  void handler() {
    const std::size_t start = image_.size();
    emit(csrrw(zero, 0x340, t0));
    emit(ld(t5, t6, 2040));
    std::vector<unsigned> numbers = {0x342u, 0x343u, 0x341u};
    if (privileged_) numbers.push_back(0x300u);
    for (const unsigned number : numbers) {
      emit(csrrs(t0, number, zero));
      emit(add(t5, t5, t0));
      emit(i_type(0x13, 1, t5, t5, 1));
    }
    emit(sd(t5, t6, 2040));
    if (privileged_) {
      leave_by_cause(0x342, 0x341, {csrrw(zero, 0x344, zero)}, kMret);
      change_mode();
    }
    emit(csrrs(t0, 0x341, zero));
    emit(addi(t0, t0, 4));
    emit(csrrw(zero, 0x341, t0));
    emit(csrrs(t0, 0x340, zero));
    emit(kMret);
    while (image_.size() - start < 4 * kHandlerLength) emit(kNop);
  }

  /// Interrupts are cleared and return; failed fetches return to ra. t0 is restored by `last`.
  void leave_by_cause(unsigned cause, unsigned pc, const std::vector<std::uint32_t> &clear,
                      std::uint32_t last) {
    const std::uint32_t restore = last == kMret ? csrrs(t0, 0x340, zero) : csrrw(t0, 0x140, t0);
    const auto tail = [&] {
      if (last == kSret) emit(ld(t0 + 1, t0, 8));
      emit(restore);
      emit(last);
    };
    const unsigned scratch = last == kMret ? t0 : t0 + 1;
    const int length = last == kSret ? 12 : 8;
    emit(csrrs(scratch, cause, zero));
    emit(branch(5, scratch, zero, 4 + 4 * static_cast<int>(clear.size()) + length));
    emit_all(clear);
    tail();
    emit(addi(t5, zero, 12));
    emit(beq(scratch, t5, 12));
    emit(addi(t5, zero, 1));
    emit(bne(scratch, t5, 8 + length));
    emit(csrrw(zero, pc, ra));
    tail();
  }

  /// An environment call is followed by 64 bits: what to set in mstatus, and the root of satp.
  void change_mode() {
    emit(csrrs(t0, 0x342, zero));
    emit(addi(t0, t0, -8));
    emit(addi(t5, zero, 4));
    emit(branch(7, t0, t5, 4 * 21));
    const std::size_t start = image_.size();
    emit(csrrs(t0, 0x341, zero));
    emit(ld(t5, t0, 4));
    emit(addi(t0, t0, 12));
    emit(csrrw(zero, 0x341, t0));
    emit(lui(t0, (kMpp | kMprv | kSum | kMxr | kTraps) >> 12));
    emit(csrrc(zero, 0x300, t0));
    emit(addi(t0, zero, 1));
    emit(i_type(0x13, 1, t0, t0, 11));
    emit(csrrc(zero, 0x300, t0));
    emit(i_type(0x13, 1, t0, t5, 32));
    emit(i_type(0x13, 5, t0, t0, 32));
    emit(csrrs(zero, 0x300, t0));
    emit(i_type(0x13, 5, t5, t5, 32));
    emit(beq(t5, zero, 16));
    emit(addi(t0, zero, 1));
    emit(i_type(0x13, 1, t0, t0, 63));
    emit(r_type(0x33, 6, 0, t5, t5, t0));
    emit(csrrw(zero, 0x180, t5));
    emit(csrrs(t0, 0x340, zero));
    emit(kMret);
    while (image_.size() - start < 4 * 20) emit(kNop);
  }

  void patch(std::uint64_t address, std::uint64_t value) {
    std::memcpy(image_.data() + (address - kBase), &value, sizeof value);
  }
  void put_code(std::uint64_t address, const std::vector<std::uint32_t> &code) {
    std::memcpy(image_.data() + (address - kBase), code.data(), code.size() * 4);
  }

  std::uint64_t random_rights() {
    static constexpr std::uint64_t kRights[] = {0xcf, 0xcf, 0xc7, 0x07, 0x03, 0x43, 0x47, 0x4b,
                                                0xc9, 0x09, 0xc5, 0x01, 0x00, 0xcb, 0x87, 0xc6};
    const std::uint64_t user = below(2) == 0 ? 0x10 : 0;
    const std::uint64_t reserved = below(24) == 0 ? std::uint64_t{1} << (54 + below(10)) : 0;
    return kRights[below(16)] | user | reserved | below(2) << 5;
  }
  /// Without pointers, which would make tables of what is code.
  std::uint64_t random_leaf_rights() {
    const std::uint64_t rights = random_rights();
    return (rights & 0xe) == 0 ? rights & ~std::uint64_t{1} : rights;
  }
  static std::uint64_t entry(std::uint64_t physical, std::uint64_t flags) {
    return physical >> 12 << 10 | flags;
  }

  /// Everything behind the data: handler of S, pages, tables.
  void supervisor() {
    image_.resize(kSupervisorHandler - kBase);
    // Folds scause, stval, sepc and sstatus; sscratch holds the address of its data.
    emit(csrrw(t0, 0x140, t0));
    emit(sd(t1, t0, 8));
    emit(ld(t5, t0, 0));
    for (const unsigned number : {0x142u, 0x143u, 0x141u, 0x100u}) {
      emit(csrrs(t1, number, zero));
      emit(add(t5, t5, t1));
      emit(i_type(0x13, 1, t5, t5, 1));
    }
    emit(sd(t5, t0, 0));
    leave_by_cause(0x142, 0x141, {csrrw(zero, 0x144, zero)}, kSret);
    emit(csrrs(t1, 0x141, zero));
    emit(addi(t1, t1, 4));
    emit(csrrw(zero, 0x141, t1));
    emit(ld(t1, t0, 8));
    emit(csrrw(t0, 0x140, t0));
    emit(kSret);
    image_.resize(kImageEnd - kBase);
    for (unsigned i = 0; i < 1024; ++i) put_code(kReturns + 4 * i, {jalr(zero, ra, 0)});
    tables();
  }

  void tables() {
    constexpr std::uint64_t kSystem = 0xcf, kUserFlag = 0x10;
    for (const bool user : {false, true}) {
      const std::uint64_t root = user ? kRootU : kRootS, middle = user ? kMiddleU : kMiddleS,
                          low = user ? kLowU : kLowS;
      patch(root, entry(kMiddleWindows, 1));
      patch(root + 8 * 2, entry(middle, 1));
      patch(root + 8 * 511, entry(kBase, random_leaf_rights()));
      patch(middle, entry(low, 1));
      for (unsigned i = 0; i < 512; ++i) {
        const std::uint64_t page = kBase + 4096 * i;
        const bool system = page >= kSupervisorHandler && page < kImageEnd;
        patch(low + 8 * i, entry(page, kSystem | (user && !system ? kUserFlag : 0)));
      }
    }
    constexpr unsigned kMiddleIndex = kWindows >> 21;
    patch(kMiddleWindows + 8 * kMiddleIndex, entry(kLowWindows, 1));
    for (unsigned i = 1; i <= kLargePages; ++i) {
      const std::uint64_t skew = below(4) == 0 ? 0x1000 : 0;
      patch(kMiddleWindows + 8 * (kMiddleIndex + i), entry(kBase + skew, random_leaf_rights()));
    }
    for (unsigned i = 0; i < kPages; ++i) {
      const std::uint64_t kept = i < kReturnPages ? ~std::uint64_t{4} : ~std::uint64_t{0};
      patch(kLowWindows + 8 * i, entry(windows_[i], random_rights() & kept));
    }
  }

  // Privileged parts of the program.

  void privileged_prologue() {
    emit_all(li(t5, kGuarded >> 2 | 0x1ff));
    emit(csrrw(zero, 0x3b0, t5));
    emit(addi(t5, zero, -1));
    emit(csrrw(zero, 0x3b1, t5));
    emit_all(li(t5, 0x1f18));  // entry 0: no rights; entry 1: all of the rest
    emit(csrrw(zero, 0x3a0, t5));
    emit_all(li(t5, kSupervisorHandler));
    emit(csrrw(zero, 0x105, t5));
    emit_all(li(t5, kSupervisorData));
    emit(csrrw(zero, 0x140, t5));
    emit_all(li(t5, random_() & 0xb0f7));
    emit(csrrw(zero, 0x302, t5));
    emit_all(li(t5, random_() & 0x222));
    emit(csrrw(zero, 0x303, t5));
    emit_all(li(t5, random_() & 0x222));
    emit(csrrw(zero, 0x304, t5));
  }

  void switch_mode(unsigned mode, std::uint64_t root, std::uint64_t status) {
    emit(kEcall);
    const std::uint64_t word = (root >> 12) << 32 | status | std::uint64_t{mode} << 11;
    emit(static_cast<std::uint32_t>(word));
    emit(static_cast<std::uint32_t>(word >> 32));
    mode_ = mode;
    root_ = root;
  }
  void switch_mode() {
    static constexpr unsigned kModes[] = {0, 0, 1, 1, 3};
    const unsigned mode = kModes[below(5)];
    const std::uint64_t root = below(8) == 0 ? 0 : mode == 0 ? kRootU : kRootS;
    switch_mode(mode, root, random_() & (kSum | kMxr | (below(3) == 0 ? kTraps : 0)));
  }

  /// The address of some window's middle into t5; returns the offset of an access in it. Misaligned
  /// accesses have to hit memory, as QEMU splits those to devices before it looks.
  int point_to_window(bool translated) {
    const unsigned kind = static_cast<unsigned>(below(12));
    bool memory = true;
    if (kind == 0) {
      emit(lui(t5, 0xc0080));  // through the page of 1 GiB in the upper half
    } else if (kind < 3) {
      emit(lui(t5, static_cast<std::uint32_t>((kWindows >> 12) + 0x80 +
                                              0x200 * (1 + below(kLargePages)))));
    } else {
      // Never the pages of returns: QEMU lets supervisors execute pages of users after it has read
      // them with SUM.
      const std::size_t index = kReturnPages + below(kPages - kReturnPages);
      emit(lui(t5, static_cast<std::uint32_t>((kWindows >> 12) + index)));
      memory = windows_[index] != kHole && (index + 1 == kPages || windows_[index + 1] != kHole);
    }
    emit(addi(t5, t5, 2047));
    const int where = static_cast<int>(below(4095)) - 2047;
    window_is_memory_ = translated && memory;
    return window_is_memory_ ? where : (where & ~7) + 1;
  }

  void window_access() {
    const int where = point_to_window(mode_ != 3 && root_ != 0);
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        emit(i_type(0x03, static_cast<unsigned>(below(7)), destination(), t5, where));
        return;
      case 3:
      case 4:
        emit(s_type(0x23, static_cast<unsigned>(below(4)), t5, source(), where));
        return;
      case 5:
        emit(i_type(0x07, 2 + static_cast<unsigned>(below(2)), source(), t5, where));
        return;
      default: {
        static constexpr unsigned kFunct5[] = {1, 0, 4, 12, 8, 16, 20, 24, 28};
        // QEMU reports atomic accesses to devices as loads.
        if (!window_is_memory_) {
          emit(addi(t5, t6, -1));
        }
        emit(addi(t5, t5, (where & ~7) + 1));
        emit(amo(kFunct5[below(9)], 2 + static_cast<unsigned>(below(2)), destination(), t5,
                 source()));
      }
    }
  }

  void window_call() {
    emit(lui(t5, static_cast<std::uint32_t>((kWindows >> 12) + below(kReturnPages))));
    emit(jalr(ra, t5, static_cast<int>(below(500)) * 4));
  }

  void privileged_csr() {
    // Not mip: QEMU's timer is due from the start.
    static constexpr unsigned kReadable[] = {0x100, 0x104, 0x105, 0x106, 0x140, 0x141, 0x142,
                                             0x143, 0x144, 0x180, 0x300, 0x302, 0x304, 0x305,
                                             0x341, 0x342, 0x343, 0x3a0, 0x3b0};
    static constexpr unsigned kWritable[] = {0x141, 0x142, 0x143, 0x341, 0x342, 0x343};
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
        emit(csrrs(destination(), kReadable[below(std::size(kReadable))], zero));
        return;
      case 3:
        emit(i_type(0x13, 7, t5, source(), -2));  // QEMU stores bit 0 of sepc and mepc
        emit(csrrw(destination(), kWritable[below(std::size(kWritable))], t5));
        return;
      case 4:  // SUM and MXR
        emit(lui(t5, static_cast<std::uint32_t>((random_() & (kSum | kMxr)) >> 12)));
        emit(below(2) == 0 ? csrrs(destination(), 0x100, t5) : csrrc(destination(), 0x100, t5));
        return;
      case 5:  // an interrupt, if enabled
        emit(below(2) == 0 ? csrrsi(destination(), 0x100, 2) : csrrci(destination(), 0x100, 2));
        emit(mode_ == 3 ? csrrwi(zero, 0x344, static_cast<unsigned>(2 * below(2)))
                        : csrrsi(zero, 0x144, static_cast<unsigned>(2 * below(2))));
        return;
      case 6:
        emit(kSfence);
        return;
      default:
        if (mode_ == 0 && below(2) == 0) {
          emit(below(2) == 0 ? kSret : kMret);
        } else if (mode_ == 1) {
          emit(kMret);
        } else if (mode_ == 3) {
          lend_translation();
        }
    }
  }

  /// MPRV around an access from machine mode.
  void lend_translation() {
    emit_all(li(t5, kMprv | below(2) << 11));
    emit(csrrs(zero, 0x300, t5));
    const int where = point_to_window(root_ != 0);
    emit(ld(destination(), t5, where));
    emit_all(li(t5, kMprv | kMpp));
    emit(csrrc(zero, 0x300, t5));
  }

  void privileged_instruction() {
    switch (below(10)) {
      case 0:
        return switch_mode();
      case 1:
      case 2:
      case 3:
        return privileged_csr();
      case 4:
        return window_call();
      default:
        return window_access();
    }
  }

  void instruction() {
    if (privileged_ && below(4) == 0) return privileged_instruction();
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
        if (!privileged_) emit(kEcall);
        return;
      case 7:
        emit(below(2) == 0 ? 0xffffffff : csrrs(destination(), 0x5c0, zero));
        return;
      case 8:  // a hole in the address map, where no window is either
        emit(lui(t5, 0xa000));
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
    if (privileged_) switch_mode(3, 0, 0);
    emit_all(li(t5, kData + kFinal));
    for (unsigned i = 0; i < 32; ++i) emit(s_type(0x27, 3, t5, i, static_cast<int>(8 * i)));
    emit(csrrs(t5, 3, zero));
    emit(sd(t5, t6, 2032));
    emit_all(li(t5, kData + kFinal));
    for (unsigned i = 0; i < 32; ++i) emit(sd(i, t5, static_cast<int>(256 + 8 * i)));
    emit_all(li(a2, kUart));
    emit_all(li(a3, 58));  // beyond '9'
    print(kData, kDataSize);
    if (privileged_) {
      print(kSupervisorData, 8);
      print(kLowWindows, 8 * kPages);
      print(kMiddleWindows + 8 * (kWindows >> 21), 8 * (1 + kLargePages));
      print(kRootU + 8 * 511, 8);
    }
    emit(addi(a5, zero, 10));
    emit(s_type(0x23, 0, a2, a5, 0));
    emit_all(li(a0, kFinisher));
    emit_all(li(a1, 0x5555));
    emit(sw(a1, a0, 0));
    emit(jal(0, 0));
  }
  void print(std::uint64_t address, std::uint64_t size) {
    emit_all(li(a0, address));
    emit_all(li(a1, address + size));
    const std::size_t loop = image_.size();
    emit(i_type(0x03, 4, a4, a0, 0));  // lbu
    emit(i_type(0x13, 5, a5, a4, 4));  // high digit
    print_digit();
    emit(i_type(0x13, 7, a5, a4, 15));  // low digit
    print_digit();
    emit(addi(a0, a0, 1));
    emit(branch(6, a0, a1, -static_cast<int>(image_.size() - loop)));
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
  const bool privileged_;
  unsigned mode_ = 3;
  std::uint64_t root_ = 0;
  bool window_is_memory_ = false;
  std::array<std::uint64_t, kPages> windows_{};
  std::vector<unsigned char> image_;
};

}  // namespace

std::vector<unsigned char> random_program(std::uint64_t seed, unsigned length) {
  return Generator(seed).program(length);
}

std::vector<unsigned char> random_privileged_program(std::uint64_t seed, unsigned length) {
  return Generator(seed, true).program(length);
}

}  // namespace npim::cpu::test
