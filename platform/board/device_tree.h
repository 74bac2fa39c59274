// The flattened device tree that the board hands to firmware (Devicetree Specification 0.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "board/platform_config.h"

namespace npim::board {

/// An area of DRAM that firmware finds by name: a file from the command line, or room for results.
struct NamedArea {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

/// Describes the board as configured. Areas become /reserved-memory/file@ADDRESS nodes with
/// compatible "neural-pim,file" and `npim,name`. An initial RAM disk stands in /chosen.
Bytes build_device_tree(const PlatformConfig &config, const std::string &bootargs,
                        const std::vector<NamedArea> &areas,
                        const std::optional<Range> &initrd = std::nullopt);

}  // namespace npim::board
