#include "config/unique_keys.h"

#include <boost/json/basic_parser_impl.hpp>
#include <cstdint>
#include <set>
#include <vector>

namespace npim::config {
namespace {

namespace json = boost::json;

/// Callbacks of boost::json::basic_parser; only objects and their keys matter. Returning false
/// stops the parser.
struct Keys {
  static constexpr std::size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX, max_string_size = SIZE_MAX;

  std::vector<std::set<std::string>> open_objects;
  std::string key;
  std::optional<std::string> repeated;

  bool on_object_begin(json::error_code &) {
    open_objects.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, json::error_code &) {
    open_objects.pop_back();
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code &) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code &) {
    key.append(part.data(), part.size());
    if (!open_objects.back().insert(key).second) repeated = key;
    key.clear();
    return !repeated;
  }
  bool on_document_begin(json::error_code &) { return true; }
  bool on_document_end(json::error_code &) { return true; }
  bool on_array_begin(json::error_code &) { return true; }
  bool on_array_end(std::size_t, json::error_code &) { return true; }
  bool on_string_part(json::string_view, std::size_t, json::error_code &) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code &) { return true; }
  bool on_number_part(json::string_view, json::error_code &) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code &) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code &) { return true; }
  bool on_double(double, json::string_view, json::error_code &) { return true; }
  bool on_bool(bool, json::error_code &) { return true; }
  bool on_null(json::error_code &) { return true; }
  bool on_comment_part(json::string_view, json::error_code &) { return true; }
  bool on_comment(json::string_view, json::error_code &) { return true; }
};

}  // namespace

std::optional<std::string> find_repeated_key(const std::string &text) {
  json::parse_options options;
  options.allow_comments = true;
  json::basic_parser<Keys> parser(options);
  json::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  return parser.handler().repeated;
}

}  // namespace npim::config
