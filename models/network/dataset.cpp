#include "network/dataset.h"

#include "base/error.h"
#include "base/file.h"

namespace npim::network {
namespace {

constexpr std::size_t kCifarPixels = 32 * 32;
constexpr std::size_t kCifarRecord = 1 + 3 * kCifarPixels;
constexpr std::uint32_t kMaximumExtent = 1 << 16;

std::uint32_t get_big_endian(ByteReader &reader) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | reader.get<std::uint8_t>();
  return value;
}

bool has_idx_header(const Bytes &content) {
  return content.size() >= 4 && content[0] == 0 && content[1] == 0 && content[2] == 8;
}

/// The extents of an IDX file of unsigned bytes, checked against the bytes that follow.
std::vector<std::uint32_t> get_idx_extents(ByteReader &reader, std::size_t lowest_rank,
                                           std::size_t highest_rank) {
  const auto magic = get_big_endian(reader);
  if (magic >> 16 != 0) reader.fail("is not an IDX file");
  if ((magic >> 8 & 0xff) != 8) reader.fail("IDX elements are not unsigned bytes");
  const std::size_t rank = magic & 0xff;
  if (rank < lowest_rank || rank > highest_rank) {
    reader.fail("IDX rank is " + std::to_string(rank) + " instead of " +
                std::to_string(lowest_rank) +
                (lowest_rank == highest_rank ? "" : " to " + std::to_string(highest_rank)));
  }
  std::vector<std::uint32_t> extents;
  std::uint64_t elements = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    const auto extent = get_big_endian(reader);
    if (i > 0 && (extent == 0 || extent > kMaximumExtent)) {
      reader.fail("extent " + std::to_string(extent) + " of an image is not usable");
    }
    // Compare before multiplying on: the product stays below 2^31 * 2^32.
    elements *= extent;
    if (elements > (std::uint64_t{1} << 31)) reader.fail("extents exceed 2 GiB");
    extents.push_back(extent);
  }
  if (elements > reader.remaining()) {
    reader.fail("truncated: " + std::to_string(elements) + " bytes announced, " +
                std::to_string(reader.remaining()) + " left");
  }
  if (elements < reader.remaining()) {
    reader.fail(std::to_string(reader.remaining() - elements) + " bytes follow the data");
  }
  return extents;
}

bool ends_with(const std::string &text, const std::string &ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

bool is_cifar(const Bytes &content, const std::string &path) {
  if (content.empty() || content.size() % kCifarRecord != 0) return false;
  return ends_with(path, ".bin") || !has_idx_header(content);
}

}  // namespace

LabelledImages parse_idx_images(const Bytes &content, const std::string &name) {
  ByteReader reader(content, name);
  const auto extents = get_idx_extents(reader, 3, 4);
  LabelledImages images;
  images.count = static_cast<std::int32_t>(extents[0]);
  images.height = static_cast<std::int32_t>(extents[1]);
  images.width = static_cast<std::int32_t>(extents[2]);
  images.channels = extents.size() == 4 ? static_cast<std::int32_t>(extents[3]) : 1;
  if (images.count == 0) reader.fail("holds no images");
  images.pixels.assign(content.begin() + static_cast<std::ptrdiff_t>(reader.offset()),
                       content.end());
  return images;
}

std::vector<std::uint8_t> parse_idx_labels(const Bytes &content, const std::string &name) {
  ByteReader reader(content, name);
  get_idx_extents(reader, 1, 1);
  return {content.begin() + static_cast<std::ptrdiff_t>(reader.offset()), content.end()};
}

LabelledImages parse_cifar(const Bytes &content, const std::string &name) {
  if (content.empty() || content.size() % kCifarRecord != 0) {
    throw InputError(name, "size " + std::to_string(content.size()) +
                               " is not a multiple of a CIFAR record's 3073 bytes");
  }
  LabelledImages images;
  images.count = static_cast<std::int32_t>(content.size() / kCifarRecord);
  images.height = images.width = 32;
  images.channels = 3;
  images.pixels.reserve(content.size());
  for (std::size_t record = 0; record < content.size(); record += kCifarRecord) {
    if (content[record] > 9) {
      throw InputError(name + " at offset " + std::to_string(record),
                       "label " + std::to_string(content[record]) + " is not within 0 .. 9");
    }
    images.labels.push_back(content[record]);
    for (std::size_t pixel = 0; pixel < kCifarPixels; ++pixel) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        images.pixels.push_back(content[record + 1 + channel * kCifarPixels + pixel]);
      }
    }
  }
  return images;
}

LabelledImages load_images(const std::string &images_path, const std::string &labels_path) {
  const Bytes content = read_file_maybe_gzip(images_path);
  if (is_cifar(content, images_path)) {
    if (!labels_path.empty()) {
      throw InputError(labels_path, images_path + " is a CIFAR batch and carries its own labels");
    }
    return parse_cifar(content, images_path);
  }
  if (!has_idx_header(content)) {
    throw InputError(images_path, "is neither an IDX file nor a CIFAR batch");
  }
  LabelledImages images = parse_idx_images(content, images_path);
  if (labels_path.empty()) return images;
  images.labels = parse_idx_labels(read_file_maybe_gzip(labels_path), labels_path);
  if (images.labels.size() != static_cast<std::size_t>(images.count)) {
    throw InputError(labels_path, "holds " + std::to_string(images.labels.size()) + " labels for " +
                                      std::to_string(images.count) + " images of " + images_path);
  }
  return images;
}

}  // namespace npim::network
