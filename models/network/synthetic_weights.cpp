#include "network/synthetic_weights.h"

#include <algorithm>
#include <cmath>

namespace npim::network {
namespace {

/// A counter-based generator (the finaliser of SplitMix64): value i does not depend on the others.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ value >> 27) * 0x94d049bb133111ebULL;
  return value ^ value >> 31;
}

std::uint64_t key_of(const std::string &name, std::uint64_t seed) {
  std::uint64_t key = mix(seed + 1);
  for (const char c : name) key = mix(key + static_cast<unsigned char>(c));
  return key;
}

/// What a tensor is to a node.
enum class Role { kWeights, kBias, kScale };

Role role_of(const Node &node, std::size_t input) {
  if (node.op == Op::kBatchNormalization && (input == 1 || input == 4)) return Role::kScale;
  if (input == 1) return Role::kWeights;
  const bool is_recurrent = node.op == Op::kLstm || node.op == Op::kGru;
  return is_recurrent && input == 2 ? Role::kWeights : Role::kBias;
}

/// Products per sum in which the weights take part.
std::int64_t fan_in(const Graph &graph, const Node &node, const Shape &shape) {
  const bool is_matrix =
      node.op == Op::kMatMul || (node.op == Op::kGemm && graph.integer(node, "transB", 0) == 0);
  if (shape.empty()) return 1;
  if (is_matrix) return shape[0];
  std::int64_t product = 1;
  const std::size_t first = node.op == Op::kLstm || node.op == Op::kGru ? 2 : 1;
  for (std::size_t i = first; i < shape.size(); ++i) product *= shape[i];
  return product;
}

void fill(Tensor &tensor, double centre, double deviation, std::uint64_t key, WeightFill how) {
  // Uniform on centre +- sqrt(3) deviation.
  const auto low = static_cast<float>(centre - std::sqrt(3.0) * deviation);
  const auto width = static_cast<float>(2 * std::sqrt(3.0) * deviation);
  tensor.floats.resize(static_cast<std::size_t>(element_count(tensor.shape)));
  constexpr std::size_t kStripe = 64, kDrawn = 4, kSmall = 65536;
  const bool all = how == WeightFill::kAll || tensor.floats.size() <= kSmall;
  for (std::size_t i = 0; i < tensor.floats.size(); ++i) {
    if (!all && i % kStripe >= kDrawn) continue;
    const std::uint64_t counter = key + (i + 1) * 0x9e3779b97f4a7c15ULL;
    tensor.floats[i] = low + width * static_cast<float>(mix(counter) >> 40) * 0x1p-24F;
  }
}

}  // namespace

void fill_weights(Graph &graph, const std::set<std::string> &names, WeightSource source) {
  std::int64_t total = 0;
  for (const std::string &name : names) {
    const std::int64_t count = element_count(graph.initialisers.at(name).shape);
    total = count < 0 || total < 0 ? -1 : total + count;
    if (total < 0 || total > std::int64_t{1} << 28) {
      graph.fail("weights to make up are too many at '" + name + "' of " +
                 to_text(graph.initialisers.at(name).shape));
    }
  }
  if (source.fill == WeightFill::kNone) return;
  for (const Node &node : graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::string &name = node.inputs[i];
      if (names.count(name) == 0) continue;
      Tensor &tensor = graph.initialisers.at(name);
      if (!tensor.floats.empty()) continue;
      const Role role = role_of(node, i);
      const double deviation =
          role == Role::kWeights
              ? std::sqrt(2.0 / static_cast<double>(fan_in(graph, node, tensor.shape)))
              : 0.01;
      fill(tensor, role == Role::kScale ? 1.0 : 0.0, deviation, key_of(name, source.seed),
           source.fill);
    }
  }
  for (const std::string &name : names) {
    const auto tensor = graph.initialisers.find(name);
    if (tensor->second.floats.empty()) graph.initialisers.erase(tensor);  // nobody reads it
  }
}

}  // namespace npim::network
