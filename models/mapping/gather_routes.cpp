#include "mapping/gather_routes.h"

#include <algorithm>
#include <cstddef>

namespace npim::mapping {
namespace {

/// The rectangles one pixel wide of one output pixel in row `y`: runs of channels that follow each
/// other in one pixel of the input's row `y`. False if an element comes from another row.
bool runs_of_pixel(const network::Layer &layer, int y, int x, std::vector<GatherRectangle> &runs) {
  const auto &in = layer.input_shape, &out = layer.output_shape;
  const std::int32_t *table =
      layer.table.data() + (std::ptrdiff_t{y} * out.width + x) * out.channels;
  const std::int64_t row = std::int64_t{in.width} * in.channels;
  for (int c = 0; c < out.channels; ++c) {
    GatherRectangle run;
    run.columns = {x, 1};
    run.channels = {c, 1};
    run.is_constant = table[c] < 0;
    if (!run.is_constant) {
      if (table[c] / row != y) return false;
      run.from_column = static_cast<int>(table[c] % row / in.channels);
      run.from_channel = static_cast<int>(table[c] % in.channels);
    }
    if (c > 0) {
      GatherRectangle &last = runs.back();
      const bool follows = run.is_constant
                               ? last.is_constant
                               : !last.is_constant && last.from_column == run.from_column &&
                                     last.from_channel + last.channels.count == run.from_channel;
      if (follows) {
        ++last.channels.count;
        continue;
      }
    }
    runs.push_back(run);
  }
  return true;
}

/// Makes a run part of the rectangle on its left if it continues that.
bool widen(std::vector<GatherRectangle> &rectangles, const GatherRectangle &run) {
  for (GatherRectangle &left : rectangles) {
    const bool beside =
        left.columns.end() == run.columns.first && left.channels.first == run.channels.first &&
        left.channels.count == run.channels.count && left.is_constant == run.is_constant;
    const bool continues =
        run.is_constant || (left.from_column + left.columns.count == run.from_column &&
                            left.from_channel == run.from_channel);
    if (!beside || !continues) continue;
    ++left.columns.count;
    return true;
  }
  return false;
}

}  // namespace

std::optional<std::vector<GatherRectangle>> gather_rectangles(const network::Layer &layer,
                                                              std::string &why) {
  constexpr std::size_t kMost = 4096;
  const auto &in = layer.input_shape, &out = layer.output_shape;
  if (in.height != out.height) {
    why = "it changes the number of rows";
    return std::nullopt;
  }
  std::vector<GatherRectangle> rectangles;
  for (int x = 0; x < out.width; ++x) {
    std::vector<GatherRectangle> runs;
    if (!runs_of_pixel(layer, 0, x, runs)) {
      why = "it moves elements to other rows";
      return std::nullopt;
    }
    for (const GatherRectangle &run : runs) {
      if (!widen(rectangles, run)) rectangles.push_back(run);
    }
    if (rectangles.size() > kMost) {
      why = "it scatters elements";
      return std::nullopt;
    }
  }
  // The other rows have to do the same.
  const std::int32_t in_row = in.width * in.channels;
  const std::ptrdiff_t out_row = std::ptrdiff_t{out.width} * out.channels;
  for (std::ptrdiff_t i = out_row; i < out_row * out.height; ++i) {
    const std::int32_t first = layer.table[static_cast<std::size_t>(i % out_row)];
    const auto y = static_cast<std::int32_t>(i / out_row);
    if (layer.table[static_cast<std::size_t>(i)] != (first < 0 ? -1 : first + y * in_row)) {
      why = "its rows differ";
      return std::nullopt;
    }
  }
  return rectangles;
}

}  // namespace npim::mapping
