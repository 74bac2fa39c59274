// Framing of the GDB remote serial protocol ("Debugging with GDB", appendix E.1): `$data#checksum`,
// run-length encoding on the way out is not used, on the way in is refused. Pure functions and a
// byte-driven parser without sockets, so that they can be tested and fuzzed alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace npim::debug {

/// Longest packet data that is accepted; told to GDB as PacketSize.
constexpr std::size_t kLargestPacket = 0x8000;

/// `$data#xx`, with the characters that have a meaning of their own escaped.
std::string frame(std::string_view data);
/// Undoes the escaping of packet data. None when it ends inside an escape.
std::optional<std::string> unescape(std::string_view data);

/// Two hexadecimal digits per byte.
std::string to_hex(std::string_view bytes);
std::string to_hex(const std::uint8_t *bytes, std::size_t count);
/// None for an odd number of digits or anything else than digits.
std::optional<std::string> from_hex(std::string_view digits);
/// A number of 1 to 16 hexadecimal digits and nothing else.
std::optional<std::uint64_t> parse_hex(std::string_view digits);
std::string hex_number(std::uint64_t value);
/// The bytes of a register in target order (little endian) as hexadecimal digits.
std::string hex_register(std::uint64_t value, unsigned bytes);

/// What a piece of input came to.
struct Incoming {
  enum class Kind {
    kPacket,     ///< `data` holds it, still escaped
    kInterrupt,  ///< Ctrl-C outside a packet
    kAck,
    kNak,
    kDamaged,  ///< wrong checksum or too long: to be answered with '-'
  };
  Kind kind;
  std::string data;
};

/// Cuts a stream of bytes into packets. Anything between packets is dropped.
class PacketReader {
 public:
  /// Takes bytes and appends what they complete. Without checksums (after QStartNoAckMode) a wrong
  /// checksum is not looked at, as the protocol asks.
  void take(std::string_view bytes, std::vector<Incoming> &to);
  void ignore_checksums(bool ignore) { ignore_checksums_ = ignore; }

 private:
  enum class State { kOutside, kData, kFirstDigit, kSecondDigit };

  void outside(char c, std::vector<Incoming> &to);
  void inside(char c);
  void complete(char second_digit, std::vector<Incoming> &to);
  void begin();

  State state_ = State::kOutside;
  std::string data_;
  std::uint8_t sum_ = 0;
  char first_digit_ = 0;
  bool too_long_ = false;
  bool ignore_checksums_ = false;
};

}  // namespace npim::debug
