#include "board/elf_image.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "unit/board/elf_builder.h"

namespace npim::board {
namespace {

using test::ElfBuilder;
using testing::HasSubstr;

constexpr std::uint64_t kBase = 0x80000000;
constexpr std::uint64_t kSize = 0x100000;

std::string refusal(const Bytes &content) {
  try {
    parse_elf(content, "fw.elf", kBase, kSize);
    return "";
  } catch (const InputError &error) {
    return error.what();
  }
}

ElfBuilder simple() {
  ElfBuilder builder;
  builder.segment(kBase, {1, 2, 3, 4}, 0x100, PF_R | PF_X);
  builder.segment(kBase + 0x1000, {5}, 0x10, PF_R | PF_W);
  return builder;
}

TEST(ElfImage, ReadsSegmentsAndEntry) {
  const ElfImage image = parse_elf(simple().build(), "fw.elf", kBase, kSize);
  EXPECT_EQ(image.entry, kBase);
  ASSERT_EQ(image.segments.size(), 2u);
  EXPECT_EQ(image.segments[0].address, kBase);
  EXPECT_EQ(image.segments[0].bytes, (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(image.segments[0].memory_size, 0x100u);
  EXPECT_TRUE(image.segments[0].executable);
  EXPECT_FALSE(image.segments[1].executable);
}

TEST(ElfImage, Symbolises) {
  ElfBuilder builder = simple();
  builder.symbol("_start", kBase, STT_NOTYPE);
  builder.symbol("main", kBase + 0x20, STT_FUNC);
  builder.symbol("$x", kBase + 0x24, STT_NOTYPE);
  builder.symbol("table", kBase + 0x28, STT_OBJECT);
  const ElfImage image = parse_elf(builder.build(), "fw.elf", kBase, kSize);
  EXPECT_EQ(image.symbolise(kBase), "_start");
  EXPECT_EQ(image.symbolise(kBase + 0x1f), "_start+0x1f");
  EXPECT_EQ(image.symbolise(kBase + 0x20), "main");
  EXPECT_EQ(image.symbolise(kBase + 0x32), "main+0x12");
  EXPECT_EQ(image.symbolise(kBase + 0x100), "");
  EXPECT_EQ(image.symbolise(0), "");
}

TEST(ElfImage, RefusesOtherFiles) {
  EXPECT_THAT(refusal({}), HasSubstr("fw.elf: is not an ELF file"));
  EXPECT_THAT(refusal(Bytes(100, 7)), HasSubstr("is not an ELF file"));
  Bytes bytes = simple().build();
  bytes[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(refusal(bytes), HasSubstr("32-bit"));
  bytes = simple().build();
  bytes[EI_DATA] = ELFDATA2MSB;
  EXPECT_THAT(refusal(bytes), HasSubstr("little endian"));
  ElfBuilder builder = simple();
  builder.header.e_machine = EM_X86_64;
  EXPECT_THAT(refusal(builder.build()), HasSubstr("not for RISC-V (e_machine 62)"));
  builder = simple();
  builder.header.e_type = ET_DYN;
  EXPECT_THAT(refusal(builder.build()), HasSubstr("position-independent"));
  builder.header.e_type = ET_REL;
  EXPECT_THAT(refusal(builder.build()), HasSubstr("not an executable"));
}

TEST(ElfImage, RefusesBadSegments) {
  const auto with = [](std::uint64_t address, Bytes bytes, std::uint64_t memory_size) {
    ElfBuilder builder = simple();
    builder.segment(address, std::move(bytes), memory_size, PF_R | PF_W);
    return refusal(builder.build());
  };
  EXPECT_THAT(with(kBase + 0x80, {1}, 1), HasSubstr("overlap"));
  EXPECT_THAT(with(kBase + 0xfff, {1}, 2), HasSubstr("overlap"));
  EXPECT_THAT(with(0x1000, {1}, 1), HasSubstr("outside DRAM (0x80000000 to 0x800fffff)"));
  EXPECT_THAT(with(kBase + kSize - 1, {1, 2}, 2), HasSubstr("outside DRAM"));
  EXPECT_THAT(with(kBase + 0x2000, {1}, ~std::uint64_t{0}), HasSubstr("outside DRAM"));
  EXPECT_THAT(with(~std::uint64_t{0}, {1}, 1), HasSubstr("outside DRAM"));
  EXPECT_THAT(with(kBase + 0x2000, {1, 2}, 1), HasSubstr("larger in the file than in memory"));
  EXPECT_EQ(with(kBase + kSize - 2, {1, 2}, 2), "");
  EXPECT_EQ(with(0x1000, {}, 0), "");  // nothing of it is loaded
  EXPECT_THAT(refusal(ElfBuilder().build()), HasSubstr("nothing to load"));
}

TEST(ElfImage, RefusesBadEntries) {
  for (const std::uint64_t entry : {std::uint64_t{0}, kBase + 0x100, kBase + 0x1000}) {
    ElfBuilder builder = simple();
    builder.header.e_entry = entry;
    EXPECT_THAT(refusal(builder.build()), HasSubstr("not in an executable segment"));
  }
  ElfBuilder builder = simple();
  builder.header.e_entry = kBase + 1;
  EXPECT_THAT(refusal(builder.build()), HasSubstr("is odd"));
}

TEST(ElfImage, EveryTruncationIsAnErrorOrAWholeImage) {
  ElfBuilder builder = simple();
  builder.symbol("main", kBase + 0x20, STT_FUNC);
  const Bytes whole = builder.build();
  const std::size_t data_end = builder.data_end();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string reason = refusal(part);
    if (size < data_end) {
      EXPECT_THAT(reason, HasSubstr("fw.elf: ")) << size;
    }
  }
}

TEST(ElfImage, FlippedBitsNeverCrash) {
  ElfBuilder builder = simple();
  builder.symbol("main", kBase + 0x20, STT_FUNC);
  const Bytes whole = builder.build();
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    Bytes flipped = whole;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    try {
      parse_elf(flipped, "fw.elf", kBase, kSize).symbolise(kBase + 0x30);
    } catch (const InputError &error) {
      EXPECT_THAT(error.what(), HasSubstr("fw.elf: "));
    }
  }
}

}  // namespace
}  // namespace npim::board
