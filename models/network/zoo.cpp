#include "network/zoo.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "network/synthetic_weights.h"

namespace npim::network {
namespace {

/// Adds layers one after the other; every function returns the name of its output tensor.
class Builder {
 public:
  explicit Builder(const Shape &input) {
    graph_.inputs = {"input"};
    graph_.shapes["input"] = input;
    shapes_["input"] = input;
  }

  Graph finish(const std::string &name, const std::string &output, WeightSource source) {
    graph_.name = name;
    graph_.outputs = {output};
    fill_weights(graph_, missing_, source);
    sort_nodes(graph_);
    infer_shapes(graph_);
    return std::move(graph_);
  }

  std::int64_t channels(const std::string &from) const { return shapes_.at(from)[1]; }

  std::string conv(const std::string &from, std::int64_t out, std::int64_t kernel,
                   std::int64_t stride = 1, std::int64_t pad = 0, std::int64_t groups = 1) {
    Node node = new_node(Op::kConv, {from});
    node.inputs.push_back(weights({out, channels(from) / groups, kernel, kernel}));
    node.inputs.push_back(weights({out}));
    node.attributes = {
        {"strides", Shape{stride, stride}}, {"pads", Shape{pad, pad, pad, pad}}, {"group", groups}};
    return add(std::move(node), windowed(from, out, kernel, stride, pad, false));
  }
  /// With padding that keeps the size at stride 1, and a ReLU.
  std::string conv_relu(const std::string &from, std::int64_t out, std::int64_t kernel,
                        std::int64_t stride = 1) {
    return relu(conv(from, out, kernel, stride, kernel / 2));
  }
  std::string relu(const std::string &from) { return add(new_node(Op::kRelu, {from}), from); }
  std::string relu6(const std::string &from) {
    Node node = new_node(Op::kClip, {from});
    node.attributes = {{"min", 0.0F}, {"max", 6.0F}};
    return add(std::move(node), from);
  }
  std::string pool(Op op, const std::string &from, std::int64_t kernel, std::int64_t stride,
                   std::int64_t pad = 0, bool rounds_up = false) {
    Node node = new_node(op, {from});
    node.attributes = {{"kernel_shape", Shape{kernel, kernel}},
                       {"strides", Shape{stride, stride}},
                       {"pads", Shape{pad, pad, pad, pad}},
                       {"ceil_mode", std::int64_t{rounds_up}}};
    if (op == Op::kAveragePool) node.attributes["count_include_pad"] = std::int64_t{1};
    return add(std::move(node), windowed(from, channels(from), kernel, stride, pad, rounds_up));
  }
  std::string global_average(const std::string &from) {
    return add(new_node(Op::kGlobalAveragePool, {from}), Shape{1, channels(from), 1, 1});
  }
  std::string flatten(const std::string &from) {
    return add(new_node(Op::kFlatten, {from}), Shape{1, element_count(shapes_.at(from))});
  }
  std::string dense(const std::string &from, std::int64_t out) {
    Node node = new_node(Op::kGemm, {from});
    node.inputs.push_back(weights({out, channels(from)}));
    node.inputs.push_back(weights({out}));
    node.attributes = {{"transB", std::int64_t{1}}};
    return add(std::move(node), Shape{1, out});
  }
  std::string sum(const std::string &a, const std::string &b) {
    return add(new_node(Op::kAdd, {a, b}), a);
  }
  std::string concat(const std::vector<std::string> &parts) {
    Node node = new_node(Op::kConcat, parts);
    node.attributes = {{"axis", std::int64_t{1}}};
    Shape shape = shapes_.at(parts[0]);
    shape[1] = 0;
    for (const std::string &part : parts) shape[1] += channels(part);
    return add(std::move(node), shape);
  }
  std::string reshape(const std::string &from, const Shape &shape) {
    Node node = new_node(Op::kReshape, {from});
    node.inputs.push_back("shape" + std::to_string(graph_.initialisers.size()));
    Tensor &target = graph_.initialisers[node.inputs.back()];
    target.type = Tensor::Type::kInteger;
    target.integers = shape;
    target.shape = {static_cast<std::int64_t>(shape.size())};
    return add(std::move(node), shape);
  }
  /// One step, without initial state.
  std::string lstm(const std::string &from, std::int64_t inputs, std::int64_t hidden) {
    Node node = new_node(Op::kLstm, {from});
    node.inputs.push_back(weights({1, 4 * hidden, inputs}));
    node.inputs.push_back(weights({1, 4 * hidden, hidden}));
    node.inputs.push_back(weights({1, 8 * hidden}));
    return add(std::move(node), Shape{1, 1, 1, hidden});
  }

 private:
  Node new_node(Op op, const std::vector<std::string> &inputs) const {
    Node node;
    node.op = op;
    node.name = std::string(to_text(op)) + "_" + std::to_string(graph_.nodes.size());
    node.inputs = inputs;
    node.outputs = {node.name + ":0"};
    return node;
  }
  std::string add(Node node, const Shape &shape) {
    std::string output = node.outputs[0];
    shapes_[output] = shape;
    graph_.nodes.push_back(std::move(node));
    return output;
  }
  std::string add(Node node, const std::string &like) {
    const Shape shape = shapes_.at(like);
    return add(std::move(node), shape);
  }
  std::string weights(const Shape &shape) {
    const std::string name = "weight" + std::to_string(graph_.initialisers.size());
    graph_.initialisers[name].shape = shape;
    missing_.insert(name);
    return name;
  }
  Shape windowed(const std::string &from, std::int64_t out, std::int64_t kernel,
                 std::int64_t stride, std::int64_t pad, bool rounds_up) const {
    Shape shape = shapes_.at(from);
    shape[1] = out;
    for (std::size_t axis = 2; axis < 4; ++axis) {
      const std::int64_t room = shape[axis] + 2 * pad - kernel + (rounds_up ? stride - 1 : 0);
      shape[axis] = room / stride + 1;
    }
    return shape;
  }

  Graph graph_;
  std::map<std::string, Shape> shapes_;
  std::set<std::string> missing_;
};

const Shape kImage = {1, 3, 224, 224};

Graph alexnet(const std::string &name, WeightSource source) {
  Builder b(kImage);
  std::string x = b.relu(b.conv("input", 64, 11, 4, 2));
  x = b.pool(Op::kMaxPool, x, 3, 2);
  x = b.pool(Op::kMaxPool, b.conv_relu(x, 192, 5), 3, 2);
  for (const std::int64_t channels : {384, 256, 256}) x = b.conv_relu(x, channels, 3);
  x = b.flatten(b.pool(Op::kMaxPool, x, 3, 2));
  for (int i = 0; i < 2; ++i) x = b.relu(b.dense(x, 4096));
  return b.finish(name, b.dense(x, 1000), source);
}

Graph vgg(const std::string &name, WeightSource source, const std::vector<int> &depths) {
  Builder b(kImage);
  std::string x = "input";
  const std::int64_t channels[] = {64, 128, 256, 512, 512};
  for (std::size_t stage = 0; stage < 5; ++stage) {
    for (int i = 0; i < depths[stage]; ++i) x = b.conv_relu(x, channels[stage], 3);
    x = b.pool(Op::kMaxPool, x, 2, 2);
  }
  x = b.flatten(x);
  for (int i = 0; i < 2; ++i) x = b.relu(b.dense(x, 4096));
  return b.finish(name, b.dense(x, 1000), source);
}

std::string basic_block(Builder &b, const std::string &x, std::int64_t width, std::int64_t stride) {
  const std::string main = b.conv(b.conv_relu(x, width, 3, stride), width, 3, 1, 1);
  const bool is_plain = stride == 1 && b.channels(x) == width;
  return b.relu(b.sum(main, is_plain ? x : b.conv(x, width, 1, stride)));
}

std::string bottleneck(Builder &b, const std::string &x, std::int64_t width, std::int64_t stride) {
  const std::int64_t out = 4 * width;
  std::string main = b.conv_relu(x, width, 1);
  main = b.conv_relu(main, width, 3, stride);
  main = b.conv(main, out, 1);
  const bool is_plain = stride == 1 && b.channels(x) == out;
  return b.relu(b.sum(main, is_plain ? x : b.conv(x, out, 1, stride)));
}

using Block = std::string (*)(Builder &, const std::string &, std::int64_t, std::int64_t);

Graph resnet(const std::string &name, WeightSource source, Block block,
             const std::vector<int> &depths) {
  Builder b(kImage);
  std::string x = b.pool(Op::kMaxPool, b.conv_relu("input", 64, 7, 2), 3, 2, 1);
  for (std::size_t stage = 0; stage < 4; ++stage) {
    for (int i = 0; i < depths[stage]; ++i) {
      x = block(b, x, std::int64_t{64} << stage, stage > 0 && i == 0 ? 2 : 1);
    }
  }
  return b.finish(name, b.dense(b.flatten(b.global_average(x)), 1000), source);
}

Graph googlenet(const std::string &name, WeightSource source) {
  Builder b(kImage);
  std::string x = b.pool(Op::kMaxPool, b.conv_relu("input", 64, 7, 2), 3, 2, 0, true);
  x = b.conv_relu(b.conv_relu(x, 64, 1), 192, 3);
  x = b.pool(Op::kMaxPool, x, 3, 2, 0, true);
  // 1 x 1; 1 x 1 then 3 x 3, twice; after the pool.
  const auto block = [&](std::int64_t c1, std::int64_t r3, std::int64_t c3, std::int64_t r5,
                         std::int64_t c5, std::int64_t p) {
    x = b.concat({b.conv_relu(x, c1, 1), b.conv_relu(b.conv_relu(x, r3, 1), c3, 3),
                  b.conv_relu(b.conv_relu(x, r5, 1), c5, 3),
                  b.conv_relu(b.pool(Op::kMaxPool, x, 3, 1, 1), p, 1)});
  };
  block(64, 96, 128, 16, 32, 32);
  block(128, 128, 192, 32, 96, 64);
  x = b.pool(Op::kMaxPool, x, 3, 2, 0, true);
  block(192, 96, 208, 16, 48, 64);
  block(160, 112, 224, 24, 64, 64);
  block(128, 128, 256, 24, 64, 64);
  block(112, 144, 288, 32, 64, 64);
  block(256, 160, 320, 32, 128, 128);
  x = b.pool(Op::kMaxPool, x, 2, 2, 0, true);
  block(256, 160, 320, 32, 128, 128);
  block(384, 192, 384, 48, 128, 128);
  return b.finish(name, b.dense(b.flatten(b.global_average(x)), 1000), source);
}

Graph inception_v2(const std::string &name, WeightSource source) {
  Builder b(kImage);
  std::string x = b.pool(Op::kMaxPool, b.conv_relu("input", 64, 7, 2), 3, 2, 0, true);
  x = b.conv_relu(b.conv_relu(x, 64, 1), 192, 3);
  x = b.pool(Op::kMaxPool, x, 3, 2, 0, true);
  const auto block = [&](std::int64_t c1, std::int64_t r3, std::int64_t c3, std::int64_t rd,
                         std::int64_t cd, Op pool, std::int64_t p) {
    x = b.concat({b.conv_relu(x, c1, 1), b.conv_relu(b.conv_relu(x, r3, 1), c3, 3),
                  b.conv_relu(b.conv_relu(b.conv_relu(x, rd, 1), cd, 3), cd, 3),
                  b.conv_relu(b.pool(pool, x, 3, 1, 1), p, 1)});
  };
  const auto reduction = [&](std::int64_t r3, std::int64_t c3, std::int64_t rd, std::int64_t cd) {
    x = b.concat({b.conv_relu(b.conv_relu(x, r3, 1), c3, 3, 2),
                  b.conv_relu(b.conv_relu(b.conv_relu(x, rd, 1), cd, 3), cd, 3, 2),
                  b.pool(Op::kMaxPool, x, 3, 2, 0, true)});
  };
  block(64, 64, 64, 64, 96, Op::kAveragePool, 32);
  block(64, 64, 96, 64, 96, Op::kAveragePool, 64);
  reduction(128, 160, 64, 96);
  block(224, 64, 96, 96, 128, Op::kAveragePool, 128);
  block(192, 96, 128, 96, 128, Op::kAveragePool, 128);
  block(160, 128, 160, 128, 160, Op::kAveragePool, 128);
  block(96, 128, 192, 160, 192, Op::kAveragePool, 128);
  reduction(128, 192, 192, 256);
  block(352, 192, 320, 160, 224, Op::kAveragePool, 128);
  block(352, 192, 320, 192, 224, Op::kMaxPool, 128);
  return b.finish(name, b.dense(b.flatten(b.global_average(x)), 1000), source);
}

Graph mobilenet_v2(const std::string &name, WeightSource source) {
  Builder b(kImage);
  std::string x = b.relu6(b.conv("input", 32, 3, 2, 1));
  struct Row {
    std::int64_t expansion, channels, repeats, stride;
  };
  const Row rows[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                      {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
  for (const Row &row : rows) {
    for (std::int64_t i = 0; i < row.repeats; ++i) {
      const std::int64_t stride = i == 0 ? row.stride : 1;
      const std::int64_t width = row.expansion * b.channels(x);
      std::string y = row.expansion == 1 ? x : b.relu6(b.conv(x, width, 1));
      y = b.conv(b.relu6(b.conv(y, width, 3, stride, 1, width)), row.channels, 1);
      x = stride == 1 && b.channels(x) == row.channels ? b.sum(x, y) : y;
    }
  }
  x = b.relu6(b.conv(x, 1280, 1));
  return b.finish(name, b.dense(b.flatten(b.global_average(x)), 1000), source);
}

Graph neuraltalk(const std::string &name, WeightSource source) {
  Builder b({1, 4096});
  const std::string embedded = b.reshape(b.dense("input", 600), {1, 1, 600});
  const std::string state = b.reshape(b.lstm(embedded, 600, 600), {1, 600});
  return b.finish(name, b.dense(state, 8791), source);
}

using Maker = std::function<Graph(const std::string &, WeightSource)>;

const std::vector<std::pair<std::string, Maker>> &makers() {
  using namespace std::placeholders;
  static const std::vector<std::pair<std::string, Maker>> kMakers = {
      {"alexnet", alexnet},
      {"vgg-16", std::bind(vgg, _1, _2, std::vector<int>{2, 2, 3, 3, 3})},
      {"vgg-19", std::bind(vgg, _1, _2, std::vector<int>{2, 2, 4, 4, 4})},
      {"resnet-50", std::bind(resnet, _1, _2, bottleneck, std::vector<int>{3, 4, 6, 3})},
      {"resnet-101", std::bind(resnet, _1, _2, bottleneck, std::vector<int>{3, 4, 23, 3})},
      {"inception-v2", inception_v2},
      {"googlenet", googlenet},
      {"mobilenet-v2", mobilenet_v2},
      {"neuraltalk", neuraltalk},
      {"resnet-18", std::bind(resnet, _1, _2, basic_block, std::vector<int>{2, 2, 2, 2})}};
  return kMakers;
}

constexpr int kPaperNetworks = 9;  // the first ones in the list

std::string without_hyphens(std::string name) {
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
}

}  // namespace

const std::vector<std::string> &paper_names() {
  static const std::vector<std::string> kNames(zoo_names().begin(),
                                               zoo_names().begin() + kPaperNetworks);
  return kNames;
}

const std::vector<std::string> &zoo_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto &maker : makers()) names.push_back(maker.first);
    return names;
  }();
  return kNames;
}

bool is_zoo_name(const std::string &name) {
  const auto &names = zoo_names();
  return std::any_of(names.begin(), names.end(), [&](const std::string &known) {
    return without_hyphens(known) == without_hyphens(name);
  });
}

Graph zoo_network(const std::string &name, WeightSource source) {
  std::string known;
  for (const auto &[candidate, make] : makers()) {
    if (without_hyphens(candidate) == without_hyphens(name)) return make(candidate, source);
    known += (known.empty() ? "" : ", ") + candidate;
  }
  throw InputError(name, "is not a known network; known: " + known);
}

}  // namespace npim::network
