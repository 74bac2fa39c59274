#include "board/kernel_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace npim::board {
namespace {

Bytes image(std::uint64_t text_offset, std::uint64_t memory_size, std::uint64_t flags = 0,
            std::uint32_t magic = 0x05435352) {
  ByteWriter out;
  out.put(std::uint64_t{0x0000006f});
  out.put(text_offset);
  out.put(memory_size);
  out.put(flags);
  while (out.size() < 56) out.put(std::uint8_t{0});
  out.put(magic);
  out.align(128);
  return out.take();
}

void expect_refused(const Bytes &content, const std::string &part) {
  try {
    parse_kernel_image(content, "Image");
    FAIL() << "expected a refusal: " << part;
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(testing::HasSubstr("Image"), testing::HasSubstr(part)));
  }
}

TEST(KernelImage, HasOffsetAndSize) {
  const KernelImage parsed = parse_kernel_image(image(0x200000, 0x1e6b000), "Image");
  EXPECT_EQ(parsed.text_offset, 0x200000u);
  EXPECT_EQ(parsed.memory_size, 0x1e6b000u);
  EXPECT_EQ(parse_kernel_image(image(0, 128), "Image").memory_size, 128u);
}

TEST(KernelImage, RefusesWhatIsNone) {
  expect_refused({}, "too short");
  expect_refused(Bytes(63), "too short");
  expect_refused(Bytes(64), "not a RISC-V kernel image");
  expect_refused(image(0x200000, 0x1000, 0, 0x05435353), "not a RISC-V kernel image");
  expect_refused(image(0x200000, 0x1000, 1), "big-endian");
  expect_refused(image(0x200001, 0x1000), "offset");
  expect_refused(image(~std::uint64_t{0} << 12, 0x1000), "offset");
  expect_refused(image(0x200000, 127), "127 bytes of memory");
  expect_refused(image(0x200000, ~std::uint64_t{0}), "bytes of memory");
}

}  // namespace
}  // namespace npim::board
