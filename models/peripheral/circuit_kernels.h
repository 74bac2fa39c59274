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

}  // namespace npim::peripheral::kernels
