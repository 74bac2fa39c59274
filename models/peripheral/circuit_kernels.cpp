#include "peripheral/circuit_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "peripheral/circuit_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace npim::peripheral::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;
constexpr std::size_t kBlock = 16;

/// Straight pieces, the end ones without end.
template <class D>
struct Curve {
  explicit HWY_INLINE Curve(const CurveTable &table)
      : value(table.value_v()),
        change(table.change_v()),
        last(hn::Set(D(), static_cast<float>(table.pieces() - 1))) {}

  HWY_INLINE hn::Vec<D> at(hn::Vec<D> position) const {
    const D d;
    const hn::RebindToSigned<D> di;
    const auto inside = hn::Min(hn::Max(position, hn::Zero(d)), last);
    const auto piece = hn::ConvertTo(di, inside);
    const auto part = hn::Sub(position, hn::ConvertTo(d, piece));
    return hn::Add(hn::GatherIndex(d, value, piece),
                   hn::Mul(part, hn::GatherIndex(d, change, piece)));
  }

  const float *value, *change;
  hn::Vec<D> last;
};

template <class D>
HWY_INLINE hn::Vec<D> multiply_add(float factor, hn::Vec<D> value, hn::Vec<D> sum) {
  return hn::Add(sum, hn::Mul(hn::Set(D(), factor), value));
}

/// Samples of one vector. kLines, kDigital, kEnds: as in parts, or 0 for any number.
template <std::size_t kLines, std::size_t kDigital, std::size_t kEnds, class D>
HWY_INLINE void run_vector(D d, const NetworkCircuit::Parts &p, const float *HWY_RESTRICT analog,
                           const float *HWY_RESTRICT digital, std::size_t stride,
                           float *HWY_RESTRICT outputs) {
  const std::size_t lines = kEnds != 0 ? kLines : 2 * p.analog;
  const std::size_t bits = kEnds != 0 ? kDigital : p.digital;
  const std::size_t ends = kEnds != 0 ? kEnds : p.end_count;
  hn::Vec<D> line[kEnds != 0 ? std::max<std::size_t>(kLines, 1) : kernels::kMostLines];
  hn::Vec<D> bit[kEnds != 0 ? std::max<std::size_t>(kDigital, 1) : kernels::kMostDigital];
  hn::Vec<D> end[kEnds != 0 ? kEnds : kernels::kMostEnds];
  const Curve<D> follower(*p.follower), neuron(*p.neuron);
  for (std::size_t l = 0; l < lines; ++l) {
    const auto x = hn::LoadU(d, analog + p.sources[l / 2] * stride);
    line[l] = follower.at(multiply_add<D>(p.lines[2 * l], x, hn::Set(d, p.lines[2 * l + 1])));
  }
  for (std::size_t k = 0; k < bits; ++k) bit[k] = hn::LoadU(d, digital + k * stride);
  for (std::size_t e = 0; e < ends; ++e) end[e] = hn::Set(d, p.end_offset[e]);
  const float *into = p.hidden;
  const float *out_of = p.ends;
  for (std::size_t c = 0; c < p.columns; ++c) {
    auto position = hn::Set(d, *into++);
    for (std::size_t l = 0; l < lines; ++l) position = multiply_add<D>(*into++, line[l], position);
    for (std::size_t k = 0; k < bits; ++k) position = multiply_add<D>(*into++, bit[k], position);
    const auto hidden = neuron.at(position);
    for (std::size_t e = 0; e < ends; ++e) end[e] = multiply_add<D>(*out_of++, hidden, end[e]);
  }
  if (p.end == nullptr) {
    for (std::size_t e = 0; e < ends; ++e) hn::StoreU(end[e], d, outputs + e * stride);
    return;
  }
  const Curve<D> last(*p.end);
  for (std::size_t o = 0; 2 * o < ends; ++o) {
    auto sum = hn::Set(d, p.end_output[o]);
    sum = multiply_add<D>(p.end_factor[2 * o], last.at(end[2 * o]), sum);
    sum = multiply_add<D>(p.end_factor[2 * o + 1], last.at(end[2 * o + 1]), sum);
    hn::StoreU(sum, d, outputs + o * stride);
  }
}

/// The rest of a batch, in a block of its own.
template <std::size_t kLines, std::size_t kDigital, std::size_t kEnds>
HWY_NOINLINE void run_rest(const NetworkCircuit::Parts &p, const float *analog,
                           const float *digital, std::size_t stride, std::size_t count,
                           float *outputs) {
  const Wide d;
  HWY_ALIGN float in[kernels::kMostLines / 2 * kBlock] = {};
  HWY_ALIGN float bits[kernels::kMostDigital * kBlock] = {};
  HWY_ALIGN float out[kernels::kMostEnds * kBlock];
  for (std::size_t i = 0; i < p.analog; ++i) {
    const float *from = analog + p.sources[i] * stride;
    std::copy(from, from + count, in + p.sources[i] * kBlock);
  }
  for (std::size_t k = 0; k < p.digital; ++k) {
    std::copy(digital + k * stride, digital + k * stride + count, bits + k * kBlock);
  }
  if (count <= kBlock / 2 && hn::Lanes(d) == kBlock) {
    run_vector<kLines, kDigital, kEnds>(hn::CappedTag<float, kBlock / 2>(), p, in, bits, kBlock,
                                        out);
  } else {
    for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
      run_vector<kLines, kDigital, kEnds>(d, p, in + i, bits + i, kBlock, out + i);
    }
  }
  for (std::size_t o = 0; o < p.outputs; ++o) {
    std::copy(out + o * kBlock, out + o * kBlock + count, outputs + o * stride);
  }
}

template <std::size_t kLines, std::size_t kDigital, std::size_t kEnds>
HWY_INLINE void run_all(const NetworkCircuit::Parts &p, const float *analog, const float *digital,
                        std::size_t stride, std::size_t count, float *outputs) {
  const Wide d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    run_vector<kLines, kDigital, kEnds>(d, p, analog + i, digital + i, stride, outputs + i);
  }
  if (i < count) {
    run_rest<kLines, kDigital, kEnds>(p, analog + i, digital + i, stride, count - i, outputs + i);
  }
}

void run_network(const NetworkCircuit::Parts &p, const float *analog, const float *digital,
                 std::size_t stride, std::size_t count, float *outputs) {
  const auto is = [&](std::size_t lines, std::size_t bits, std::size_t ends) {
    return 2 * p.analog == lines && p.digital == bits && p.end_count == ends;
  };
  if (is(18, 0, 2)) return run_all<18, 0, 2>(p, analog, digital, stride, count, outputs);
  if (is(4, 8, 2)) return run_all<4, 8, 2>(p, analog, digital, stride, count, outputs);
  if (is(2, 0, 8)) return run_all<2, 0, 8>(p, analog, digital, stride, count, outputs);
  if (is(2, 0, 4)) return run_all<2, 0, 4>(p, analog, digital, stride, count, outputs);
  run_all<0, 0, 0>(p, analog, digital, stride, count, outputs);
}

void take_over(const float *HWY_RESTRICT sums_v, const float *HWY_RESTRICT normals, float keep,
               float take, float noise_v, std::size_t count, float *HWY_RESTRICT held_v) {
  for (std::size_t i = 0; i < count; ++i) held_v[i] = keep * held_v[i] + take * sums_v[i];
  if (normals == nullptr) return;
  for (std::size_t i = 0; i < count; ++i) held_v[i] += noise_v * normals[i];
}

void decide(float *HWY_RESTRICT outputs, const float *HWY_RESTRICT offsets_v, std::size_t decisions,
            std::size_t stride, std::size_t count, float weight, float *HWY_RESTRICT codes) {
  for (std::size_t k = 0; k < decisions; ++k) {
    float *row = outputs + k * stride;
    const float offset = offsets_v[k];
    for (std::size_t i = 0; i < count; ++i) {
      row[i] = row[i] + offset > 0 ? 1.0F : -1.0F;
      codes[i] += 0.5F * weight * row[i];
    }
  }
}

void round_codes(const float *HWY_RESTRICT values, std::size_t count, std::int32_t highest,
                 std::int32_t *HWY_RESTRICT codes) {
  // Values are whole numbers already: each stage and the flash converter have an even number of
  // decisions.
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = std::clamp(static_cast<std::int32_t>(values[i]), -highest, highest);
  }
}

/// Calls use(vector's tag, first sample) for whole vectors and then for single samples.
template <class Use>
HWY_INLINE void each_vector(std::size_t count, const Use &use) {
  const Wide d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) use(d, i);
  for (; i < count; ++i) use(hn::CappedTag<float, 1>(), i);
}

void add_errors(const kernels::ErrorPieces &errors, const float *ideal_v, const float *normals,
                std::size_t count, float *held_v) {
  each_vector(count, [&](auto d, std::size_t i) {
    const hn::RebindToSigned<decltype(d)> di;
    const auto ideal = hn::LoadU(d, ideal_v + i);
    const auto position =
        hn::Mul(hn::Sub(ideal, hn::Set(d, errors.low_v)), hn::Set(d, errors.pieces_per_v));
    const auto last = hn::Set(d, static_cast<float>(errors.pieces - 1));
    const auto piece = hn::ConvertTo(di, hn::Min(hn::Max(position, hn::Zero(d)), last));
    const auto part = hn::Sub(position, hn::ConvertTo(d, piece));
    const auto at = [&](const float *values, const float *changes) {
      return hn::Add(hn::GatherIndex(d, values, piece),
                     hn::Mul(part, hn::GatherIndex(d, changes, piece)));
    };
    const auto mean = at(errors.mean_v, errors.mean_change_v);
    const auto spread = hn::Max(at(errors.spread_v, errors.spread_change_v), hn::Zero(d));
    const auto noise = hn::Mul(spread, hn::LoadU(d, normals + i));
    hn::StoreU(hn::Add(hn::Add(ideal, mean), noise), d, held_v + i);
  });
}

void look_up_codes(const std::int8_t *table, std::size_t steps, float low_v, float steps_per_v,
                   const float *inputs_v, std::size_t count, std::int32_t *codes) {
  each_vector(count, [&](auto d, std::size_t i) {
    const hn::RebindToSigned<decltype(d)> di;
    const auto position =
        hn::Mul(hn::Sub(hn::LoadU(d, inputs_v + i), hn::Set(d, low_v)), hn::Set(d, steps_per_v));
    const auto last = hn::Set(d, static_cast<float>(steps - 1));
    const auto step = hn::ConvertTo(di, hn::Min(hn::Max(position, hn::Zero(d)), last));
    // The code is the lowest byte of four.
    const auto bytes = hn::GatherOffset(di, reinterpret_cast<const std::int32_t *>(table), step);
    hn::StoreU(hn::ShiftRight<24>(hn::ShiftLeft<24>(bytes)), di, codes + i);
  });
}

}  // namespace npim::peripheral::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace npim::peripheral::kernels {

HWY_EXPORT(run_network);
HWY_EXPORT(take_over);
HWY_EXPORT(decide);
HWY_EXPORT(round_codes);
HWY_EXPORT(add_errors);
HWY_EXPORT(look_up_codes);

void run_network(const NetworkCircuit::Parts &parts, const float *analog, const float *digital,
                 std::size_t stride, std::size_t count, float *outputs) {
  HWY_DYNAMIC_DISPATCH(run_network)(parts, analog, digital, stride, count, outputs);
}

void take_over(const float *sums_v, const float *normals, float keep, float take, float noise_v,
               std::size_t count, float *held_v) {
  HWY_DYNAMIC_DISPATCH(take_over)(sums_v, normals, keep, take, noise_v, count, held_v);
}

void decide(float *outputs, const float *offsets_v, std::size_t decisions, std::size_t stride,
            std::size_t count, float weight, float *codes) {
  HWY_DYNAMIC_DISPATCH(decide)(outputs, offsets_v, decisions, stride, count, weight, codes);
}

void round_codes(const float *values, std::size_t count, std::int32_t highest,
                 std::int32_t *codes) {
  HWY_DYNAMIC_DISPATCH(round_codes)(values, count, highest, codes);
}

void add_errors(const ErrorPieces &errors, const float *ideal_v, const float *normals,
                std::size_t count, float *held_v) {
  HWY_DYNAMIC_DISPATCH(add_errors)(errors, ideal_v, normals, count, held_v);
}

void look_up_codes(const std::int8_t *table, std::size_t steps, float low_v, float steps_per_v,
                   const float *inputs_v, std::size_t count, std::int32_t *codes) {
  HWY_DYNAMIC_DISPATCH(look_up_codes)(table, steps, low_v, steps_per_v, inputs_v, count, codes);
}

}  // namespace npim::peripheral::kernels
#endif
