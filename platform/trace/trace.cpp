#include "trace/trace.h"

#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "trace/picoseconds.h"

namespace npim::trace {
namespace {

std::string quoted(const std::string &text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20 || code >= 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", code);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Microseconds, exact to the picosecond.
std::string microseconds(const sc_core::sc_time &time) {
  const std::uint64_t ps = picoseconds(time);
  char text[40];
  std::snprintf(text, sizeof text, "%llu.%06llu", static_cast<unsigned long long>(ps / 1000000),
                static_cast<unsigned long long>(ps % 1000000));
  return text;
}

std::string number(double value) {
  if (!std::isfinite(value)) return "0";  // JSON has no word for it
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

}  // namespace

TraceSink::TraceSink(const std::string &path, PathSelector selector)
    : path_(path), selector_(std::move(selector)), file_(path, std::ios::trunc) {
  if (!file_) throw InputError(path, "cannot be written");
  file_ << "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[";
}

TraceSink::~TraceSink() {
  try {
    close();
  } catch (const InputError &) {
  }
}

void TraceSink::close() {
  if (!file_.is_open()) return;
  file_ << "\n]}\n";
  file_.close();
  if (!file_) throw InputError(path_, "cannot be written to its end");
}

int TraceSink::track(const std::string &group, const std::string &name) {
  const auto known = tracks_.find({group, name});
  if (known != tracks_.end()) return known->second;
  const auto [found, is_new] = groups_.emplace(group, static_cast<int>(groups_.size()) + 1);
  const int index = static_cast<int>(places_.size());
  const Place place{found->second, index + 1};
  if (is_new) metadata("process_name", place, group);
  metadata("thread_name", place, name);
  places_.push_back(place);
  return tracks_[{group, name}] = index;
}

void TraceSink::metadata(const char *kind, Place place, const std::string &name) {
  put("{\"ph\":\"M\",\"name\":\"" + std::string(kind) +
      "\",\"pid\":" + std::to_string(place.group) + ",\"tid\":" + std::to_string(place.row) +
      ",\"args\":{\"name\":" + quoted(name) + "}}");
}

void TraceSink::span(int track, const std::string &name, const sc_core::sc_time &begin,
                     const sc_core::sc_time &end) {
  const auto length = end > begin ? end - begin : sc_core::SC_ZERO_TIME;
  event("X", track, name, begin, ",\"dur\":" + microseconds(length));
}

void TraceSink::begin(int track, const std::string &name, const sc_core::sc_time &at) {
  event("B", track, name, at, "");
}

void TraceSink::end(int track, const sc_core::sc_time &at) {
  const Place place = places_.at(static_cast<std::size_t>(track));
  put("{\"ph\":\"E\",\"pid\":" + std::to_string(place.group) +
      ",\"tid\":" + std::to_string(place.row) + ",\"ts\":" + microseconds(at) + "}");
}

void TraceSink::instant(int track, const std::string &name, const sc_core::sc_time &at) {
  event("i", track, name, at, ",\"s\":\"t\"");
}

void TraceSink::counter(int track, const std::string &name, const sc_core::sc_time &at,
                        double value) {
  event("C", track, name, at, ",\"args\":{\"value\":" + number(value) + "}");
}

void TraceSink::event(const char *phase, int track, const std::string &name,
                      const sc_core::sc_time &at, const std::string &more) {
  const Place place = places_.at(static_cast<std::size_t>(track));
  put("{\"ph\":\"" + std::string(phase) + "\",\"name\":" + quoted(name) +
      ",\"pid\":" + std::to_string(place.group) + ",\"tid\":" + std::to_string(place.row) +
      ",\"ts\":" + microseconds(at) + more + "}");
}

void TraceSink::put(const std::string &object) {
  if (!file_.is_open()) return;
  file_ << (first_ ? "\n" : ",\n") << object;
  first_ = false;
}

}  // namespace npim::trace
