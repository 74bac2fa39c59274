// First and second moments of pairs of numbers.
#pragma once

namespace npim::network {

/// Of sums of codes s and exact sums e; or of one number s alone.
struct Moments {
  double count = 0, s = 0, e = 0, ss = 0, se = 0;
  void add(double sum, double exact = 0) {
    count += 1, s += sum, e += exact;
    ss += sum * sum, se += sum * exact;
  }
  void add(const Moments &other) {
    count += other.count, s += other.s, e += other.e, ss += other.ss, se += other.se;
  }
  double mean_s() const { return s / count; }
  double mean_e() const { return e / count; }
  double variance() const { return ss / count - mean_s() * mean_s(); }
  double covariance() const { return se / count - mean_s() * mean_e(); }
};

}  // namespace npim::network
