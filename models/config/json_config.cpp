#include "config/json_config.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <sstream>

#include "base/file.h"
#include "config/unique_keys.h"

namespace npim::config {
namespace {

constexpr std::size_t kLargestFile = 16u << 20;

std::string position(const std::string &text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  const auto line = std::count(text.begin(), end, '\n') + 1;
  const auto line_start = std::find(std::make_reverse_iterator(end), text.rend(), '\n').base();
  return "line " + std::to_string(line) + ", column " + std::to_string(end - line_start + 1);
}

/// Levenshtein distance, for "did you mean".
std::size_t distance(const std::string &a, const std::string &b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

std::string format(double value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

Node Node::load(const std::string &path) {
  const Bytes bytes = read_file(path, kLargestFile);
  return parse(std::string(bytes.begin(), bytes.end()), path);
}

Node Node::parse(const std::string &text, const std::string &name) {
  boost::json::parse_options options;
  options.allow_comments = true;
  options.max_depth = 32;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code error;
  const std::size_t used = parser.write_some(text, error);
  if (!error && used < text.size()) {
    const auto rest = text.find_first_not_of(" \t\r\n", used);
    if (rest != std::string::npos) {
      throw InputError(name + ": " + position(text, rest), "text after the end of the JSON value");
    }
  }
  if (!error) parser.finish(error);
  if (error) {
    // What stands there, up to the next sign of punctuation.
    const auto end = std::min(text.find_first_of(" \t\r\n,:]}", used), used + 24);
    std::string there = used < text.size() ? text.substr(used, end - used) : "";
    if (!std::all_of(there.begin(), there.end(), [](char c) { return c > ' ' && c < 127; }))
      there = "";
    throw InputError(
        name + ": " + position(text, used),
        "not valid JSON: " + error.message() + (there.empty() ? "" : " at '" + there + "'"));
  }
  if (const auto key = find_repeated_key(text)) {
    throw InputError(name, "key '" + *key + "' stands twice in one object");
  }
  auto root = std::make_shared<const boost::json::value>(parser.release());
  const auto *top = root.get();
  return {std::move(root), top, name, ""};
}

std::string Node::kind() const {
  switch (value_->kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "true or false";
    case boost::json::kind::string:
      return "the string \"" + std::string(value_->as_string().c_str()) + "\"";
    case boost::json::kind::array:
      return "a list";
    case boost::json::kind::object:
      return "an object";
    default:
      return "the number " + boost::json::serialize(*value_);
  }
}

void Node::fail(const std::string &what) const {
  throw InputError(file_ + ": key '" + (path_.empty() ? "(top)" : path_) + "'", what);
}

std::int64_t Node::integer(std::int64_t lowest, std::int64_t highest) const {
  const std::string range =
      "an integer from " + std::to_string(lowest) + " to " + std::to_string(highest);
  boost::json::error_code error;
  const auto number = value_->is_number() ? value_->to_number<std::int64_t>(error) : 0;
  if (!value_->is_number() || error) fail("expected " + range + ", found " + kind());
  if (number < lowest || number > highest) fail("expected " + range + ", found " + kind());
  return number;
}

double Node::number(double lowest, double highest) const {
  const std::string range = "a number from " + format(lowest) + " to " + format(highest);
  if (!value_->is_number()) fail("expected " + range + ", found " + kind());
  const double number = value_->to_number<double>();
  if (!std::isfinite(number) || number < lowest || number > highest) {
    fail("expected " + range + ", found " + kind());
  }
  return number;
}

std::string Node::text() const {
  if (!value_->is_string()) fail("expected a string, found " + kind());
  return std::string(value_->as_string().c_str());
}

std::string Node::choice(const std::vector<std::string> &choices) const {
  std::string chosen = text();
  if (std::find(choices.begin(), choices.end(), chosen) != choices.end()) return chosen;
  std::string list;
  for (const auto &choice : choices) list += (list.empty() ? "" : ", ") + choice;
  fail("expected one of: " + list + "; found \"" + chosen + "\"");
}

bool Node::flag() const {
  if (!value_->is_bool()) fail("expected true or false, found " + kind());
  return value_->as_bool();
}

std::vector<Node> Node::items() const {
  if (!value_->is_array()) fail("expected a list, found " + kind());
  std::vector<Node> nodes;
  for (const auto &item : value_->as_array()) {
    nodes.push_back(Node(root_, &item, file_, path_ + "[" + std::to_string(nodes.size()) + "]"));
  }
  return nodes;
}

Object::Object(const Node &node) : node_(node) {
  if (!node.value_->is_object()) node.fail("expected an object, found " + node.kind());
}

std::optional<Node> Object::find(const std::string &key) {
  asked_.insert(key);
  const auto *member = node_.value_->as_object().if_contains(key);
  if (member == nullptr) return std::nullopt;
  return Node(node_.root_, member, node_.file_,
              node_.path_.empty() ? key : node_.path_ + "." + key);
}

Node Object::at(const std::string &key) {
  auto node = find(key);
  if (!node) {
    node_.fail("required key '" + key + "' is missing");
  }
  return *node;
}

bool Object::has(const std::string &key) const {
  return node_.value_->as_object().contains(key);
}

std::vector<std::string> Object::keys() const {
  std::vector<std::string> keys;
  for (const auto &member : node_.value_->as_object()) keys.emplace_back(member.key());
  return keys;
}

void Object::finish() const {
  const auto &members = node_.value_->as_object();
  const auto unknown = std::find_if(members.begin(), members.end(), [&](const auto &member) {
    return asked_.count(std::string(member.key())) == 0;
  });
  if (unknown == members.end()) return;
  const std::string key(unknown->key());
  const auto nearest = std::min_element(
      asked_.begin(), asked_.end(),
      [&](const auto &a, const auto &b) { return distance(key, a) < distance(key, b); });
  const bool close = nearest != asked_.end() && distance(key, *nearest) <= 1 + key.size() / 3;
  const std::string hint = close ? "; did you mean '" + *nearest + "'?" : "";
  node_.fail("unknown key '" + key + "'" + hint);
}

}  // namespace npim::config
