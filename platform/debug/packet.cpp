#include "debug/packet.h"

namespace npim::debug {
namespace {

constexpr char kEscape = '}';
constexpr char kEscapeMask = 0x20;
constexpr char kDigits[] = "0123456789abcdef";

/// -1 for anything but a hexadecimal digit.
int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool needs_escape(char c) {
  return c == '$' || c == '#' || c == kEscape || c == '*';
}

}  // namespace

std::string frame(std::string_view data) {
  std::string packet = "$";
  packet.reserve(data.size() + 4);
  for (const char c : data) {
    if (needs_escape(c)) {
      packet += kEscape;
      packet += static_cast<char>(c ^ kEscapeMask);
    } else {
      packet += c;
    }
  }
  std::uint8_t sum = 0;
  for (std::size_t i = 1; i < packet.size(); ++i) sum += static_cast<std::uint8_t>(packet[i]);
  packet += '#';
  packet += kDigits[sum >> 4];
  packet += kDigits[sum & 15];
  return packet;
}

std::optional<std::string> unescape(std::string_view data) {
  std::string bytes;
  bytes.reserve(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (data[i] != kEscape) {
      bytes += data[i];
      continue;
    }
    if (++i == data.size()) return std::nullopt;
    bytes += static_cast<char>(data[i] ^ kEscapeMask);
  }
  return bytes;
}

std::string to_hex(const std::uint8_t *bytes, std::size_t count) {
  std::string digits;
  digits.reserve(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    digits += kDigits[bytes[i] >> 4];
    digits += kDigits[bytes[i] & 15];
  }
  return digits;
}

std::string to_hex(std::string_view bytes) {
  return to_hex(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = digit(digits[i]), low = digit(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::optional<std::uint64_t> parse_hex(std::string_view digits) {
  if (digits.empty() || digits.size() > 16) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    const int d = digit(c);
    if (d < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(d);
  }
  return value;
}

std::string hex_number(std::uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), kDigits[value & 15]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

std::string hex_register(std::uint64_t value, unsigned bytes) {
  std::string digits;
  for (unsigned i = 0; i < bytes; ++i, value >>= 8) {
    digits += kDigits[(value >> 4) & 15];
    digits += kDigits[value & 15];
  }
  return digits;
}

void PacketReader::take(std::string_view bytes, std::vector<Incoming> &to) {
  for (const char c : bytes) {
    switch (state_) {
      case State::kOutside:
        outside(c, to);
        break;
      case State::kData:
        inside(c);
        break;
      case State::kFirstDigit:
        first_digit_ = c;
        state_ = State::kSecondDigit;
        break;
      case State::kSecondDigit:
        complete(c, to);
        break;
    }
  }
}

void PacketReader::begin() {
  state_ = State::kData;
  data_.clear();
  sum_ = 0;
  too_long_ = false;
}

void PacketReader::outside(char c, std::vector<Incoming> &to) {
  constexpr char kCtrlC = 3;
  if (c == '$') begin();
  if (c == '+') to.push_back({Incoming::Kind::kAck, {}});
  if (c == '-') to.push_back({Incoming::Kind::kNak, {}});
  if (c == kCtrlC) to.push_back({Incoming::Kind::kInterrupt, {}});
}

void PacketReader::inside(char c) {
  if (c == '#') {
    state_ = State::kFirstDigit;
    return;
  }
  if (c == '$') {  // the packet before was cut off
    begin();
    return;
  }
  sum_ = static_cast<std::uint8_t>(sum_ + static_cast<std::uint8_t>(c));
  too_long_ = too_long_ || data_.size() >= kLargestPacket;
  if (!too_long_) data_ += c;
}

void PacketReader::complete(char second_digit, std::vector<Incoming> &to) {
  state_ = State::kOutside;
  const int high = digit(first_digit_), low = digit(second_digit);
  const bool sum_right = high >= 0 && low >= 0 && (high << 4 | low) == sum_;
  const bool damaged = too_long_ || (!sum_right && !ignore_checksums_);
  if (damaged) {
    to.push_back({Incoming::Kind::kDamaged, {}});
  } else {
    to.push_back({Incoming::Kind::kPacket, std::move(data_)});
  }
  data_.clear();
}

}  // namespace npim::debug
