// Puts small ELF files together, byte by byte, for tests.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace npim::test {

class ElfBuilder {
 public:
  Elf64_Ehdr header{};

  ElfBuilder() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_EXEC;
    header.e_machine = EM_RISCV;
    header.e_version = EV_CURRENT;
    header.e_entry = 0x80000000;
    header.e_ehsize = sizeof(Elf64_Ehdr);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shentsize = sizeof(Elf64_Shdr);
  }

  void segment(std::uint64_t address, Bytes bytes, std::uint64_t memory_size, unsigned flags) {
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_flags = flags;
    segment.p_vaddr = segment.p_paddr = address;
    segment.p_filesz = bytes.size();
    segment.p_memsz = memory_size;
    segments_.emplace_back(segment, std::move(bytes));
  }

  void symbol(const std::string &name, std::uint64_t address, unsigned char type) {
    Elf64_Sym symbol{};
    symbol.st_name = static_cast<Elf64_Word>(strings_.size());
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, type);
    symbol.st_shndx = 1;
    symbol.st_value = address;
    strings_ += name + '\0';
    symbols_.push_back(symbol);
  }

  Bytes build() {
    Bytes out(sizeof header + segments_.size() * sizeof(Elf64_Phdr));
    header.e_phoff = segments_.empty() ? 0 : sizeof header;
    header.e_phnum = static_cast<Elf64_Half>(segments_.size());
    std::size_t at = sizeof header;
    for (auto &[segment, bytes] : segments_) {
      segment.p_offset = out.size();
      out.insert(out.end(), bytes.begin(), bytes.end());
      std::memcpy(out.data() + at, &segment, sizeof segment);
      at += sizeof segment;
    }
    data_end_ = out.size();
    if (!symbols_.empty()) add_sections(out);
    std::memcpy(out.data(), &header, sizeof header);
    return out;
  }

  /// Size of the last built file up to the end of what is loaded.
  std::size_t data_end() const { return data_end_; }

 private:
  template <typename T>
  static void append(Bytes &out, const T *from, std::size_t count) {
    const auto *first = reinterpret_cast<const std::uint8_t *>(from);
    out.insert(out.end(), first, first + count * sizeof(T));
  }

  /// Sections: none, code, symbols, strings.
  void add_sections(Bytes &out) {
    out.resize((out.size() + 7) & ~std::size_t{7});
    Elf64_Shdr sections[4] = {};
    sections[1].sh_type = SHT_PROGBITS;
    sections[1].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    sections[1].sh_addr = 0x80000000;
    sections[2].sh_type = SHT_SYMTAB;
    sections[2].sh_offset = out.size();
    sections[2].sh_size = symbols_.size() * sizeof(Elf64_Sym);
    sections[2].sh_entsize = sizeof(Elf64_Sym);
    sections[2].sh_addralign = 8;
    sections[2].sh_link = 3;
    append(out, symbols_.data(), symbols_.size());
    sections[3].sh_type = SHT_STRTAB;
    sections[3].sh_offset = out.size();
    sections[3].sh_size = strings_.size();
    append(out, strings_.data(), strings_.size());
    out.resize((out.size() + 7) & ~std::size_t{7});
    header.e_shoff = out.size();
    header.e_shnum = 4;
    header.e_shstrndx = 3;
    append(out, sections, 4);
  }

  std::vector<std::pair<Elf64_Phdr, Bytes>> segments_;
  std::vector<Elf64_Sym> symbols_;
  std::string strings_{std::string(1, '\0')};
  std::size_t data_end_ = 0;
};

}  // namespace npim::test
