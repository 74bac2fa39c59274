// Vector kernels of the crossbar, compiled for several instruction sets and chosen at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace npim::crossbar {

constexpr std::size_t kMostRows = 512;
constexpr std::size_t kRowPadding = 32;  ///< 16-bit lanes of the widest vector that is used

/// Distance between the columns of the folded weights: the kernel reads whole vectors.
constexpr std::size_t padded_rows(int rows) {
  return (static_cast<std::size_t>(rows) + kRowPadding - 1) / kRowPadding * kRowPadding;
}

namespace kernels {

/// products[v] = sum over row < rows of inputs[row] * weights[v * stride + row], exactly, for
/// inputs 0 .. 255 and weights -255 .. 255. rows <= kMostRows and rows <= stride; stride is a
/// multiple of kRowPadding.
void dot_products(const std::uint8_t *inputs, std::size_t rows, const std::int16_t *weights,
                  std::size_t stride, std::size_t vectors, std::int32_t *products);

}  // namespace kernels
}  // namespace npim::crossbar
