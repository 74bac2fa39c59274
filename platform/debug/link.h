// A debugger's connection as the simulation's thread sees it. Another thread feeds it.
#pragma once

#include <optional>
#include <string>

namespace npim::debug {

class Link {
 public:
  struct Event {
    enum class Kind { kConnected, kPacket, kInterrupt, kDisconnected };
    Kind kind;
    std::string data;  ///< of a packet
  };

  virtual ~Link() = default;
  /// Cheap enough for the hart's run loop.
  virtual bool has_events() const = 0;
  virtual std::optional<Event> poll() = 0;
  /// Blocks until there is an event.
  virtual Event wait() = 0;
  /// Frames and sends packet data; lost when nobody is connected.
  virtual void send(const std::string &data) = 0;
  /// After QStartNoAckMode.
  virtual void stop_acks() = 0;
};

}  // namespace npim::debug
