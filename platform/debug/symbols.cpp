#include "debug/symbols.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "debug/packet.h"

namespace npim::debug {
namespace {

std::optional<std::uint64_t> parse_address(const std::string &text) {
  if (text.rfind("0x", 0) != 0) return std::nullopt;
  return parse_hex(text.substr(2));
}

std::optional<AddressRange> parse_range(const std::string &text) {
  const std::size_t dash = text.find('-');
  const auto begin = parse_address(text.substr(0, dash));
  if (!begin) return std::nullopt;
  if (dash == std::string::npos) return AddressRange{*begin, *begin + 1};
  const auto end = parse_address(text.substr(dash + 1));
  if (!end || *end <= *begin) return std::nullopt;
  return AddressRange{*begin, *end};
}

}  // namespace

Symbols::Symbols(std::vector<Function> functions) : functions_(std::move(functions)) {
  std::stable_sort(functions_.begin(), functions_.end(),
                   [](const Function &a, const Function &b) { return a.begin < b.begin; });
  const auto same = [](const Function &a, const Function &b) { return a.begin == b.begin; };
  functions_.erase(std::unique(functions_.begin(), functions_.end(), same), functions_.end());
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    const bool last = i + 1 == functions_.size();
    const std::uint64_t limit = last ? ~std::uint64_t{0} : functions_[i + 1].begin;
    Function &function = functions_[i];
    if (function.end <= function.begin || function.end > limit) function.end = limit;
  }
}

std::size_t Symbols::find(std::uint64_t address) const {
  const auto after = std::upper_bound(
      functions_.begin(), functions_.end(), address,
      [](std::uint64_t a, const Function &function) { return a < function.begin; });
  if (after == functions_.begin() || address >= (after - 1)->end) return kNone;
  return static_cast<std::size_t>(after - functions_.begin()) - 1;
}

std::string Symbols::text(std::uint64_t address) const {
  const std::size_t index = find(address);
  if (index == kNone) return "";
  const Function &function = functions_[index];
  if (address == function.begin) return function.name;
  return function.name + "+0x" + hex_number(address - function.begin);
}

std::vector<AddressRange> Symbols::parse_filter(const std::string &text,
                                                const std::string &where) const {
  std::vector<AddressRange> ranges;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    const std::string item = text.substr(at, comma - at);
    at = comma + 1;
    if (const auto range = parse_range(item)) {
      ranges.push_back(*range);
      continue;
    }
    bool found = false;
    for (const Function &function : functions_) {
      if (function.name != item) continue;
      ranges.push_back({function.begin, function.end});
      found = true;
    }
    if (!found) {
      throw InputError(where, "\"" + item +
                                  "\" is neither a function of the firmware nor a range of "
                                  "addresses (0x80000000-0x80001000)");
    }
  }
  return ranges;
}

}  // namespace npim::debug
