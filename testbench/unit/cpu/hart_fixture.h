// A fixture that runs snippets of code on the test machine.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "test_machine.h"

namespace npim::cpu::test {

/// Where exceptions go unless a test says otherwise: an endless loop.
constexpr std::uint64_t kTrapLoop = kRam + 0xf0000;

/// One instruction per nanosecond. Tests may change the state between runs.
class HartTest : public testing::Test {
 protected:
  void SetUp() override { collect_warnings(); }

  TestMachine &build(HartConfig config = test_config()) {
    config.quantum = sc_core::SC_ZERO_TIME;  // the hart stands between instructions when time stops
    machine_ = std::make_unique<TestMachine>("machine", config);
    machine_->put(kTrapLoop, {jal(0, 0)});
    state().mtvec = kTrapLoop;
    state().mstatus |= mstatus::kFs;
    return *machine_;
  }
  TestMachine &machine() { return machine_ ? *machine_ : build(); }
  Hart &hart() { return machine().hart; }
  HartState &state() { return machine().hart.state(); }
  std::uint64_t &x(unsigned index) { return state().x[index]; }
  std::uint64_t &f(unsigned index) { return state().f[index]; }

  /// Lets simulated time pass.
  void pass(double ns) { sc_core::sc_start(sc_core::sc_time(ns, sc_core::SC_NS)); }

  /// Puts the code where none was before and runs it, for `ns` or as long as it needs when
  /// straight; the hart then spins behind it. Returns its address.
  std::uint64_t run(std::vector<std::uint32_t> code, double ns = 0) {
    code.push_back(jal(0, 0));
    machine();
    const std::uint64_t start = next_code_;
    next_code_ += 4 * code.size();
    machine().put(start, code);
    hart().discard_instructions();
    state().pc = start;
    pass(ns != 0 ? ns : static_cast<double>(code.size() + 2));
    return start;
  }
  /// run() with half-words, for compressed code.
  std::uint64_t run_halves(std::vector<std::uint16_t> code) {
    if (code.size() % 2 != 0) code.push_back(0x0001);
    std::vector<std::uint32_t> words(code.size() / 2);
    std::memcpy(words.data(), code.data(), code.size() * 2);
    return run(words, static_cast<double>(code.size() + 4));
  }
  /// The code trapped with this cause and mtval, with mepc at `pc`, and no instruction after it
  /// ran.
  void expect_trap(Cause cause, std::uint64_t value, std::uint64_t pc) {
    EXPECT_EQ(state().mcause, static_cast<std::uint64_t>(cause));
    EXPECT_EQ(state().mtval, value);
    EXPECT_EQ(state().mepc, pc);
    EXPECT_EQ(state().pc, kTrapLoop);
    state().mcause = 99;
  }

 private:
  std::unique_ptr<TestMachine> machine_;
  std::uint64_t next_code_ = kRam + 0x100;
};

}  // namespace npim::cpu::test
