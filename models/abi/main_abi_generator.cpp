// npim_abi_generator: turns the machine-readable register map (npim_abi.json) into the C++ header
// that the models include, the C header of the firmware and the reference page. One source, so that
// model, driver and documentation cannot disagree. Mistakes in the map are errors: unknown keys,
// overlapping registers or fields, duplicate names or values, misaligned structure members.
//
//   npim_abi_generator MAP.json [--cpp FILE] [--c FILE] [--reference FILE]
//
// Exit status: 0 done, 2 bad input.
#include <cstdio>
#include <functional>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "config/json_config.h"

namespace {

using npim::config::Node;
using npim::config::Object;

constexpr std::int64_t kMostBlockBytes = 1 << 20;

struct Field {
  std::string name, about;
  unsigned lsb = 0, bits = 1;
  bool write_only = false;
};

struct Register {
  std::string name, access, about;
  std::uint64_t offset = 0, reset = 0, writable = 0;
  unsigned bits = 32;
  bool configured = false;
  std::vector<Field> fields;
};

struct Named {
  std::string name, about;
  std::uint64_t value = 0;
};

struct Member {
  std::string name, about;
  unsigned bytes = 0, offset = 0;
};

struct Structure {
  std::string name;
  unsigned bytes = 0;
  std::vector<Member> members;
};

struct Map {
  std::string title;
  int major = 0, minor = 0;
  std::uint64_t block_bytes = 0;
  std::vector<Register> registers;
  std::vector<Named> opcodes, regions, faults, flags, errors;
  std::vector<Structure> structures;
};

// Reading and checking

std::uint64_t low_bits(unsigned bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

std::uint64_t hex_number(const Node &node, std::uint64_t highest) {
  const std::string text = node.text();
  const bool digits_only =
      text.size() > 2 && text.find_first_not_of("0123456789abcdef", 2) == std::string::npos;
  if (text.rfind("0x", 0) != 0 || !digits_only || text.size() > 2 + 16) {
    node.fail("expected a hexadecimal number as text (\"0x40\"), found \"" + text + "\"");
  }
  const std::uint64_t value = std::stoull(text, nullptr, 16);
  if (value > highest) node.fail("the number is too large: " + text);
  return value;
}

/// A name in capitals (or small letters): it becomes part of identifiers.
std::string identifier(const Node &node, bool capitals) {
  std::string name = node.text();
  const std::string allowed =
      capitals ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_" : "abcdefghijklmnopqrstuvwxyz0123456789_";
  const bool starts_well = !name.empty() && allowed.find(name[0]) < 26;
  if (!starts_well || name.find_first_not_of(allowed) != std::string::npos) {
    node.fail("\"" + name + "\" is not a name in " + (capitals ? "CAPITALS" : "small letters"));
  }
  return name;
}

std::string optional_text(Object &object, const std::string &key) {
  const auto node = object.find(key);
  return node ? node->text() : "";
}

Field read_field(const Node &node, unsigned register_bits) {
  Object object(node);
  Field field;
  field.name = identifier(object.at("name"), true);
  field.lsb = static_cast<unsigned>(object.integer("lsb", 0, register_bits - 1));
  field.bits = static_cast<unsigned>(object.integer("bits", 1, register_bits - field.lsb));
  if (const auto access = object.find("access")) field.write_only = access->choice({"wo"}) == "wo";
  field.about = optional_text(object, "about");
  object.finish();
  return field;
}

std::vector<Field> read_fields(const Node &node, unsigned register_bits) {
  std::vector<Field> fields;
  std::set<std::string> names;
  std::uint64_t taken = 0;
  for (const auto &item : node.items()) {
    fields.push_back(read_field(item, register_bits));
    const Field &field = fields.back();
    const std::uint64_t mask = low_bits(field.bits) << field.lsb;
    if ((taken & mask) != 0) item.fail("field " + field.name + " overlaps another");
    if (!names.insert(field.name).second) item.fail("field " + field.name + " is there twice");
    taken |= mask;
  }
  return fields;
}

std::uint64_t default_writable_bits(const Register &reg) {
  if (reg.access == "ro") return 0;
  if (reg.fields.empty()) return low_bits(reg.bits);
  std::uint64_t mask = 0;
  for (const auto &field : reg.fields) mask |= low_bits(field.bits) << field.lsb;
  return mask;
}

Register read_register(const Node &node, std::uint64_t block_bytes) {
  Object object(node);
  Register reg;
  reg.name = identifier(object.at("name"), true);
  if (const auto bits = object.find("bits")) {
    reg.bits = static_cast<unsigned>(bits->integer(32, 64));
    if (reg.bits != 32 && reg.bits != 64) bits->fail("a register has 32 or 64 bits");
  }
  const std::uint64_t bytes = reg.bits / 8;
  const Node offset = object.at("offset");
  reg.offset = hex_number(offset, block_bytes - bytes);
  if (reg.offset % bytes != 0) offset.fail(reg.name + " is not aligned to its size");
  reg.access = object.at("access").choice({"ro", "rw", "w1c"});
  const Node reset = object.at("reset");
  reg.configured = reset.text() == "configured";
  if (!reg.configured) reg.reset = hex_number(reset, low_bits(reg.bits));
  if (reg.configured && reg.access != "ro") reset.fail("only a read-only register is configured");
  if (const auto fields = object.find("fields")) reg.fields = read_fields(*fields, reg.bits);
  reg.writable = default_writable_bits(reg);
  if (const auto writable = object.find("writable_bits")) {
    if (reg.access == "ro") writable->fail(reg.name + " is read-only");
    reg.writable = hex_number(*writable, low_bits(reg.bits));
  }
  reg.about = object.text("about");
  object.finish();
  return reg;
}

std::vector<Register> read_registers(const Node &node, std::uint64_t block_bytes) {
  std::vector<Register> registers;
  std::set<std::string> names;
  std::uint64_t next = 0;
  for (const auto &item : node.items()) {
    registers.push_back(read_register(item, block_bytes));
    const Register &reg = registers.back();
    if (!names.insert(reg.name).second) item.fail(reg.name + " is there twice");
    if (reg.offset < next) item.fail(reg.name + " overlaps the register before it");
    next = reg.offset + reg.bits / 8;
  }
  return registers;
}

std::vector<Named> read_named(const Node &node, const std::string &about_key, std::int64_t most) {
  std::vector<Named> list;
  std::set<std::string> names;
  std::set<std::uint64_t> values;
  for (const auto &item : node.items()) {
    Object object(item);
    Named entry;
    entry.name = identifier(object.at("name"), true);
    entry.value = static_cast<std::uint64_t>(object.integer("value", 0, most));
    entry.about = object.text(about_key);
    object.finish();
    if (!names.insert(entry.name).second) item.fail(entry.name + " is there twice");
    if (!values.insert(entry.value).second) {
      item.fail("value " + std::to_string(entry.value) + " of " + entry.name + " is taken");
    }
    list.push_back(entry);
  }
  return list;
}

Structure read_structure(const Node &node) {
  Object object(node);
  Structure structure;
  structure.name = identifier(object.at("name"), false);
  structure.bytes = static_cast<unsigned>(object.integer("bytes", 1, 4096));
  std::set<std::string> names;
  unsigned offset = 0, alignment = 1;
  for (const auto &item : object.at("fields").items()) {
    Object field(item);
    Member member;
    member.name = identifier(field.at("name"), false);
    const std::string type = field.at("type").choice({"u8", "u16", "u32", "u64"});
    member.bytes = static_cast<unsigned>(std::stoul(type.substr(1)) / 8);
    member.about = optional_text(field, "about");
    member.offset = offset;
    field.finish();
    if (!names.insert(member.name).second) item.fail(member.name + " is there twice");
    if (offset % member.bytes != 0) item.fail(member.name + " is not aligned to its size");
    offset += member.bytes;
    alignment = std::max(alignment, member.bytes);
    structure.members.push_back(member);
  }
  object.finish();
  if (offset != structure.bytes || offset % alignment != 0) {
    node.fail("the fields of " + structure.name + " take " + std::to_string(offset) +
              " bytes, \"bytes\" says " + std::to_string(structure.bytes));
  }
  return structure;
}

Map read_map(const std::string &path) {
  Object object(Node::load(path));
  Map map;
  map.title = object.text("abi");
  Object version(object.at("version"));
  map.major = static_cast<int>(version.integer("major", 0, 0xffff));
  map.minor = static_cast<int>(version.integer("minor", 0, 0xffff));
  version.finish();
  map.block_bytes =
      static_cast<std::uint64_t>(object.integer("register_block_bytes", 8, kMostBlockBytes));
  map.registers = read_registers(object.at("registers"), map.block_bytes);
  map.opcodes = read_named(object.at("opcodes"), "about", 0xff);
  map.regions = read_named(object.at("regions"), "about", 0xff);
  map.faults = read_named(object.at("faults"), "about", 0xff);
  map.flags = read_named(object.at("flags"), "about", 0xff);
  map.errors = read_named(object.at("errors"), "text", 0xffff);
  for (const auto &item : object.at("structures").items()) {
    map.structures.push_back(read_structure(item));
  }
  object.finish();
  return map;
}

// Writing

std::string hex(std::uint64_t value, int digits = 8) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

/// "CAP_IMA" or "stage_counters" -> "CapIma", "StageCounters"
std::string camel(const std::string &name) {
  std::string out;
  bool start = true;
  for (const char c : name) {
    if (c == '_') {
      start = true;
      continue;
    }
    out += static_cast<char>(start ? std::toupper(c) : std::tolower(c));
    start = false;
  }
  return out;
}

std::string capitals(const std::string &name) {
  std::string out;
  for (const char c : name) out += static_cast<char>(std::toupper(c));
  return out;
}

class CppWriter {
 public:
  std::string write(const Map &map) {
    out_ << "// Registers, commands and records of the " << map.title
         << ". Generated from\n// models/abi/npim_abi.json by npim_abi_generator: edit the map, "
            "not this file.\n#pragma once\n\n#include <array>\n#include <cstddef>\n"
            "#include <cstdint>\n\nnamespace npim::abi {\n\n";
    out_ << "constexpr std::uint32_t kVersionMajor = " << map.major
         << ", kVersionMinor = " << map.minor << ";\n"
         << "constexpr std::uint64_t kRegisterBlockBytes = " << map.block_bytes << ";\n\n";
    enumeration("Opcode", "std::uint8_t", map.opcodes, false);
    enumeration("Region", "std::uint8_t", map.regions, false);
    enumeration("Fault", "std::uint8_t", map.faults, false);
    enumeration("Error", "std::uint16_t", map.errors, true);
    for (const auto &flag : map.flags) {
      out_ << "constexpr std::uint8_t kFlag" << camel(flag.name) << " = " << flag.value
           << ";  ///< " << flag.about << "\n";
    }
    out_ << "constexpr std::uint8_t kAllFlags = " << all_flags(map) << ";\n\n";
    tables(map);
    for (const auto &structure : map.structures) record(structure);
    out_ << "}  // namespace npim::abi\n";
    return out_.str();
  }

 private:
  static std::uint64_t all_flags(const Map &map) {
    std::uint64_t flags = 0;
    for (const auto &flag : map.flags) flags |= flag.value;
    return flags;
  }

  void enumeration(const std::string &type, const char *base, const std::vector<Named> &list,
                   bool texts) {
    out_ << "enum class " << type << " : " << base << " {\n";
    for (const auto &entry : list) {
      out_ << "  k" << camel(entry.name) << " = " << entry.value << ",  ///< " << entry.about
           << "\n";
    }
    out_ << "};\n\n/// Name as in the reference page; \"unknown\" for other values.\n";
    lookup("name", type, list, [](const Named &entry) { return entry.name; });
    if (texts) {
      out_ << "/// What went wrong, as a sentence without a full stop.\n";
      lookup("text", type, list, [](const Named &entry) { return entry.about; });
    }
  }

  void lookup(const char *function, const std::string &type, const std::vector<Named> &list,
              const std::function<std::string(const Named &)> &answer) {
    out_ << "constexpr const char *" << function << "(" << type
         << " value) {\n  switch (value) {\n";
    for (const auto &entry : list) {
      out_ << "    case " << type << "::k" << camel(entry.name) << ":\n      return "
           << quoted(answer(entry)) << ";\n";
    }
    out_ << "  }\n  return \"unknown\";\n}\n\n";
  }

  void tables(const Map &map) {
    out_
        << "/// A bit field of a register.\nstruct Field {\n  const char *name;\n"
           "  unsigned lsb, bits;\n  bool write_only;  ///< reads as 0\n  const char *about;\n"
           "  constexpr std::uint64_t mask() const {\n"
           "    return (bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1) << lsb;\n"
           "  }\n  constexpr std::uint64_t get(std::uint64_t value) const { return (value & "
           "mask()) "
           ">> lsb; }\n  constexpr std::uint64_t put(std::uint64_t value) const { return (value << "
           "lsb) & mask(); }\n};\n\n";
    out_ << "/// Fields, named register and field: field::kControlEnable.\nnamespace field {\n";
    for (const auto &reg : map.registers) {
      for (const auto &field : reg.fields) {
        out_ << "constexpr Field k" << camel(reg.name) << camel(field.name) << "{"
             << quoted(field.name) << ", " << field.lsb << ", " << field.bits << ", "
             << (field.write_only ? "true" : "false") << ", " << quoted(field.about) << "};\n";
      }
    }
    out_ << "}  // namespace field\n\n/// Offsets in the register block.\nnamespace reg {\n";
    for (const auto &reg : map.registers) {
      out_ << "constexpr std::uint64_t k" << camel(reg.name) << " = " << hex(reg.offset, 3)
           << ";  ///< " << reg.about << "\n";
    }
    out_ << "}  // namespace reg\n\n";
    register_table(map);
  }

  void register_table(const Map &map) {
    out_ << "enum class Access { kReadOnly, kReadWrite, kWriteOneToClear };\n\n"
            "struct RegisterInfo {\n  const char *name;\n  std::uint64_t offset;\n"
            "  unsigned bits;  ///< 32 or 64\n  Access access;\n  std::uint64_t reset;\n"
            "  bool configured;  ///< the reset value comes from the chip's configuration\n"
            "  std::uint64_t writable_bits;  ///< all others are reserved or read-only\n"
            "  const char *about;\n  const Field *fields;\n  std::size_t field_count;\n};\n\n"
            "namespace detail {\n";
    for (const auto &reg : map.registers) {
      if (reg.fields.empty()) continue;
      out_ << "inline constexpr Field k" << camel(reg.name) << "Fields[] = {";
      for (const auto &field : reg.fields) {
        out_ << (&field == &reg.fields.front() ? "" : ", ") << "field::k" << camel(reg.name)
             << camel(field.name);
      }
      out_ << "};\n";
    }
    out_ << "}  // namespace detail\n\n/// All registers in order of their offsets.\n"
            "inline constexpr RegisterInfo kRegisters[] = {\n";
    for (const auto &reg : map.registers) {
      const std::string access = reg.access == "ro"   ? "kReadOnly"
                                 : reg.access == "rw" ? "kReadWrite"
                                                      : "kWriteOneToClear";
      const std::string fields =
          reg.fields.empty() ? "nullptr" : "detail::k" + camel(reg.name) + "Fields";
      out_ << "    {" << quoted(reg.name) << ", reg::k" << camel(reg.name) << ", " << reg.bits
           << ", Access::" << access << ", " << hex(reg.reset) << ", "
           << (reg.configured ? "true" : "false") << ", " << hex(reg.writable) << ", "
           << quoted(reg.about) << ", " << fields << ", " << reg.fields.size() << "},\n";
    }
    out_
        << "};\n\n/// The register at an offset (its first byte), nullptr when there is none.\n"
           "constexpr const RegisterInfo *find_register(std::uint64_t offset) {\n"
           "  for (const auto &reg : kRegisters) {\n    if (reg.offset == offset) return &reg;\n"
           "  }\n  return nullptr;\n}\n\n"
           "namespace detail {\n"
           "inline void put(std::uint8_t *to, std::uint64_t value, unsigned bytes) {\n"
           "  for (unsigned i = 0; i < bytes; ++i) to[i] = static_cast<std::uint8_t>(value >> (8 * "
           "i));\n}\n"
           "inline std::uint64_t get(const std::uint8_t *from, unsigned bytes) {\n"
           "  std::uint64_t value = 0;\n"
           "  for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{from[i]} << (8 * i);\n"
           "  return value;\n}\n}  // namespace detail\n\n";
  }

  void record(const Structure &structure) {
    const std::string type = camel(structure.name);
    out_ << "/// A record in memory, little endian.\nstruct " << type
         << " {\n  static constexpr std::size_t kBytes = " << structure.bytes << ";\n";
    for (const auto &member : structure.members) {
      out_ << "  std::uint" << 8 * member.bytes << "_t " << member.name << " = 0;";
      if (!member.about.empty()) out_ << "  ///< " << member.about;
      out_ << "\n";
    }
    out_ << "\n  std::array<std::uint8_t, kBytes> encode() const {\n"
            "    std::array<std::uint8_t, kBytes> bytes{};\n";
    for (const auto &member : structure.members) {
      out_ << "    detail::put(bytes.data() + " << member.offset << ", " << member.name << ", "
           << member.bytes << ");\n";
    }
    out_ << "    return bytes;\n  }\n  /// From kBytes bytes.\n  static " << type
         << " decode(const std::uint8_t *bytes) {\n    " << type << " record;\n";
    for (const auto &member : structure.members) {
      out_ << "    record." << member.name << " = static_cast<std::uint" << 8 * member.bytes
           << "_t>(detail::get(bytes + " << member.offset << ", " << member.bytes << "));\n";
    }
    out_ << "    return record;\n  }\n};\n\n";
  }

  std::ostringstream out_;
};

class CWriter {
 public:
  std::string write(const Map &map) {
    out_
        << "/* Registers, commands and records of the " << map.title
        << ". Generated from models/abi/npim_abi.json\n   by npim_abi_generator: edit the map, not "
           "this file. */\n/* clang-format off */\n#ifndef NPIM_REGS_H\n#define NPIM_REGS_H\n\n"
           "#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\n"
           "#define NPIM_STATIC_ASSERT(condition, text) static_assert(condition, text)\n#else\n"
           "#define NPIM_STATIC_ASSERT(condition, text) _Static_assert(condition, "
           "text)\n#endif\n\n";
    out_ << "#define NPIM_ABI_MAJOR " << map.major << "u\n#define NPIM_ABI_MINOR " << map.minor
         << "u\n#define NPIM_REGISTER_BLOCK_BYTES " << map.block_bytes << "u\n\n";
    registers(map);
    enumeration("opcode", "OP", map.opcodes);
    enumeration("region", "REGION", map.regions);
    enumeration("fault_kind", "FAULT", map.faults);
    enumeration("flag", "FLAG", map.flags);
    enumeration("error", "ERROR", map.errors);
    out_ << "/* X(name, value, text) for each error. */\n#define NPIM_FOR_EACH_ERROR(X)";
    for (const auto &error : map.errors) {
      out_ << " \\\n  X(" << error.name << ", " << error.value << ", " << quoted(error.about)
           << ")";
    }
    out_ << "\n\n";
    for (const auto &structure : map.structures) record(structure);
    out_ << "#endif\n";
    return out_.str();
  }

 private:
  void registers(const Map &map) {
    out_ << "/* Offsets of the registers, and lowest bit and mask of their fields. */\n";
    for (const auto &reg : map.registers) {
      out_ << "#define NPIM_REG_" << reg.name << " " << hex(reg.offset, 3) << "u /* "
           << capitals(reg.access) << ", " << reg.bits << " bits: " << reg.about << " */\n";
      for (const auto &field : reg.fields) {
        const std::string prefix = "NPIM_" + reg.name + "_" + field.name;
        out_ << "#define " << prefix << "_LSB " << field.lsb << "u\n#define " << prefix << "_MASK "
             << hex(low_bits(field.bits) << field.lsb) << "u";
        if (!field.about.empty()) out_ << " /* " << field.about << " */";
        out_ << "\n";
      }
    }
    out_ << "\n/* X(name, offset, bits, access, reset, configured, writable bits) for each "
            "register. "
            "*/\n#define NPIM_FOR_EACH_REGISTER(X)";
    for (const auto &reg : map.registers) {
      out_ << " \\\n  X(" << reg.name << ", " << hex(reg.offset, 3) << "u, " << reg.bits << ", "
           << capitals(reg.access) << ", " << hex(reg.reset) << "u, " << (reg.configured ? 1 : 0)
           << ", " << hex(reg.writable) << "u)";
    }
    out_ << "\n\n";
  }

  void enumeration(const std::string &type, const char *prefix, const std::vector<Named> &list) {
    out_ << "enum npim_" << type << " {\n";
    for (const auto &entry : list) {
      out_ << "  NPIM_" << prefix << "_" << entry.name << " = " << entry.value << ", /* "
           << entry.about << " */\n";
    }
    out_ << "};\n\n";
  }

  void record(const Structure &structure) {
    const std::string type = "struct npim_" + structure.name;
    out_ << type << " {\n";
    for (const auto &member : structure.members) {
      out_ << "  uint" << 8 * member.bytes << "_t " << member.name << ";";
      if (!member.about.empty()) out_ << " /* " << member.about << " */";
      out_ << "\n";
    }
    out_ << "};\n";
    out_ << "NPIM_STATIC_ASSERT(sizeof(" << type << ") == " << structure.bytes << ", \"size of "
         << structure.name << "\");\n";
    for (const auto &member : structure.members) {
      out_ << "NPIM_STATIC_ASSERT(offsetof(" << type << ", " << member.name
           << ") == " << member.offset << ", \"offset of " << structure.name << "." << member.name
           << "\");\n";
    }
    out_ << "\n";
  }

  std::ostringstream out_;
};

class ReferenceWriter {
 public:
  std::string write(const Map &map) {
    out_
        << "# " << map.title << ": registers, commands and records\n\n"
        << "Version " << map.major << "." << map.minor
        << ". Generated from `models/abi/npim_abi.json` by `npim_abi_generator`: edit the map, not "
           "this page.\n\n"
        << "The register block takes " << map.block_bytes
        << " bytes. Registers are accessed 32 bits at a time; 64-bit registers also 64 bits at a "
           "time.\nOther sizes, unknown offsets and writes to read-only registers are access "
           "faults. "
           "Reserved bits read as 0 and ignore writes.\nAll records are little endian.\n\n"
        << "## Registers\n\n| offset | name | bits | access | reset | writable bits | about |\n"
           "|---|---|---|---|---|---|---|\n";
    for (const auto &reg : map.registers) {
      const int digits = static_cast<int>(reg.bits / 4);
      out_ << "| " << hex(reg.offset, 3) << " | " << reg.name << " | " << reg.bits << " | "
           << reg.access << " | " << (reg.configured ? "configuration" : hex(reg.reset, digits))
           << " | " << (reg.access == "ro" ? "-" : hex(reg.writable, digits)) << " | " << reg.about
           << " |\n";
    }
    out_ << "\nAccess: ro read-only, rw read and write, w1c a written 1 clears the bit.\n"
            "\"configuration\": the value follows from the chip's configuration file.\n\n"
            "## Fields\n\n| register | field | bits | about |\n|---|---|---|---|\n";
    for (const auto &reg : map.registers) {
      for (const auto &field : reg.fields) {
        out_ << "| " << reg.name << " | " << field.name << " | " << bit_range(field) << " | "
             << (field.write_only ? "(write-only) " : "") << field.about << " |\n";
      }
    }
    list("Commands", "opcode", map.opcodes);
    list("Descriptor flags", "bit mask", map.flags);
    list("Read-back regions", "value", map.regions);
    list("Faults", "value", map.faults);
    list("Errors", "code", map.errors);
    out_ << "\n## Records in memory\n";
    for (const auto &structure : map.structures) record(structure);
    return out_.str();
  }

 private:
  static std::string bit_range(const Field &field) {
    const std::string lsb = std::to_string(field.lsb);
    return field.bits == 1 ? lsb : std::to_string(field.lsb + field.bits - 1) + ":" + lsb;
  }

  void list(const char *title, const char *value, const std::vector<Named> &entries) {
    out_ << "\n## " << title << "\n\n| " << value << " | name | about |\n|---|---|---|\n";
    for (const auto &entry : entries) {
      out_ << "| " << entry.value << " | " << entry.name << " | " << entry.about << " |\n";
    }
  }

  void record(const Structure &structure) {
    out_ << "\n### " << structure.name << ", " << structure.bytes
         << " bytes\n\n| offset | field | bytes | about |\n|---|---|---|---|\n";
    for (const auto &member : structure.members) {
      const bool reserved = member.name.rfind("reserved", 0) == 0;
      out_ << "| " << member.offset << " | " << member.name << " | " << member.bytes << " | "
           << (reserved ? "must be 0" : member.about) << " |\n";
    }
  }

  std::ostringstream out_;
};

constexpr const char *kUsage =
    "usage: npim_abi_generator MAP.json [--cpp FILE] [--c FILE] [--reference FILE]\n";

int generate(const std::vector<std::string> &arguments) {
  if (arguments.empty() || arguments.size() % 2 == 0) {
    std::cerr << kUsage;
    return 2;
  }
  const Map map = read_map(arguments[0]);
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    const std::string &path = arguments[i + 1];
    if (arguments[i] == "--cpp") {
      npim::write_file(path, CppWriter().write(map));
    } else if (arguments[i] == "--c") {
      npim::write_file(path, CWriter().write(map));
    } else if (arguments[i] == "--reference") {
      npim::write_file(path, ReferenceWriter().write(map));
    } else {
      std::cerr << "npim_abi_generator: unknown option " << arguments[i] << "\n" << kUsage;
      return 2;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return generate({argv + 1, argv + argc});
  } catch (const std::exception &error) {
    std::cerr << "npim_abi_generator: " << error.what() << "\n";
    return 2;
  }
}
