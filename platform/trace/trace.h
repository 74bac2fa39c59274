// Timelines for people: Chrome trace-event JSON, as ui.perfetto.dev opens it, in simulated time.
// Format: "Trace Event Format" (Google, 2016), events X, B, E, i, C and M. Events go to the file as
// they come; memory grows with the number of tracks only.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <systemc>
#include <utility>
#include <vector>

#include "trace/path_selector.h"

namespace npim::trace {

/// Writes one trace file. Tracks are named rows; rows of one group stand together. A track's path
/// is
/// "<group>.<name>".
class TraceSink {
 public:
  /// Throws InputError when the file cannot be written. Modules draw what `selector` selects.
  explicit TraceSink(const std::string &path, PathSelector selector = {});
  ~TraceSink();
  TraceSink(const TraceSink &) = delete;
  TraceSink &operator=(const TraceSink &) = delete;

  /// The track of that name, made on first use.
  int track(const std::string &group, const std::string &name);
  bool selects(const std::string &path) const { return selector_.selects(path); }
  void span(int track, const std::string &name, const sc_core::sc_time &begin,
            const sc_core::sc_time &end);
  /// A span whose end is not known yet; on a track they end in the opposite order.
  void begin(int track, const std::string &name, const sc_core::sc_time &at);
  void end(int track, const sc_core::sc_time &at);
  void instant(int track, const std::string &name, const sc_core::sc_time &at);
  void counter(int track, const std::string &name, const sc_core::sc_time &at, double value);

  /// Completes the file; later events are dropped. Throws InputError when the disk is full. The
  /// destructor closes too, without a word.
  void close();

 private:
  struct Place {
    int group;
    int row;
  };
  void event(const char *phase, int track, const std::string &name, const sc_core::sc_time &at,
             const std::string &more);
  void metadata(const char *kind, Place place, const std::string &name);
  void put(const std::string &object);

  std::string path_;
  PathSelector selector_;
  std::ofstream file_;
  bool first_ = true;
  std::map<std::string, int> groups_;
  std::map<std::pair<std::string, std::string>, int> tracks_;
  std::vector<Place> places_;
};

/// A module's handle on its track. Off (the default) it costs a pointer test.
class Track {
 public:
  Track() = default;
  /// Off when `sink` is null or does not select the track's path.
  Track(TraceSink *sink, const std::string &group, const std::string &name) {
    if (sink == nullptr || !sink->selects(group + "." + name)) return;
    sink_ = sink;
    track_ = sink->track(group, name);
  }

  explicit operator bool() const { return sink_ != nullptr; }
  void span(const char *name, const sc_core::sc_time &begin, const sc_core::sc_time &end) const {
    if (sink_ != nullptr) sink_->span(track_, name, begin, end);
  }
  void begin(const std::string &name, const sc_core::sc_time &at) const {
    if (sink_ != nullptr) sink_->begin(track_, name, at);
  }
  void end(const sc_core::sc_time &at) const {
    if (sink_ != nullptr) sink_->end(track_, at);
  }
  void instant(const char *name, const sc_core::sc_time &at) const {
    if (sink_ != nullptr) sink_->instant(track_, name, at);
  }
  void counter(const char *name, const sc_core::sc_time &at, double value) const {
    if (sink_ != nullptr) sink_->counter(track_, name, at, value);
  }
  /// For names that are put together: test operator bool first, so that off costs no string.
  void span(const std::string &name, const sc_core::sc_time &begin,
            const sc_core::sc_time &end) const {
    span(name.c_str(), begin, end);
  }
  void instant(const std::string &name, const sc_core::sc_time &at) const {
    instant(name.c_str(), at);
  }

 private:
  TraceSink *sink_ = nullptr;
  int track_ = 0;
};

}  // namespace npim::trace
