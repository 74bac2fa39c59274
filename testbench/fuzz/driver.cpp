// Runs a fuzz target without a fuzzing engine: on every seed file, then on seeded random mutations
// of them. Usage: TARGET ITERATIONS SEED_FILE...   A crash or sanitizer report is the finding; the
// input that is being tried stands in a file named on start, so that it can be tried again alone
// (ITERATIONS 0).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

Input read(const char *path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: cannot be opened\n", path);
    std::exit(2);
  }
  return Input(std::istreambuf_iterator<char>(file), {});
}

class Mutator {
 public:
  Input operator()(const std::vector<Input> &seeds) {
    Input input = seeds[random_() % seeds.size()];
    for (unsigned n = 1 + random_() % 8; n != 0; --n) mutate(input, seeds);
    return input;
  }

 private:
  void mutate(Input &input, const std::vector<Input> &seeds) {
    if (input.empty()) input.push_back(0);
    const std::size_t at = random_() % input.size();
    const auto here = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (random_() % 7) {
      case 0:
        input[at] ^= static_cast<std::uint8_t>(1u << (random_() % 8));
        break;
      case 1:
        input[at] = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        input.resize(at);
        break;
      case 3:
        input.erase(here, here + static_cast<std::ptrdiff_t>(1 + random_() % (input.size() - at)));
        break;
      case 4:
        overwrite_with_extreme(input, at);
        break;
      case 5: {
        const Input &other = seeds[random_() % seeds.size()];
        if (other.empty()) break;
        const std::size_t from = random_() % other.size();
        const std::size_t count = std::min<std::size_t>(1 + random_() % 64, other.size() - from);
        input.insert(here, other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + count));
        break;
      }
      default:
        input.insert(here, static_cast<std::uint8_t>(random_()));
    }
  }

  void overwrite_with_extreme(Input &input, std::size_t at) {
    static const std::uint64_t kExtremes[] = {0,
                                              1,
                                              0x7f,
                                              0x80,
                                              0xff,
                                              0x7fff,
                                              0xffff,
                                              0x7fffffff,
                                              0x80000000,
                                              0xffffffff,
                                              ~std::uint64_t{0}};
    const std::uint64_t value = kExtremes[random_() % std::size(kExtremes)];
    const std::size_t bytes = std::size_t{1} << (random_() % 4);
    for (std::size_t i = 0; i < bytes && at + i < input.size(); ++i) {
      input[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
  }

  std::mt19937_64 random_{2022};
};

}  // namespace

int main(int argc, char **argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s ITERATIONS SEED_FILE...\n", argv[0]);
    return 2;
  }
  std::vector<Input> seeds;
  for (int i = 2; i < argc; ++i) seeds.push_back(read(argv[i]));
  for (const auto &seed : seeds) LLVMFuzzerTestOneInput(seed.data(), seed.size());
  const long iterations = std::strtol(argv[1], nullptr, 10);
  const std::string last = std::string(argv[0]) + ".last-input";
  std::printf("%zu seeds run; %ld mutations follow, the current one in %s\n", seeds.size(),
              iterations, last.c_str());
  Mutator mutate;
  for (long i = 0; i < iterations; ++i) {
    const Input input = mutate(seeds);
    std::ofstream(last, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char *>(input.data()),
               static_cast<std::streamsize>(input.size()));
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::remove(last.c_str());
  std::printf("%ld mutations survived\n", iterations);
  return 0;
}
