#include "board/elf_image.h"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "bus/address_map.h"

namespace npim::board {
namespace {

using bus::hex;

constexpr std::size_t kMostSegments = 1024;
constexpr std::size_t kMostSymbols = 1 << 20;
constexpr std::size_t kLongestName = 512;

struct ElfEnd {
  void operator()(Elf *elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

class Reader {
 public:
  Reader(const Bytes &content, const std::string &file, std::uint64_t memory_base,
         std::uint64_t memory_size)
      : content_(content), file_(file), memory_base_(memory_base), memory_size_(memory_size) {}

  ElfImage read() {
    check_identification();
    open();
    ElfImage image;
    read_segments(image);
    check_overlap(image);
    image.entry = header_.e_entry;
    check_entry(image);
    read_symbols(image);
    return image;
  }

 private:
  [[noreturn]] void fail(const std::string &what) const { throw InputError(file_, what); }

  void check_identification() const {
    static constexpr std::uint8_t kMagic[] = {0x7f, 'E', 'L', 'F'};
    const bool has_magic =
        content_.size() >= 4 && std::equal(std::begin(kMagic), std::end(kMagic), content_.begin());
    if (!has_magic) fail("is not an ELF file");
    if (content_.size() < EI_NIDENT) fail("is truncated: the ELF header is not complete");
    if (content_[EI_CLASS] == ELFCLASS32) fail("is a 32-bit ELF file; this hart is RV64");
    if (content_[EI_CLASS] != ELFCLASS64) fail("has an ELF class that does not exist");
    if (content_[EI_DATA] != ELFDATA2LSB) fail("is not little endian");
    if (content_.size() < sizeof(Elf64_Ehdr)) fail("is truncated: the ELF header is not complete");
  }

  void open() {
    elf_version(EV_CURRENT);
    // libelf wants a mutable image, though it does not change what it only reads.
    copy_.assign(content_.begin(), content_.end());
    elf_.reset(elf_memory(copy_.data(), copy_.size()));
    if (elf_ == nullptr || elf_kind(elf_.get()) != ELF_K_ELF ||
        gelf_getehdr(elf_.get(), &header_) == nullptr) {
      fail(std::string("cannot be read as ELF: ") + elf_errmsg(-1));
    }
    if (header_.e_machine != EM_RISCV) {
      fail("is not for RISC-V (e_machine " + std::to_string(header_.e_machine) + ")");
    }
    if (header_.e_type != ET_EXEC) {
      fail(header_.e_type == ET_DYN
               ? "is position-independent or shared; link it with -static -no-pie"
               : "is not an executable (is it linked?)");
    }
  }

  void read_segments(ElfImage &image) const {
    std::size_t count = 0;
    if (elf_getphdrnum(elf_.get(), &count) != 0) fail("has damaged program headers");
    if (count > kMostSegments) fail("has " + std::to_string(count) + " program headers");
    if (header_.e_phoff > content_.size() ||
        count > (content_.size() - header_.e_phoff) / sizeof(Elf64_Phdr)) {
      fail("is truncated: program headers end beyond the file");
    }
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Phdr segment;
      if (gelf_getphdr(elf_.get(), static_cast<int>(i), &segment) == nullptr) {
        fail("is truncated: program header " + std::to_string(i) + " is missing");
      }
      if (segment.p_type == PT_LOAD && segment.p_memsz != 0) {
        image.segments.push_back(read_segment(segment, i));
      }
    }
    if (image.segments.empty()) fail("has nothing to load");
  }

  Segment read_segment(const GElf_Phdr &from, std::size_t index) const {
    const std::string which = "segment " + std::to_string(index);
    if (from.p_filesz > from.p_memsz) fail(which + " is larger in the file than in memory");
    if (from.p_offset > content_.size() || from.p_filesz > content_.size() - from.p_offset) {
      fail("is truncated: " + which + " ends beyond the file");
    }
    const std::uint64_t offset = from.p_paddr - memory_base_;
    if (from.p_paddr < memory_base_ || offset >= memory_size_ ||
        from.p_memsz > memory_size_ - offset) {
      fail(which + " of " + hex(from.p_memsz) + " bytes at " + hex(from.p_paddr) +
           " lies outside DRAM (" + hex(memory_base_) + " to " +
           hex(memory_base_ + (memory_size_ - 1)) + ")");
    }
    const auto first = content_.begin() + static_cast<std::ptrdiff_t>(from.p_offset);
    return {from.p_paddr, from.p_memsz, (from.p_flags & PF_X) != 0,
            Bytes(first, first + static_cast<std::ptrdiff_t>(from.p_filesz))};
  }

  void check_overlap(ElfImage &image) const {
    auto &segments = image.segments;
    std::sort(segments.begin(), segments.end(),
              [](const auto &a, const auto &b) { return a.address < b.address; });
    for (std::size_t i = 1; i < segments.size(); ++i) {
      if (segments[i].address - segments[i - 1].address < segments[i - 1].memory_size) {
        fail("segments at " + hex(segments[i - 1].address) + " and " + hex(segments[i].address) +
             " overlap");
      }
    }
  }

  void check_entry(const ElfImage &image) const {
    const bool inside =
        std::any_of(image.segments.begin(), image.segments.end(), [&](const Segment &segment) {
          return segment.executable && image.entry >= segment.address &&
                 image.entry - segment.address < segment.memory_size;
        });
    if (!inside) fail("entry point " + hex(image.entry) + " is not in an executable segment");
    if (image.entry % 2 != 0) fail("entry point " + hex(image.entry) + " is odd");
  }

  /// Symbols serve messages only: a damaged table means fewer of them, not an unusable image.
  void read_symbols(ElfImage &image) const {
    Elf_Scn *section = nullptr;
    while ((section = elf_nextscn(elf_.get(), section)) != nullptr) {
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB) continue;
      Elf_Data *data = elf_getdata(section, nullptr);
      if (data == nullptr || header.sh_entsize != sizeof(Elf64_Sym)) continue;
      const std::size_t count = std::min(data->d_size / sizeof(Elf64_Sym), kMostSymbols);
      for (std::size_t i = 0; i < count; ++i) {
        GElf_Sym symbol;
        if (gelf_getsym(data, static_cast<int>(i), &symbol) != nullptr) {
          add_symbol(image, symbol, header.sh_link);
        }
      }
    }
    std::stable_sort(image.symbols.begin(), image.symbols.end(),
                     [](const auto &a, const auto &b) { return a.address < b.address; });
  }

  void add_symbol(ElfImage &image, const GElf_Sym &symbol, std::size_t strings) const {
    const auto type = GELF_ST_TYPE(symbol.st_info);
    if (type != STT_FUNC && type != STT_NOTYPE) return;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE) return;
    GElf_Shdr home;
    Elf_Scn *section = elf_getscn(elf_.get(), symbol.st_shndx);
    if (section == nullptr || gelf_getshdr(section, &home) == nullptr) return;
    if ((home.sh_flags & SHF_EXECINSTR) == 0) return;
    const char *name = elf_strptr(elf_.get(), strings, symbol.st_name);
    // "$x" marks code in the table, ".L" labels of the compiler: no names for people.
    if (name == nullptr || *name == '\0' || *name == '$' || *name == '.') return;
    image.symbols.push_back(
        {symbol.st_value, symbol.st_size, std::string(name, strnlen(name, kLongestName))});
  }

  const Bytes &content_;
  const std::string &file_;
  std::uint64_t memory_base_;
  std::uint64_t memory_size_;
  std::vector<char> copy_;
  ElfHandle elf_;
  GElf_Ehdr header_{};
};

}  // namespace

ElfImage parse_elf(const Bytes &content, const std::string &file, std::uint64_t memory_base,
                   std::uint64_t memory_size) {
  return Reader(content, file, memory_base, memory_size).read();
}

std::string ElfImage::symbolise(std::uint64_t address) const {
  const bool is_code = std::any_of(segments.begin(), segments.end(), [&](const Segment &segment) {
    return segment.executable && address >= segment.address &&
           address - segment.address < segment.memory_size;
  });
  if (!is_code) return "";
  auto after = std::upper_bound(symbols.begin(), symbols.end(), address,
                                [](std::uint64_t at, const Symbol &s) { return at < s.address; });
  if (after == symbols.begin()) return "";
  const Symbol &symbol = *std::prev(after);
  const std::uint64_t offset = address - symbol.address;
  return offset == 0 ? symbol.name : symbol.name + "+" + hex(offset);
}

}  // namespace npim::board
