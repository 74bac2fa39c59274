// The vector code of circuit.h, compiled for several instruction sets and chosen at run time.
// Multiplications and additions stay apart, so that all of them give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "peripheral/circuit.h"

namespace npim::peripheral::kernels {

constexpr std::size_t kMostLines = 32, kMostDigital = 16, kMostEnds = 16;

/// NetworkCircuit::run.
void run_network(const NetworkCircuit::Parts &parts, const float *analog, const float *digital,
                 std::size_t stride, std::size_t count, float *outputs);

/// held = keep * held + take * sum + noise_v * normal; normals may be nullptr.
void take_over(const float *sums_v, const float *normals, float keep, float take, float noise_v,
               std::size_t count, float *held_v);

/// decisions[d * stride + i] = outputs + offset > 0 ? 1 : -1, in place; codes[i] += weight * half
/// of their sum.
void decide(float *outputs, const float *offsets_v, std::size_t decisions, std::size_t stride,
            std::size_t count, float weight, float *codes);

/// Rounded and clamped to +-highest.
void round_codes(const float *values, std::size_t count, std::int32_t highest, std::int32_t *codes);

/// Mean error and spread as straight pieces, the end ones without end.
struct ErrorPieces {
  const float *mean_v, *mean_change_v, *spread_v, *spread_change_v;
  float low_v, pieces_per_v;
  std::int32_t pieces;
};
/// NnsaSurrogate::hold.
void add_errors(const ErrorPieces &errors, const float *ideal_v, const float *normals,
                std::size_t count, float *held_v);

/// codes[i] = table[(inputs_v[i] - low_v) * steps_per_v], clamped to the table, which is followed
/// by three readable bytes.
void look_up_codes(const std::int8_t *table, std::size_t steps, float low_v, float steps_per_v,
                   const float *inputs_v, std::size_t count, std::int32_t *codes);

}  // namespace npim::peripheral::kernels
