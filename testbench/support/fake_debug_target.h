// A debug target of a few registers and bytes, for the tests and the fuzzing of the command layer.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "debug/target.h"

namespace npim::test {

class FakeDebugTarget : public debug::Target {
 public:
  static constexpr std::uint64_t kBase = 0x1000;

  explicit FakeDebugTarget(unsigned harts = 2) : harts_(harts) {
    for (unsigned i = 0; i < 65; ++i) {
      registers_.push_back({"r" + std::to_string(i), i, 64, "int", "general", "cpu"});
    }
    registers_.push_back({"fcsr", 68, 32, "int", "float", "fpu"});
  }

  unsigned harts() const override { return harts_; }
  std::string describe_hart(debug::HartIndex hart) const override {
    return "hart " + std::to_string(hart);
  }
  const std::vector<debug::RegisterDescription> &registers() const override { return registers_; }
  bool read_register(debug::HartIndex hart, unsigned number, std::uint64_t &value) override {
    value = values[{hart, number}];
    return number != kUnreadable;
  }
  bool write_register(debug::HartIndex hart, unsigned number, std::uint64_t value) override {
    values[{hart, number}] = value;
    return true;
  }
  std::size_t read_memory(debug::HartIndex, std::uint64_t address, std::uint8_t *to,
                          std::size_t size) override {
    const std::size_t reach = reachable(address, size);
    if (reach != 0) std::memcpy(to, memory.data() + (address - kBase), reach);
    return reach;
  }
  std::size_t write_memory(debug::HartIndex, std::uint64_t address, const std::uint8_t *from,
                           std::size_t size) override {
    const std::size_t reach = reachable(address, size);
    if (reach != 0) std::memcpy(memory.data() + (address - kBase), from, reach);
    return reach;
  }
  bool set_point(debug::PointKind kind, std::uint64_t address, std::uint64_t length) override {
    return points.size() < 8 && points.insert({kind, address, length}).second;
  }
  bool clear_point(debug::PointKind kind, std::uint64_t address, std::uint64_t length) override {
    points.erase({kind, address, length});
    return true;
  }
  std::string monitor(const std::string &line) override { return line + "\n"; }
  void reset() override { ++resets; }

  static constexpr unsigned kUnreadable = 64;
  std::map<std::pair<debug::HartIndex, unsigned>, std::uint64_t> values;
  std::array<std::uint8_t, 256> memory{};
  std::set<std::tuple<debug::PointKind, std::uint64_t, std::uint64_t>> points;
  int resets = 0;

 private:
  std::size_t reachable(std::uint64_t address, std::size_t size) const {
    if (address < kBase || address - kBase >= memory.size()) return 0;
    return std::min<std::uint64_t>(size, memory.size() - (address - kBase));
  }

  unsigned harts_;
  std::vector<debug::RegisterDescription> registers_;
};

}  // namespace npim::test
