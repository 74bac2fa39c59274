// Memory-mapped registers of a peripheral: names, access rights, reset values, reserved bits and
// callbacks in one table, and the checks that every register access needs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <systemc>
#include <tlm>

namespace npim::bus {

enum class Access { kReadWrite, kReadOnly, kWriteOnly };

/// One register. Bits outside `writable` are reserved: a write leaves them as they are.
struct Register {
  std::string name;
  std::uint64_t offset = 0;
  unsigned size = 4;  ///< bytes: 1, 2, 4 or 8
  Access access = Access::kReadWrite;
  std::uint64_t reset = 0;
  std::uint64_t writable = ~std::uint64_t{0};
  unsigned smallest_access = 0;  ///< bytes; 0 means the whole register only

  /// The value for readers when it is not the stored one; without side effects, as debuggers read
  /// through it too.
  std::function<std::uint64_t()> value_of;
  /// The value as a function of simulated time and of what only scheduled activity or writes
  /// change; like value_of, and it lets initiators read ahead of the kernel (timed_read.h).
  std::function<std::uint64_t(const sc_core::sc_time &now)> value_at;
  /// Called before a read by software is answered, for side effects ("reading pops the FIFO").
  /// Returns the value to answer with.
  std::function<std::uint64_t()> on_read;
  /// Called after a write was stored. A text refuses the write: the old value is restored and the
  /// initiator gets an error response with that reason.
  std::function<std::string(std::uint64_t value)> on_write;

  std::uint64_t value = 0;  ///< as stored
};

class RegisterFile {
 public:
  /// `owner` opens the reasons of refused accesses: "UART 16550".
  explicit RegisterFile(std::string owner) : owner_(std::move(owner)) {}
  RegisterFile(const RegisterFile &) = delete;
  RegisterFile &operator=(const RegisterFile &) = delete;

  /// Adds a register at its reset value; the reference stays valid. Reports SC_ERROR on an overlap,
  /// as that is an error of the model.
  Register &add(Register reg);

  /// Sets all registers to their reset values; no callback runs.
  void reset();

  /// Serves a blocking access. Waits until the initiator's local time has come (a register can see
  /// time and has side effects), so call it from an sc_thread when `delay` is not zero. Error
  /// responses, each with a reason: unknown offset, wrong size, misaligned, access rights, refused
  /// value, byte enables, streaming.
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);

  /// Debugger's access: reads without side effects, writes nothing. Returns the bytes read.
  unsigned transport_dbg(tlm::tlm_generic_payload &payload);

  /// Name of the register at an offset, or "".
  std::string name_at(std::uint64_t offset) const;

 private:
  struct Lane {
    unsigned shift;
    std::uint64_t mask;
  };
  Register *find(std::uint64_t offset);
  const Register *find(std::uint64_t offset) const;
  static std::uint64_t peek(const Register &reg);
  /// Answers a timed read, if this is one and the register can.
  bool read_ahead(tlm::tlm_generic_payload &payload, const sc_core::sc_time &delay) const;
  bool check(tlm::tlm_generic_payload &payload, const Register *reg) const;
  void read(tlm::tlm_generic_payload &payload, Register &reg, Lane lane) const;
  void write(tlm::tlm_generic_payload &payload, Register &reg, Lane lane) const;

  std::string owner_;
  std::map<std::uint64_t, Register> registers_;
  mutable const Register *last_read_ = nullptr;  // registers are read again and again
};

}  // namespace npim::bus
