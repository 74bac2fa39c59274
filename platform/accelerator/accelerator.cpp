#include "accelerator/accelerator.h"

#include <algorithm>
#include <array>

namespace npim::accelerator {
namespace {

std::uint64_t power_of_two_mask(const std::vector<int> &values) {
  std::uint64_t mask = 0;
  for (const int value : values) {
    for (unsigned k = 0; k < 8; ++k) {
      if (value == 1 << k) mask |= 1u << k;
    }
  }
  return mask;
}

bus::Access bus_access(abi::Access access) {
  return access == abi::Access::kReadOnly ? bus::Access::kReadOnly : bus::Access::kReadWrite;
}

}  // namespace

Accelerator::Accelerator(const sc_core::sc_module_name &name, const config::ChipConfig &config,
                         dataflow::Kernel kernel)
    : sc_module(name),
      dma(dma_.to_bus),
      config_(config),
      chip_("chip", config, kernel),
      dma_("dma") {
  registers.register_b_transport(this, &Accelerator::b_transport);
  registers.register_transport_dbg(this, &Accelerator::transport_dbg);
  to_chip_.bind(chip_.commands);
  to_link_.bind(chip_.link());
  chip_.memory.bind(dma_.from_chip);
  dma_.on_transfer = [this](bool is_write, std::uint64_t address, std::uint64_t bytes, bool ok) {
    for (Observer *one : observers_) one->dma_transfer(is_write, address, bytes, ok);
  };
  add_registers();
  attach_values();
  attach_counters();
  attach_writes();
  SC_HAS_PROCESS(Accelerator);
  SC_THREAD(command_processor);
  SC_METHOD(drive_interrupt);
  sensitive << update_;
}

// Registers

void Accelerator::add_registers() {
  for (const auto &info : abi::kRegisters) {
    bus::Register reg;
    reg.name = info.name;
    reg.offset = info.offset;
    reg.size = info.bits / 8;
    reg.smallest_access = 4;
    reg.access = bus_access(info.access);
    reg.reset = info.configured ? configured_value(info.offset) : info.reset;
    reg.writable = info.writable_bits;
    by_offset_[info.offset] = &file_.add(std::move(reg));
  }
}

std::uint64_t Accelerator::configured_value(std::uint64_t offset) const {
  using namespace abi::field;
  const auto number = [](int value) { return static_cast<std::uint64_t>(value); };
  switch (offset) {
    case abi::reg::kCapTiles:
      return number(config_.tiles());
    case abi::reg::kCapIma:
      return kCapImaImasPerTile.put(number(config_.imas_per_tile)) |
             kCapImaArraysPerIma.put(number(config_.arrays_per_ima));
    case abi::reg::kCapArray:
      return kCapArrayRows.put(number(config_.array.rows)) |
             kCapArrayColumns.put(number(config_.array.columns));
    case abi::reg::kCapPrecision:
      return kCapPrecisionCellBits.put(number(config_.array.cell_bits)) |
             kCapPrecisionDacBits.put(number(config_.dac_bits)) |
             kCapPrecisionNnadcBits.put(number(config_.nnadc.bits)) |
             kCapPrecisionCodeFormat.put(static_cast<std::uint64_t>(config_.nnadc.code));
    case abi::reg::kCapEdram:
      return static_cast<std::uint64_t>(config_.edram.bytes);
    case abi::reg::kCapConverter:
      return kCapConverterRangeDivisors.put(power_of_two_mask(config_.nnadc.range_divisors)) |
             kCapConverterBitlineGains.put(power_of_two_mask(config_.bitline_gains));
    case abi::reg::kCapFeatures:
      return kCapFeaturesFidelity.put(static_cast<std::uint64_t>(config_.fidelity)) |
             kCapFeaturesEnergyCounter.put(chip_.books().has_prices());
    case abi::reg::kCounterEnergyPj:
    case abi::reg::kCounterLinkEnergyPj:
      return chip_.books().has_prices() ? 0 : ~std::uint64_t{0};
    default:
      SC_REPORT_FATAL("npim/accelerator", "a configured register has no value in this model");
      return 0;
  }
}

void Accelerator::attach_values() {
  by_offset_.at(abi::reg::kStatus)->value_of = [this] { return status(); };
  by_offset_.at(abi::reg::kIrqStatus)->value_of = [this] { return irq_status_; };
  by_offset_.at(abi::reg::kQueueHead)->value_of = [this] { return head_; };
}

void Accelerator::attach_counters() {
  const auto count = [this](std::uint64_t offset, std::function<std::uint64_t()> value) {
    by_offset_.at(offset)->value_of = std::move(value);
  };
  count(abi::reg::kCounterCycles, [this] { return chip_.counters().cycles; });
  count(abi::reg::kCounterWindows, [this] { return chip_.counters().windows; });
  count(abi::reg::kCounterConversions, [this] { return chip_.counters().conversions; });
  count(abi::reg::kCounterClipped, [this] { return chip_.counters().clipped; });
  count(abi::reg::kCounterVerifyFailures, [this] { return chip_.counters().verify_failures; });
  count(abi::reg::kCounterFaults, [this] { return chip_.counters().injected_faults; });
  count(abi::reg::kCounterImages, [this] { return chip_.counters().images; });
  count(abi::reg::kCounterDmaRead, [this] { return dma_.bytes_read(); });
  count(abi::reg::kCounterDmaWrite, [this] { return dma_.bytes_written(); });
  count(abi::reg::kCounterCommands, [this] { return commands_completed_; });
  if (chip_.books().has_prices()) attach_energy();
}

void Accelerator::attach_energy() {
  by_offset_.at(abi::reg::kCounterEnergyPj)->value_of = [this] { return energy_pj(false); };
  by_offset_.at(abi::reg::kCounterLinkEnergyPj)->value_of = [this] { return energy_pj(true); };
  bus::Register *features = by_offset_.at(abi::reg::kCapFeatures);
  features->value_of = [this, features] {
    const bool powered = chip_.accounting() == cost::Accounting::kPoweredTime;
    return features->reset | abi::field::kCapFeaturesEnergyAccounting.put(powered);
  };
}

std::uint64_t Accelerator::energy_pj(bool of_links) const {
  const cost::Energy energy = chip_.books().settle_since_reset(chip_.accounting());
  const double links = energy.part_pj(cost::Part::kLink);
  return static_cast<std::uint64_t>(std::max(0.0, of_links ? links : energy.total_pj() - links));
}

void Accelerator::attach_writes() {
  const auto on = [this](std::uint64_t offset, std::string (Accelerator::*action)(std::uint64_t)) {
    by_offset_.at(offset)->on_write = [this, action](std::uint64_t v) {
      return (this->*action)(v);
    };
  };
  on(abi::reg::kControl, &Accelerator::control_written);
  on(abi::reg::kIrqStatus, &Accelerator::irq_status_written);
  on(abi::reg::kQueueTail, &Accelerator::tail_written);
  by_offset_.at(abi::reg::kIrqMask)->on_write = [this](std::uint64_t) {
    changed();
    return std::string();
  };
  for (const std::uint64_t offset :
       {abi::reg::kQueueBaseLo, abi::reg::kQueueBaseHi, abi::reg::kQueueSize,
        abi::reg::kCompletionBaseLo, abi::reg::kCompletionBaseHi}) {
    guard_while_enabled(offset);
  }
}

/// The ring registers keep their value while the chip is enabled; the attempt is a driver's
/// mistake, reported as one, but not a bus fault.
void Accelerator::guard_while_enabled(std::uint64_t offset) {
  bus::Register *reg = by_offset_.at(offset);
  auto kept = std::make_shared<std::uint64_t>(reg->reset);
  reg->on_write = [this, reg, kept, offset](std::uint64_t value) {
    if (!enabled_) {
      *kept = value;
    } else {
      reg->value = *kept;
      fail(abi::Error::kQueueConfiguration, head_, offset);
    }
    return std::string();
  };
  ring_registers_.push_back(kept);
}

std::uint64_t Accelerator::register_pair(std::uint64_t low_offset) const {
  return by_offset_.at(low_offset)->value | by_offset_.at(low_offset + 4)->value << 32;
}

std::uint64_t Accelerator::status() const {
  using namespace abi::field;
  const bool idle = !busy_ && head_ == tail_ && !resetting_;
  return kStatusIdle.put(idle) | kStatusBusy.put(busy_) |
         kStatusError.put(abi::field::kIrqStatusError.get(irq_status_)) |
         kStatusEnabled.put(enabled_) | kStatusResetting.put(resetting_);
}

std::string Accelerator::control_written(std::uint64_t value) {
  using namespace abi::field;
  by_offset_.at(abi::reg::kControl)->value = kControlEnable.put(enabled_);
  if (resetting_) return "";
  if (kControlSoftReset.get(value) != 0) {
    begin_reset();
    return "";
  }
  const bool wanted = kControlEnable.get(value) != 0;
  if (wanted && !enabled_) enable();
  if (!wanted) enabled_ = false;
  if (kControlCancel.get(value) != 0) cancel();
  by_offset_.at(abi::reg::kControl)->value = kControlEnable.put(enabled_);
  work_.notify(sc_core::SC_ZERO_TIME);
  return "";
}

void Accelerator::enable() {
  const std::uint64_t log2 = by_offset_.at(abi::reg::kQueueSize)->value;
  Ring ring;
  ring.base = register_pair(abi::reg::kQueueBaseLo);
  ring.completions = register_pair(abi::reg::kCompletionBaseLo);
  if (log2 < 1 || log2 > by_offset_.at(abi::reg::kCapQueue)->value) {
    fail(abi::Error::kQueueConfiguration, head_, abi::reg::kQueueSize);
    return;
  }
  ring.entries = std::uint32_t{1} << log2;
  const auto wraps = [&](std::uint64_t base, std::size_t record_bytes) {
    return base + (std::uint64_t{ring.entries} * record_bytes - 1) < base;
  };
  if (wraps(ring.base, abi::Descriptor::kBytes)) {
    fail(abi::Error::kQueueConfiguration, head_, abi::reg::kQueueBaseLo);
  } else if (wraps(ring.completions, abi::Completion::kBytes)) {
    fail(abi::Error::kQueueConfiguration, head_, abi::reg::kCompletionBaseLo);
  } else if (tail_ - head_ > ring.entries) {
    // Commands that were queued under a larger ring would share slots in this one.
    fail(abi::Error::kQueueConfiguration, head_, abi::reg::kQueueSize);
  } else {
    ring_ = ring;
    enabled_ = true;
  }
}

std::string Accelerator::tail_written(std::uint64_t value) {
  const auto wanted = static_cast<std::uint32_t>(value);
  bus::Register *reg = by_offset_.at(abi::reg::kQueueTail);
  if (!enabled_) {
    fail(abi::Error::kDoorbellDisabled, wanted, abi::reg::kQueueTail);
  } else if (wanted - head_ > ring_.entries || wanted - head_ < tail_ - head_) {
    fail(abi::Error::kQueueOverrun, wanted, abi::reg::kQueueTail);
  } else {
    tail_ = wanted;
    for (Observer *one : observers_) one->queue_changed(head_, tail_);
    work_.notify(sc_core::SC_ZERO_TIME);
  }
  reg->value = tail_;
  return "";
}

std::string Accelerator::irq_status_written(std::uint64_t value) {
  irq_status_ &= ~static_cast<std::uint32_t>(value);
  if (abi::field::kIrqStatusError.get(irq_status_) == 0) {
    for (const std::uint64_t offset : {abi::reg::kErrorCode, abi::reg::kErrorCommand,
                                       abi::reg::kErrorAddressLo, abi::reg::kErrorAddressHi}) {
      by_offset_.at(offset)->value = 0;
    }
  }
  changed();
  return "";
}

void Accelerator::fail(abi::Error error, std::uint32_t command, std::uint64_t address) {
  if (abi::field::kIrqStatusError.get(irq_status_) == 0) {
    by_offset_.at(abi::reg::kErrorCode)->value = static_cast<std::uint64_t>(error);
    by_offset_.at(abi::reg::kErrorCommand)->value = command;
    by_offset_.at(abi::reg::kErrorAddressLo)->value = address & 0xffffffff;
    by_offset_.at(abi::reg::kErrorAddressHi)->value = address >> 32;
  }
  irq_status_ |= static_cast<std::uint32_t>(abi::field::kIrqStatusError.mask());
  changed();
}

void Accelerator::drive_interrupt() {
  const bool level = (irq_status_ & by_offset_.at(abi::reg::kIrqMask)->value) != 0;
  interrupt.write(level);
  if (level != line_) {
    for (Observer *one : observers_) one->interrupt_changed(level);
  }
  line_ = level;
}

void Accelerator::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  file_.b_transport(payload, delay);
}

unsigned Accelerator::transport_dbg(tlm::tlm_generic_payload &payload) {
  return file_.transport_dbg(payload);
}

// Commands

bool Accelerator::has_work() const {
  return head_ != tail_ && (enabled_ || cancelling_);
}

void Accelerator::cancel() {
  if (head_ == tail_) return;
  cancelling_ = true;
  cancel_until_ = tail_;
  if (busy_) chip_.cancel();
}

void Accelerator::command_processor() {
  for (;;) {
    if (resetting_) {
      finish_reset();
    } else if (has_work()) {
      execute_next();
    } else {
      wait(work_);
    }
  }
}

void Accelerator::execute_next() {
  busy_ = true;
  const std::uint32_t index = head_;
  abi::Descriptor command;
  abi::Completion result;
  std::uint64_t fault_address = 0;
  abi::Error error = fetch(index, command, fault_address);
  if (error == abi::Error::kNone) error = check(command);
  if (cancelling_) error = abi::Error::kCancelled;
  for (Observer *one : observers_) one->command_started(index, command);
  if (error == abi::Error::kNone) {
    result = run_on_chip(command);
  } else {
    result.error = static_cast<std::uint16_t>(error);
    result.fault_address = fault_address;
  }
  result.index = index;
  result.tag = command.tag;
  result.sequence = index + 1;
  complete(command, result);
  busy_ = false;
}

abi::Error Accelerator::fetch(std::uint32_t index, abi::Descriptor &command,
                              std::uint64_t &fault_address) {
  std::array<std::uint8_t, abi::Descriptor::kBytes> bytes{};
  const std::uint64_t slot = index & (ring_.entries - 1);
  const Transfer outcome =
      transfer(tlm::TLM_READ_COMMAND, ring_.base + slot * bytes.size(), bytes.data(), bytes.size());
  if (resetting_) return abi::Error::kCancelled;
  if (!outcome.ok) {
    fault_address = outcome.fault_address;
    return abi::Error::kDmaReadFault;
  }
  command = abi::Descriptor::decode(bytes.data());
  return abi::Error::kNone;
}

abi::Error Accelerator::check(const abi::Descriptor &command) const {
  const bool reserved = command.reserved0 != 0 || command.reserved1 != 0 ||
                        command.reserved2 != 0 || command.reserved3 != 0;
  if (reserved || (command.flags & ~abi::kAllFlags) != 0) return abi::Error::kBadDescriptor;
  return abi::Error::kNone;
}

abi::Completion Accelerator::run_on_chip(const abi::Descriptor &command) {
  auto bytes = command.encode();
  tlm::tlm_generic_payload payload;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  payload.set_command(tlm::TLM_WRITE_COMMAND);
  payload.set_data_ptr(bytes.data());
  payload.set_data_length(abi::Descriptor::kBytes);
  payload.set_streaming_width(abi::Descriptor::kBytes);
  to_chip_->b_transport(payload, delay);
  std::array<std::uint8_t, abi::Completion::kBytes> record{};
  payload.set_command(tlm::TLM_READ_COMMAND);
  payload.set_data_ptr(record.data());
  payload.set_data_length(abi::Completion::kBytes);
  payload.set_streaming_width(abi::Completion::kBytes);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  to_chip_->b_transport(payload, delay);
  if (delay > sc_core::SC_ZERO_TIME) wait(delay);
  return abi::Completion::decode(record.data());
}

void Accelerator::complete(const abi::Descriptor &command, abi::Completion result) {
  if (resetting_) return;  // a reset leaves no trace of the command
  auto bytes = result.encode();
  constexpr std::size_t kSequenceAt = abi::Completion::kBytes - sizeof result.sequence;
  const std::uint64_t record =
      ring_.completions + (result.index & (ring_.entries - 1)) * abi::Completion::kBytes;
  Transfer written = transfer(tlm::TLM_WRITE_COMMAND, record, bytes.data(), kSequenceAt);
  if (written.ok && !resetting_) {
    written = transfer(tlm::TLM_WRITE_COMMAND, record + kSequenceAt, bytes.data() + kSequenceAt,
                       sizeof result.sequence);
  }
  if (resetting_) return;
  busy_ = false;
  ++head_;
  ++commands_completed_;
  if (cancelling_ && head_ == cancel_until_) cancelling_ = false;
  if (result.error != 0) {
    fail(static_cast<abi::Error>(result.error), result.index, result.fault_address);
  }
  if (!written.ok) fail(abi::Error::kDmaWriteFault, result.index, written.fault_address);
  for (Observer *one : observers_) {
    one->queue_changed(head_, tail_);
    one->command_completed(command, result);
  }
  raise_completion((command.flags & abi::kFlagInterrupt) != 0);
}

void Accelerator::raise_completion(bool flagged) {
  if (flagged) ++flagged_completions_;
  const std::uint64_t batch = by_offset_.at(abi::reg::kIrqBatch)->value;
  const bool queue_empty = head_ == tail_;
  if (flagged_completions_ == 0) return;
  if (flagged_completions_ < batch && !queue_empty) return;
  flagged_completions_ = 0;
  irq_status_ |= static_cast<std::uint32_t>(abi::field::kIrqStatusCompletion.mask());
  changed();
}

/// An access to memory over the chip's link. A reset may begin meanwhile: callers look again.
Accelerator::Transfer Accelerator::transfer(tlm::tlm_command command, std::uint64_t address,
                                            std::uint8_t *data, std::size_t bytes) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(data);
  payload.set_data_length(static_cast<unsigned>(bytes));
  payload.set_streaming_width(static_cast<unsigned>(bytes));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  to_link_->b_transport(payload, delay);
  if (delay > sc_core::SC_ZERO_TIME) wait(delay);
  return {payload.is_response_ok(), payload.get_address()};
}

// Reset

void Accelerator::begin_reset() {
  resetting_ = true;
  enabled_ = cancelling_ = false;
  head_ = tail_ = 0;
  for (Observer *one : observers_) one->queue_changed(0, 0);
  irq_status_ = flagged_completions_ = 0;
  commands_completed_ = 0;
  ring_ = Ring();
  file_.reset();
  for (const auto &kept : ring_registers_) *kept = 0;
  dma_.clear_counters();
  dma_.abort(true);
  if (busy_) chip_.cancel();
  changed();
  work_.notify(sc_core::SC_ZERO_TIME);
}

void Accelerator::finish_reset() {
  chip_.reset();
  wait(kResetNs, sc_core::SC_NS);
  dma_.abort(false);
  dma_.clear_counters();
  resetting_ = false;
  irq_status_ |= static_cast<std::uint32_t>(abi::field::kIrqStatusResetDone.mask());
  changed();
}

}  // namespace npim::accelerator
