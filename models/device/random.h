// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC11). A draw is a pure function of what it is for, so results do
// not depend on batch size, order or threads. Normal variates use only correctly rounded operations
// in a fixed order: every instruction set, and the scalar code, gives the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace npim::device {

using PhiloxBlock = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// One block of Philox4x32 with 10 rounds.
PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key);

/// What a family of draws is for; families never share a counter.
enum class Purpose : std::uint32_t {
  kProgramming = 0,
  kStuckCells = 1,
  kDrift = 2,
  kTraps = 3,
  kReadNoise = 4,
  kTelegraph = 5,
  kEndurance = 6,
  kCellNoise = 7,    // per cell, where kReadNoise is per bit line
  kVectorNoise = 8,  // per weight vector
  kSampleHold = 9,
  kConverter = 10,
  kBufferCells = 11,  // analog buffering: writes, then reads
  kBufferReads = 12,
  kAmplifiers = 13,
  kOther = 15,
};

/// Names a family of up to kMostDraws draws. tile, array < 2^16; cycle < 2^8.
struct DrawKey {
  std::uint64_t seed = 0;
  std::uint32_t tile = 0, array = 0;
  std::uint64_t window = 0;
  std::uint32_t cycle = 0;
  Purpose purpose = Purpose::kOther;
};

constexpr std::size_t kMostDraws = std::size_t{1} << 22;
/// Draws are made in groups: draw i of a family is word (i / 16) % 4 of block 16 * (i / 64) + i %
/// 16.
constexpr std::size_t kDrawGroup = 64;

/// 32 random bits: draw `index` of the family. Throws std::invalid_argument when a field of the
/// key, or the index, is out of range.
std::uint32_t random_word(const DrawKey &key, std::size_t index);
/// Uniform in the open interval (0, 1).
double random_uniform(const DrawKey &key, std::size_t index);
/// Standard normal (Box-Muller in single precision, |z| < 6.7).
float random_normal(const DrawKey &key, std::size_t index);

/// Draws first .. first + count - 1, with vector instructions; first is a multiple of kDrawGroup.
/// Each equals random_normal / random_word of its index bit for bit.
void fill_normals(const DrawKey &key, std::size_t first, std::size_t count, float *normals);
void fill_words(const DrawKey &key, std::size_t first, std::size_t count, std::uint32_t *words);

}  // namespace npim::device
