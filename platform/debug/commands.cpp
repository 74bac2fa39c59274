#include "debug/commands.h"

#include <algorithm>
#include <sstream>

#include "debug/packet.h"

namespace npim::debug {
namespace {

using Text = std::string_view;

constexpr char kOk[] = "OK";
constexpr char kMalformed[] = "E01";
constexpr char kRefused[] = "E0e";  // "bad address", or whatever the target does not let happen
constexpr int kSignalInterrupt = 2, kSignalTrap = 5, kSignalSegmentation = 11;
constexpr int kAllThreads = -1, kAnyThread = 0;

bool starts_with(Text text, Text start) {
  return text.substr(0, start.size()) == start;
}

/// Cuts off everything up to the first `separator`; all of it when there is none.
Text cut(Text &text, char separator) {
  const std::size_t at = text.find(separator);
  const Text head = text.substr(0, at);
  text = at == Text::npos ? Text() : text.substr(at + 1);
  return head;
}

/// "ADDRESS,LENGTH".
struct Span {
  std::uint64_t address, length;
};
std::optional<Span> parse_span(Text text) {
  const auto address = parse_hex(cut(text, ','));
  const auto length = parse_hex(text);
  if (!address || !length) return std::nullopt;
  return Span{*address, *length};
}

Answer reply(std::string text) {
  return {{std::move(text)}, Answer::Action::kNone, {}};
}

bool is_general(const RegisterDescription &reg) {
  constexpr unsigned kGeneralRegisters = 65;  // x0-x31, pc, f0-f31
  return reg.number < kGeneralRegisters;
}

std::uint64_t register_value(const std::string &bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- != 0;) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
  }
  return value;
}

const char *watch_name(PointKind kind) {
  if (kind == PointKind::kRead) return "rwatch";
  return kind == PointKind::kAccess ? "awatch" : "watch";
}

}  // namespace

void CommandHandler::begin_session() {
  general_ = 0;
  continue_thread_ = kAnyThread;
  swbreak_ = hwbreak_ = false;
}

std::string CommandHandler::exit_reply(int code) {
  return "W" + hex_register(static_cast<std::uint64_t>(code), 1);
}

std::string CommandHandler::stop_reply(const Stop &stop) {
  general_ = stop.hart;
  int signal = kSignalTrap;
  if (stop.reason == Stop::Reason::kInterrupted) signal = kSignalInterrupt;
  if (stop.reason == Stop::Reason::kLost) signal = kSignalSegmentation;
  std::string text = "T" + hex_register(static_cast<std::uint64_t>(signal), 1);
  text += "thread:" + hex_number(stop.hart + 1) + ";";
  if (stop.reason == Stop::Reason::kWatchpoint) {
    text += std::string(watch_name(stop.kind)) + ":" + hex_number(stop.address) + ";";
  } else if (stop.reason == Stop::Reason::kBreakpoint) {
    const bool software = stop.kind == PointKind::kSoftware;
    if (software && swbreak_) text += "swbreak:;";
    if (!software && hwbreak_) text += "hwbreak:;";
  }
  return text;
}

Answer CommandHandler::handle(Text packet, const Stop &stop) {
  if (packet.empty()) return reply("");
  const Text rest = packet.substr(1);
  switch (packet[0]) {
    case '?':
      return reply(stop_reply(stop));
    case '!':
      return reply(kOk);
    case 'g':
      return reply(rest.empty() ? read_all() : kMalformed);
    case 'G':
      return reply(write_all(rest));
    case 'p':
      return reply(read_one(rest));
    case 'P':
      return reply(write_one(rest));
    case 'm':
      return reply(read_memory(rest));
    case 'M':
      return reply(write_memory_hex(rest));
    case 'X':
      return reply(write_memory_binary(rest));
    case 'Z':
      return reply(change_point(rest, true));
    case 'z':
      return reply(change_point(rest, false));
    case 'H':
      return reply(select_hart(rest));
    case 'T':
      return reply(thread_alive(rest));
    case 'c':
      return resume_old_style(Move::kRun, rest);
    case 's':
      return resume_old_style(Move::kStep, rest);
    case 'C':
    case 'S': {  // with a signal, which a hart does not know
      Text address = rest;
      if (!parse_hex(cut(address, ';'))) return reply(kMalformed);
      return resume_old_style(packet[0] == 'C' ? Move::kRun : Move::kStep, address);
    }
    case 'v':
      return verbose(packet, stop);
    case 'D':
      return {{kOk}, Answer::Action::kDetach, {}};
    case 'k':
      return {{}, Answer::Action::kKill, {}};
    case 'R':
      target_.reset();
      return {};  // no answer in the protocol
    case 'q':
      if (starts_with(packet, "qRcmd,")) return run_monitor(packet.substr(6));
      return reply(query(packet));
    case 'Q':
      if (packet == "QStartNoAckMode") return {{kOk}, Answer::Action::kStopAcks, {}};
      return reply("");
    default:
      return reply("");
  }
}

// Queries

std::string CommandHandler::query(Text packet) {
  if (starts_with(packet, "qSupported")) return supported(packet.substr(10));
  if (starts_with(packet, "qXfer:")) return transfer(packet.substr(6));
  if (packet == "qC") return "QC" + hex_number(general_ + 1);
  if (packet == "qfThreadInfo") return thread_list();
  if (packet == "qsThreadInfo") return "l";
  if (packet == "qAttached") return "1";  // leaving detaches instead of killing
  if (packet == "qOffsets") return "Text=0;Data=0;Bss=0";
  if (starts_with(packet, "qSymbol:")) return kOk;
  if (starts_with(packet, "qThreadExtraInfo,")) {
    const auto thread = parse_thread(packet.substr(17));
    if (!thread || *thread < 1) return kMalformed;
    return to_hex(target_.describe_hart(static_cast<HartIndex>(*thread - 1)));
  }
  return "";
}

std::string CommandHandler::supported(Text features) {
  if (!features.empty() && features.front() == ':') features.remove_prefix(1);
  while (!features.empty()) {
    const Text feature = cut(features, ';');
    if (feature == "swbreak+") swbreak_ = true;
    if (feature == "hwbreak+") hwbreak_ = true;
  }
  return "PacketSize=" + hex_number(kLargestPacket) +
         ";QStartNoAckMode+;qXfer:features:read+;swbreak+;hwbreak+;vContSupported+";
}

const std::string &CommandHandler::description() {
  if (description_.empty()) description_ = describe_target(target_.registers());
  return description_;
}

/// "features:read:target.xml:OFFSET,LENGTH".
std::string CommandHandler::transfer(Text request) {
  if (!starts_with(request, "features:read:")) return "";
  request.remove_prefix(14);
  if (cut(request, ':') != "target.xml") return "E00";
  const auto span = parse_span(request);
  if (!span) return kMalformed;
  const std::string &text = description();
  if (span->address >= text.size()) return "l";
  const std::size_t length = std::min<std::uint64_t>(span->length, kLargestPacket / 2);
  const std::string piece = text.substr(span->address, length);
  return (span->address + piece.size() < text.size() ? "m" : "l") + piece;
}

Answer CommandHandler::run_monitor(Text hex) {
  const auto line = from_hex(hex);
  if (!line) return reply(kMalformed);
  const std::string text = target_.monitor(*line);
  Answer answer;
  constexpr std::size_t kPiece = kLargestPacket / 4;
  for (std::size_t at = 0; at < text.size(); at += kPiece) {
    answer.replies.push_back("O" + to_hex(text.substr(at, kPiece)));
  }
  answer.replies.emplace_back(kOk);
  return answer;
}

// Resuming

Answer CommandHandler::verbose(Text packet, const Stop &stop) {
  if (packet == "vCont?") return reply("vCont;c;C;s;S;r");
  if (starts_with(packet, "vCont;")) {
    auto actions = continue_actions(packet.substr(6));
    if (!actions) return reply(kMalformed);
    return {{}, Answer::Action::kResume, std::move(*actions)};
  }
  if (packet == "vCtrlC") return reply(kOk);
  if (starts_with(packet, "vKill;")) return {{kOk}, Answer::Action::kKill, {}};
  if (starts_with(packet, "vAttach;")) return reply(stop_reply(stop));
  return reply("");  // vMustReplyEmpty among them
}

/// "s:2;c": the leftmost action that names a thread counts; one without names all others.
std::optional<std::vector<Resume>> CommandHandler::continue_actions(Text actions) {
  std::vector<Resume> moves(target_.harts());
  std::vector<bool> taken(moves.size());
  while (!actions.empty()) {
    Text thread_text = cut(actions, ';');
    Text action = cut(thread_text, ':');
    if (action.empty()) return std::nullopt;
    Resume resume;
    const char letter = action[0];
    action.remove_prefix(1);
    if (letter == 'c' || letter == 'C') {
      resume.move = Move::kRun;
    } else if (letter == 's' || letter == 'S') {
      resume.move = Move::kStep;
    } else if (letter == 'r') {
      const auto begin = parse_hex(cut(action, ','));
      const auto end = parse_hex(action);
      if (!begin || !end) return std::nullopt;
      resume = {Move::kStep, *begin, *end};
    } else {
      return std::nullopt;
    }
    const auto thread = thread_text.empty() ? kAllThreads : parse_thread(thread_text);
    if (!thread) return std::nullopt;
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const bool meant = *thread <= 0 || *thread == static_cast<int>(i + 1);
      if (!meant || taken[i]) continue;
      moves[i] = resume;
      taken[i] = true;
    }
  }
  const bool any = std::any_of(moves.begin(), moves.end(),
                               [](const Resume &r) { return r.move != Move::kStay; });
  if (!any) return std::nullopt;
  return moves;
}

Answer CommandHandler::resume_old_style(Move move, Text address) {
  constexpr unsigned kPc = 32;
  if (!address.empty()) {
    const auto pc = parse_hex(address);
    if (!pc || !target_.write_register(general_, kPc, *pc)) return reply(kMalformed);
  }
  std::vector<Resume> moves(target_.harts());
  const HartIndex chosen =
      continue_thread_ > 0 ? static_cast<HartIndex>(continue_thread_ - 1) : general_;
  for (HartIndex i = 0; i < moves.size(); ++i) {
    // A step is one hart's; the others run, unless one was chosen to go alone.
    if (i == chosen) {
      moves[i].move = move;
    } else if (continue_thread_ <= 0) {
      moves[i].move = Move::kRun;
    }
  }
  return {{}, Answer::Action::kResume, std::move(moves)};
}

// Threads

/// -1 all, 0 any, else a thread that exists.
std::optional<int> CommandHandler::parse_thread(Text id) const {
  if (id == "-1") return kAllThreads;
  const auto number = parse_hex(id);
  if (!number || *number > target_.harts()) return std::nullopt;
  return static_cast<int>(*number);
}

std::string CommandHandler::select_hart(Text text) {
  if (text.empty()) return kMalformed;
  const auto thread = parse_thread(text.substr(1));
  if (!thread) return kMalformed;
  if (text[0] == 'c') {
    continue_thread_ = *thread;
  } else if (text[0] == 'g') {
    if (*thread > 0) general_ = static_cast<HartIndex>(*thread - 1);
  } else {
    return kMalformed;
  }
  return kOk;
}

std::string CommandHandler::thread_alive(Text id) {
  const auto thread = parse_thread(id);
  return thread && *thread > 0 ? kOk : kMalformed;
}

std::string CommandHandler::thread_list() const {
  std::string list = "m";
  for (HartIndex i = 0; i < target_.harts(); ++i) list += (i == 0 ? "" : ",") + hex_number(i + 1);
  return list;
}

// Registers

const RegisterDescription *CommandHandler::find_register(std::uint64_t number) const {
  for (const auto &reg : target_.registers()) {
    if (reg.number == number) return &reg;
  }
  return nullptr;
}

std::string CommandHandler::read_all() {
  std::string text;
  for (const auto &reg : target_.registers()) {
    if (!is_general(reg)) continue;
    std::uint64_t value = 0;
    const bool there = target_.read_register(general_, reg.number, value);
    text += there ? hex_register(value, reg.bits / 8) : std::string(reg.bits / 4, 'x');
  }
  return text;
}

std::string CommandHandler::write_all(Text hex) {
  const auto bytes = from_hex(hex);
  if (!bytes) return kMalformed;
  std::size_t wanted = 0, at = 0;
  for (const auto &reg : target_.registers()) wanted += is_general(reg) ? reg.bits / 8 : 0;
  if (bytes->size() != wanted) return kMalformed;
  for (const auto &reg : target_.registers()) {
    if (!is_general(reg)) continue;
    target_.write_register(general_, reg.number, register_value(bytes->substr(at, reg.bits / 8)));
    at += reg.bits / 8;
  }
  return kOk;
}

std::string CommandHandler::read_one(Text number) {
  const auto index = parse_hex(number);
  const auto *reg = index ? find_register(*index) : nullptr;
  std::uint64_t value = 0;
  if (reg == nullptr) return kMalformed;
  if (!target_.read_register(general_, reg->number, value)) return kRefused;
  return hex_register(value, reg->bits / 8);
}

std::string CommandHandler::write_one(Text text) {
  const auto index = parse_hex(cut(text, '='));
  const auto bytes = from_hex(text);
  const auto *reg = index ? find_register(*index) : nullptr;
  if (reg == nullptr || !bytes || bytes->size() != reg->bits / 8) return kMalformed;
  return target_.write_register(general_, reg->number, register_value(*bytes)) ? kOk : kRefused;
}

// Memory

std::string CommandHandler::read_memory(Text text) {
  const auto span = parse_span(text);
  if (!span) return kMalformed;
  std::vector<std::uint8_t> bytes(std::min<std::uint64_t>(span->length, kLargestPacket / 2));
  const std::size_t got = target_.read_memory(general_, span->address, bytes.data(), bytes.size());
  if (got == 0 && !bytes.empty()) return kRefused;
  return to_hex(bytes.data(), got);
}

std::string CommandHandler::write_memory(std::uint64_t address, const std::string &bytes) {
  const auto *from = reinterpret_cast<const std::uint8_t *>(bytes.data());
  const bool done = target_.write_memory(general_, address, from, bytes.size()) == bytes.size();
  return done ? kOk : kRefused;
}

std::string CommandHandler::write_memory_hex(Text text) {
  const auto span = parse_span(cut(text, ':'));
  const auto bytes = from_hex(text);
  if (!span || !bytes || bytes->size() != span->length) return kMalformed;
  return write_memory(span->address, *bytes);
}

std::string CommandHandler::write_memory_binary(Text text) {
  const auto span = parse_span(cut(text, ':'));
  const auto bytes = unescape(text);
  if (!span || !bytes || bytes->size() != span->length) return kMalformed;
  return write_memory(span->address, *bytes);
}

/// "KIND,ADDRESS,LENGTH", perhaps with conditions behind a semicolon, which are not supported.
std::string CommandHandler::change_point(Text text, bool set) {
  if (text.size() < 2 || text[0] < '0' || text[0] > '4' || text[1] != ',') return "";
  const auto kind = static_cast<PointKind>(text[0] - '0');
  text.remove_prefix(2);
  if (text.find(';') != Text::npos) return kMalformed;
  const auto span = parse_span(text);
  if (!span) return kMalformed;
  const bool done = set ? target_.set_point(kind, span->address, span->length)
                        : target_.clear_point(kind, span->address, span->length);
  return done ? kOk : kRefused;
}

// Target description

std::string describe_target(const std::vector<RegisterDescription> &registers) {
  std::vector<std::string> features;
  for (const auto &reg : registers) {
    if (std::find(features.begin(), features.end(), reg.feature) == features.end()) {
      features.push_back(reg.feature);
    }
  }
  std::ostringstream xml;
  xml << "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
         "<target version=\"1.0\">\n<architecture>riscv:rv64</architecture>\n";
  for (const auto &feature : features) {
    xml << "<feature name=\"" << feature << "\">\n";
    if (feature == "org.gnu.gdb.riscv.fpu") {
      xml << "<union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/>"
             "<field name=\"double\" type=\"ieee_double\"/></union>\n";
    }
    for (const auto &reg : registers) {
      if (reg.feature != feature) continue;
      xml << "<reg name=\"" << reg.name << "\" bitsize=\"" << reg.bits << "\" type=\"" << reg.type
          << "\" regnum=\"" << reg.number << "\" group=\"" << reg.group << "\"/>\n";
    }
    xml << "</feature>\n";
  }
  xml << "</target>\n";
  return xml.str();
}

}  // namespace npim::debug
