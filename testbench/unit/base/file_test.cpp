#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>

#include "base/bytes.h"

namespace npim {
namespace {

struct TemporaryFile {
  std::string path =
      (std::filesystem::temp_directory_path() / ("npim_base_test_" + std::to_string(::getpid())))
          .string();
  ~TemporaryFile() { std::remove(path.c_str()); }
};

std::string message_of(const std::function<void()> &action) {
  try {
    action();
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

// "hello" as gzip stores it, written out by hand: header, one stored block, CRC-32, length.
const Bytes kHelloGzip = {0x1f, 0x8b, 8,   0,   0,   0,   0,    0,    0,    3,    1, 5, 0, 0xfa,
                          0xff, 'h',  'e', 'l', 'l', 'o', 0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0};

TEST(File, ChecksumIsTheStandardOne) {
  const std::string text = "123456789";
  EXPECT_EQ(crc32(reinterpret_cast<const std::uint8_t *>(text.data()), text.size()), 0xcbf43926u);
  EXPECT_EQ(crc32(nullptr, 0), 0u);
}

TEST(File, WritesAndReadsBack) {
  TemporaryFile file;
  write_file(file.path, std::string("abc"));
  EXPECT_EQ(read_file(file.path), (Bytes{'a', 'b', 'c'}));
  EXPECT_FALSE(std::filesystem::exists(file.path + ".part"));
}

TEST(File, DecompressesGzipAndLeavesOthersAlone) {
  TemporaryFile file;
  write_file(file.path, kHelloGzip);
  EXPECT_EQ(read_file_maybe_gzip(file.path), (Bytes{'h', 'e', 'l', 'l', 'o'}));
  EXPECT_EQ(read_file(file.path), kHelloGzip);
  write_file(file.path, std::string("hello"));
  EXPECT_EQ(read_file_maybe_gzip(file.path), (Bytes{'h', 'e', 'l', 'l', 'o'}));
}

TEST(File, RefusesEveryTruncationOfAGzipStream) {
  TemporaryFile file;
  for (std::size_t size = 2; size < kHelloGzip.size(); ++size) {
    write_file(file.path, Bytes(kHelloGzip.begin(), kHelloGzip.begin() + std::ptrdiff_t(size)));
    EXPECT_THROW(read_file_maybe_gzip(file.path), InputError) << size << " bytes";
  }
}

TEST(File, RefusesADamagedGzipStream) {
  TemporaryFile file;
  Bytes damaged = kHelloGzip;
  damaged[15] ^= 1;
  write_file(file.path, damaged);
  EXPECT_THROW(read_file_maybe_gzip(file.path), InputError);
}

TEST(File, NamesThePathThatCannotBeUsed) {
  EXPECT_NE(message_of([] { read_file("/no/such/file"); }).find("/no/such/file"),
            std::string::npos);
  EXPECT_NE(message_of([] { read_file("/tmp"); }).find("folder"), std::string::npos);
  EXPECT_NE(message_of([] { write_file("/no/such/file", Bytes{}); }).find("/no/such/file"),
            std::string::npos);
}

TEST(File, HoldsTheSizeLimit) {
  TemporaryFile file;
  write_file(file.path, std::string("hello"));
  EXPECT_NO_THROW(read_file(file.path, 5));
  EXPECT_THROW(read_file(file.path, 4), InputError);
  write_file(file.path, kHelloGzip);
  EXPECT_THROW(read_file_maybe_gzip(file.path, 4), InputError);
}

TEST(Bytes, RoundTripLittleEndian) {
  ByteWriter out;
  out.put(std::uint16_t{0x1234});
  out.put(std::int64_t{-2});
  out.put_text("abc");
  out.align(8);
  const Bytes bytes = out.take();
  EXPECT_EQ(bytes[0], 0x34);
  EXPECT_EQ(bytes.size() % 8, 0u);
  ByteReader in(bytes, "buffer");
  EXPECT_EQ(in.get<std::uint16_t>(), 0x1234);
  EXPECT_EQ(in.get<std::int64_t>(), -2);
  EXPECT_EQ(in.get_text(), "abc");
}

TEST(Bytes, ReadingBeyondTheEndNamesBufferAndOffset) {
  const Bytes bytes = {1, 2, 3};
  ByteReader in(bytes, "buffer");
  in.skip(2);
  const std::string message = message_of([&] { in.get<std::uint32_t>(); });
  EXPECT_NE(message.find("buffer at offset 2"), std::string::npos) << message;
  EXPECT_THROW(in.require(~std::size_t{0}), InputError);
}

TEST(Bytes, RefusesAStringLongerThanItsLimitBeforeAllocating) {
  const Bytes bytes = {0xff, 0xff, 0xff, 0x7f, 'a'};
  ByteReader in(bytes, "buffer");
  EXPECT_THROW(in.get_text(), InputError);
}

TEST(File, WritesToDevicesWithoutReplacingThem) {
  EXPECT_NE(message_of([] { write_file("/dev/full", std::string("hello")); }).find("/dev/full"),
            std::string::npos);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  write_file("/dev/null", std::string("hello"));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(File, ReplacesWhatALinkPointsTo) {
  const TemporaryFile file;
  const std::string link = file.path + ".link";
  write_file(file.path, std::string("old"));
  std::filesystem::create_symlink(file.path, link);
  write_file(link, std::string("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(read_file(file.path), read_file(link));
  EXPECT_EQ(read_file(file.path).size(), 3u);
  EXPECT_EQ(read_file(file.path)[0], 'n');
  std::filesystem::remove(link);
}

}  // namespace
}  // namespace npim
