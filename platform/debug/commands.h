// The commands of the GDB remote serial protocol ("Debugging with GDB", appendix E) against a
// Target: text in, text out, no sockets and no simulation. Whatever the packet, there is an answer:
// empty for what is unknown, E with a number for what is malformed or cannot be done.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "debug/target.h"

namespace npim::debug {

/// What to do after a packet.
struct Answer {
  enum class Action { kNone, kResume, kDetach, kKill, kStopAcks };

  /// Packet data to send, in this order. A resumed target answers later, with stop_reply().
  std::vector<std::string> replies;
  Action action = Action::kNone;
  std::vector<Resume> resume;  ///< per hart, for kResume
};

class CommandHandler {
 public:
  explicit CommandHandler(Target &target) : target_(target) {}

  /// Answers one packet (its data as received). `stop` is the last stop.
  Answer handle(std::string_view packet, const Stop &stop);
  /// Forgets what the last connection chose.
  void begin_session();

  /// The packet that tells of a stop. Selects the hart for the commands that follow.
  std::string stop_reply(const Stop &stop);
  /// The target has ended.
  static std::string exit_reply(int code);

 private:
  using Text = std::string_view;

  std::string query(Text packet);
  std::string transfer(Text request);
  std::string supported(Text features);
  Answer run_monitor(Text hex);
  Answer verbose(Text packet, const Stop &stop);
  std::optional<std::vector<Resume>> continue_actions(Text actions);
  Answer resume_old_style(Move move, Text address);

  std::string select_hart(Text text);
  std::string thread_alive(Text id);
  std::string thread_list() const;
  std::optional<int> parse_thread(Text id) const;

  std::string read_all();
  std::string write_all(Text hex);
  std::string read_one(Text number);
  std::string write_one(Text text);
  const RegisterDescription *find_register(std::uint64_t number) const;

  std::string read_memory(Text text);
  std::string write_memory_hex(Text text);
  std::string write_memory_binary(Text text);
  std::string write_memory(std::uint64_t address, const std::string &bytes);
  std::string change_point(Text text, bool set);

  const std::string &description();

  Target &target_;
  HartIndex general_ = 0;    ///< hart of g, G, p, P, m, M, X
  int continue_thread_ = 0;  ///< thread of c and s: 0 any, -1 all
  bool swbreak_ = false, hwbreak_ = false;
  std::string description_;
};

/// The target description in GDB's XML.
std::string describe_target(const std::vector<RegisterDescription> &registers);

}  // namespace npim::debug
