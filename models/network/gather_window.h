// The inputs of one dot product: what a convolution's window covers of the image.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "network/quantised.h"

namespace npim::network {

/// Where a convolution's windows lie in its input.
struct WindowSource {
  TensorShape shape;  ///< of the input
  Window window;
  std::int32_t groups = 1;
  std::uint8_t pad_value = 0;
  std::int32_t group_channels() const { return shape.channels / groups; }
  /// Rows of one group's flattened kernel.
  std::int32_t rows() const {
    return window.kernel_height * window.kernel_width * group_channels();
  }
};

/// The window of output pixel (y, x) of an HWC image, as [group][kernel y][kernel x][channel of the
/// group]: groups * rows() values. Taps in the padding are pad_value.
template <typename Value>
void gather_window(const WindowSource &source, const std::int32_t *image, std::int32_t y,
                   std::int32_t x, Value *to) {
  const TensorShape &shape = source.shape;
  const std::int32_t channels = source.group_channels(), rows = source.rows();
  for (std::int32_t ky = 0; ky < source.window.kernel_height; ++ky) {
    const std::int64_t in_y = source.window.input_row(y, ky);
    for (std::int32_t kx = 0; kx < source.window.kernel_width; ++kx, to += channels) {
      const std::int64_t in_x = source.window.input_column(x, kx);
      const bool is_inside = in_y >= 0 && in_y < shape.height && in_x >= 0 && in_x < shape.width;
      const std::int32_t *pixel =
          is_inside ? image + (in_y * shape.width + in_x) * shape.channels : nullptr;
      for (std::int32_t group = 0; group < source.groups; ++group) {
        Value *tap = to + std::ptrdiff_t{group} * rows;
        if (pixel != nullptr) {
          std::transform(pixel + std::ptrdiff_t{group} * channels,
                         pixel + std::ptrdiff_t{group + 1} * channels, tap,
                         [](std::int32_t value) { return static_cast<Value>(value); });
        } else {
          std::fill_n(tap, channels, static_cast<Value>(source.pad_value));
        }
      }
    }
  }
}

}  // namespace npim::network
