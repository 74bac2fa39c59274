// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11)
// and a stream of draws on top of it for work that has a natural order, such as training steps and
// Monte-Carlo runs. A stream is a pure function of its name: (seed, run, part).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace npim {

using PhiloxWords = std::array<std::uint32_t, 4>;

/// One block of Philox4x32 with 10 rounds.
inline PhiloxWords philox4x32_10(PhiloxWords counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// Draws in order. Streams of different (seed, run, part) are independent.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint32_t run, std::uint32_t part)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0, 0, run, part} {}

  std::uint32_t word() {
    if (used_ == 4) {
      words_ = philox4x32_10(counter_, key_);
      counter_[1] += ++counter_[0] == 0;
      used_ = 0;
    }
    return words_[used_++];
  }
  /// Uniform in (0, 1).
  double uniform() { return (word() + 0.5) * 0x1p-32; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in 0 .. count - 1.
  int below(int count) {
    return static_cast<int>((std::uint64_t{word()} * static_cast<std::uint64_t>(count)) >> 32);
  }
  /// Standard normal (Box-Muller).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * 3.14159265358979323846 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  /// A stream of its own beside this one, which does not move. It depends on what has been drawn so
  /// far, in blocks of four words: two branches from the same block are the same.
  RandomStream branch() const {
    RandomStream stream = *this;
    stream.counter_[0] = 0;
    stream.counter_[1] = kBranch + counter_[0];
    stream.used_ = 4;
    stream.has_spare_ = false;
    return stream;
  }

 private:
  static constexpr std::uint32_t kBranch = 0x80000000;  // block numbers stay below 2^63
  std::array<std::uint32_t, 2> key_;
  PhiloxWords counter_;
  PhiloxWords words_{};
  unsigned used_ = 4;
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace npim
