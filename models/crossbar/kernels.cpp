#include "crossbar/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "crossbar/kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace npim::crossbar::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 16-bit products are added in pairs to 32 bits: no saturation for 255 * -128 twice, unlike the
// 8-bit multiply-add of x86.
void dot_products(const std::uint8_t *HWY_RESTRICT inputs, std::size_t rows,
                  const std::int16_t *HWY_RESTRICT weights, std::size_t stride, std::size_t vectors,
                  std::int32_t *HWY_RESTRICT products) {
  const hn::CappedTag<std::int16_t, kRowPadding> d16;
  const hn::Repartition<std::int32_t, decltype(d16)> d32;
  const std::size_t lanes = hn::Lanes(d16);
  const std::size_t padded = (rows + lanes - 1) / lanes * lanes;
  HWY_ALIGN std::int16_t wide[kMostRows];
  for (std::size_t row = 0; row < rows; ++row) wide[row] = inputs[row];
  for (std::size_t row = rows; row < padded; ++row) wide[row] = 0;
  for (std::size_t v = 0; v < vectors; ++v) {
    const std::int16_t *HWY_RESTRICT column = weights + v * stride;
    auto even = hn::Zero(d32);
    auto odd = hn::Zero(d32);
    for (std::size_t row = 0; row < padded; row += lanes) {
      even = hn::ReorderWidenMulAccumulate(d32, hn::Load(d16, wide + row),
                                           hn::LoadU(d16, column + row), even, odd);
    }
    products[v] = hn::GetLane(hn::SumOfLanes(d32, hn::Add(even, odd)));
  }
}

}  // namespace npim::crossbar::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace npim::crossbar::kernels {

HWY_EXPORT(dot_products);

void dot_products(const std::uint8_t *inputs, std::size_t rows, const std::int16_t *weights,
                  std::size_t stride, std::size_t vectors, std::int32_t *products) {
  HWY_DYNAMIC_DISPATCH(dot_products)(inputs, rows, weights, stride, vectors, products);
}

}  // namespace npim::crossbar::kernels
#endif
