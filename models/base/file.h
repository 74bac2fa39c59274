// Whole-file input and output, with gzip, and the checksum that our file formats use.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace npim {

/// The whole file. Throws InputError naming the path when it cannot be read or exceeds `limit`
/// bytes.
Bytes read_file(const std::string &path, std::size_t limit = std::size_t{1} << 31);

/// As read_file, and decompresses content that starts with the gzip magic (limit applies to the
/// decompressed size). Throws InputError when the stream is damaged.
Bytes read_file_maybe_gzip(const std::string &path, std::size_t limit = std::size_t{1} << 31);

/// Writes through a temporary file and renames, so that an interrupted run leaves no half file.
void write_file(const std::string &path, const Bytes &content);
void write_file(const std::string &path, const std::string &content);

/// CRC-32 (IEEE 802.3, reflected, as zlib).
std::uint32_t crc32(const std::uint8_t *data, std::size_t size);

}  // namespace npim
