#include "network/float_executor.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "network/activation.h"
#include "network/recurrent.h"
#include "network/tensor_ops.h"
#include "network/window.h"

namespace npim::network {
namespace {

using Values = std::vector<float>;

/// c[rows][columns] += a[rows][depth] * b[depth][columns], with c's rows `pitch` apart. Four rows
/// at a time share each load of b; the inner loop runs along columns, which the compiler vectorises
/// without reordering any sum.
void accumulate_product(const float *a, const float *b, float *c, std::size_t rows,
                        std::size_t depth, std::size_t columns, std::size_t pitch) {
  std::size_t row = 0;
  for (; row + 4 <= rows; row += 4) {
    float *c0 = c + row * pitch, *c1 = c0 + pitch, *c2 = c1 + pitch, *c3 = c2 + pitch;
    for (std::size_t k = 0; k < depth; ++k) {
      const float *source = b + k * columns;
      const float a0 = a[row * depth + k], a1 = a[(row + 1) * depth + k],
                  a2 = a[(row + 2) * depth + k], a3 = a[(row + 3) * depth + k];
      for (std::size_t j = 0; j < columns; ++j) {
        const float value = source[j];
        c0[j] += a0 * value;
        c1[j] += a1 * value;
        c2[j] += a2 * value;
        c3[j] += a3 * value;
      }
    }
  }
  for (; row < rows; ++row) {
    float *c0 = c + row * pitch;
    for (std::size_t k = 0; k < depth; ++k) {
      const float *source = b + k * columns;
      const float a0 = a[row * depth + k];
      for (std::size_t j = 0; j < columns; ++j) c0[j] += a0 * source[j];
    }
  }
}

class Executor {
 public:
  Executor(const Graph &graph, const Values &input) : graph_(graph) {
    tensors_[graph.inputs.at(0)] = input;
  }

  FloatTensors run(const AlterOutput &alter) {
    for (std::size_t index = 0; index < graph_.nodes.size(); ++index) {
      const Node &node = graph_.nodes[index];
      node_ = &node;
      if (node.op == Op::kLstm || node.op == Op::kGru) {
        std::vector<Values> results = run_recurrent(graph_, node, input(0));
        for (std::size_t i = 0; i < results.size() && i < node.outputs.size(); ++i) {
          if (!node.outputs[i].empty()) tensors_[node.outputs[i]] = std::move(results[i]);
        }
      } else {
        tensors_[node.outputs[0]] = compute();
      }
      if (alter) alter(index, tensors_[node.outputs[0]]);
    }
    return std::move(tensors_);
  }

 private:
  const Values &input(std::size_t index) const {
    const Tensor *constant = graph_.initialiser(node_->inputs[index]);
    return constant != nullptr ? constant->floats : tensors_.at(node_->inputs[index]);
  }
  const Shape &shape(std::size_t index) const { return graph_.shape(node_->inputs[index]); }
  const Shape &output_shape() const { return graph_.shape(node_->outputs[0]); }
  Values output(float value = 0.0F) const {
    return Values(static_cast<std::size_t>(element_count(output_shape())), value);
  }

  Values compute() const {
    switch (node_->op) {
      case Op::kAdd:
        return combine([](float a, float b) { return a + b; });
      case Op::kSub:
        return combine([](float a, float b) { return a - b; });
      case Op::kMul:
        return combine([](float a, float b) { return a * b; });
      case Op::kDiv:
        return combine([](float a, float b) { return a / b; });
      case Op::kBatchNormalization:
        return batch_normalization();
      case Op::kConcat:
        return concatenation();
      case Op::kConv:
        return convolution();
      case Op::kAveragePool:
      case Op::kGlobalAveragePool:
      case Op::kReduceMean:
        return average_pool();
      case Op::kGather:
      case Op::kPad:
      case Op::kSlice:
        return pick(input(0), shape(0), picked_indices(graph_, *node_), fill_value());
      case Op::kLrn:
        return local_response_normalization();
      case Op::kMaxPool:
        return max_pool();
      case Op::kGemm:
      case Op::kMatMul:
        return matrix_product();
      case Op::kSoftmax:
        return softmax();
      case Op::kTranspose:
        return transpose(input(0), shape(0), permutation_of(graph_, *node_));
      case Op::kClip:
      case Op::kHardSigmoid:
      case Op::kHardSwish:
      case Op::kLeakyRelu:
      case Op::kRelu:
      case Op::kSigmoid:
      case Op::kTanh:
        return activation();
      case Op::kCast:
      case Op::kConstant:
      case Op::kConstantOfShape:
      case Op::kDropout:
      case Op::kFlatten:
      case Op::kGru:
      case Op::kIdentity:
      case Op::kLstm:
      case Op::kRange:
      case Op::kReshape:
      case Op::kShape:
      case Op::kSqueeze:
      case Op::kUnsqueeze:
        break;
    }
    return input(0);
  }

  Values activation() const {
    const ActivationFunction function(graph_, *node_);
    Values values = input(0);
    for (float &value : values) value = function(value);
    return values;
  }

  template <typename Combine>
  Values combine(Combine function) const {
    return combine_broadcast<float>(input(0), shape(0), input(1), shape(1), output_shape(),
                                    function);
  }

  float fill_value() const {
    return node_->op == Op::kPad && node_->has_input(2) ? input(2).at(0) : 0.0F;
  }

  Values concatenation() const {
    const std::size_t axis = axis_of(graph_, *node_, 0, output_shape().size());
    std::vector<const Values *> parts;
    std::vector<std::size_t> chunks;
    std::size_t outer = 1;
    for (std::size_t i = 0; i < axis; ++i) outer *= static_cast<std::size_t>(output_shape()[i]);
    for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
      parts.push_back(&input(i));
      chunks.push_back(parts.back()->size() / outer);
    }
    return concatenate(parts, chunks, outer);
  }

  /// x / (bias + alpha / size * sum of squares over neighbouring channels) ^ beta
  Values local_response_normalization() const {
    const Shape &in = shape(0);
    const std::int64_t size = graph_.integer(*node_, "size", 1), channels = in[1];
    const double alpha = graph_.real(*node_, "alpha", 1e-4F),
                 beta = graph_.real(*node_, "beta", 0.75F),
                 bias = graph_.real(*node_, "bias", 1.0F);
    const Values &from = input(0);
    const auto plane = from.size() / static_cast<std::size_t>(in[0] * channels);
    Values values = from;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const auto c = static_cast<std::int64_t>(i / plane) % channels;
      double sum = 0;
      for (std::int64_t other = std::max<std::int64_t>(0, c - (size - 1) / 2);
           other <= std::min(channels - 1, c + size / 2); ++other) {
        const double neighbour = from[static_cast<std::size_t>(
            static_cast<std::int64_t>(i) + (other - c) * static_cast<std::int64_t>(plane))];
        sum += neighbour * neighbour;
      }
      values[i] = static_cast<float>(
          from[i] / std::pow(bias + alpha / static_cast<double>(size) * sum, beta));
    }
    return values;
  }

  Values batch_normalization() const {
    Values values = input(0);
    const float epsilon = graph_.real(*node_, "epsilon", 1e-5F);
    const std::size_t channels = input(1).size();
    const std::size_t plane = values.size() / channels;
    for (std::size_t c = 0; c < channels; ++c) {
      const float factor = input(1)[c] / std::sqrt(input(4)[c] + epsilon);
      for (std::size_t i = c * plane; i < (c + 1) * plane; ++i) {
        values[i] = (values[i] - input(3)[c]) * factor + input(2)[c];
      }
    }
    return values;
  }

  Values convolution() const {
    const Window window = window_of(graph_, *node_);
    const Shape &out = output_shape();
    const auto groups = static_cast<std::size_t>(graph_.integer(*node_, "group", 1));
    const auto channels = static_cast<std::size_t>(out[1]) / groups;
    const auto plane = static_cast<std::size_t>(out[2] * out[3]);
    const Values &weights = input(1);
    const std::size_t depth = weights.size() / (channels * groups);
    Values values = output();
    if (node_->has_input(2)) {
      for (std::size_t c = 0; c < channels * groups; ++c) {
        std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(c * plane), plane, input(2)[c]);
      }
    }
    // A strip of output pixels at a time keeps the unrolled windows small.
    constexpr std::size_t kStrip = 256;
    Values columns;
    for (std::size_t group = 0; group < groups; ++group) {
      const std::size_t channel = group * channels;
      for (std::size_t first = 0; first < plane; first += kStrip) {
        const std::size_t count = std::min(kStrip, plane - first);
        unroll_windows(window, static_cast<std::int64_t>(group), first, count, columns);
        accumulate_product(weights.data() + channel * depth, columns.data(),
                           values.data() + channel * plane + first, channels, depth, count, plane);
      }
    }
    return values;
  }

  /// [channel, ky, kx][pixel]: the input of a group under each kernel element for output pixels
  /// first .. first + count - 1.
  void unroll_windows(const Window &w, std::int64_t group, std::size_t first, std::size_t count,
                      Values &columns) const {
    const Shape &in = shape(0);
    const std::int64_t channels = shape(1)[1];
    const auto taps = static_cast<std::size_t>(w.kernel_height) * w.kernel_width;
    columns.assign(static_cast<std::size_t>(channels) * taps * count, 0.0F);
    float *to = columns.data();
    for (std::int64_t c = group * channels; c < (group + 1) * channels; ++c) {
      const float *from = input(0).data() + c * in[2] * in[3];
      for (std::int32_t ky = 0; ky < w.kernel_height; ++ky) {
        for (std::int32_t kx = 0; kx < w.kernel_width; ++kx, to += count) {
          copy_tap(w, from, ky, kx, first, count, to);
        }
      }
    }
  }

  void copy_tap(const Window &w, const float *from, std::int32_t ky, std::int32_t kx,
                std::size_t first, std::size_t count, float *to) const {
    const Shape &in = shape(0);
    const std::int64_t width = output_shape()[3];
    std::int64_t y = static_cast<std::int64_t>(first) / width;
    std::int64_t x = static_cast<std::int64_t>(first) % width;
    for (std::size_t i = 0; i < count; ++y, x = 0) {
      const std::int64_t in_y = w.input_row(y, ky);
      const bool is_inside = in_y >= 0 && in_y < in[2];
      for (; x < width && i < count; ++x, ++i) {
        const std::int64_t in_x = w.input_column(x, kx);
        if (is_inside && in_x >= 0 && in_x < in[3]) to[i] = from[in_y * in[3] + in_x];
      }
    }
  }

  template <typename Value>
  Values for_each_window(Value value) const {
    const Shape &in = shape(0), &out = output_shape();
    const bool is_image = out.size() == 4;  // not after a mean that drops the axes
    Values values = output();
    std::size_t index = 0;
    for (std::int64_t c = 0; c < in[0] * in[1]; ++c) {
      const float *plane = input(0).data() + c * in[2] * in[3];
      for (std::int64_t y = 0; y < (is_image ? out[2] : 1); ++y) {
        for (std::int64_t x = 0; x < (is_image ? out[3] : 1); ++x) {
          values[index++] = value(plane, y, x);
        }
      }
    }
    return values;
  }

  Values max_pool() const {
    const Window window = window_of(graph_, *node_);
    const Shape &in = shape(0);
    return for_each_window([&](const float *plane, std::int64_t y, std::int64_t x) {
      float best = -std::numeric_limits<float>::infinity();
      visit_taps(window, in[2], in[3], y, x, [&](std::int64_t in_y, std::int64_t in_x) {
        best = std::max(best, plane[in_y * in[3] + in_x]);
      });
      return best;
    });
  }

  Values average_pool() const {
    const Window window = window_of(graph_, *node_);
    const bool divides_by_area = counts_padding(graph_, *node_);
    const Shape &in = shape(0);
    return for_each_window([&](const float *plane, std::int64_t y, std::int64_t x) {
      double sum = 0;
      std::int64_t taps = 0;
      visit_taps(window, in[2], in[3], y, x, [&](std::int64_t in_y, std::int64_t in_x) {
        sum += plane[in_y * in[3] + in_x];
        ++taps;
      });
      if (divides_by_area) taps = std::int64_t{window.kernel_height} * window.kernel_width;
      return static_cast<float>(sum / static_cast<double>(taps));
    });
  }

  Values matrix_product() const {
    const bool is_gemm = node_->op == Op::kGemm;
    const bool transposed = is_gemm && graph_.integer(*node_, "transB", 0) != 0;
    const float alpha = is_gemm ? graph_.real(*node_, "alpha", 1.0F) : 1.0F;
    const auto depth = static_cast<std::size_t>(shape(0).back());
    const auto columns = static_cast<std::size_t>(output_shape().back());
    const std::size_t rows = input(0).size() / depth;
    Values values = output();
    for (std::size_t row = 0; row < rows; ++row) {
      const float *vector = input(0).data() + row * depth;
      float *to = values.data() + row * columns;
      if (transposed) {
        multiply_by_rows(input(1).data(), vector, to, columns, depth);
      } else {
        accumulate_product(vector, input(1).data(), to, 1, depth, columns, columns);
      }
      for (std::size_t c = 0; c < columns; ++c) to[c] *= alpha;
    }
    if (node_->has_input(2)) add_bias(values, columns);
    return values;
  }

  /// Dot products with eight running sums, so that the compiler can keep them in one vector.
  static void multiply_by_rows(const float *matrix, const float *vector, float *to,
                               std::size_t columns, std::size_t depth) {
    for (std::size_t c = 0; c < columns; ++c) {
      const float *row = matrix + c * depth;
      float sums[8] = {};
      std::size_t k = 0;
      for (; k + 8 <= depth; k += 8) {
        for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += row[k + lane] * vector[k + lane];
      }
      for (; k < depth; ++k) sums[0] += row[k] * vector[k];
      for (const float sum : sums) to[c] += sum;
    }
  }

  void add_bias(Values &values, std::size_t columns) const {
    const Values &bias = input(2);
    const float beta = graph_.real(*node_, "beta", 1.0F);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] += beta * bias[bias.size() == 1 ? 0 : i % columns];
    }
  }

  Values softmax() const {
    Values values = input(0);
    const Shape &in = shape(0);
    const std::size_t axis = axis_of(graph_, *node_, -1, in.size());
    std::size_t inner = 1;
    for (std::size_t i = axis + 1; i < in.size(); ++i) inner *= static_cast<std::size_t>(in[i]);
    auto extent = static_cast<std::size_t>(in[axis]);
    if (graph_.integer(*node_, "is_flattened", 0) != 0) {  // set on import for older opsets
      extent *= inner;
      inner = 1;
    }
    for (std::size_t start = 0; start < values.size(); start += extent * inner) {
      for (std::size_t i = start; i < start + inner; ++i) normalise(values, i, extent, inner);
    }
    return values;
  }

  static void normalise(Values &values, std::size_t first, std::size_t count, std::size_t stride) {
    float highest = values[first];
    for (std::size_t i = 0; i < count; ++i) {
      highest = std::max(highest, values[first + i * stride]);
    }
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      float &value = values[first + i * stride];
      value = std::exp(value - highest);
      sum += value;
    }
    for (std::size_t i = 0; i < count; ++i) {
      float &value = values[first + i * stride];
      value = static_cast<float>(value / sum);
    }
  }

  const Graph &graph_;
  const Node *node_ = nullptr;
  FloatTensors tensors_;
};

}  // namespace

FloatTensors execute_float(const Graph &graph, const std::vector<float> &input) {
  return Executor(graph, input).run({});
}

FloatTensors execute_float(const Graph &graph, const std::vector<float> &input,
                           const AlterOutput &alter) {
  return Executor(graph, input).run(alter);
}

std::vector<float> float_logits(const Graph &graph, const std::vector<float> &input) {
  return execute_float(graph, input).at(graph.outputs.at(0));
}

std::vector<float> float_input(const TensorShape &shape, const std::uint8_t *image, double scale,
                               std::int32_t zero_point) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  const std::size_t plane =
      static_cast<std::size_t>(shape.height) * static_cast<std::size_t>(shape.width);
  const auto channels = static_cast<std::size_t>(shape.channels);
  for (std::size_t pixel = 0; pixel < plane; ++pixel) {
    for (std::size_t c = 0; c < channels; ++c) {
      const std::int32_t byte = image[pixel * channels + c];
      values[c * plane + pixel] = static_cast<float>(scale * (byte - zero_point));
    }
  }
  return values;
}

}  // namespace npim::network
