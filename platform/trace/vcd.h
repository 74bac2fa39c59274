// Waveforms for GTKWave: value change dumps (IEEE 1800-2017, 21.7), in picoseconds.
//
// Changes may be announced for times to come, such as the end of what a unit has just begun; they
// wait in memory until simulated time has passed them, and the file gets all in order.
#pragma once

#include <cstdint>
#include <fstream>
#include <queue>
#include <string>
#include <systemc>
#include <vector>

namespace npim::trace {

class VcdSink {
 public:
  /// Throws InputError when the file cannot be written.
  explicit VcdSink(const std::string &path);
  ~VcdSink();
  VcdSink(const VcdSink &) = delete;
  VcdSink &operator=(const VcdSink &) = delete;

  /// Declares a signal under its hierarchical name ("chip.tile3.nnadc.busy"), 0 at first. All
  /// before the first change.
  int bits(const std::string &path, unsigned width);
  int real(const std::string &path);

  /// The signal has this value from `at` on, which is not before the present time. Of several
  /// changes for the same time the last one counts.
  void change(int signal, const sc_core::sc_time &at, std::uint64_t value);
  void change_real(int signal, const sc_core::sc_time &at, double value);
  /// Forgets what has been announced for later than the present time.
  void retract(int signal);

  /// Writes what is left up to `end` and completes the file; later changes are dropped. Throws
  /// InputError when the disk is full. The destructor closes too, without a word.
  void close(const sc_core::sc_time &end);

 private:
  struct Signal {
    std::string path, code;
    unsigned width = 1;  ///< 0: real
    std::uint64_t bits = 0;
    double real = 0;
    unsigned era = 0;  ///< changes of earlier ones have been retracted
  };
  struct Change {
    std::uint64_t at = 0, order = 0;
    int signal = 0;
    unsigned era = 0;
    std::uint64_t bits = 0;
    double real = 0;
    bool operator<(const Change &other) const {  // the earliest is the queue's top
      return at != other.at ? at > other.at : order > other.order;
    }
  };

  int declare(const std::string &path, unsigned width);
  void write_header();
  void put(Change change, const sc_core::sc_time &at);
  void write_until(std::uint64_t time);
  void write_moment();
  void write_value(const Signal &signal);

  std::string path_;
  std::ofstream file_;
  std::vector<Signal> signals_;
  std::priority_queue<Change> changes_;
  std::uint64_t order_ = 0;
  bool begun_ = false;
};

}  // namespace npim::trace
