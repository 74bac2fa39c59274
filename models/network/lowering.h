// The making of integer layers from the nodes of a float graph (quantise.h), one node after the
// other in topological order, with the integer values of the calibration images at hand.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "network/converter_choice.h"
#include "network/golden.h"
#include "network/scale_plan.h"

namespace npim::network {

/// A tensor of the float graph as the integer network holds it.
struct Value {
  std::int32_t layer = kNetworkInput;
  TensorShape shape;
  ActivationScale scale;
  /// Where element k of the float tensor lies: in the order channel, row, column (an image), or in
  /// the order that integers are held in, with the channel last (rows of features).
  bool is_channel_major = true;

  std::int64_t held_index(std::int64_t k) const;
};

/// What a layer's output stands for, for the report.
struct LayerTensor {
  std::string name;  ///< empty: a tensor that the float graph does not have
  bool is_channel_major = true;
};

class Lowering {
 public:
  /// `network` holds everything but layers. Everything must outlive the object.
  Lowering(const Graph &graph, const Calibration &calibration, std::int32_t images,
           const QuantiseOptions &options, const ScalePlan &plan, QuantisedNetwork &network);

  /// Adds the layers.
  void run();

  /// Per layer of the network; without the errors against float.
  std::vector<LayerReport> reports;
  std::vector<LayerTensor> tensors;

 private:
  [[noreturn]] void fail(const std::string &what) const { graph_.fail(*node_, what); }

  // Values (lowering.cpp)
  void lower();
  void finish_network();
  const std::uint8_t *image(std::int32_t index) const;
  Value value(std::size_t input);
  Value image_value(std::size_t input);
  Value row_value(std::size_t input);
  Value constant_value(const std::string &name);
  Value any_value() const;
  void set_value(const std::string &tensor, const Value &new_value);
  GoldenTensor values_of(const Value &from, std::int32_t index) const;
  std::vector<Bytes> run_layer(const Layer &layer) const;
  void release();
  const Shape &shape(std::size_t input) const { return graph_.shape(node_->inputs[input]); }
  const Shape &output_shape() const { return graph_.shape(node_->outputs[0]); }

  // Layers (lowering.cpp)
  Layer new_layer(LayerOp op, const Value &from) const;
  void scale_logits(Target &target, const std::vector<double> &steps) const;
  Value finish(Layer layer, const Target &target, const std::vector<double> &steps,
               const std::vector<double> &offsets, LayerReport report = {});
  Value append(Layer layer, const ActivationScale &scale, const LayerTensor &tensor,
               LayerReport report = {});
  int shift_for(double largest_factor, double largest_offset) const;

  // Products with weights (lower_weights.cpp)
  void lower_convolution();
  void lower_matrix_product();
  std::vector<float> bias_of(std::size_t channels, float factor) const;
  void finish_convolution(Layer layer, const Value &from, const std::vector<float> &real_weights,
                          const std::vector<float> &bias);
  ConverterChoice choose_converter(const Layer &layer, const Value &from,
                                   const OutputRule &rule) const;
  void correct(const Moments &moments, std::size_t channel, OutputRule &rule) const;

  // Values from values (lower_values.cpp)
  void lower_max_pool();
  void lower_average_pool();
  void lower_table();
  void lower_arithmetic();
  void lower_add(double sign);
  void lower_product();
  void lower_clamp();
  void lower_batch_normalization();
  void lower_local_response();
  void lower_affine(const Value &from, std::vector<double> factors, std::vector<double> offsets);
  std::vector<Value> operands();

  // Copies (lower_layout.cpp)
  ActivationScale scale_of_output(const Value &from) const;
  Value rescaled(const Value &from, const std::string &tensor, const ActivationScale &scale,
                 const Window &window = {});
  Value gathered(const Value &from, const LayerTensor &tensor, const Value &to,
                 const std::vector<std::int32_t> &sources, std::int32_t fill = 0);
  Value relaid(const Value &from, const Value &to);
  void lower_concat();
  Value concatenated(const std::vector<Value> &parts, const std::vector<std::int32_t> &offsets,
                     std::int32_t channels, const ActivationScale &scale,
                     const LayerTensor &tensor);
  void lower_pad();
  void lower_gather();
  /// How a float tensor of this shape is held where nothing else decides.
  Value held(const Shape &shape) const;
  Value held_as_rows(const Shape &shape) const;

  const Graph &graph_;
  const Calibration &calibration_;
  const std::int32_t images_;
  const QuantiseOptions &options_;
  const ScalePlan &plan_;
  QuantisedNetwork &network_;

  std::map<std::string, Value> values_;  // by tensor of the float graph
  std::map<std::string, std::size_t> last_reader_;
  std::size_t node_index_ = 0;
  const Node *node_ = nullptr;
  bool is_finished_ = false;  // nobody needs values any more

  // Per layer:
  std::vector<std::vector<Bytes>> outputs_;  // calibration values, while a later node reads them
  std::vector<std::size_t> last_use_;
};

/// Whether `constant`, broadcast to `shape`, holds one value, or one per index of `axis`.
bool is_per_channel(const Shape &constant, const Shape &shape, std::size_t axis);

}  // namespace npim::network
