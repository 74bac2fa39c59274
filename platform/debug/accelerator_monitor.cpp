#include "debug/accelerator_monitor.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "abi/npim_abi.h"
#include "bus/address_map.h"

namespace npim::debug {
namespace {

/// Commands and completions that `queue` lists.
constexpr std::uint32_t kMostListed = 16;

using bus::hex;

class AcceleratorView {
 public:
  AcceleratorView(std::uint64_t base, MemoryReader read) : base_(base), read_(std::move(read)) {}

  std::string registers(const std::string &name) const;
  std::string queue() const;

 private:
  struct Ring {
    std::uint64_t base, completions;
    std::uint32_t entries, head, tail;
  };

  std::uint64_t value(const abi::RegisterInfo &info) const;
  std::uint64_t value(std::uint64_t offset) const { return value(*abi::find_register(offset)); }
  std::string describe(const abi::RegisterInfo &info) const;
  std::string meaning(const abi::RegisterInfo &info, std::uint64_t value) const;
  Ring ring() const;
  /// A ring's record of an index, behind the beginning of its line; nothing where memory has none.
  template <typename Record>
  std::pair<std::string, std::optional<Record>> record(std::uint64_t base, const Ring &ring,
                                                       std::uint32_t index) const;
  std::string command_line(const Ring &ring, std::uint32_t index) const;
  std::string completion_line(const Ring &ring, std::uint32_t index) const;

  const std::uint64_t base_;
  const MemoryReader read_;
};

std::uint64_t AcceleratorView::value(const abi::RegisterInfo &info) const {
  std::uint8_t bytes[8] = {};
  const std::size_t size = info.bits / 8;
  if (read_(base_ + info.offset, bytes, size) != size) return 0;
  return abi::detail::get(bytes, static_cast<unsigned>(size));
}

std::string AcceleratorView::meaning(const abi::RegisterInfo &info, std::uint64_t value) const {
  if (info.offset == abi::reg::kErrorCode) {
    return std::string("  ") + abi::name(static_cast<abi::Error>(value));
  }
  std::string text;
  for (std::size_t i = 0; i < info.field_count; ++i) {
    const abi::Field &field = info.fields[i];
    if (field.write_only) continue;
    text += std::string("  ") + field.name + "=" + std::to_string(field.get(value));
  }
  return text;
}

std::string AcceleratorView::describe(const abi::RegisterInfo &info) const {
  const std::uint64_t now = value(info);
  char line[64];
  std::snprintf(line, sizeof line, "%03llx  %-20s ", static_cast<unsigned long long>(info.offset),
                info.name);
  return line + hex(now) + meaning(info, now) + "\n";
}

std::string AcceleratorView::registers(const std::string &name) const {
  std::string text;
  for (const auto &info : abi::kRegisters) {
    if (name.empty() || name == info.name) text += describe(info);
  }
  if (text.empty()) return "the accelerator has no register " + name + "\n";
  return text;
}

AcceleratorView::Ring AcceleratorView::ring() const {
  Ring ring;
  ring.base = value(abi::reg::kQueueBaseHi) << 32 | value(abi::reg::kQueueBaseLo);
  ring.completions = value(abi::reg::kCompletionBaseHi) << 32 | value(abi::reg::kCompletionBaseLo);
  ring.entries = 1u << std::min<std::uint64_t>(value(abi::reg::kQueueSize), 31);
  ring.head = static_cast<std::uint32_t>(value(abi::reg::kQueueHead));
  ring.tail = static_cast<std::uint32_t>(value(abi::reg::kQueueTail));
  return ring;
}

template <typename Record>
std::pair<std::string, std::optional<Record>> AcceleratorView::record(std::uint64_t base,
                                                                      const Ring &ring,
                                                                      std::uint32_t index) const {
  const std::uint64_t slot = index & (ring.entries - 1);
  const std::uint64_t address = base + slot * Record::kBytes;
  const std::string place = "  " + std::to_string(index) + " at " + hex(address) + ": ";
  std::uint8_t bytes[Record::kBytes];
  if (read_(address, bytes, sizeof bytes) != sizeof bytes) return {place, std::nullopt};
  return {place, Record::decode(bytes)};
}

std::string AcceleratorView::command_line(const Ring &ring, std::uint32_t index) const {
  const auto [text_before, read] = record<abi::Descriptor>(ring.base, ring, index);
  if (!read) return text_before + "not readable\n";
  const abi::Descriptor &command = *read;
  std::string text = text_before;
  text += abi::name(static_cast<abi::Opcode>(command.opcode));
  text += " tag=" + std::to_string(command.tag) + " flags=" + hex(command.flags);
  text += " source=" + hex(command.source) + "+" + std::to_string(command.source_bytes);
  text +=
      " destination=" + hex(command.destination) + "+" + std::to_string(command.destination_bytes);
  text += " count=" + std::to_string(command.count);
  return text + "\n";
}

std::string AcceleratorView::completion_line(const Ring &ring, std::uint32_t index) const {
  const auto [text_before, read] = record<abi::Completion>(ring.completions, ring, index);
  if (!read) return text_before + "not readable\n";
  const abi::Completion &completion = *read;
  std::string text = text_before;
  text += abi::name(static_cast<abi::Error>(completion.error));
  text += " duration=" + std::to_string(completion.duration_ns) + " ns";
  if (completion.error != 0) {
    text += " fault_address=" + hex(completion.fault_address) +
            " detail=" + std::to_string(completion.detail);
  }
  return text + "\n";
}

std::string AcceleratorView::queue() const {
  const Ring now = ring();
  std::string text = "ring at " + hex(now.base) + ", " + std::to_string(now.entries) +
                     " entries; head " + std::to_string(now.head) + ", tail " +
                     std::to_string(now.tail) + "\n";
  if (now.base == 0) return text + "not configured\n";
  const std::uint32_t waiting = now.tail - now.head;
  text += std::to_string(waiting) + " commands queued or running\n";
  for (std::uint32_t i = 0; i < std::min(waiting, kMostListed); ++i) {
    text += command_line(now, now.head + i);
  }
  if (waiting > kMostListed) text += "  and " + std::to_string(waiting - kMostListed) + " more\n";
  const std::uint32_t done = std::min({now.head, now.entries, kMostListed});
  text += "last completions: " + std::to_string(done) + "\n";
  for (std::uint32_t i = done; i != 0; --i) text += completion_line(now, now.head - i);
  return text;
}

}  // namespace

void add_accelerator_commands(Monitor &monitor, std::uint64_t base, MemoryReader read) {
  const auto view = std::make_shared<AcceleratorView>(base, std::move(read));
  monitor.add("chip", "chip [REGISTER]", "registers of the accelerator with their fields",
              [view](const std::string &name) { return view->registers(name); });
  monitor.add("queue", "queue", "commands in the accelerator's ring, and the last completions",
              [view](const std::string &) { return view->queue(); });
}

}  // namespace npim::debug
