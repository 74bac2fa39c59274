// Reading of JSON configuration with errors that name file and key. Units stand in the key names
// ("input_cycle_ns"); unknown keys are errors.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace npim::config {

/// A cursor on one JSON value that knows its file and its path ("tile.imas").
class Node {
 public:
  /// Parses a file, or text under a name used in messages. Throws InputError (line and column).
  static Node load(const std::string &path);
  static Node parse(const std::string &text, const std::string &name);

  /// Typed access; throws InputError naming file, key, what was expected and what is there.
  std::int64_t integer(std::int64_t lowest, std::int64_t highest) const;
  double number(double lowest, double highest) const;
  std::string text() const;
  /// One of `choices`.
  std::string choice(const std::vector<std::string> &choices) const;
  bool flag() const;
  std::vector<Node> items() const;

  [[noreturn]] void fail(const std::string &what) const;
  const std::string &path() const { return path_; }
  const std::string &file() const { return file_; }
  const boost::json::value &value() const { return *value_; }

 private:
  friend class Object;
  Node(std::shared_ptr<const boost::json::value> root, const boost::json::value *value,
       std::string file, std::string path)
      : root_(std::move(root)), value_(value), file_(std::move(file)), path_(std::move(path)) {}
  std::string kind() const;

  std::shared_ptr<const boost::json::value> root_;
  const boost::json::value *value_;
  std::string file_;
  std::string path_;
};

/// Member access to a JSON object. Remembers which keys were asked for; finish() refuses the rest
/// and suggests the nearest known key.
class Object {
 public:
  explicit Object(const Node &node);

  Node at(const std::string &key);
  std::optional<Node> find(const std::string &key);
  bool has(const std::string &key) const;
  /// All keys in file order, for objects that map free names to values.
  std::vector<std::string> keys() const;

  std::int64_t integer(const std::string &key, std::int64_t lowest, std::int64_t highest) {
    return at(key).integer(lowest, highest);
  }
  double number(const std::string &key, double lowest, double highest) {
    return at(key).number(lowest, highest);
  }
  std::string text(const std::string &key) { return at(key).text(); }
  bool flag(const std::string &key) { return at(key).flag(); }

  /// Throws InputError for the first key that was never asked for.
  void finish() const;

 private:
  Node node_;
  std::set<std::string> asked_;
};

}  // namespace npim::config
