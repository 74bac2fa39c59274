// The hart's only way to memory. Two kinds of target are told apart by whether they grant direct
// memory (DMI): plain memory, whose accesses cost their latency and never synchronise, and devices,
// whose accesses happen at the exact simulated time. Data of plain memory moves through pointers
// or, with dmi off, through b_transport; the classification and the times are the same either way.
// Source of the protocol: IEEE 1666-2011, chapters 11.2 and 14.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <tlm>
#include <vector>

#include "bus/access_error.h"
#include "cpu/hart_state.h"
#include "cpu/instruction_cache.h"

namespace npim::cpu {

/// What the memory port needs of the SystemC side.
class BusMaster {
 public:
  virtual ~BusMaster() = default;
  /// get_direct_mem_ptr for a read or write at `address`.
  virtual bool request_direct(std::uint64_t address, bool write, tlm::tlm_dmi &dmi) = 0;
  /// Moves data of plain memory; SystemC's time may lag behind local time.
  virtual void transport_memory(tlm::tlm_generic_payload &payload) = 0;
  /// Accesses a device at the exact time, adds the delay it returns to local time and ends the run
  /// loop after the present instruction.
  virtual void transport_device(tlm::tlm_generic_payload &payload) = 0;
  /// Whole clock cycles that `latency` takes.
  virtual std::uint64_t cycles_of(const sc_core::sc_time &latency) const = 0;
};

class MemoryPort {
 public:
  /// Why the last access failed.
  struct Fault {
    std::uint64_t address = 0;  ///< first byte that could not be accessed
    std::string reason;
  };
  struct Statistics {
    std::uint64_t device_reads = 0;
    std::uint64_t device_writes = 0;
  };

  MemoryPort(HartState &state, InstructionCache &instructions, BusMaster &bus, bool dmi);

  /// Reads or writes sizeof(T) bytes at any alignment; false with fault() set when refused. A
  /// misaligned access that does not lie in plain memory as a whole is refused, and a refused write
  /// has changed nothing.
  template <typename T>
  bool load(std::uint64_t address, T &value) {
    const Page &page = read_pages_[(address >> kPageBits) % kPages];
    if (page.number == address >> kPageBits && (address & kOffsetMask) <= kPageSize - sizeof(T)) {
      std::memcpy(&value, page.host + (address & kOffsetMask), sizeof(T));
      state_.cycle += page.latency;
      return true;
    }
    return load_slowly(address, &value, sizeof(T));
  }
  template <typename T>
  bool store(std::uint64_t address, T value) {
    const Page &page = write_pages_[(address >> kPageBits) % kPages];
    if (page.number == address >> kPageBits && (address & kOffsetMask) <= kPageSize - sizeof(T)) {
      std::memcpy(page.host + (address & kOffsetMask), &value, sizeof(T));
      state_.cycle += page.latency;
      return true;
    }
    return store_slowly(address, &value, sizeof(T));
  }

  /// Fetches 16 bits. Only plain memory can be executed; fetching costs no memory latency (the
  /// decoded-instruction cache stands for an instruction cache that always hits).
  bool fetch(std::uint64_t address, std::uint16_t &bits);

  /// Whether a naturally aligned atomic access at `address` is possible; else fault() is set.
  bool supports_atomics(std::uint64_t address, bool write);

  /// The store fast path must not bypass the instruction cache for this page from now on.
  void watch_code_page(std::uint64_t address);

  /// The bus took back direct memory somewhere.
  void invalidate();

  const Fault &fault() const { return fault_; }
  const Statistics &statistics() const { return statistics_; }

 private:
  static constexpr unsigned kPageBits = InstructionCache::kPageBits;
  static constexpr std::uint64_t kPageSize = InstructionCache::kPageSize;
  static constexpr std::uint64_t kOffsetMask = kPageSize - 1;
  static constexpr std::size_t kPages = 512;
  static constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

  /// A whole page of plain memory, for the fast path.
  struct Page {
    std::uint64_t number = kNoPage;
    unsigned char *host = nullptr;
    std::uint64_t latency = 0;
  };
  /// What the bus granted; `last` is the last address inside.
  struct Range {
    std::uint64_t first, last;
    unsigned char *host;
    bool readable, writable;
    std::uint64_t read_cycles, write_cycles;
  };
  /// Up to eight bytes of an access that may span two ranges.
  using Pieces = std::array<Range, 8>;

  bool load_slowly(std::uint64_t address, void *to, unsigned size);
  bool store_slowly(std::uint64_t address, const void *from, unsigned size);
  std::optional<Range> memory_at(std::uint64_t address, bool write);
  bool find_pieces(std::uint64_t address, unsigned size, bool write, Pieces &pieces);
  bool move(const Range &range, std::uint64_t address, unsigned char *data, unsigned size,
            bool write);
  bool move_split(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  bool access_device(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  void prepare(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  bool check_response(std::uint64_t address);
  bool refuse(std::uint64_t address, std::string reason);
  void remember_page(const Range &range, std::uint64_t address, bool write);

  HartState &state_;
  InstructionCache &instructions_;
  BusMaster &bus_;
  const bool dmi_;
  std::array<Page, kPages> read_pages_{};
  std::array<Page, kPages> write_pages_{};
  std::vector<Range> ranges_;
  tlm::tlm_generic_payload payload_;
  bus::AccessError *error_;  // owned by the payload
  Fault fault_;
  Statistics statistics_;
};

}  // namespace npim::cpu
