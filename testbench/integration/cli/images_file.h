// IDX files of random images for the tests of whole networks.
#pragma once

#include <string>

#include "npim_runner.h"
#include "unit/network/test_networks.h"

namespace npim::testing {

/// Writes `images.idx` into the runner's folder and returns its path.
inline std::string write_images(const NpimRunner &npim, int count, int height, int width) {
  std::string idx("\0\0\x08\x03", 4);
  for (const int extent : {count, height, width}) {
    for (int shift = 24; shift >= 0; shift -= 8) idx += static_cast<char>(extent >> shift);
  }
  network::test::Values random(3);
  for (int i = 0; i < count * height * width; ++i) {
    idx += static_cast<char>(random.real(0, 255.9));
  }
  return npim.write("images.idx", idx);
}

}  // namespace npim::testing
