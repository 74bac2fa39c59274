// The assembled board with hand-assembled firmware of a few instructions.
#include "board/board.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libfdt.h>

#include "base/error.h"
#include "unit/board/elf_builder.h"

namespace npim::board {
namespace {

using sc_core::SC_MS;
using sc_core::sc_time;
using sc_core::SC_US;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kDram = 0x80000000;

// Encodings of what the programs below need; rd and rs by number.
constexpr std::uint32_t lui(std::uint32_t rd, std::uint32_t upper) {
  return (upper << 12) | (rd << 7) | 0x37;
}
constexpr std::uint32_t addi(std::uint32_t rd, std::uint32_t rs1, std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 20) | (rs1 << 15) | (rd << 7) | 0x13;
}
constexpr std::uint32_t store(std::uint32_t width, std::uint32_t rs2, std::uint32_t rs1,
                              std::uint32_t offset) {
  return ((offset >> 5) << 25) | (rs2 << 20) | (rs1 << 15) | (width << 12) |
         ((offset & 0x1f) << 7) | 0x23;
}
constexpr std::uint32_t kSb = 0, kSw = 2, kSd = 3;
constexpr std::uint32_t kA0 = 10, kA1 = 11, kT0 = 5, kT1 = 6;
constexpr std::uint32_t kWfi = 0x10500073;
constexpr std::uint32_t kJumpToSelf = 0x0000006f;

std::vector<std::uint32_t> finish(std::uint32_t value) {
  // The value must have bit 11 clear where its low part is added.
  return {lui(kT0, 0x100), lui(kT1, (value + 0x800) >> 12),
          addi(kT1, kT1, static_cast<std::int32_t>(value << 20) >> 20), store(kSw, kT1, kT0, 0),
          kJumpToSelf};
}

Bytes elf_of(const std::vector<std::uint32_t> &code, std::uint64_t memory_size = 0x1000) {
  Bytes bytes(code.size() * 4);
  std::memcpy(bytes.data(), code.data(), bytes.size());
  test::ElfBuilder builder;
  builder.segment(kDram, bytes, memory_size, PF_R | PF_X | PF_W);
  builder.symbol("_start", kDram, STT_NOTYPE);
  return builder.build();
}

struct BoardBench : testing::Test {
  PlatformConfig config = PlatformConfig::parse(R"({"name": "test"})", "board.json");
  std::unique_ptr<Board> board;
  std::string console;

  Board &make() {
    board = std::make_unique<Board>("board", config);
    board->uart().set_sink([this](char c) { console += c; });
    return *board;
  }
  Board &make(const std::vector<std::uint32_t> &code) {
    make().load_elf(elf_of(code), "fw.elf");
    return *board;
  }
};

TEST_F(BoardBench, PassEndsTheRun) {
  const RunResult result = make(finish(0x5555)).run(sc_time(1, SC_MS));
  EXPECT_EQ(result.end, End::kPass);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_GT(result.time, sc_core::SC_ZERO_TIME);
  EXPECT_LT(result.time, sc_time(1, SC_US));
}

TEST_F(BoardBench, FailCarriesFirmwaresCode) {
  const RunResult result = make(finish(0x00073333)).run(sc_time(1, SC_MS));
  EXPECT_EQ(result.end, End::kFail);
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_EQ(result.reason, "firmware failed with code 7");
}

TEST_F(BoardBench, ResetIsReported) {
  EXPECT_EQ(make(finish(0x7777)).run(sc_time(1, SC_MS)).end, End::kReset);
}

TEST_F(BoardBench, UartReachesTheSink) {
  std::vector<std::uint32_t> code = {lui(kT0, 0x10000), addi(kT1, 0, 'H'), store(kSb, kT1, kT0, 0),
                                     addi(kT1, 0, 'i'), store(kSb, kT1, kT0, 0)};
  for (const auto instruction : finish(0x5555)) code.push_back(instruction);
  EXPECT_EQ(make(code).run(sc_time(1, SC_MS)).end, End::kPass);
  EXPECT_EQ(console, "Hi");
}

TEST_F(BoardBench, StuckFirmwareTimesOutAtTheLimit) {
  const RunResult result = make({kJumpToSelf}).run(sc_time(10, SC_US));
  EXPECT_EQ(result.end, End::kTimeout);
  EXPECT_EQ(result.time, sc_time(10, SC_US));
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("10 us"), HasSubstr("0x80000000 (_start)")));
}

TEST_F(BoardBench, TimeoutDoesNotDependOnTheQuantum) {
  config.hart.quantum = sc_time(1, sc_core::SC_SEC);
  const RunResult result = make({kJumpToSelf}).run(sc_time(10, SC_US));
  EXPECT_EQ(result.time, sc_time(10, SC_US));
  EXPECT_EQ(board->hart().local_time(), sc_time(10, SC_US));
}

TEST_F(BoardBench, WaitingForNothingIsIdle) {
  const RunResult result = make({addi(0, 0, 0), kWfi}).run(sc_time(1, sc_core::SC_SEC));
  EXPECT_EQ(result.end, End::kIdle);
  EXPECT_LT(result.time, sc_time(1, SC_US));
  EXPECT_THAT(result.reason, AllOf(HasSubstr("all idle"), HasSubstr("_start+0x")));
}

TEST_F(BoardBench, WaitingForNothingIsIdleWithoutALimit) {
  EXPECT_EQ(make({kWfi}).run(sc_core::sc_max_time()).end, End::kIdle);
}

TEST_F(BoardBench, JumpToNowhereIsLost) {
  // jalr x0, 0(x0) with mtvec 0: the handler is unmapped as well.
  const RunResult result = make({0x00000067}).run(sc_time(1, SC_MS));
  EXPECT_EQ(result.end, End::kLost);
  EXPECT_LT(result.time, sc_time(1, SC_MS));
}

TEST_F(BoardBench, HandsOverHartNumberAndDeviceTree) {
  // Stores a0 and a1 behind the code.
  std::vector<std::uint32_t> code = {0x00000297 /* auipc t0, 0 */, store(kSd, kA0, kT0, 0x100),
                                     store(kSd, kA1, kT0, 0x108)};
  for (const auto instruction : finish(0x5555)) code.push_back(instruction);
  make(code);
  board->set_bootargs("count=3");
  const Bytes file = {1, 2, 3, 4, 5};
  const std::uint64_t address = board->add_file("program", file);
  EXPECT_EQ(address, 0xfffff000u);
  EXPECT_EQ(board->run(sc_time(1, SC_MS)).end, End::kPass);
  const Bytes stored = board->peek(kDram + 0x100, 16);
  ByteReader reader(stored, "stored");
  EXPECT_EQ(reader.get<std::uint64_t>(), 0u);
  const auto tree_address = reader.get<std::uint64_t>();
  EXPECT_EQ(tree_address % 8, 0u);
  EXPECT_LT(tree_address, address);
  EXPECT_GT(tree_address, address - 0x10000);
  const Bytes tree = board->peek(tree_address, board->device_tree().size());
  EXPECT_EQ(tree, board->device_tree());
  EXPECT_EQ(fdt_check_full(tree.data(), tree.size()), 0);
  EXPECT_EQ(board->peek(address, 5), file);
  EXPECT_EQ(board->read_back("program"), file);
}

TEST_F(BoardBench, FilesGoTopDownAndOutputsAreZero) {
  make(finish(0x5555));
  EXPECT_EQ(board->add_file("a", Bytes(4097, 1)), 0xffffe000u);
  EXPECT_EQ(board->add_output("results", 4096), 0xffffd000u);
  EXPECT_EQ(board->add_file("empty", {}), 0xffffc000u);
  board->run(sc_time(1, SC_MS));
  EXPECT_EQ(board->read_back("results"), Bytes(4096, 0));
  EXPECT_EQ(board->read_back("empty"), Bytes());
  EXPECT_THROW(board->read_back("nothing"), InputError);
}

TEST_F(BoardBench, RefusesWhatDoesNotFit) {
  config.dram.size = 0x10000;
  make(finish(0x5555));
  EXPECT_THROW(board->add_output("big", 0x10001), InputError);
  EXPECT_THROW(board->add_output("vast", ~std::uint64_t{0}), InputError);
  EXPECT_NO_THROW(board->add_output("most", 0xf000));
  EXPECT_THROW(board->run(sc_time(1, SC_MS)), InputError);  // no room for the device tree
}

TEST_F(BoardBench, FirmwareMayNotOverlapFiles) {
  config.dram.size = 0x10000;
  make().load_elf(elf_of(finish(0x5555), 0x9000), "fw.elf");
  board->add_output("results", 0x8000);
  try {
    board->run(sc_time(1, SC_MS));
    FAIL() << "firmware and files overlap";
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("fw.elf"), HasSubstr("overlaps the files")));
  }
}

TEST_F(BoardBench, RefusesBadNamesAndMissingFirmware) {
  make();
  EXPECT_THROW(board->add_file("", {}), InputError);
  EXPECT_THROW(board->add_file("a\nb", {}), InputError);
  EXPECT_THROW(board->add_file(std::string(65, 'a'), {}), InputError);
  board->add_file("a", {});
  EXPECT_THROW(board->add_file("a", {}), InputError);
  EXPECT_THROW(board->set_bootargs(std::string(5000, 'a')), InputError);
  EXPECT_THROW(board->run(sc_time(1, SC_MS)), InputError);
  board->load_elf(elf_of(finish(0x5555)), "fw.elf");
  EXPECT_THROW(board->load_elf(elf_of(finish(0x5555)), "again.elf"), InputError);
}

/// A kernel image of `code` behind its header, which jumps over itself.
Bytes kernel_of(const std::vector<std::uint32_t> &code, std::uint64_t memory_size = 0x1000) {
  ByteWriter out;
  out.put(std::uint64_t{0x0400006f});  // j .+64
  out.put(std::uint64_t{0x200000});
  out.put(memory_size);
  while (out.size() < 56) out.put(std::uint8_t{0});
  out.put(std::uint32_t{0x05435352});
  out.put(std::uint32_t{0});
  for (const auto instruction : code) out.put(instruction);
  return out.take();
}

constexpr std::uint32_t kAuipcT0TwoMiB = 0x00200297, kJumpToT0 = 0x00028067;

TEST_F(BoardBench, FirmwareFindsTheKernelAndItTheRamDisk) {
  make({kAuipcT0TwoMiB, kJumpToT0});
  board->load_kernel(kernel_of(finish(0x5555)), "Image");
  const Bytes disk = {7, 8, 9};
  board->load_initrd(disk, "disk.cpio");
  EXPECT_EQ(board->run(sc_time(1, SC_MS)).end, End::kPass);
  EXPECT_EQ(board->peek(0xfffff000, 3), disk);
  const Bytes &tree = board->device_tree();
  int size = 0;
  const void *end =
      fdt_getprop(tree.data(), fdt_path_offset(tree.data(), "/chosen"), "linux,initrd-end", &size);
  ASSERT_EQ(size, 8);
  EXPECT_EQ(fdt64_ld(static_cast<const fdt64_t *>(end)), 0xfffff003u);
}

TEST_F(BoardBench, RefusesKernelsThatDoNotFit) {
  config.dram.size = 0x400000;
  make(finish(0x5555));
  EXPECT_THROW(board->load_kernel(Bytes(100), "Image"), InputError);
  EXPECT_THROW(board->load_kernel(kernel_of({}, 0x200001), "Image"), InputError);
  board->load_kernel(kernel_of({}, 0x200000), "Image");
  EXPECT_THROW(board->load_kernel(kernel_of({}), "again"), InputError);
  EXPECT_THROW(board->load_initrd(Bytes(0x400001), "disk"), InputError);
  board->load_initrd(Bytes(1), "disk");
  EXPECT_THROW(board->load_initrd(Bytes(1), "again"), InputError);
  EXPECT_THROW(board->run(sc_time(1, SC_MS)), InputError);  // kernel over RAM disk
}

TEST_F(BoardBench, FirmwareMayNotOverlapTheKernel) {
  make().load_elf(elf_of(finish(0x5555), 0x200001), "fw.elf");
  board->load_kernel(kernel_of({}), "Image");
  EXPECT_THROW(board->run(sc_time(1, SC_MS)), InputError);
}

TEST_F(BoardBench, StopEndsTheRun) {
  make({kJumpToSelf});
  struct Stopper : peripherals::ByteSource {
    Board *board = nullptr;
    std::optional<std::uint8_t> next() override {
      if (sc_core::sc_time_stamp() >= sc_time(50, SC_US)) board->stop("enough");
      return std::nullopt;
    }
    bool exhausted() override { return false; }
  };
  auto stopper = std::make_unique<Stopper>();
  stopper->board = board.get();
  board->set_uart_input(std::move(stopper), sc_time(10, SC_US));
  const RunResult result = board->run(sc_time(1, SC_MS));
  EXPECT_EQ(result.end, End::kStopped);
  EXPECT_EQ(result.reason, "enough");
  EXPECT_NE(result.exit_code, 0);
}

TEST_F(BoardBench, DescribesAddresses) {
  make();
  EXPECT_EQ(board->describe(0x10000005), "UART 16550 + 0x5 (LSR)");
  EXPECT_EQ(board->describe(0x2004000), "CLINT + 0x4000 (mtimecmp)");
  EXPECT_EQ(board->describe(0xc200004), "PLIC + 0x200004 (claim/complete of context 0)");
  EXPECT_EQ(board->describe(0x100000), "test finisher + 0x0 (FINISH)");
  EXPECT_THAT(board->describe(0x40000000), HasSubstr("nothing; nearest is"));
}

TEST_F(BoardBench, OverlapIsAnInputError) {
  config.uart.base = config.plic.base;
  EXPECT_THROW(make(), InputError);
}

}  // namespace
}  // namespace npim::board
