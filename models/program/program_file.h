// The program file (*.npim): everything that firmware needs to run a network, and what tools need
// to check it. Little endian. Firmware reads it in place in DRAM (firmware/runtime/program.c reads
// the same layout):
//
//   header, 128 bytes:
//     0  u32 magic 'NPRG' (0x4752504e)   4  u16 version major   6  u16 version minor
//     8  u64 file bytes                 16  u32 CRC-32 of the file from offset 24 to the end   20
//     u32 sections
//    24  requirements: u32 tiles (highest used + 1), u16 imas per tile, u16 arrays per ima, u16
//    array rows,
//        u16 array columns, u8 cell bits, u8 dac bits, u8 nnadc bits, u8 code format, u32 edram
//        bytes, u8 range divisors mask, u8 gains mask, u16 reserved (24 bytes: 24..47)
//    48  input:  u32 height, width, channels        60  output: u32 height, width, channels
//    72  u32 output element bytes       76  u32 layers            80  char name[32] (zero padded)
//   112  f64 output scale              120  u32 classes hint (0 = none)   124 u32 reserved
//   section table, 32 bytes each: u32 type, u32 reserved, u64 offset (64-byte aligned), u64 bytes,
//   u64 reserved sections: kControl (control programs, encode(ControlProgram), each at a multiple
//   of 64), kWeights (encode(weights): of all control programs, which may share arrays), kLayers
//   (64-byte records:
//     u16 layer, u8 op, u8 where (bit 0: on the host), u16 stages, u16 tiles, u32 arrays, u32
//     windows, char name[48]), kNetwork (the integer network for the golden check; firmware ignores
//     it), kInputTable if the network has one (u8 [channels][256]: firmware replaces byte b of
//     channel c of every image by table[c][b] before the chip gets it), kSchedule and
//     kHostOperations (program/steps.h)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "program/stage.h"
#include "program/steps.h"

namespace npim::program {

struct Requirements {
  std::uint32_t tiles = 0;
  std::uint16_t imas_per_tile = 0, arrays_per_ima = 0, array_rows = 0, array_columns = 0;
  std::uint8_t cell_bits = 0, dac_bits = 0, nnadc_bits = 0, code_format = 0;
  std::uint32_t edram_bytes = 0;
  std::uint8_t range_divisors_mask = 0, bitline_gains_mask = 0;
};

struct LayerRecord {
  std::uint32_t layer = 0;
  network::LayerOp op = network::LayerOp::kConvolution;
  std::uint16_t stages = 0;
  std::uint16_t tiles = 0;
  std::uint32_t arrays = 0;
  std::uint32_t windows = 0;
  std::string name;
  bool on_host = false;
};

struct Program {
  std::string name;
  Requirements requirements;
  std::vector<ControlProgram> segments;
  Schedule schedule;
  std::vector<ArrayWeights> weights;
  std::vector<LayerRecord> layers;
  network::QuantisedNetwork network;
  double output_scale = 1.0;
};

enum class SectionType : std::uint32_t {
  kControl = 1,
  kWeights = 2,
  kLayers = 3,
  kNetwork = 4,
  kInputTable = 5,
  kSchedule = 6,
  kHostOperations = 7
};

constexpr std::uint32_t kProgramMagic = 0x4752504e;
constexpr std::uint16_t kProgramVersionMajor = 4, kProgramVersionMinor = 0;

Bytes serialise(const Program &program);
/// Checks magic, version, size, checksum, sections and their content. Throws InputError.
Program deserialise_program(const Bytes &bytes, const std::string &name);

}  // namespace npim::program
