// Test finisher: the word that ends a run ("sifive,test1", as on QEMU's virt machine).
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <systemc>
#include <tlm>

#include "bus/register_file.h"

namespace npim::peripherals {

class Finisher : public sc_core::sc_module {
 public:
  static constexpr std::uint64_t kSize = 0x1000;
  static constexpr std::uint32_t kPass = 0x5555;
  static constexpr std::uint32_t kFail = 0x3333;  ///< exit code in bits 16 to 31
  static constexpr std::uint32_t kReset =
      0x7777;  ///< also ends the run: nothing is there to restart

  enum class Outcome { kNone, kPass, kFail, kReset };

  tlm_utils::simple_target_socket<Finisher> socket{"socket"};

  explicit Finisher(const sc_core::sc_module_name &name);

  Outcome outcome() const { return outcome_; }
  /// What firmware gave to kFail, else 0.
  int exit_code() const { return exit_code_; }
  std::string describe(std::uint64_t offset) const { return registers_.name_at(offset); }

 private:
  std::string finish(std::uint32_t value);
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  unsigned transport_dbg(tlm::tlm_generic_payload &payload) {
    return registers_.transport_dbg(payload);
  }

  bus::RegisterFile registers_{"test finisher"};
  Outcome outcome_ = Outcome::kNone;
  int exit_code_ = 0;
};

}  // namespace npim::peripherals
