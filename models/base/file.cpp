#include "base/file.h"

#include <boost/crc.hpp>
#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace npim {
namespace {

std::string reason() {
  return std::generic_category().message(errno);
}

Bytes decompress(const Bytes &packed, const std::string &path, std::size_t limit) {
  namespace io = boost::iostreams;
  io::filtering_istream stream;
  stream.push(io::gzip_decompressor());
  stream.push(io::array_source(reinterpret_cast<const char *>(packed.data()), packed.size()));
  stream.exceptions(std::ios::badbit);
  Bytes plain;
  std::vector<char> chunk(1 << 16);
  try {
    while (stream) {
      stream.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
      plain.insert(plain.end(), chunk.begin(), chunk.begin() + stream.gcount());
      if (plain.size() > limit) throw InputError(path, "is too large when decompressed");
    }
  } catch (const io::gzip_error &) {
    throw InputError(path, "is not a complete gzip stream");
  } catch (const std::ios_base::failure &) {
    throw InputError(path, "is not a complete gzip stream");
  }
  return plain;
}

/// `name` is what messages call the file.
void write_in_place(const std::string &path, const std::string &name, const Bytes &content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file) throw InputError(name, "cannot be written: " + reason());
  file.write(reinterpret_cast<const char *>(content.data()),
             static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) throw InputError(name, "cannot be written: " + reason());
}

}  // namespace

Bytes read_file(const std::string &path, std::size_t limit) {
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) throw InputError(path, "is a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw InputError(path, "cannot be opened: " + reason());
  Bytes content;
  std::vector<char> chunk(1 << 16);
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    content.insert(content.end(), chunk.begin(), chunk.begin() + file.gcount());
    if (content.size() > limit) {
      throw InputError(path, "is larger than " + std::to_string(limit) + " bytes");
    }
  }
  if (file.bad()) throw InputError(path, "cannot be read: " + reason());
  return content;
}

Bytes read_file_maybe_gzip(const std::string &path, std::size_t limit) {
  Bytes content = read_file(path, limit);
  const bool is_gzip = content.size() >= 2 && content[0] == 0x1f && content[1] == 0x8b;
  return is_gzip ? decompress(content, path, limit) : content;
}

void write_file(const std::string &path, const Bytes &content) {
  namespace fs = std::filesystem;
  std::error_code status;
  // Devices and pipes are written to; what a link points to is replaced, not the link.
  const fs::path target =
      fs::is_symlink(path, status) ? fs::weakly_canonical(path, status) : fs::path(path);
  if (fs::exists(target, status) && !fs::is_regular_file(target, status)) {
    write_in_place(target.string(), path, content);
    return;
  }
  const std::string temporary = target.string() + ".part";
  write_in_place(temporary, path, content);
  if (std::rename(temporary.c_str(), target.c_str()) != 0) {
    const std::string why = reason();
    std::remove(temporary.c_str());
    throw InputError(path, "cannot be written: " + why);
  }
}

void write_file(const std::string &path, const std::string &content) {
  write_file(path, Bytes(content.begin(), content.end()));
}

std::uint32_t crc32(const std::uint8_t *data, std::size_t size) {
  boost::crc_32_type crc;
  crc.process_bytes(data, size);
  return crc.checksum();
}

}  // namespace npim
