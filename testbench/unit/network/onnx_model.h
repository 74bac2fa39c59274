// Builds small ONNX files for tests, field by field.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "unit/network/test_networks.h"

namespace npim::network::test {

class OnnxModel {
 public:
  explicit OnnxModel(const std::vector<std::int64_t> &input_shape, std::int64_t opset = 13) {
    model_.set_ir_version(7);
    model_.add_opset_import()->set_version(opset);
    graph().set_name("test");
    add_input("input", input_shape);
    last_ = "input";
  }

  onnx::ModelProto &model() { return model_; }
  onnx::GraphProto &graph() { return *model_.mutable_graph(); }
  const std::string &last() const { return last_; }

  /// Extent 0 is written as a named (dynamic) extent.
  void add_input(const std::string &name, const std::vector<std::int64_t> &shape) {
    auto *input = graph().add_input();
    input->set_name(name);
    auto *type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : shape) {
      auto *dim = type->mutable_shape()->add_dim();
      if (extent == 0) {
        dim->set_dim_param("batch");
      } else {
        dim->set_dim_value(extent);
      }
    }
  }

  /// A node on the given inputs whose output becomes last().
  onnx::NodeProto &node(const std::string &op, const std::vector<std::string> &inputs,
                        const std::string &output = "") {
    auto *node = graph().add_node();
    node->set_op_type(op);
    node->set_name(op + std::to_string(graph().node_size()));
    for (const std::string &input : inputs) node->add_input(input);
    last_ = output.empty() ? "t" + std::to_string(graph().node_size()) : output;
    node->add_output(last_);
    return *node;
  }
  /// A node on last() and further inputs.
  onnx::NodeProto &then(const std::string &op, const std::vector<std::string> &more = {}) {
    std::vector<std::string> inputs = {last_};
    for (const std::string &input : more) inputs.push_back(input);
    return node(op, inputs);
  }

  std::string weights(const std::vector<std::int64_t> &shape, const std::vector<float> &values) {
    auto *tensor = graph().add_initializer();
    tensor->set_name("w" + std::to_string(graph().initializer_size()));
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t extent : shape) tensor->add_dims(extent);
    tensor->set_raw_data(values.data(), values.size() * sizeof(float));
    return tensor->name();
  }
  std::string random_weights(Values &random, const std::vector<std::int64_t> &shape,
                             double low = -1, double high = 1) {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= extent;
    std::vector<float> values;
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(static_cast<float>(random.real(low, high)));
    }
    return weights(shape, values);
  }
  std::string integers(const std::vector<std::int64_t> &values) {
    auto *tensor = graph().add_initializer();
    tensor->set_name("i" + std::to_string(graph().initializer_size()));
    tensor->set_data_type(onnx::TensorProto::INT64);
    tensor->add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor->add_int64_data(value);
    return tensor->name();
  }

  static void set_ints(onnx::NodeProto &node, const std::string &name,
                       const std::vector<std::int64_t> &values) {
    auto *attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute->add_ints(value);
  }
  static void set_int(onnx::NodeProto &node, const std::string &name, std::int64_t value) {
    auto *attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(value);
  }
  static void set_float(onnx::NodeProto &node, const std::string &name, float value) {
    auto *attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::FLOAT);
    attribute->set_f(value);
  }
  static void set_text(onnx::NodeProto &node, const std::string &name, const std::string &value) {
    auto *attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::STRING);
    attribute->set_s(value);
  }

  /// The file, with last() as its output unless an output was added already.
  Bytes bytes() {
    if (graph().output_size() == 0) graph().add_output()->set_name(last_);
    std::string text;
    model_.SerializeToString(&text);
    return {text.begin(), text.end()};
  }

 private:
  onnx::ModelProto model_;
  std::string last_;
};

/// A small classifier with every operator that the chip executes; input 1 x 2 x 8 x 8.
inline OnnxModel small_classifier(std::uint32_t seed, bool with_softmax = true) {
  Values random(seed);
  OnnxModel model({0, 2, 8, 8});
  auto &first = model.then("Conv", {model.random_weights(random, {6, 2, 3, 3}, -0.4, 0.5)});
  OnnxModel::set_ints(first, "pads", {1, 1, 1, 1});
  model.then("BatchNormalization",
             {model.random_weights(random, {6}, 0.5, 1.5), model.random_weights(random, {6}),
              model.random_weights(random, {6}), model.random_weights(random, {6}, 0.5, 2)});
  model.then("Relu");
  const std::string shortcut = model.last();
  auto &second = model.then("Conv", {model.random_weights(random, {6, 6, 3, 3}, -0.3, 0.3),
                                     model.random_weights(random, {6})});
  OnnxModel::set_ints(second, "pads", {1, 1, 1, 1});
  model.node("Add", {model.last(), shortcut});
  model.then("Relu");
  OnnxModel::set_ints(model.then("MaxPool"), "kernel_shape", {2, 2});
  OnnxModel::set_ints(model.graph().mutable_node()->rbegin()[0], "strides", {2, 2});
  // A signed tensor between two convolutions.
  auto &third = model.then("Conv", {model.random_weights(random, {5, 6, 3, 3}, -0.3, 0.3),
                                    model.random_weights(random, {5})});
  OnnxModel::set_text(third, "auto_pad", "SAME_UPPER");
  auto &pool = model.then("AveragePool");
  OnnxModel::set_ints(pool, "kernel_shape", {2, 2});
  OnnxModel::set_ints(pool, "strides", {1, 1});
  model.then("Flatten");
  auto &hidden = model.then("Gemm", {model.random_weights(random, {8, 45}, -0.5, 0.5),
                                     model.random_weights(random, {8})});
  OnnxModel::set_int(hidden, "transB", 1);
  model.then("Relu");
  model.then("MatMul", {model.random_weights(random, {8, 4})});
  model.then("Add", {model.random_weights(random, {4})});
  if (with_softmax) model.then("Softmax");
  return model;
}

}  // namespace npim::network::test
