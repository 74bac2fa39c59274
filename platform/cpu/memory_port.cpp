#include "cpu/memory_port.h"

#include <algorithm>
#include <utility>

#include "cpu/triggers.h"

namespace npim::cpu {
namespace {

/// More ranges than this are forgotten and asked for again.
constexpr std::size_t kMostRanges = 4096;
constexpr std::uint64_t kNoRegister = ~std::uint64_t{0};
constexpr char kOutsideMemory[] = "misaligned access outside plain memory";

constexpr std::uint64_t page_of(std::uint64_t address) {
  return address & ~kOffsetMask;
}

Cause access_fault(Access kind) {
  return kind == Access::kFetch  ? Cause::kFetchAccess
         : kind == Access::kLoad ? Cause::kLoadAccess
                                 : Cause::kStoreAccess;
}
Cause page_fault(Access kind) {
  return kind == Access::kFetch  ? Cause::kFetchPage
         : kind == Access::kLoad ? Cause::kLoadPage
                                 : Cause::kStorePage;
}
Access data_access(bool write) {
  return write ? Access::kStore : Access::kLoad;
}

}  // namespace

MemoryPort::MemoryPort(HartState &state, CodeCache &code, BusMaster &bus, bool dmi)
    : state_(state),
      code_(code),
      bus_(bus),
      dmi_(dmi),
      error_(new bus::AccessError),
      timed_(new bus::TimedRead) {
  payload_.set_extension(error_);
  payload_.set_extension(timed_);
  timed_registers_.fill(kNoRegister);
}

bool MemoryPort::refuse(Cause cause, std::uint64_t address, std::string reason) {
  fault_ = {cause, address, std::move(reason)};
  return false;
}

std::size_t MemoryPort::data_view() const {
  switch (state_.data_privilege()) {
    case Privilege::kMachine:
      return 0;
    case Privilege::kUser:
      return 1;
    default:
      return (state_.mstatus & mstatus::kSum) != 0 ? 3 : 2;
  }
}

std::size_t MemoryPort::fetch_view() const {
  return state_.privilege == Privilege::kMachine ? 0 : state_.privilege == Privilege::kUser ? 1 : 2;
}

// Forgetting.

void MemoryPort::forget_translation(std::uint64_t address) {
  if (address >= large_first_ && address <= large_last_) return forget_translations();
  const std::size_t index = FastTlb::index(address);
  for (std::size_t view = 1; view < views_.size(); ++view) {
    views_[view].read[index] = views_[view].write[index] = {};
    views_[view].fast.read[index] = views_[view].fast.write[index] = {};
  }
  for (std::size_t view = 1; view < fetch_views_.size(); ++view) {
    fetch_views_[view].mappings[index] = {};
    fetch_views_[view].jumps.forget_page(address);
  }
}

void MemoryPort::forget_translations() {
  for (View &view : views_) {
    view.fast.clear();
    view.read.fill({});
    view.write.fill({});
  }
  for (FetchView &view : fetch_views_) {
    view.mappings.fill({});
    view.pages.fill(nullptr);
    view.jumps.clear();
  }
  large_first_ = ~std::uint64_t{0};
  large_last_ = 0;
}

void MemoryPort::forget_code() {
  for (FetchView &view : fetch_views_) {
    view.pages.fill(nullptr);
    view.jumps.clear();
  }
}

void MemoryPort::fence_code() {
  code_.fence();
  for (FetchView &view : fetch_views_) view.jumps.clear();
}

void MemoryPort::invalidate() {
  for (View &view : views_) view.fast.clear();
  ranges_.clear();
  denied_.clear();
  timed_registers_.fill(kNoRegister);
  fence_code();
  state_.horizon = 0;
}

// Translation.

bool MemoryPort::read_entry(std::uint64_t address, std::uint64_t &entry) {
  const Range *range = memory_at(address, false);
  if (range == nullptr || range->last - address < sizeof entry - 1) return false;
  if (!pmp::allows(state_, address, sizeof entry, Access::kLoad, Privilege::kSupervisor)) {
    return false;
  }
  return move(*range, address, reinterpret_cast<unsigned char *>(&entry), sizeof entry, false);
}

bool MemoryPort::write_entry(std::uint64_t address, std::uint64_t entry) {
  const Range *range = memory_at(address, true);
  if (range == nullptr || range->last - address < sizeof entry - 1) return false;
  if (!pmp::allows(state_, address, sizeof entry, Access::kStore, Privilege::kSupervisor)) {
    return false;
  }
  if (!move(*range, address, reinterpret_cast<unsigned char *>(&entry), sizeof entry, true)) {
    return false;
  }
  code_stored(address, &entry, sizeof entry);
  return true;
}

bool MemoryPort::translate(std::uint64_t address, Access kind, Privilege privilege,
                           std::uint64_t &physical) {
  physical = address;
  if (!state_.translates(privilege)) return true;
  ++statistics_.page_walks;
  const Translation found = walk_sv39(state_, address, kind, privilege, *this, true);
  if (found.result == Translation::Result::kPageFault) return refuse(page_fault(kind), address, "");
  if (found.result == Translation::Result::kAccessFault) {
    return refuse(access_fault(kind), address, "the page table cannot be accessed");
  }
  if (found.page_size > kPageSize) {
    large_first_ = std::min(large_first_, address & ~(found.page_size - 1));
    large_last_ = std::max(large_last_, address | (found.page_size - 1));
  }
  physical = found.physical;
  return true;
}

bool MemoryPort::translate_data(std::uint64_t address, unsigned size, Access kind,
                                std::uint64_t &physical) {
  View &view = views_[data_view()];
  const bool write = kind == Access::kStore;
  Mapping &mapping = (write ? view.write : view.read)[FastTlb::index(address)];
  if (mapping.tag == page_of(address)) {
    physical = mapping.physical | (address & kOffsetMask);
    return true;
  }
  const Privilege privilege = state_.data_privilege();
  if (!translate(address, kind, privilege, physical)) return false;
  const auto whole_page = pmp::allows_page(state_, physical, kind, privilege);
  if (!whole_page.value_or(pmp::allows(state_, physical, size, kind, privilege))) {
    return refuse(access_fault(kind), address, "physical memory protection");
  }
  if (whole_page) {
    mapping = {page_of(address), page_of(physical)};
    (write ? view.fast.write : view.fast.read)[FastTlb::index(address)] = {};
  }
  return true;
}

void MemoryPort::remember(std::uint64_t address, std::uint64_t physical, const Range &range,
                          bool write) {
  const std::uint64_t start = page_of(physical);
  if (!dmi_ || start < range.first || start + kOffsetMask > range.last) return;
  if ((write ? range.write_cycles : range.read_cycles) != 0) return;
  if (write && code_.contains(physical)) return;
  if (triggers::armed(state_, write ? triggers::kStore : triggers::kLoad)) return;
  View &view = views_[data_view()];
  const std::size_t index = FastTlb::index(address);
  // What is fast is also mapped: the one never outlives the other.
  if ((write ? view.write : view.read)[index].tag != page_of(address)) return;
  const auto host = reinterpret_cast<std::uint64_t>(range.host + (start - range.first));
  (write ? view.fast.write : view.fast.read)[index] = {page_of(address), host - page_of(address)};
}

std::optional<std::uint64_t> MemoryPort::physical_address(std::uint64_t address) {
  const Privilege privilege = state_.data_privilege();
  if (!state_.translates(privilege)) return address;
  const Translation found = walk_sv39(state_, address, Access::kLoad, privilege, *this, false);
  if (found.result != Translation::Result::kOk) return std::nullopt;
  return found.physical;
}

// Instructions.

CodePage *MemoryPort::code_page(std::uint64_t physical) {
  CodePage *page = code_.find(physical);
  if (page != nullptr && code_.is_current(*page)) return page;
  std::array<std::uint8_t, kPageSize> content;
  if (!read_page(page_of(physical), content.data())) return nullptr;
  if (page != nullptr) {
    code_.refresh(*page, content.data());
    return page;
  }
  page = code_.add(physical, content.data());
  for (View &view : views_) view.fast.write.fill({});  // stores have to find the copy now
  return page;
}

bool MemoryPort::read_page(std::uint64_t address, std::uint8_t *content) {
  const Range *range = memory_at(address, false);
  if (range == nullptr || range->last - address < kOffsetMask) return false;
  return move(*range, address, content, kPageSize, false);
}

MemoryPort::Fetched MemoryPort::fetch_page(std::uint64_t address, CodePage *&page) {
  FetchView &view = fetch_views_[fetch_view()];
  const std::size_t index = FastTlb::index(address);
  Mapping &mapping = view.mappings[index];
  std::uint64_t physical = 0;
  if (mapping.tag == page_of(address)) {
    physical = mapping.physical;
    page = view.pages[index];
    if (page != nullptr && code_.is_current(*page)) return Fetched::kPage;
  } else {
    if (!translate(address, Access::kFetch, state_.privilege, physical)) return Fetched::kFault;
    physical = page_of(physical);
    const auto whole_page = pmp::allows_page(state_, physical, Access::kFetch, state_.privilege);
    if (!whole_page) return Fetched::kPieces;
    if (!*whole_page) {
      refuse(Cause::kFetchAccess, address, "physical memory protection");
      return Fetched::kFault;
    }
    view.jumps.forget_page(address);  // of the page that is replaced, too
    mapping = {page_of(address), physical};
  }
  view.pages[index] = nullptr;
  const std::uint64_t generation = code_.generation();
  page = code_page(physical);
  if (code_.generation() != generation) forget_code();
  if (page == nullptr) return Fetched::kPieces;
  view.pages[index] = page;
  return Fetched::kPage;
}

bool MemoryPort::fetch(std::uint64_t address, std::uint16_t &bits) {
  CodePage *page = nullptr;
  const Fetched fetched = fetch_page(address, page);
  if (fetched == Fetched::kFault) return false;
  if (fetched == Fetched::kPage) {
    std::memcpy(&bits, page->bytes.data() + (address & kOffsetMask), sizeof bits);
    return true;
  }
  std::uint64_t physical = 0;
  if (!translate(address, Access::kFetch, state_.privilege, physical)) return false;
  if (!pmp::allows(state_, physical, sizeof bits, Access::kFetch, state_.privilege)) {
    return refuse(Cause::kFetchAccess, address, "physical memory protection");
  }
  const Range *range = memory_at(physical, false);
  if (range == nullptr || physical == range->last) {
    return refuse(Cause::kFetchAccess, address, "instructions can only be fetched from memory");
  }
  unsigned char data[2];
  if (!move(*range, physical, data, 2, false)) {
    return refuse(Cause::kFetchAccess, address, fault_.reason);
  }
  bits = static_cast<std::uint16_t>(data[0] | data[1] << 8);
  return true;
}

// Physical accesses.

const MemoryPort::Range *MemoryPort::memory_at(std::uint64_t address, bool write) {
  for (const Range &range : ranges_) {
    if (address >= range.first && address <= range.last &&
        (write ? range.writable : range.readable)) {
      return &range;
    }
  }
  for (const Denied &denied : denied_) {
    if (address >= denied.first && address <= denied.last && write == denied.write) return nullptr;
  }
  tlm::tlm_dmi dmi;
  dmi.init();
  const bool granted = bus_.request_direct(address, write, dmi);
  const std::uint64_t first = dmi.get_start_address(), last = dmi.get_end_address();
  const bool inside = address >= first && address <= last;
  if (!granted) {
    if (denied_.size() >= kMostRanges) denied_.clear();
    if (inside && last - first != ~std::uint64_t{0}) denied_.push_back({first, last, write});
    return nullptr;
  }
  const Range range{first,
                    last,
                    dmi.get_dmi_ptr(),
                    dmi.is_read_allowed(),
                    dmi.is_write_allowed(),
                    bus_.cycles_of(dmi.get_read_latency()),
                    bus_.cycles_of(dmi.get_write_latency())};
  const bool usable = inside && range.host != nullptr && (write ? range.writable : range.readable);
  if (!usable) return nullptr;
  if (ranges_.size() >= kMostRanges) ranges_.clear();
  ranges_.push_back(range);
  return &ranges_.back();
}

void MemoryPort::prepare(std::uint64_t address, unsigned char *data, unsigned size, bool write) {
  payload_.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload_.set_address(address);
  payload_.set_data_ptr(data);
  payload_.set_data_length(size);
  payload_.set_streaming_width(size);
  payload_.set_byte_enable_ptr(nullptr);
  payload_.set_byte_enable_length(0);
  payload_.set_dmi_allowed(false);
  payload_.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  error_->reason.clear();
  timed_->answered = false;
}

bool MemoryPort::move(const Range &range, std::uint64_t address, unsigned char *data, unsigned size,
                      bool write) {
  if (!dmi_) {
    prepare(address, data, size, write);
    bus_.transport_memory(payload_);
    if (payload_.is_response_ok()) return true;
    fault_.reason = error_->reason;
    return false;
  }
  unsigned char *host = range.host + (address - range.first);
  if (write) {
    std::memcpy(host, data, size);
  } else {
    std::memcpy(data, host, size);
  }
  return true;
}

void MemoryPort::code_stored(std::uint64_t address, const void *data, unsigned size) {
  if (!code_.store(address, data, size)) return;
  forget_code();
  state_.horizon = 0;  // leave what is being executed
}

bool MemoryPort::access_device(std::uint64_t address, unsigned char *data, unsigned size,
                               bool write) {
  prepare(address, data, size, write);
  if (write) {
    ++statistics_.device_writes;
    bus_.transport_device(payload_);
  } else {
    ++statistics_.device_reads;
    std::uint64_t &known = timed_register(address);
    if (known == address) {
      bus_.transport_timed(payload_, *timed_);
    } else {
      bus_.transport_device(payload_);
    }
    if (timed_->answered) {
      if (known == address) ++statistics_.timed_reads;
      known = address;
    } else if (known == address) {
      known = kNoRegister;
    }
  }
  if (payload_.is_dmi_allowed()) denied_.clear();  // a hint that asking again is worth it
  if (payload_.is_response_ok()) return true;
  fault_.reason = error_->reason.empty() ? payload_.get_response_string() : error_->reason;
  return false;
}

// Loads and stores.

bool MemoryPort::load_slowly(std::uint64_t address, void *to, unsigned size) {
  return access(address, static_cast<unsigned char *>(to), size, false);
}

bool MemoryPort::store_slowly(std::uint64_t address, const void *from, unsigned size) {
  unsigned char data[8];
  std::memcpy(data, from, size);
  return access(address, data, size, true);
}

bool MemoryPort::access(std::uint64_t address, unsigned char *data, unsigned size, bool write) {
  ++statistics_.slow_accesses;
  const Access kind = data_access(write);
  if (address + size - 1 < address) {
    return refuse(access_fault(kind), address, "access beyond the end of the address space");
  }
  if (triggers::armed(state_, triggers::access_bit(kind)) &&
      triggers::fires(state_, address, size, kind)) {
    return refuse(Cause::kBreakpoint, address, "");
  }
  if ((address & kOffsetMask) + size > kPageSize) {
    return access_in_pieces(address, data, size, write);
  }
  std::uint64_t physical = 0;
  return translate_data(address, size, kind, physical) &&
         access_in_page(address, physical, data, size, write);
}

bool MemoryPort::access_in_page(std::uint64_t address, std::uint64_t physical, unsigned char *data,
                                unsigned size, bool write) {
  const Cause refused = access_fault(data_access(write));
  if (!write && timed_register(physical) == physical && physical % size == 0 &&
      access_device(physical, data, size, false)) {
    return true;
  }
  const Range *found = memory_at(physical, write);
  if (found == nullptr) {
    if (physical % size != 0) return refuse(refused, address, kOutsideMemory);
    if (access_device(physical, data, size, write)) return true;
    return refuse(refused, address, fault_.reason);
  }
  const Range range = *found;  // which an invalidation during the access would take away
  if (range.last - physical < size - 1) return access_in_pieces(address, data, size, write);
  if (!move(range, physical, data, size, write)) return refuse(refused, address, fault_.reason);
  state_.cycle += write ? range.write_cycles : range.read_cycles;
  if (write) code_stored(physical, data, size);
  if (dmi_) remember(address, physical, range, write);
  return true;
}

/// An access that spans pages or grants: nothing moves before all of it is known to be possible.
bool MemoryPort::access_in_pieces(std::uint64_t address, unsigned char *data, unsigned size,
                                  bool write) {
  const Access kind = data_access(write);
  Pieces pieces{};
  for (unsigned i = 0; i < size; ++i) {
    if (!translate_data(address + i, 1, kind, pieces[i].physical)) return false;
    const Range *range = memory_at(pieces[i].physical, write);
    if (range == nullptr) return refuse(access_fault(kind), address + i, kOutsideMemory);
    pieces[i].range = *range;
  }
  for (unsigned i = 0; i < size; ++i) {
    if (!move(pieces[i].range, pieces[i].physical, data + i, 1, write)) {
      return refuse(access_fault(kind), address + i, fault_.reason);
    }
    if (write) code_stored(pieces[i].physical, data + i, 1);
  }
  state_.cycle += write ? pieces[0].range.write_cycles : pieces[0].range.read_cycles;
  return true;
}

bool MemoryPort::supports_atomics(std::uint64_t address, unsigned size, bool write) {
  std::uint64_t physical = 0;
  if (!translate_data(address, size, data_access(write), physical)) return false;
  if (memory_at(physical, write) != nullptr) return true;
  return refuse(access_fault(data_access(write)), address, "atomic access outside plain memory");
}

}  // namespace npim::cpu
