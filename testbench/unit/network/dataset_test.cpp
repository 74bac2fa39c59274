#include "network/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"

namespace npim::network {
namespace {

using testing::HasSubstr;

Bytes idx(const std::vector<std::uint32_t> &extents, std::size_t data) {
  Bytes bytes = {0, 0, 8, static_cast<std::uint8_t>(extents.size())};
  for (const std::uint32_t extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<std::uint8_t>(extent >> shift));
    }
  }
  for (std::size_t i = 0; i < data; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  return bytes;
}

std::string message_of(const Bytes &bytes) {
  try {
    parse_idx_images(bytes, "set.idx");
  } catch (const InputError &error) {
    return error.what();
  }
  return "accepted";
}

class Folder : public testing::Test {
 protected:
  Folder() {
    folder_ =
        std::filesystem::temp_directory_path() / ("npim_dataset_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Folder() override { std::filesystem::remove_all(folder_); }
  std::string put(const std::string &name, const Bytes &content) const {
    const std::string path = (folder_ / name).string();
    write_file(path, content);
    return path;
  }
  std::filesystem::path folder_;
};

TEST(Idx, RankThreeAndFour) {
  const auto grey = parse_idx_images(idx({2, 3, 4}, 24), "a");
  EXPECT_EQ(grey.count, 2);
  EXPECT_EQ(grey.height, 3);
  EXPECT_EQ(grey.width, 4);
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.image(1)[0], 12);
  const auto colour = parse_idx_images(idx({2, 1, 2, 3}, 12), "b");
  EXPECT_EQ(colour.channels, 3);
  EXPECT_EQ(colour.image(1)[5], 11);
}

TEST(Idx, RefusesWhatItIsNot) {
  Bytes bytes = idx({2, 3, 4}, 24);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_THAT(message_of(part), HasSubstr("truncated")) << size;
  }
  bytes.push_back(0);
  EXPECT_THAT(message_of(bytes), HasSubstr("1 bytes follow"));
  bytes = idx({2, 3, 4}, 24);
  bytes[2] = 0x0d;
  EXPECT_THAT(message_of(bytes), HasSubstr("not unsigned bytes"));
  bytes[0] = 1;
  EXPECT_THAT(message_of(bytes), HasSubstr("not an IDX file"));
  EXPECT_THAT(message_of(idx({5}, 5)), HasSubstr("rank is 1"));
  EXPECT_THAT(message_of(idx({0, 3, 3}, 0)), HasSubstr("no images"));
  EXPECT_THAT(message_of(idx({1, 0, 3}, 0)), HasSubstr("extent 0"));
}

TEST(Idx, HugeExtentsAllocateNothing) {
  EXPECT_THAT(message_of(idx({0xffffffff, 28, 28}, 100)), HasSubstr("2 GiB"));
  EXPECT_THAT(message_of(idx({0x10000, 0x10000, 0x10000}, 100)), HasSubstr("2 GiB"));
  EXPECT_THAT(message_of(idx({1, 0xffffffff, 0xffffffff}, 100)), HasSubstr("not usable"));
  EXPECT_THAT(message_of(idx({1000000, 28, 28}, 100)), HasSubstr("truncated"));
}

TEST_F(Folder, LabelsMustBeAsManyAsImages) {
  const auto images = put("images", idx({3, 2, 2}, 12));
  EXPECT_EQ(load_images(images, put("labels", idx({3}, 3))).labels,
            (std::vector<std::uint8_t>{0, 1, 2}));
  EXPECT_TRUE(load_images(images).labels.empty());
  try {
    load_images(images, put("four", idx({4}, 4)));
    FAIL();
  } catch (const InputError &error) {
    EXPECT_THAT(error.what(), HasSubstr("4 labels for 3 images"));
  }
  EXPECT_THROW(load_images(images, put("rank", idx({3, 1, 1}, 3))), InputError);
}

TEST_F(Folder, CifarIsReorderedToChannelsLast) {
  Bytes record(2 * 3073, 0);
  record[0] = 7;
  record[1] = 11;         // red of pixel 0
  record[1 + 1024] = 12;  // green of pixel 0
  record[1 + 2048] = 13;  // blue of pixel 0
  record[1 + 33] = 21;    // red of pixel (1, 1)
  record[3073] = 9;
  const auto set = load_images(put("batch.bin", record));
  EXPECT_EQ(set.count, 2);
  EXPECT_EQ(set.labels, (std::vector<std::uint8_t>{7, 9}));
  EXPECT_EQ(set.image(0)[0], 11);
  EXPECT_EQ(set.image(0)[1], 12);
  EXPECT_EQ(set.image(0)[2], 13);
  EXPECT_EQ(set.image(0)[33 * 3], 21);
  record[3073] = 10;
  EXPECT_THROW(load_images(put("label.bin", record)), InputError);
  record.pop_back();
  EXPECT_THROW(load_images(put("short.bin", record)), InputError);
  EXPECT_THROW(load_images(put("text", Bytes{'h', 'e', 'l', 'l', 'o'})), InputError);
  EXPECT_THROW(load_images((folder_ / "absent").string()), InputError);
}

TEST(Mnist, ReadsThePublishedFiles) {
  const std::string folder = NPIM_SOURCE_DIR "/../shared/data/mnist/";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  const auto set =
      load_images(folder + "t10k-images-idx3-ubyte.gz", folder + "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(set.count, 2000);
  EXPECT_EQ(set.height, 28);
  EXPECT_EQ(set.labels[0], 7);  // the well-known first test image
}

}  // namespace
}  // namespace npim::network
