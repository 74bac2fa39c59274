// A text file with a line per retired instruction:
//   cycle  pc  symbol  raw instruction  text  ; registers written
// Cycles are the hart's, at the end of the instruction.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "debug/retire_hub.h"
#include "debug/symbols.h"

namespace npim::debug {

class InstructionTrace : public RetireListener {
 public:
  /// `filter`: only instructions in these ranges; empty for all. Throws InputError when the file
  /// cannot be written. `symbols` must outlive the trace.
  InstructionTrace(const std::string &path, const Symbols &symbols,
                   std::vector<AddressRange> filter);

  void retired(const cpu::Retired &instruction) override;
  /// Writes what is outstanding. Throws InputError when that fails (a full disk).
  void close();
  std::uint64_t lines() const { return lines_; }

 private:
  struct Closer {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };

  bool wanted(std::uint64_t pc) const;

  std::string path_;
  const Symbols &symbols_;
  std::vector<AddressRange> filter_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::uint64_t lines_ = 0;
};

}  // namespace npim::debug
