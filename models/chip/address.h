// Addresses inside the chip, as TLM transactions between controller, NoC and tiles carry them:
//   63..48 tile (0xffff: the controller)   47..40 region   39..0 detail of the region
#pragma once

#include <cstdint>

namespace npim::chip {

enum class ChipRegion : std::uint8_t {
  kEdram = 1,     ///< detail: byte offset in the tile's eDRAM
  kCrossbar = 2,  ///< detail: array << 24 | byte offset. Writes program: a record of u16 rows, u16
                  ///< vectors, s8 weights[rows][vectors] at offset 0. Reads give the weights that
                  ///< the cells store, [array rows][vectors per array], from the offset
  kControl = 3,   ///< control vector store; detail: number of the stage in load order. The data is
                  ///< an encoded program::ControlProgram with that stage alone
  kLevels = 5,    ///< as kCrossbar, but levels [array rows][columns] of the cells, u8: all of them
                  ///< in a write, as sensed in a read
  kStream = 4,    ///< detail: slot << 32 | port << 24 | producer << 8: the producer's next pixels
};

struct ChipAddress {
  std::uint16_t tile = 0;
  ChipRegion region = ChipRegion::kEdram;
  std::uint64_t detail = 0;

  std::uint64_t encode() const {
    return std::uint64_t{tile} << 48 | std::uint64_t{static_cast<std::uint8_t>(region)} << 40 |
           (detail & kDetailMask);
  }
  static ChipAddress decode(std::uint64_t address) {
    return {static_cast<std::uint16_t>(address >> 48),
            static_cast<ChipRegion>(static_cast<std::uint8_t>(address >> 40)),
            address & kDetailMask};
  }
  static constexpr std::uint64_t kDetailMask = (std::uint64_t{1} << 40) - 1;
};

inline std::uint64_t edram_address(unsigned tile, std::uint64_t offset) {
  return ChipAddress{static_cast<std::uint16_t>(tile), ChipRegion::kEdram, offset}.encode();
}
inline std::uint64_t crossbar_address(unsigned tile, unsigned array, std::uint64_t offset = 0) {
  return ChipAddress{static_cast<std::uint16_t>(tile), ChipRegion::kCrossbar,
                     std::uint64_t{array} << 24 | offset}
      .encode();
}
inline std::uint64_t levels_address(unsigned tile, unsigned array, std::uint64_t offset = 0) {
  return ChipAddress{static_cast<std::uint16_t>(tile), ChipRegion::kLevels,
                     std::uint64_t{array} << 24 | offset}
      .encode();
}
inline std::uint64_t control_address(unsigned tile, std::uint32_t stage) {
  return ChipAddress{static_cast<std::uint16_t>(tile), ChipRegion::kControl, stage}.encode();
}
inline std::uint64_t stream_address(unsigned tile, unsigned slot, unsigned port,
                                    unsigned producer) {
  return ChipAddress{
      static_cast<std::uint16_t>(tile), ChipRegion::kStream,
      std::uint64_t{slot} << 32 | std::uint64_t{port} << 24 | std::uint64_t{producer} << 8}
      .encode();
}

}  // namespace npim::chip
