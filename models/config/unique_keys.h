// Finds keys that stand twice in one JSON object, which Boost.JSON's own parser settles silently in
// favour of the last one.
#pragma once

#include <optional>
#include <string>

namespace npim::config {

/// The first such key of a text that is valid JSON.
std::optional<std::string> find_repeated_key(const std::string &text);

}  // namespace npim::config
