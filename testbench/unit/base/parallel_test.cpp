#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace npim {
namespace {

TEST(Parallel, CallsEveryIndexOnce) {
  for (const unsigned threads : {0U, 1U, 3U, 50U}) {
    std::vector<std::atomic<int>> calls(20);
    parallel_for(
        calls.size(), [&](std::size_t i) { ++calls[i]; }, threads);
    for (const auto &count : calls) EXPECT_EQ(count, 1);
  }
  parallel_for(0, [](std::size_t) { FAIL(); });
}

TEST(Parallel, ThrowsTheFirstFailure) {
  for (const unsigned threads : {1U, 4U}) {
    try {
      parallel_for(
          100,
          [](std::size_t i) {
            if (i >= 7) throw std::runtime_error(std::to_string(i));
          },
          threads);
      FAIL();
    } catch (const std::runtime_error &error) {
      EXPECT_EQ(std::string(error.what()), "7");
    }
  }
}

}  // namespace
}  // namespace npim
