#include "trace/vcd.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "trace/picoseconds.h"

namespace npim::trace {
namespace {

/// Short names from the printable characters, as the format wants them.
std::string code_of(std::size_t number) {
  constexpr int kFirst = '!', kCount = '~' - '!' + 1;
  std::string code;
  do {
    code += static_cast<char>(kFirst + number % kCount);
    number /= kCount;
  } while (number != 0);
  return code;
}

std::vector<std::string> parts_of(const std::string &path) {
  std::vector<std::string> parts;
  std::istringstream text(path);
  for (std::string part; std::getline(text, part, '.');) parts.push_back(part);
  return parts;
}

/// By hierarchy, so that the signals of a scope stand together.
bool comes_before(const std::string &a, const std::string &b) {
  return parts_of(a) < parts_of(b);
}

}  // namespace

VcdSink::VcdSink(const std::string &path) : path_(path), file_(path, std::ios::trunc) {
  if (!file_) throw InputError(path, "cannot be written");
}

VcdSink::~VcdSink() {
  try {
    close(sc_core::sc_time_stamp());
  } catch (const InputError &) {
  }
}

int VcdSink::declare(const std::string &path, unsigned width) {
  Signal signal;
  signal.path = path;
  signal.code = code_of(signals_.size());
  signal.width = width;
  signals_.push_back(std::move(signal));
  return static_cast<int>(signals_.size()) - 1;
}

int VcdSink::bits(const std::string &path, unsigned width) {
  return declare(path, width);
}

int VcdSink::real(const std::string &path) {
  return declare(path, 0);
}

void VcdSink::write_header() {
  begun_ = true;
  file_ << "$comment npim run --vcd $end\n$timescale 1 ps $end\n";
  std::vector<std::size_t> sorted(signals_.size());
  std::iota(sorted.begin(), sorted.end(), std::size_t{0});
  std::sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
    return comes_before(signals_[a].path, signals_[b].path);
  });
  std::vector<std::string> scope;
  const auto leave_to = [&](std::size_t depth) {
    for (; scope.size() > depth; scope.pop_back()) file_ << "$upscope $end\n";
  };
  for (const std::size_t i : sorted) {
    const Signal &signal = signals_[i];
    const auto parts = parts_of(signal.path);
    std::size_t common = 0;
    while (common < scope.size() && common + 1 < parts.size() && scope[common] == parts[common]) {
      ++common;
    }
    leave_to(common);
    for (std::size_t p = common; p + 1 < parts.size(); ++p) {
      file_ << "$scope module " << parts[p] << " $end\n";
      scope.push_back(parts[p]);
    }
    file_ << "$var "
          << (signal.width == 0 ? "real 64 " : "wire " + std::to_string(signal.width) + " ")
          << signal.code << ' ' << parts.back();
    if (signal.width > 1) file_ << " [" << signal.width - 1 << ":0]";
    file_ << " $end\n";
  }
  leave_to(0);
  file_ << "$enddefinitions $end\n#0\n$dumpvars\n";
  for (const Signal &signal : signals_) write_value(signal);
  file_ << "$end\n";
}

void VcdSink::write_value(const Signal &signal) {
  if (signal.width == 0) {
    char text[40];
    std::snprintf(text, sizeof text, "r%.6g ", signal.real);
    file_ << text << signal.code << '\n';
  } else if (signal.width == 1) {
    file_ << (signal.bits & 1) << signal.code << '\n';
  } else {
    std::string digits;
    for (std::uint64_t rest = signal.bits; rest != 0; rest >>= 1)
      digits += (rest & 1) != 0 ? '1' : '0';
    std::reverse(digits.begin(), digits.end());
    file_ << 'b' << (digits.empty() ? "0" : digits) << ' ' << signal.code << '\n';
  }
}

void VcdSink::change(int signal, const sc_core::sc_time &at, std::uint64_t value) {
  Change change;
  change.signal = signal;
  change.bits = value;
  put(change, at);
}

void VcdSink::change_real(int signal, const sc_core::sc_time &at, double value) {
  Change change;
  change.signal = signal;
  change.real = value;
  put(change, at);
}

void VcdSink::put(Change change, const sc_core::sc_time &at) {
  if (!file_.is_open()) return;
  const std::uint64_t now = picoseconds(sc_core::sc_time_stamp());
  change.at = std::max(picoseconds(at), now);
  change.order = order_++;
  change.era = signals_[static_cast<std::size_t>(change.signal)].era;
  changes_.push(change);
  write_until(now);
}

void VcdSink::retract(int signal) {
  if (!file_.is_open()) return;
  write_until(picoseconds(sc_core::sc_time_stamp()) + 1);
  ++signals_[static_cast<std::size_t>(signal)].era;
}

/// Writes the changes before `time`: nobody announces any for then any more.
void VcdSink::write_until(std::uint64_t time) {
  if (!begun_) write_header();
  while (!changes_.empty() && changes_.top().at < time) write_moment();
}

/// All changes of the earliest time.
void VcdSink::write_moment() {
  struct Before {
    int signal;
    std::uint64_t bits;
    double real;
  };
  std::vector<Before> before;
  const std::uint64_t at = changes_.top().at;
  for (; !changes_.empty() && changes_.top().at == at; changes_.pop()) {
    const Change &change = changes_.top();
    Signal &signal = signals_[static_cast<std::size_t>(change.signal)];
    if (change.era != signal.era) continue;
    before.push_back({change.signal, signal.bits, signal.real});
    signal.bits = change.bits;
    signal.real = change.real;
  }
  // The first of a signal's entries has what the file says of it.
  std::stable_sort(before.begin(), before.end(),
                   [](const Before &a, const Before &b) { return a.signal < b.signal; });
  bool is_stamped = false;
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (i > 0 && before[i - 1].signal == before[i].signal) continue;
    const Signal &signal = signals_[static_cast<std::size_t>(before[i].signal)];
    const bool same = signal.bits == before[i].bits && signal.real == before[i].real;
    if (same) continue;
    if (!is_stamped) file_ << '#' << at << '\n';
    is_stamped = true;
    write_value(signal);
  }
}

void VcdSink::close(const sc_core::sc_time &end) {
  if (!file_.is_open()) return;
  write_until(picoseconds(end) + 1);
  file_ << '#' << picoseconds(end) << '\n';
  file_.close();
  if (!file_) throw InputError(path_, "cannot be written to its end");
}

}  // namespace npim::trace
