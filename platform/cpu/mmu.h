// Sv39 address translation: the page-table walk (RISC-V privileged specification 1.12, sections
// 4.3.2 and 4.4). The A and D bits are set by hardware, as on QEMU's virt machine. The walk takes
// no simulated time, so that time does not depend on what is cached.
#pragma once

#include <cstdint>

#include "cpu/hart_state.h"
#include "cpu/pmp.h"

namespace npim::cpu {

/// Where page tables live. False: not memory, or protected.
class PageTableMemory {
 public:
  virtual ~PageTableMemory() = default;
  virtual bool read_entry(std::uint64_t address, std::uint64_t &entry) = 0;
  virtual bool write_entry(std::uint64_t address, std::uint64_t entry) = 0;
};

struct Translation {
  enum class Result { kOk, kPageFault, kAccessFault };
  Result result = Result::kPageFault;
  std::uint64_t physical = 0;
  std::uint64_t page_size = 4096;  ///< 4 KiB, 2 MiB or 1 GiB
};

/// Walks the tables of satp for an access at `address` with the rights of `privilege` (S or U).
/// With `update`, sets A, and D for stores.
Translation walk_sv39(const HartState &state, std::uint64_t address, Access access,
                      Privilege privilege, PageTableMemory &memory, bool update);

}  // namespace npim::cpu
