// What the command layer of the GDB server needs of the machine that it debugs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace npim::debug {

/// Threads are harts, numbered from 1 in the protocol and from 0 here.
using HartIndex = unsigned;

/// Kinds of the Z and z packets, with the protocol's numbers.
enum class PointKind { kSoftware = 0, kHardware = 1, kWrite = 2, kRead = 3, kAccess = 4 };

/// Why the machine stands still.
struct Stop {
  enum class Reason {
    kInterrupted,  ///< by the user, or on attaching
    kStepped,
    kBreakpoint,
    kWatchpoint,
    kLost,  ///< firmware traps in its own trap handler for ever
  };
  Reason reason = Reason::kInterrupted;
  HartIndex hart = 0;
  PointKind kind = PointKind::kSoftware;  ///< of a breakpoint or watchpoint
  std::uint64_t address = 0;              ///< that a watchpoint saw
};

enum class Move { kStay, kRun, kStep };

/// What one hart does next. A step with a range goes on while pc is inside [begin, end).
struct Resume {
  Move move = Move::kStay;
  std::uint64_t begin = 0, end = 0;
};

/// One register of the target description.
struct RegisterDescription {
  std::string name;
  unsigned number;  ///< GDB's, also its place in the g packet
  unsigned bits;
  std::string type;     ///< of GDB's types
  std::string group;    ///< "general", "float", "csr", ...
  std::string feature;  ///< "org.gnu.gdb.riscv.cpu" and so on
};

class Target {
 public:
  virtual ~Target() = default;

  virtual unsigned harts() const = 0;
  /// For `info threads`.
  virtual std::string describe_hart(HartIndex hart) const = 0;

  /// By number, without gaps in what GDB calls the general registers (x, pc, f).
  virtual const std::vector<RegisterDescription> &registers() const = 0;
  /// False when the register does not exist or refuses.
  virtual bool read_register(HartIndex hart, unsigned number, std::uint64_t &value) = 0;
  virtual bool write_register(HartIndex hart, unsigned number, std::uint64_t value) = 0;

  /// As the hart sees memory, without side effects. Returns how many bytes from the first on could
  /// be reached.
  virtual std::size_t read_memory(HartIndex hart, std::uint64_t address, std::uint8_t *to,
                                  std::size_t size) = 0;
  virtual std::size_t write_memory(HartIndex hart, std::uint64_t address, const std::uint8_t *from,
                                   std::size_t size) = 0;

  /// False when there is no room for more points. Setting twice or clearing what is not there is
  /// fine.
  virtual bool set_point(PointKind kind, std::uint64_t address, std::uint64_t length) = 0;
  virtual bool clear_point(PointKind kind, std::uint64_t address, std::uint64_t length) = 0;

  /// A line after `monitor`; the answer is text for people.
  virtual std::string monitor(const std::string &line) = 0;
  virtual void reset() = 0;
};

}  // namespace npim::debug
