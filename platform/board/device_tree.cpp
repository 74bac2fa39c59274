#include "board/device_tree.h"

#include <libfdt.h>

#include <initializer_list>

#include "base/error.h"
#include "peripherals/plic.h"

namespace npim::board {
namespace {

constexpr std::uint32_t kPlic = 1, kFirstCpuInterrupts = 2;       // phandles
constexpr std::uint32_t kMachineSoftware = 3, kMachineTimer = 7;  // mip bits
constexpr std::uint32_t kSupervisorExternal = 9, kMachineExternal = 11;

std::string unit(const std::string &name, std::uint64_t address) {
  return name + "@" + bus::hex(address).substr(2);
}

/// libfdt's sequential writer with errors as exceptions.
class Writer {
 public:
  explicit Writer(std::size_t room) : buffer_(room) {
    check(fdt_create(buffer_.data(), static_cast<int>(room)));
    check(fdt_finish_reservemap(buffer_.data()));
  }
  template <typename Body>
  void node(const std::string &name, Body body) {
    check(fdt_begin_node(buffer_.data(), name.c_str()));
    body();
    check(fdt_end_node(buffer_.data()));
  }
  void text(const char *key, const std::string &value) {
    check(fdt_property(buffer_.data(), key, value.c_str(), static_cast<int>(value.size() + 1)));
  }
  void texts(const char *key, std::initializer_list<const char *> values) {
    std::string joined;
    for (const char *value : values) joined.append(value).push_back('\0');
    check(fdt_property(buffer_.data(), key, joined.data(), static_cast<int>(joined.size())));
  }
  void cells(const char *key, const std::vector<std::uint32_t> &values) {
    Bytes big_endian;
    for (const std::uint32_t value : values) {
      for (int shift = 24; shift >= 0; shift -= 8) {
        big_endian.push_back(static_cast<std::uint8_t>(value >> shift));
      }
    }
    check(
        fdt_property(buffer_.data(), key, big_endian.data(), static_cast<int>(big_endian.size())));
  }
  void flag(const char *key) { check(fdt_property(buffer_.data(), key, nullptr, 0)); }
  void reg(std::uint64_t base, std::uint64_t size) {
    cells("reg", {static_cast<std::uint32_t>(base >> 32), static_cast<std::uint32_t>(base),
                  static_cast<std::uint32_t>(size >> 32), static_cast<std::uint32_t>(size)});
  }
  void two_cells_each() {
    cells("#address-cells", {2});
    cells("#size-cells", {2});
  }
  Bytes finish() {
    check(fdt_finish(buffer_.data()));
    buffer_.resize(fdt_totalsize(buffer_.data()));
    return std::move(buffer_);
  }

 private:
  static void check(int status) {
    if (status < 0) throw InputError("device tree", fdt_strerror(status));
  }
  Bytes buffer_;
};

class Builder {
 public:
  Builder(const PlatformConfig &config, const std::string &bootargs,
          const std::vector<NamedArea> &areas)
      : config_(config), bootargs_(bootargs), areas_(areas), out_(room(bootargs, areas)) {}

  Bytes build() {
    out_.node("", [this] {
      out_.two_cells_each();
      out_.texts("compatible", {"neural-pim,virtual-platform", "riscv-virtio"});
      out_.text("model", "Neural-PIM virtual platform: " + config_.name.substr(0, 200));
      chosen();
      aliases();
      cpus();
      out_.node(unit("memory", config_.dram.base), [this] {
        out_.text("device_type", "memory");
        out_.reg(config_.dram.base, config_.dram.size);
      });
      reserved_memory();
      soc();
    });
    return out_.finish();
  }

 private:
  static std::size_t room(const std::string &bootargs, const std::vector<NamedArea> &areas) {
    std::size_t bytes = 65536 + bootargs.size();
    for (const auto &area : areas) bytes += 512 + area.name.size();
    return bytes;
  }

  void chosen() {
    out_.node("chosen", [this] {
      out_.text("bootargs", bootargs_);
      out_.text("stdout-path", "/soc/" + unit("serial", config_.uart.base));
    });
  }

  void aliases() {
    out_.node("aliases", [this] {
      out_.text("serial0", "/soc/" + unit("serial", config_.uart.base));
      if (config_.accelerator) out_.text("npim0", "/soc/" + accelerator_name());
    });
  }

  std::string accelerator_name() const {
    return unit("accelerator", config_.accelerator->registers.base);
  }

  std::uint32_t hart_id(unsigned hart) const {
    return static_cast<std::uint32_t>(config_.hart.hart_id) + hart;
  }
  /// The phandle of a hart's interrupt controller.
  static std::uint32_t cpu_interrupts(unsigned hart) { return kFirstCpuInterrupts + hart; }

  void cpus() {
    out_.node("cpus", [this] {
      out_.cells("#address-cells", {1});
      out_.cells("#size-cells", {0});
      out_.cells("timebase-frequency", {static_cast<std::uint32_t>(config_.timebase_hz)});
      for (unsigned hart = 0; hart < config_.harts; ++hart) cpu(hart);
    });
  }

  void cpu(unsigned hart) {
    out_.node(unit("cpu", hart_id(hart)), [this, hart] {
      out_.text("device_type", "cpu");
      out_.cells("reg", {hart_id(hart)});
      out_.text("status", "okay");
      out_.text("compatible", "riscv");
      out_.text("riscv,isa", "rv64imafdc_zicsr_zifencei");
      out_.node("interrupt-controller", [hart, this] {
        out_.cells("#interrupt-cells", {1});
        out_.flag("interrupt-controller");
        out_.text("compatible", "riscv,cpu-intc");
        out_.cells("phandle", {cpu_interrupts(hart)});
      });
    });
  }

  /// Two interrupts of every hart.
  void interrupts_extended(std::uint32_t first, std::uint32_t second) {
    std::vector<std::uint32_t> cells;
    for (unsigned hart = 0; hart < config_.harts; ++hart) {
      cells.insert(cells.end(), {cpu_interrupts(hart), first, cpu_interrupts(hart), second});
    }
    out_.cells("interrupts-extended", cells);
  }

  void reserved_memory() {
    out_.node("reserved-memory", [this] {
      out_.two_cells_each();
      out_.flag("ranges");
      for (const auto &area : areas_) {
        out_.node(unit("file", area.address), [this, &area] {
          out_.text("compatible", "neural-pim,file");
          out_.reg(area.address, area.size);
          out_.text("npim,name", area.name);
          out_.flag("no-map");
        });
      }
    });
  }

  void soc() {
    out_.node("soc", [this] {
      out_.two_cells_each();
      out_.text("compatible", "simple-bus");
      out_.flag("ranges");
      finisher();
      clint();
      plic();
      uart();
      if (config_.accelerator) accelerator();
    });
  }

  void finisher() {
    out_.node(unit("test", config_.finisher.base), [this] {
      out_.texts("compatible", {"sifive,test1", "sifive,test0", "syscon"});
      out_.reg(config_.finisher.base, config_.finisher.size);
    });
  }

  void clint() {
    out_.node(unit("clint", config_.clint.base), [this] {
      out_.texts("compatible", {"sifive,clint0", "riscv,clint0"});
      out_.reg(config_.clint.base, config_.clint.size);
      interrupts_extended(kMachineSoftware, kMachineTimer);
    });
  }

  void plic() {
    out_.node(unit("plic", config_.plic.base), [this] {
      out_.texts("compatible", {"sifive,plic-1.0.0", "riscv,plic0"});
      out_.reg(config_.plic.base, config_.plic.size);
      out_.cells("#address-cells", {0});
      out_.cells("#interrupt-cells", {1});
      out_.flag("interrupt-controller");
      interrupts_extended(kMachineExternal, kSupervisorExternal);
      out_.cells("riscv,ndev", {peripherals::Plic::kSources - 1});
      out_.cells("phandle", {kPlic});
    });
  }

  void uart() {
    out_.node(unit("serial", config_.uart.base), [this] {
      out_.text("compatible", "ns16550a");
      out_.reg(config_.uart.base, config_.uart.size);
      out_.cells("clock-frequency", {3686400});
      out_.cells("interrupt-parent", {kPlic});
      out_.cells("interrupts", {config_.uart_plic_interrupt});
    });
  }

  void accelerator() {
    out_.node(accelerator_name(), [this] {
      out_.text("compatible", "neural-pim,accelerator-1.0");
      out_.reg(config_.accelerator->registers.base, config_.accelerator->registers.size);
      out_.cells("interrupt-parent", {kPlic});
      out_.cells("interrupts", {config_.accelerator->plic_interrupt});
    });
  }

  const PlatformConfig &config_;
  const std::string &bootargs_;
  const std::vector<NamedArea> &areas_;
  Writer out_;
};

}  // namespace

Bytes build_device_tree(const PlatformConfig &config, const std::string &bootargs,
                        const std::vector<NamedArea> &areas) {
  return Builder(config, bootargs, areas).build();
}

}  // namespace npim::board
