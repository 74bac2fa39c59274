// Rearrangements and element-wise combinations of dense row-major tensors, for constants (integers
// and floats) and for the float executor alike.
#pragma once

#include <cstddef>
#include <vector>

#include "network/graph.h"

namespace npim::network {

/// Steps through all indices of a tensor in row-major order.
class Odometer {
 public:
  explicit Odometer(const Shape &extents) : extents_(extents), index_(extents.size(), 0) {}
  const Shape &index() const { return index_; }
  void advance() {
    for (std::size_t axis = extents_.size(); axis-- > 0;) {
      if (++index_[axis] < extents_[axis]) return;
      index_[axis] = 0;
    }
  }

 private:
  const Shape &extents_;
  Shape index_;
};

/// a op b, for Add, Sub, Mul and Div.
inline float apply(Op op, float a, float b) {
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    default:
      return a / b;
  }
}

/// Elements between neighbours along each axis.
inline Shape strides_of(const Shape &shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) {
    strides[axis - 1] = strides[axis] * shape[axis];
  }
  return strides;
}

/// The elements at the given index lists per axis (AxisIndices).
template <typename T>
std::vector<T> pick(const std::vector<T> &from, const Shape &shape, const AxisIndices &indices,
                    T fill) {
  Shape extents;
  std::int64_t count = 1;
  for (const auto &axis : indices) {
    extents.push_back(static_cast<std::int64_t>(axis.size()));
    count *= extents.back();
  }
  const Shape strides = strides_of(shape);
  std::vector<T> to;
  to.reserve(static_cast<std::size_t>(count));
  Odometer at(extents);
  for (; count > 0; --count, at.advance()) {
    std::int64_t offset = 0;
    bool is_inside = true;
    for (std::size_t axis = 0; axis < indices.size(); ++axis) {
      const std::int64_t index = indices[axis][static_cast<std::size_t>(at.index()[axis])];
      is_inside = is_inside && index >= 0;
      offset += index * strides[axis];
    }
    to.push_back(is_inside ? from[static_cast<std::size_t>(offset)] : fill);
  }
  return to;
}

/// Output axis i runs along input axis permutation[i].
template <typename T>
std::vector<T> transpose(const std::vector<T> &from, const Shape &shape,
                         const std::vector<std::size_t> &permutation) {
  const Shape strides = strides_of(shape);
  Shape extents, steps;
  for (const std::size_t axis : permutation) {
    extents.push_back(shape[axis]);
    steps.push_back(strides[axis]);
  }
  std::vector<T> to;
  to.reserve(from.size());
  Odometer at(extents);
  for (std::size_t i = 0; i < from.size(); ++i, at.advance()) {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < steps.size(); ++axis)
      offset += at.index()[axis] * steps[axis];
    to.push_back(from[static_cast<std::size_t>(offset)]);
  }
  return to;
}

/// Tensors side by side along an axis: each part is a run of `chunks` elements per outer index.
template <typename T>
std::vector<T> concatenate(const std::vector<const std::vector<T> *> &parts,
                           const std::vector<std::size_t> &chunks, std::size_t outer) {
  std::vector<T> to;
  for (std::size_t i = 0; i < outer; ++i) {
    for (std::size_t k = 0; k < parts.size(); ++k) {
      const auto first = parts[k]->begin() + static_cast<std::ptrdiff_t>(i * chunks[k]);
      to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(chunks[k]));
    }
  }
  return to;
}

/// Index in an operand of shape `from`, broadcast to shape `to`, of element `index` of `to`.
inline std::size_t broadcast_index(std::size_t index, const Shape &from, const Shape &to) {
  std::size_t result = 0, stride = 1;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto extent = static_cast<std::size_t>(to[to.size() - 1 - i]);
    const auto own = static_cast<std::size_t>(from[from.size() - 1 - i]);
    if (own != 1) result += index % extent * stride;
    stride *= own;
    index /= extent;
  }
  return result;
}

/// combine(a, b) element by element, with broadcasting.
template <typename T, typename Combine>
std::vector<T> combine_broadcast(const std::vector<T> &a, const Shape &shape_a,
                                 const std::vector<T> &b, const Shape &shape_b, const Shape &shape,
                                 Combine combine) {
  std::vector<T> to(static_cast<std::size_t>(element_count(shape)));
  const bool is_plain = shape_a == shape && shape_b == shape;
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i] = is_plain ? combine(a[i], b[i])
                     : combine(a[broadcast_index(i, shape_a, shape)],
                               b[broadcast_index(i, shape_b, shape)]);
  }
  return to;
}

}  // namespace npim::network
