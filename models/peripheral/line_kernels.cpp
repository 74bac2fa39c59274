#include "peripheral/line_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peripheral/line_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace npim::peripheral::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The inputs of one vector.
template <class D>
HWY_INLINE void sar_vector(D d, const kernels::Sar &sar, const float *HWY_RESTRICT inputs_lsb,
                           const float *HWY_RESTRICT normals, std::size_t stride,
                           std::int32_t *HWY_RESTRICT codes) {
  const hn::RebindToSigned<D> di;
  const auto noise = hn::Set(d, sar.noise_lsb);
  auto input = hn::Add(hn::LoadU(d, inputs_lsb), hn::Set(d, 0.5F));
  if (sar.draws == 1) input = hn::Add(input, hn::Mul(noise, hn::LoadU(d, normals)));
  const bool decides = sar.draws > 1;
  auto level = hn::Zero(d);
  auto code = hn::Zero(di);
  for (int bit = 0; bit < sar.bits; ++bit) {
    const auto weight = hn::Set(d, sar.weights_lsb[bit]);
    auto margin = hn::Sub(input, hn::Add(level, weight));
    if (decides) {
      const float *normal = normals + static_cast<std::size_t>(bit) * stride;
      margin = hn::Add(margin, hn::Mul(noise, hn::LoadU(d, normal)));
    }
    const auto is_kept = hn::Ge(margin, hn::Zero(d));
    level = hn::Add(level, hn::IfThenElseZero(is_kept, weight));
    // A mask is -1 in every lane where it holds.
    code = hn::Sub(hn::Add(code, code), hn::VecFromMask(di, hn::RebindMask(di, is_kept)));
  }
  hn::StoreU(code, di, codes);
}

void sar_codes(const kernels::Sar &sar, const float *HWY_RESTRICT inputs_lsb,
               const float *HWY_RESTRICT normals, std::size_t stride, std::size_t count,
               std::int32_t *HWY_RESTRICT codes) {
  const hn::CappedTag<float, 16> wide;
  const hn::CappedTag<float, 1> one;
  std::size_t i = 0;
  for (; i + hn::Lanes(wide) <= count; i += hn::Lanes(wide)) {
    sar_vector(wide, sar, inputs_lsb + i, normals + i, stride, codes + i);
  }
  for (; i < count; ++i) sar_vector(one, sar, inputs_lsb + i, normals + i, stride, codes + i);
}

}  // namespace npim::peripheral::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace npim::peripheral::kernels {

HWY_EXPORT(sar_codes);

void sar_codes(const Sar &sar, const float *inputs_lsb, const float *normals, std::size_t stride,
               std::size_t count, std::int32_t *codes) {
  HWY_DYNAMIC_DISPATCH(sar_codes)(sar, inputs_lsb, normals, stride, count, codes);
}

}  // namespace npim::peripheral::kernels
#endif
