#include "analysis/noise_injection.h"

#include <algorithm>
#include <cmath>

#include "device/random.h"
#include "network/float_executor.h"

namespace npim::analysis {
namespace {

bool is_on_crossbars(network::Op op) {
  return op == network::Op::kConv || op == network::Op::kGemm || op == network::Op::kMatMul;
}

void add_noise(std::vector<float> &values, double ratio, device::DrawKey key) {
  float highest = 0;
  for (const float value : values) highest = std::max(highest, std::abs(value));
  const auto sigma = static_cast<float>(highest / ratio);
  std::vector<float> normals(device::kDrawGroup);
  for (std::size_t first = 0; first < values.size(); first += normals.size()) {
    // Families hold 2^22 draws; larger outputs go on in the next cycle of the key.
    key.cycle = static_cast<std::uint32_t>(first / device::kMostDraws);
    device::fill_normals(key, first % device::kMostDraws, normals.size(), normals.data());
    const std::size_t count = std::min(normals.size(), values.size() - first);
    for (std::size_t i = 0; i < count; ++i) values[first + i] += sigma * normals[i];
  }
}

}  // namespace

std::vector<float> noisy_logits(const network::Graph &graph, const std::vector<float> &input,
                                double sinad_db, const NoiseKey &key) {
  const double ratio = std::pow(10.0, sinad_db / 20);
  const auto tensors =
      network::execute_float(graph, input, [&](std::size_t index, std::vector<float> &values) {
        if (!is_on_crossbars(graph.nodes[index].op)) return;
        const auto node = static_cast<std::uint32_t>(index);
        add_noise(values, ratio,
                  {key.seed, node >> 16, node & 0xFFFF, key.image, 0, device::Purpose::kOther});
      });
  return tensors.at(graph.outputs.at(0));
}

}  // namespace npim::analysis
