// Labelled image sets in the two formats of the well-known small benchmarks: IDX (MNIST and its
// relatives; big-endian header, also gzip) and the CIFAR-10 binary batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace npim::network {

/// Images as bytes, each height x width x channels (HWC). `labels` is empty when there are none.
struct LabelledImages {
  std::int32_t count = 0;
  std::int32_t height = 0, width = 0, channels = 0;
  Bytes pixels;
  std::vector<std::uint8_t> labels;

  std::size_t image_bytes() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
           static_cast<std::size_t>(channels);
  }
  const std::uint8_t *image(std::int32_t index) const {
    return pixels.data() + static_cast<std::size_t>(index) * image_bytes();
  }
};

/// Reads an image file and, if `labels_path` is not empty, its IDX label file. A CIFAR batch (label
/// byte, then 3 x 32 x 32 pixels, channel-major) is recognised by the extension .bin or the lack of
/// an IDX header, together with a size that is a multiple of its record, and brings its labels
/// along. Throws InputError naming the file on damage, truncation or different numbers of images
/// and labels.
LabelledImages load_images(const std::string &images_path, const std::string &labels_path = "");

/// IDX content with unsigned bytes of rank 3 (count, height, width) or 4 (and channels).
LabelledImages parse_idx_images(const Bytes &content, const std::string &name);
/// IDX content with unsigned bytes of rank 1.
std::vector<std::uint8_t> parse_idx_labels(const Bytes &content, const std::string &name);
/// CIFAR-10 binary records.
LabelledImages parse_cifar(const Bytes &content, const std::string &name);

}  // namespace npim::network
