#include "board/board.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/file.h"
#include "board/kernel_image.h"
#include "board/reset_code.h"

namespace npim::board {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestBootargs = 4096;
constexpr std::size_t kLargestFirmware = std::size_t{256} << 20;

sc_core::sc_time tick_of(const PlatformConfig &config) {
  return sc_core::sc_time(static_cast<double>(1'000'000'000'000 / config.timebase_hz),
                          sc_core::SC_PS);
}

bool is_printable(const std::string &text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isprint(c) != 0; });
}

}  // namespace

Board::Board(const sc_core::sc_module_name &name, const PlatformConfig &config)
    : sc_module(name),
      config_(config),
      harts_("hart"),
      boot_rom_("boot_rom", config.boot_rom.size),
      dram_("dram", config.dram.size),
      clint_("clint", tick_of(config), config.harts),
      plic_("plic", config.harts),
      free_end_(config.dram.base + config.dram.size) {
  (void)config.address_map(this->name());
  harts_.init(config.harts, [&](const char *hart_name, std::size_t index) {
    cpu::HartConfig settings = config.hart;
    settings.hart_id += index;
    return new cpu::Hart(hart_name, settings);
  });
  if (harts() > 1) turns_ = std::make_unique<cpu::Turns>(harts(), config.hart_slice);
  for (unsigned i = 0; i < harts(); ++i) {
    if (turns_) harts_[i].set_turns(turns_.get(), i);
    set_up(harts_[i]);
  }
  build_map();
  connect_interrupts();
  loader_.bind(bus_.from_initiators);
  SC_HAS_PROCESS(Board);
  SC_METHOD(deadline_reached);
  sensitive << deadline_;
  dont_initialize();
}

void Board::set_up(cpu::Hart &hart) {
  hart.bus.bind(bus_.from_initiators);
  hart.set_time_source([this](const sc_core::sc_time &now) { return clint_.mtime(now); });
  hart.set_symboliser([this](std::uint64_t pc) { return firmware_.symbolise(pc); });
  hart.set_describer([this](std::uint64_t address) { return describe(address); });
  hart.set_lost_handler([this](const std::string &message) {
    if (lost_.empty()) lost_ = message;
    sc_core::sc_stop();
  });
}

void Board::build_map() {
  const auto add = [this](const char *part, const Range &range, auto &target) {
    bus_.map({part, range.base, range.size, {}}, target.socket);
  };
  const auto add_with_registers = [this](const char *part, const Range &range, auto &target) {
    bus_.map({part, range.base, range.size,
              [&target](std::uint64_t offset) { return target.describe(offset); }},
             target.socket);
  };
  add("boot ROM", config_.boot_rom, boot_rom_);
  add_with_registers("test finisher", config_.finisher, finisher_);
  add_with_registers("CLINT", config_.clint, clint_);
  add_with_registers("PLIC", config_.plic, plic_);
  add_with_registers("UART 16550", config_.uart, uart_);
  add("DRAM", config_.dram, dram_);
}

void Board::connect_interrupts() {
  for (unsigned i = 0; i < harts(); ++i) connect_hart_lines(i);
  uart_.interrupt.bind(uart_line_);
  plic_.sources[config_.uart_plic_interrupt].bind(uart_line_);
  if (config_.accelerator)
    plic_.sources[config_.accelerator->plic_interrupt].bind(accelerator_line_);
}

void Board::connect_hart_lines(unsigned hart) {
  hart_lines_.push_back(std::make_unique<HartLines>());
  HartLines &lines = *hart_lines_.back();
  clint_.software[hart].bind(lines.software);
  clint_.timer[hart].bind(lines.timer);
  plic_.machine[hart].bind(lines.machine);
  plic_.supervisor[hart].bind(lines.supervisor);
  harts_[hart].software_interrupt(lines.software);
  harts_[hart].timer_interrupt(lines.timer);
  harts_[hart].external_interrupt(lines.machine);
  harts_[hart].supervisor_external_interrupt(lines.supervisor);
}

std::vector<InterruptLine> Board::interrupt_lines() const {
  std::vector<InterruptLine> lines;
  for (std::size_t hart = 0; hart < hart_lines_.size(); ++hart) {
    const std::string path = "hart" + std::to_string(hart) + ".interrupt.";
    lines.push_back({path + "software", &hart_lines_[hart]->software});
    lines.push_back({path + "timer", &hart_lines_[hart]->timer});
    lines.push_back({path + "external", &hart_lines_[hart]->machine});
    lines.push_back({path + "supervisor", &hart_lines_[hart]->supervisor});
  }
  return lines;
}

void Board::load_elf(const std::string &path) {
  load_elf(read_file(path, kLargestFirmware), path);
}

void Board::load_elf(const Bytes &content, const std::string &name) {
  if (!firmware_.segments.empty()) {
    throw InputError(name, "a firmware image is loaded already: " + firmware_name_);
  }
  firmware_ = parse_elf(content, name, config_.dram.base, config_.dram.size);
  firmware_name_ = name;
}

std::uint64_t Board::place(const std::string &name, std::uint64_t size) {
  if (name.empty() || name.size() > kLongestName || !is_printable(name)) {
    throw InputError("file for the board", "its name must have 1 to 64 printable characters");
  }
  for (const auto &area : areas_) {
    if (area.name == name) throw InputError("file '" + name + "'", "is given twice");
  }
  areas_.push_back({name, take_room("file '" + name + "'", size), size});
  return free_end_;
}

std::uint64_t Board::take_room(const std::string &what, std::uint64_t size) {
  const std::uint64_t room = free_end_ - config_.dram.base;
  const std::uint64_t pages = size == 0 ? 1 : (size - 1) / kPage + 1;
  if (size > room || pages * kPage > room) {
    throw InputError(what, "its " + std::to_string(size) +
                               " bytes do not fit into DRAM; free are " + std::to_string(room));
  }
  free_end_ -= pages * kPage;
  return free_end_;
}

void Board::load_kernel(const Bytes &content, const std::string &name) {
  if (kernel_) throw InputError(name, "a kernel is loaded already: " + kernel_name_);
  const KernelImage image = parse_kernel_image(content, name);
  if (image.text_offset >= config_.dram.size ||
      image.memory_size > config_.dram.size - image.text_offset) {
    throw InputError(name,
                     "does not fit into DRAM of " + std::to_string(config_.dram.size) + " bytes");
  }
  kernel_name_ = name;
  kernel_ = Range{config_.dram.base + image.text_offset, image.memory_size};
  loads_.push_back({kernel_->base, content});
}

void Board::load_initrd(Bytes content, const std::string &name) {
  if (initrd_) throw InputError(name, "there is an initial RAM disk already");
  const std::uint64_t size = content.size();
  initrd_ = Range{take_room(name, size), size};
  loads_.push_back({initrd_->base, std::move(content)});
}

std::uint64_t Board::add_file(const std::string &name, Bytes content) {
  const std::uint64_t address = place(name, content.size());
  loads_.push_back({address, std::move(content)});
  return address;
}

std::uint64_t Board::add_output(const std::string &name, std::uint64_t size) {
  return place(name, size);  // DRAM starts as zeros
}

void Board::set_bootargs(const std::string &bootargs) {
  if (bootargs.size() > kLongestBootargs || bootargs.find('\0') != std::string::npos) {
    throw InputError("boot arguments", "expected at most 4096 characters, none of them zero");
  }
  bootargs_ = bootargs;
}

void Board::set_uart_input(std::unique_ptr<peripherals::ByteSource> source,
                           const sc_core::sc_time &interval) {
  uart_input_ =
      std::make_unique<peripherals::UartInput>("uart_input", uart_, std::move(source), interval);
}

void Board::finish_setup() {
  if (firmware_.segments.empty()) throw InputError(name(), "there is no firmware to run");
  device_tree_ = build_device_tree(config_, bootargs_, areas_, initrd_);
  if (device_tree_.size() + kPage > free_end_ - config_.dram.base) {
    throw InputError(name(), "DRAM has no room for the device tree");
  }
  device_tree_address_ = (free_end_ - device_tree_.size()) & ~std::uint64_t{7};
  check_room();
  check_kernel_room();
  boot_rom_.load(reset_code(firmware_.entry, device_tree_address_));
}

void Board::check_room() const {
  const Segment &last = firmware_.segments.back();
  if (last.address + last.memory_size <= device_tree_address_) return;
  throw InputError(firmware_name_, "its segment of " + bus::hex(last.memory_size) + " bytes at " +
                                       bus::hex(last.address) +
                                       " overlaps the files or the device tree, which start at " +
                                       bus::hex(device_tree_address_));
}

void Board::check_kernel_room() const {
  if (!kernel_) return;
  const std::uint64_t end = kernel_->base + kernel_->size;
  if (end > device_tree_address_) {
    throw InputError(kernel_name_, "its " + bus::hex(kernel_->size) + " bytes at " +
                                       bus::hex(kernel_->base) +
                                       " overlap the files or the device tree, which start at " +
                                       bus::hex(device_tree_address_));
  }
  for (const auto &segment : firmware_.segments) {
    if (segment.address < end && kernel_->base < segment.address + segment.memory_size) {
      throw InputError(firmware_name_, "overlaps the kernel at " + bus::hex(kernel_->base));
    }
  }
}

void Board::start_of_simulation() {
  for (const auto &segment : firmware_.segments) write_memory(segment.address, segment.bytes);
  for (const auto &load : loads_) write_memory(load.address, load.content);
  write_memory(device_tree_address_, device_tree_);
}

unsigned Board::debug_access(tlm::tlm_command command, std::uint64_t address, unsigned char *bytes,
                             std::size_t size) {
  tlm::tlm_generic_payload payload;
  payload.set_command(command);
  payload.set_address(address);
  payload.set_data_ptr(bytes);
  payload.set_data_length(static_cast<unsigned>(size));
  payload.set_streaming_width(static_cast<unsigned>(size));
  return loader_->transport_dbg(payload);
}

void Board::write_memory(std::uint64_t address, const Bytes &content) {
  constexpr std::size_t kChunk = std::size_t{1} << 30;  // TLM lengths have 32 bits
  for (std::size_t done = 0; done < content.size();) {
    const std::size_t size = std::min(kChunk, content.size() - done);
    if (poke(address + done, content.data() + done, size) != size) {
      throw InputError(
          name(), "cannot load to " + bus::hex(address + done) + ": " + describe(address + done));
    }
    done += size;
  }
}

Bytes Board::peek(std::uint64_t address, std::uint64_t size) {
  constexpr std::uint64_t kChunk = std::uint64_t{1} << 20;
  Bytes content;
  while (content.size() < size) {
    const std::size_t done = content.size();
    const auto step = static_cast<unsigned>(std::min(kChunk, size - done));
    content.resize(done + step);
    const unsigned got =
        debug_access(tlm::TLM_READ_COMMAND, address + done, content.data() + done, step);
    content.resize(done + got);
    if (got < step) break;
  }
  return content;
}

std::uint64_t Board::poke(std::uint64_t address, const std::uint8_t *bytes, std::uint64_t size) {
  return debug_access(tlm::TLM_WRITE_COMMAND, address, const_cast<std::uint8_t *>(bytes), size);
}

void Board::restart() {
  for (const auto &segment : firmware_.segments) {
    write_memory(segment.address, segment.bytes);
    const Bytes zeros(segment.memory_size - segment.bytes.size());
    write_memory(segment.address + segment.bytes.size(), zeros);
  }
  for (const auto &load : loads_) write_memory(load.address, load.content);
  write_memory(device_tree_address_, device_tree_);
  for (cpu::Hart &hart : harts_) hart.reset();
}

void Board::stop(const std::string &reason, int exit_code) {
  stopped_ = reason;
  stopped_code_ = exit_code;
  sc_core::sc_stop();
}

bool Board::all_harts_wait() const {
  return std::all_of(harts_.begin(), harts_.end(),
                     [](const cpu::Hart &hart) { return hart.waiting_for_interrupt(); });
}

bool Board::nothing_scheduled() const {
  if (!sc_core::sc_pending_activity()) return true;
  return sc_core::sc_time_stamp() + sc_core::sc_time_to_pending_activity() >= limit_;
}

Bytes Board::read_back(const std::string &name) {
  for (const auto &area : areas_) {
    if (area.name == name) return peek(area.address, area.size);
  }
  throw InputError("file '" + name + "'", "was not placed on the board");
}

std::string Board::symbolise(std::uint64_t address) const {
  const std::string symbol = firmware_.symbolise(address);
  return symbol.empty() ? bus::hex(address) : bus::hex(address) + " (" + symbol + ")";
}

void Board::deadline_reached() {
  expired_ = true;
  // Nothing is scheduled but this deadline: had there been none, the simulation would have ended.
  idle_ = all_harts_wait() && !sc_core::sc_pending_activity();
  sc_core::sc_stop();
}

RunResult Board::run(const sc_core::sc_time &limit, const std::function<void()> &progress) {
  finish_setup();
  // An event, not the argument of sc_start(): the hart then stops exactly there, whatever its
  // quantum.
  limit_ = limit;
  if (limit < sc_core::sc_max_time()) deadline_.notify(limit);
  // In slices for the sake of progress alone; the hart does not see where one ends.
  const sc_core::sc_time slice(10, sc_core::SC_MS);
  do {
    sc_core::sc_start(std::max(slice, sc_core::sc_time_to_pending_activity()),
                      sc_core::SC_EXIT_ON_STARVATION);
    if (progress) progress();
  } while (sc_core::sc_get_status() == sc_core::SC_PAUSED && sc_core::sc_pending_activity());
  idle_ = idle_ || (!expired_ && lost_.empty() && stopped_.empty() &&
                    finisher_.outcome() == peripherals::Finisher::Outcome::kNone);
  return result();
}

RunResult Board::result() const {
  using peripherals::Finisher;
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  const std::string where = symbolise(harts_[0].state().pc);
  const std::string who = harts() > 1 ? "hart 0" : "the hart";
  if (finisher_.outcome() == Finisher::Outcome::kPass) {
    return {End::kPass, 0, "firmware passed", now};
  }
  if (finisher_.outcome() == Finisher::Outcome::kFail) {
    const int code = finisher_.exit_code();
    return {End::kFail, code, "firmware failed with code " + std::to_string(code), now};
  }
  if (finisher_.outcome() == Finisher::Outcome::kReset) {
    return {End::kReset, 1, "firmware asked for a reset, which ends the run", now};
  }
  if (!stopped_.empty()) return {End::kStopped, stopped_code_, stopped_, now};
  if (!lost_.empty()) return {End::kLost, 1, lost_, now};
  if (idle_) {
    return {End::kIdle, 1,
            "all idle: " + who + " waits at " + where + " for an interrupt that cannot come",
            std::min(now, harts_[0].local_time())};
  }
  return {End::kTimeout, 1,
          "timeout: after " + now.to_string() + " of simulated time " + who + " is at " + where,
          now};
}

}  // namespace npim::board
