// Little-endian reading and writing of byte buffers with bounds checks, for every file and wire
// format of the project.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace npim {

using Bytes = std::vector<std::uint8_t>;

/// Appends integers little endian.
class ByteWriter {
 public:
  template <typename T>
  void put(T value) {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    auto bits = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
    }
  }
  void put_bytes(const void *data, std::size_t size) {
    if (size == 0) return;
    const auto *first = static_cast<const std::uint8_t *>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  /// Length-prefixed (u32) string.
  void put_text(const std::string &text) {
    put(static_cast<std::uint32_t>(text.size()));
    put_bytes(text.data(), text.size());
  }
  void align(std::size_t alignment) {
    while (bytes_.size() % alignment != 0) bytes_.push_back(0);
  }
  std::size_t size() const { return bytes_.size(); }
  Bytes take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Reads integers little endian; every read beyond the end throws InputError with name and offset.
class ByteReader {
 public:
  ByteReader(const std::uint8_t *data, std::size_t size, std::string name)
      : data_(data), size_(size), name_(std::move(name)) {}
  ByteReader(const Bytes &bytes, std::string name)
      : ByteReader(bytes.data(), bytes.size(), std::move(name)) {}

  template <typename T>
  T get() {
    static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
    require(sizeof(T));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits |= static_cast<std::uint64_t>(data_[offset_ + i]) << (8 * i);
    }
    offset_ += sizeof(T);
    return static_cast<T>(bits);
  }
  void get_bytes(void *to, std::size_t size) {
    require(size);
    if (size != 0) std::memcpy(to, data_ + offset_, size);
    offset_ += size;
  }
  std::string get_text(std::size_t limit = 4096) {
    const auto size = get<std::uint32_t>();
    if (size > limit) fail("string of " + std::to_string(size) + " bytes is too long");
    std::string text(size, '\0');
    get_bytes(text.data(), size);
    return text;
  }
  /// Throws unless `size` more bytes are there: call it before allocating what a length field asks.
  void require(std::size_t size) const {
    if (size > size_ - offset_) {
      fail("truncated: " + std::to_string(size) + " more bytes wanted, " +
           std::to_string(size_ - offset_) + " left");
    }
  }
  [[noreturn]] void fail(const std::string &what) const {
    throw InputError(name_ + " at offset " + std::to_string(offset_), what);
  }
  void skip(std::size_t size) {
    require(size);
    offset_ += size;
  }
  std::size_t offset() const { return offset_; }
  std::size_t remaining() const { return size_ - offset_; }

 private:
  const std::uint8_t *data_;
  std::size_t size_;
  std::size_t offset_ = 0;
  std::string name_;
};

}  // namespace npim
