// The hart's only way to memory: translation, protection, and two kinds of target. They are told
// apart by whether they grant direct memory (DMI): plain memory, whose accesses cost their latency
// and never synchronise, and devices, whose accesses happen at the exact simulated time. Data of
// plain memory moves through pointers or, with dmi off, through b_transport; the classification and
// the times are the same either way. Source of the protocol: IEEE 1666-2011, chapters 11.2 and 14.
//
// Translations are remembered until sfence.vma, or until others take their places, in the same way
// whatever the speed options are: what a program without the fences it needs sees is the same, too.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <tlm>
#include <vector>

#include "bus/access_error.h"
#include "bus/timed_read.h"
#include "cpu/code_cache.h"
#include "cpu/hart_state.h"
#include "cpu/mmu.h"
#include "cpu/tlb.h"
#include "cpu/trap.h"

namespace npim::cpu {

/// What the memory port needs of the SystemC side.
class BusMaster {
 public:
  virtual ~BusMaster() = default;
  /// get_direct_mem_ptr for a read or write at `address`; on refusal `dmi` says where else, too.
  virtual bool request_direct(std::uint64_t address, bool write, tlm::tlm_dmi &dmi) = 0;
  /// Moves data of plain memory; SystemC's time may lag behind local time.
  virtual void transport_memory(tlm::tlm_generic_payload &payload) = 0;
  /// Accesses a device at the exact time, adds the delay it returns to local time and ends the run
  /// loop after the present instruction.
  virtual void transport_device(tlm::tlm_generic_payload &payload) = 0;
  /// Reads a register that has answered a timed read before (bus/timed_read.h), without bringing
  /// SystemC's time to local time. When it does not answer one this time, as transport_device.
  virtual void transport_timed(tlm::tlm_generic_payload &payload, const bus::TimedRead &timed) = 0;
  /// Whole clock cycles that `latency` takes.
  virtual std::uint64_t cycles_of(const sc_core::sc_time &latency) const = 0;
};

class MemoryPort : private PageTableMemory {
 public:
  /// Why the last access failed.
  struct Fault {
    Cause cause = Cause::kLoadAccess;
    std::uint64_t address = 0;  ///< virtual; first byte that could not be accessed
    std::string reason;
  };
  struct Statistics {
    std::uint64_t device_reads = 0;
    std::uint64_t device_writes = 0;
    std::uint64_t timed_reads = 0;    ///< of the device reads, those that did not synchronise
    std::uint64_t slow_accesses = 0;  ///< loads and stores that the fast TLB did not serve
    std::uint64_t page_walks = 0;
  };
  enum class Fetched { kPage, kPieces, kFault };

  MemoryPort(HartState &state, CodeCache &code, BusMaster &bus, bool dmi);

  /// Reads or writes sizeof(T) bytes at any alignment; false with fault() set when refused. A
  /// misaligned access that does not lie in plain memory as a whole is refused, and a refused write
  /// has changed nothing.
  template <typename T>
  bool load(std::uint64_t address, T &value) {
    const unsigned char *host = nullptr;
    if (FastTlb::find(fast_tlb().read, address, sizeof(T), host)) {
      std::memcpy(&value, host, sizeof(T));
      return true;
    }
    return load_slowly(address, &value, sizeof(T));
  }
  template <typename T>
  bool store(std::uint64_t address, T value) {
    unsigned char *host = nullptr;
    if (FastTlb::find(fast_tlb().write, address, sizeof(T), host)) {
      std::memcpy(host, &value, sizeof(T));
      return true;
    }
    return store_slowly(address, &value, sizeof(T));
  }

  /// The page of code at an address as the present privilege sees it; kPieces when it has to be
  /// fetched half-word by half-word (parts of it are protected, or it is not memory as a whole).
  Fetched fetch_page(std::uint64_t address, CodePage *&page);
  /// Fetches 16 bits. Only plain memory can be executed; fetching costs no memory latency (the
  /// instruction cache stands for one that always hits).
  bool fetch(std::uint64_t address, std::uint16_t &bits);

  /// Whether a naturally aligned atomic access at `address` is possible; else fault() is set.
  bool supports_atomics(std::uint64_t address, unsigned size, bool write);

  /// The physical address of a load as the present mode would see it, without side effects; for
  /// debuggers. Nothing when it has none.
  std::optional<std::uint64_t> physical_address(std::uint64_t address);

  /// sfence.vma, of one address or of all.
  void forget_translation(std::uint64_t address);
  /// Also after changes of satp, of protection and of triggers.
  void forget_translations();
  /// Pages or blocks of code have gone: nothing may point to them any more.
  void forget_code();
  /// fence.i.
  void fence_code();
  /// The bus took back direct memory somewhere.
  void invalidate();

  const FastTlb &fast_tlb() const { return views_[data_view()].fast; }
  JumpCache &jump_cache() { return fetch_views_[fetch_view()].jumps; }
  const Fault &fault() const { return fault_; }
  const Statistics &statistics() const { return statistics_; }

 private:
  /// What a page number translates to, PMP allowing all of the page.
  struct Mapping {
    std::uint64_t tag = FastTlb::kNoPage;
    std::uint64_t physical = 0;
  };
  using Mappings = std::array<Mapping, FastTlb::kEntries>;
  /// One way to see memory: machine, user, supervisor, supervisor with SUM.
  struct View {
    FastTlb fast;
    Mappings read{}, write{};
  };
  struct FetchView {
    Mappings mappings{};
    std::array<CodePage *, FastTlb::kEntries> pages{};
    JumpCache jumps;
  };
  /// What the bus granted; `last` is the last address inside.
  struct Range {
    std::uint64_t first, last;
    unsigned char *host;
    bool readable, writable;
    std::uint64_t read_cycles, write_cycles;
  };
  /// Where the bus denied direct memory.
  struct Denied {
    std::uint64_t first, last;
    bool write;
  };
  /// Up to eight bytes of an access that may span two ranges or pages.
  struct Piece {
    Range range;
    std::uint64_t physical;
  };
  using Pieces = std::array<Piece, 8>;

  std::size_t data_view() const;
  std::size_t fetch_view() const;

  // Virtual addresses
  bool load_slowly(std::uint64_t address, void *to, unsigned size);
  bool store_slowly(std::uint64_t address, const void *from, unsigned size);
  bool access(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  bool access_in_page(std::uint64_t address, std::uint64_t physical, unsigned char *data,
                      unsigned size, bool write);
  bool access_in_pieces(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  bool translate_data(std::uint64_t address, unsigned size, Access kind, std::uint64_t &physical);
  bool translate(std::uint64_t address, Access kind, Privilege privilege, std::uint64_t &physical);
  void remember(std::uint64_t address, std::uint64_t physical, const Range &range, bool write);

  // Physical addresses
  const Range *memory_at(std::uint64_t address, bool write);
  bool move(const Range &range, std::uint64_t address, unsigned char *data, unsigned size,
            bool write);
  bool access_device(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  std::uint64_t &timed_register(std::uint64_t address) {
    return timed_registers_[(address >> 3) % timed_registers_.size()];
  }
  bool read_page(std::uint64_t address, std::uint8_t *content);
  CodePage *code_page(std::uint64_t physical);
  bool read_entry(std::uint64_t address, std::uint64_t &entry) override;
  bool write_entry(std::uint64_t address, std::uint64_t entry) override;
  void code_stored(std::uint64_t address, const void *data, unsigned size);

  void prepare(std::uint64_t address, unsigned char *data, unsigned size, bool write);
  bool refuse(Cause cause, std::uint64_t address, std::string reason);

  HartState &state_;
  CodeCache &code_;
  BusMaster &bus_;
  const bool dmi_;
  std::array<View, 4> views_;
  std::array<FetchView, 3> fetch_views_;
  /// Virtual addresses whose 4 KiB pieces of larger pages are remembered.
  std::uint64_t large_first_ = ~std::uint64_t{0}, large_last_ = 0;
  std::vector<Range> ranges_;
  std::vector<Denied> denied_;
  std::array<std::uint64_t, 16> timed_registers_{};  // addresses that answer timed reads
  tlm::tlm_generic_payload payload_;
  bus::AccessError *error_;  // owned by the payload
  bus::TimedRead *timed_;    // owned by the payload
  Fault fault_;
  Statistics statistics_;
};

}  // namespace npim::cpu
