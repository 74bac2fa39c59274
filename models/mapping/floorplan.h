// The floorplan of a mapping as a picture: the chip's tiles in their grid, each with the layers
// that it holds in their colours, and a legend of all layers.
#pragma once

#include <string>

#include "config/chip_config.h"
#include "mapping/mapping.h"

namespace npim::mapping {

/// An SVG document (UTF-8). A tile's height stands for its arrays: a layer fills as much of it as
/// it has arrays there; layers without arrays (pools, additions, aggregators) are bars at its foot.
std::string floorplan_svg(const Mapping &mapping, const config::ChipConfig &chip);

}  // namespace npim::mapping
