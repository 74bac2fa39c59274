// The generated register map: the committed firmware files are those that the generator writes, the
// tables are consistent, records survive a round trip, and mistakes in a map are refused.
#include "abi/npim_abi.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace npim::abi {
namespace {

const std::string kMap = NPIM_SOURCE_DIR "/models/abi/npim_abi.json";
const std::string kFirmwareInclude = NPIM_SOURCE_DIR "/firmware/include/npim/";

std::string content(const std::string &path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class Scratch : public ::testing::Test {
 protected:
  Scratch() {
    char name[] = "/tmp/npim_abi_XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~Scratch() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string &name) const { return folder_ + "/" + name; }
  /// Exit status of the generator; its messages are in message().
  int generate(const std::string &arguments) const {
    const std::string command =
        NPIM_BINARY_DIR "/npim_abi_generator " + arguments + " 2> " + path("message");
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string message() const { return content(path("message")); }
  /// The project's map with `from` replaced by `to` once.
  std::string changed_map(const std::string &from, const std::string &to) const {
    std::string text = content(kMap);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    std::ofstream(path("map.json")) << text;
    return path("map.json");
  }
  void expect_refused(const std::string &from, const std::string &to,
                      const std::string &why) const {
    EXPECT_EQ(generate(changed_map(from, to)), 2) << to;
    EXPECT_NE(message().find(why), std::string::npos) << message();
  }

 private:
  std::string folder_;
};

TEST_F(Scratch, CommittedFirmwareFilesAreUpToDate) {
  ASSERT_EQ(generate(kMap + " --c " + path("regs.h") + " --reference " + path("page.md")), 0)
      << message();
  EXPECT_EQ(content(path("regs.h")), content(kFirmwareInclude + "regs.h"))
      << "run: ninja abi_files";
  EXPECT_EQ(content(path("page.md")), content(kFirmwareInclude + "REGISTERS.md"))
      << "run: ninja abi_files";
}

TEST_F(Scratch, MistakesInTheMapAreRefused) {
  expect_refused("\"reset\": \"0x4d49504e\"", "\"resett\": \"0x4d49504e\"", "reset");
  expect_refused("\"offset\": \"0x004\"", "\"offset\": \"0x000\"", "overlaps");
  expect_refused("\"offset\": \"0x004\"", "\"offset\": \"0x002\"", "aligned");
  expect_refused("\"offset\": \"0x0c0\"", "\"offset\": \"0x1000\"", "too large");
  expect_refused("\"name\": \"VERSION\"", "\"name\": \"ID\"", "twice");
  expect_refused("\"name\": \"MAJOR\", \"lsb\": 16", "\"name\": \"MAJOR\", \"lsb\": 15",
                 "overlaps");
  expect_refused("\"name\": \"MAJOR\", \"lsb\": 16, \"bits\": 16",
                 "\"name\": \"MAJOR\", \"lsb\": 16, \"bits\": 17", "bits");
  expect_refused("\"name\": \"LOAD_CONTROL\", \"value\": 2",
                 "\"name\": \"LOAD_CONTROL\", \"value\": 1", "is taken");
  expect_refused("{\"name\": \"flags\", \"type\": \"u8\"}",
                 "{\"name\": \"flags\", \"type\": \"u16\"}", "aligned");
  expect_refused("\"name\": \"descriptor\", \"bytes\": 64",
                 "\"name\": \"descriptor\", \"bytes\": 56", "take 64 bytes");
  expect_refused("\"access\": \"w1c\"", "\"access\": \"w1s\"", "access");
  expect_refused("\"name\": \"NOP\"", "\"name\": \"no op\"", "CAPITALS");
}

TEST_F(Scratch, UsageErrorsEndWithStatusTwo) {
  EXPECT_EQ(generate(""), 2);
  EXPECT_EQ(generate("/nonexistent.json"), 2);
  EXPECT_EQ(generate(kMap + " --pascal " + path("x")), 2);
  EXPECT_NE(message().find("--pascal"), std::string::npos);
}

TEST(AbiTables, RegistersAreOrderedAlignedAndDistinct) {
  std::uint64_t next = 0;
  std::set<std::string> names;
  for (const auto &reg : kRegisters) {
    EXPECT_GE(reg.offset, next) << reg.name;
    EXPECT_EQ(reg.offset % (reg.bits / 8), 0u) << reg.name;
    EXPECT_TRUE(names.insert(reg.name).second) << reg.name;
    if (reg.access == Access::kReadOnly) {
      EXPECT_EQ(reg.writable_bits, 0u) << reg.name;
    }
    next = reg.offset + reg.bits / 8;
  }
  EXPECT_LE(next, kRegisterBlockBytes);
}

TEST(AbiTables, LookupsAnswerForKnownAndUnknownValues) {
  EXPECT_STREQ(find_register(reg::kQueueTail)->name, "QUEUE_TAIL");
  EXPECT_EQ(find_register(reg::kQueueTail + 1), nullptr);
  EXPECT_STREQ(name(Opcode::kReadBack), "READ_BACK");
  EXPECT_STREQ(name(static_cast<Opcode>(77)), "unknown");
  EXPECT_STREQ(name(Error::kStalled), "STALLED");
  EXPECT_STREQ(text(Error::kNone), "no error");
}

TEST(AbiTables, FieldsPutAndGetTheirBits) {
  EXPECT_EQ(field::kCapImaArraysPerIma.mask(), 0xffff0000u);
  EXPECT_EQ(field::kCapImaArraysPerIma.put(0x12345), 0x23450000u);
  EXPECT_EQ(field::kCapImaArraysPerIma.get(0x00100004), 0x10u);
  EXPECT_TRUE(field::kControlSoftReset.write_only);
  EXPECT_FALSE(field::kControlEnable.write_only);
}

TEST(AbiRecords, DescriptorIsLittleEndianAtItsOffsets) {
  Descriptor d;
  d.opcode = 4;
  d.flags = 1;
  d.tag = 0x1234;
  d.source = 0x0123456789abcdef;
  d.destination_stride = 0xdeadbeef;
  d.region = 3;
  const auto bytes = d.encode();
  EXPECT_EQ(bytes[0], 4);
  EXPECT_EQ(bytes[2], 0x34);
  EXPECT_EQ(bytes[3], 0x12);
  EXPECT_EQ(bytes[8], 0xef);
  EXPECT_EQ(bytes[15], 0x01);
  EXPECT_EQ(bytes[40], 0xef);
  EXPECT_EQ(bytes[52], 3);
  const Descriptor back = Descriptor::decode(bytes.data());
  EXPECT_EQ(back.encode(), bytes);
  EXPECT_EQ(back.source, d.source);
  EXPECT_EQ(back.destination_stride, d.destination_stride);
}

TEST(AbiRecords, CompletionEndsWithItsSequence) {
  Completion c;
  c.sequence = 0xa1b2c3d4;
  c.error = 15;
  const auto bytes = c.encode();
  EXPECT_EQ(bytes[28], 0xd4);
  EXPECT_EQ(bytes[31], 0xa1);
  EXPECT_EQ(bytes[6], 15);
  EXPECT_EQ(Completion::decode(bytes.data()).sequence, c.sequence);
}

}  // namespace
}  // namespace npim::abi
