#include "program/program_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "base/file.h"

namespace npim::program {
namespace {

constexpr std::size_t kHeaderBytes = 128, kSectionBytes = 32, kAlignment = 64;
constexpr std::size_t kChecksumFrom = 24, kChecksumAt = 16;
constexpr std::size_t kHeaderName = 32, kLayerName = 48, kLayerBytes = 64;

void put_name(ByteWriter &out, const std::string &name, std::size_t size) {
  std::string field = name.substr(0, size - 1);
  field.resize(size, '\0');
  out.put_bytes(field.data(), size);
}

std::string get_name(ByteReader &in, std::size_t size) {
  std::string field(size, '\0');
  in.get_bytes(field.data(), size);
  return field.substr(0, field.find('\0'));
}

void put_requirements(ByteWriter &out, const Requirements &r) {
  out.put(r.tiles);
  out.put(r.imas_per_tile);
  out.put(r.arrays_per_ima);
  out.put(r.array_rows);
  out.put(r.array_columns);
  out.put(r.cell_bits);
  out.put(r.dac_bits);
  out.put(r.nnadc_bits);
  out.put(r.code_format);
  out.put(r.edram_bytes);
  out.put(r.range_divisors_mask);
  out.put(r.bitline_gains_mask);
  out.put(std::uint16_t{0});
}

Requirements get_requirements(ByteReader &in) {
  Requirements r;
  r.tiles = in.get<std::uint32_t>();
  r.imas_per_tile = in.get<std::uint16_t>();
  r.arrays_per_ima = in.get<std::uint16_t>();
  r.array_rows = in.get<std::uint16_t>();
  r.array_columns = in.get<std::uint16_t>();
  r.cell_bits = in.get<std::uint8_t>();
  r.dac_bits = in.get<std::uint8_t>();
  r.nnadc_bits = in.get<std::uint8_t>();
  r.code_format = in.get<std::uint8_t>();
  r.edram_bytes = in.get<std::uint32_t>();
  r.range_divisors_mask = in.get<std::uint8_t>();
  r.bitline_gains_mask = in.get<std::uint8_t>();
  in.skip(2);
  return r;
}

void put_shape(ByteWriter &out, const network::TensorShape &shape) {
  out.put(shape.height);
  out.put(shape.width);
  out.put(shape.channels);
}

Bytes encode_layers(const std::vector<LayerRecord> &layers) {
  ByteWriter out;
  for (const auto &layer : layers) {
    out.put(static_cast<std::uint16_t>(layer.layer));
    out.put(static_cast<std::uint8_t>(layer.op));
    out.put(static_cast<std::uint8_t>(layer.on_host));
    out.put(layer.stages);
    out.put(layer.tiles);
    out.put(layer.arrays);
    out.put(layer.windows);
    put_name(out, layer.name, kLayerName);
  }
  return out.take();
}

std::vector<LayerRecord> decode_layers(const Bytes &bytes, std::uint32_t count,
                                       const std::string &name) {
  ByteReader in(bytes, name + ": layer section");
  if (bytes.size() != std::size_t{count} * kLayerBytes)
    in.fail("does not hold the header's layers");
  std::vector<LayerRecord> layers(count);
  for (auto &layer : layers) {
    layer.layer = in.get<std::uint16_t>();
    layer.op = in.get<network::LayerOp>();
    layer.on_host = (in.get<std::uint8_t>() & 1) != 0;
    layer.stages = in.get<std::uint16_t>();
    layer.tiles = in.get<std::uint16_t>();
    layer.arrays = in.get<std::uint32_t>();
    layer.windows = in.get<std::uint32_t>();
    layer.name = get_name(in, kLayerName);
  }
  return layers;
}

struct Section {
  SectionType type;
  Bytes content;
};

Bytes header(const Program &program, std::size_t sections, std::uint64_t file_bytes) {
  ByteWriter out;
  out.put(kProgramMagic);
  out.put(kProgramVersionMajor);
  out.put(kProgramVersionMinor);
  out.put(file_bytes);
  out.put(std::uint32_t{0});  // checksum, filled in at the end
  out.put(static_cast<std::uint32_t>(sections));
  put_requirements(out, program.requirements);
  const network::Layer &last = program.network.layers.back();
  put_shape(out, program.network.input_shape);
  put_shape(out, last.output_shape);
  out.put(static_cast<std::uint32_t>(last.requantise.output_s32 ? 4 : 1));
  out.put(static_cast<std::uint32_t>(program.layers.size()));
  put_name(out, program.name, kHeaderName);
  std::uint64_t scale_bits = 0;
  std::memcpy(&scale_bits, &program.output_scale, sizeof scale_bits);
  out.put(scale_bits);
  out.put(static_cast<std::uint32_t>(last.output_shape.elements()));
  out.put(std::uint32_t{0});
  return out.take();
}

std::size_t aligned(std::size_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

/// Magic, version, size and checksum; leaves the reader behind the section count, which it returns.
std::uint32_t check_envelope(ByteReader &in, const Bytes &bytes) {
  if (in.get<std::uint32_t>() != kProgramMagic) {
    in.fail("not a Neural-PIM program (the magic number is wrong)");
  }
  const auto major = in.get<std::uint16_t>();
  const auto minor = in.get<std::uint16_t>();
  if (major != kProgramVersionMajor) {
    in.fail("program version " + std::to_string(major) + "." + std::to_string(minor) +
            ", this build reads version " + std::to_string(kProgramVersionMajor) +
            ".x: compile the model again");
  }
  const auto file_bytes = in.get<std::uint64_t>();
  if (file_bytes != bytes.size()) {
    in.fail("the header says " + std::to_string(file_bytes) + " bytes, the file has " +
            std::to_string(bytes.size()));
  }
  const auto checksum = in.get<std::uint32_t>();
  if (checksum != crc32(bytes.data() + kChecksumFrom, bytes.size() - kChecksumFrom)) {
    in.fail("the checksum does not match: the file is damaged");
  }
  return in.get<std::uint32_t>();
}

std::map<SectionType, Bytes> read_sections(ByteReader &in, const Bytes &bytes,
                                           std::uint32_t count) {
  constexpr std::uint32_t kMostSections = 64;
  if (count > kMostSections) in.fail(std::to_string(count) + " sections are too many");
  std::map<SectionType, Bytes> sections;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto type = in.get<SectionType>();
    in.skip(4);
    const auto offset = in.get<std::uint64_t>();
    const auto size = in.get<std::uint64_t>();
    in.skip(8);
    if (offset > bytes.size() || size > bytes.size() - offset || offset % kAlignment != 0) {
      in.fail("section " + std::to_string(i) + " lies outside the file");
    }
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    if (!sections.emplace(type, Bytes(first, first + static_cast<std::ptrdiff_t>(size))).second) {
      in.fail("section " + std::to_string(i) + " is there twice");
    }
  }
  return sections;
}

const Bytes &section(const std::map<SectionType, Bytes> &sections, SectionType type,
                     const std::string &name) {
  const auto found = sections.find(type);
  if (found == sections.end()) {
    throw InputError(name, "section " + std::to_string(static_cast<int>(type)) + " is missing");
  }
  return found->second;
}

}  // namespace

Bytes serialise(const Program &program) {
  const EncodedSteps steps = encode(program.schedule, program.segments, program.network);
  std::vector<Section> sections = {{SectionType::kControl, steps.control},
                                   {SectionType::kWeights, encode(program.weights)},
                                   {SectionType::kLayers, encode_layers(program.layers)},
                                   {SectionType::kNetwork, network::serialise(program.network)},
                                   {SectionType::kSchedule, steps.schedule},
                                   {SectionType::kHostOperations, steps.operations}};
  if (!program.network.input_table.empty()) {
    sections.push_back({SectionType::kInputTable, program.network.input_table});
  }
  std::size_t file_bytes = aligned(kHeaderBytes + sections.size() * kSectionBytes);
  std::vector<std::size_t> offsets;
  for (const auto &section : sections) {
    offsets.push_back(file_bytes);
    file_bytes += aligned(section.content.size());
  }
  ByteWriter out;
  const Bytes head = header(program, sections.size(), file_bytes);
  out.put_bytes(head.data(), head.size());
  for (std::size_t i = 0; i < sections.size(); ++i) {
    out.put(sections[i].type);
    out.put(std::uint32_t{0});
    out.put(static_cast<std::uint64_t>(offsets[i]));
    out.put(static_cast<std::uint64_t>(sections[i].content.size()));
    out.put(std::uint64_t{0});
  }
  for (const auto &section : sections) {
    out.align(kAlignment);
    out.put_bytes(section.content.data(), section.content.size());
  }
  out.align(kAlignment);
  Bytes bytes = out.take();
  const std::uint32_t checksum = crc32(bytes.data() + kChecksumFrom, bytes.size() - kChecksumFrom);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[kChecksumAt + i] = static_cast<std::uint8_t>(checksum >> (8 * i));
  }
  return bytes;
}

Program deserialise_program(const Bytes &bytes, const std::string &name) {
  ByteReader in(bytes, name);
  in.require(kHeaderBytes);
  const std::uint32_t section_count = check_envelope(in, bytes);
  Program program;
  program.requirements = get_requirements(in);
  constexpr std::size_t kShapesBytes = 24;
  in.skip(kShapesBytes + 4);  // shapes and element size: firmware's copy of what kNetwork says
  const auto layers = in.get<std::uint32_t>();
  program.name = get_name(in, kHeaderName);
  const auto scale_bits = in.get<std::uint64_t>();
  std::memcpy(&program.output_scale, &scale_bits, sizeof scale_bits);
  if (!std::isfinite(program.output_scale)) in.fail("the output scale is not a number");
  in.skip(8);
  const auto sections = read_sections(in, bytes, section_count);
  const Bytes &weights = section(sections, SectionType::kWeights, name);
  program.weights = decode_weights(weights.data(), weights.size(), name + ": weight section");
  program.layers = decode_layers(section(sections, SectionType::kLayers, name), layers, name);
  program.network = network::deserialise(section(sections, SectionType::kNetwork, name),
                                         name + ": network section");
  program.schedule = decode_schedule({section(sections, SectionType::kSchedule, name),
                                      section(sections, SectionType::kControl, name),
                                      section(sections, SectionType::kHostOperations, name)},
                                     program.network, program.segments, name);
  const auto table = sections.find(SectionType::kInputTable);
  if ((table == sections.end() ? Bytes{} : table->second) != program.network.input_table) {
    throw InputError(name, "the input table is not that of the network");
  }
  return program;
}

}  // namespace npim::program
