#include "mapping/replication.h"

#include <algorithm>
#include <cmath>

#include "base/integers.h"

namespace npim::mapping {
namespace {

std::int64_t windows_of(const network::Layer &layer) {
  return std::int64_t{layer.output_shape.height} * layer.output_shape.width;
}

}  // namespace

int copies_for_pace(const network::Layer &layer, std::int64_t pace) {
  return static_cast<int>(
      std::min<std::int64_t>(divide_up(windows_of(layer), pace), layer.output_shape.width));
}

double window_period_ns(const config::ChipConfig &chip) {
  const int copy_cycles = chip.pipeline == config::WindowPipeline::kOverlapped ? 0 : 1;
  return (chip.input_cycles() + copy_cycles) * chip.input_cycle_ns;
}

int strips_for_pace(const network::Layer &layer, const config::ChipConfig &chip,
                    std::int64_t pace) {
  const double image_ns = static_cast<double>(pace) * window_period_ns(chip);
  const double bytes_per_ns = chip.noc.flit_bits / 8.0 * chip.noc.clock_mhz * 1e-3;
  const auto bytes = static_cast<double>(layer.input_shape.elements());
  const double strips = std::ceil(bytes / (image_ns * bytes_per_ns));
  return static_cast<int>(std::clamp(strips, 1.0, static_cast<double>(layer.output_shape.width)));
}

std::vector<std::int64_t> paces(const network::QuantisedNetwork &network) {
  std::int64_t fastest = 1, slowest = 1;
  for (const auto &layer : network.layers) {
    if (layer.op != network::LayerOp::kConvolution) continue;
    fastest = std::max<std::int64_t>(fastest, layer.output_shape.height);
    slowest = std::max(slowest, windows_of(layer));
  }
  std::vector<std::int64_t> result;
  for (std::int64_t pace = fastest; pace < slowest; pace += divide_up(pace, std::int64_t{4})) {
    result.push_back(pace);
  }
  result.push_back(slowest);
  return result;
}

}  // namespace npim::mapping
