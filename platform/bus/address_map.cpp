#include "bus/address_map.h"

#include <sstream>

#include "base/error.h"

namespace npim::bus {

std::string hex(std::uint64_t value) {
  std::ostringstream out;
  out << "0x" << std::hex << value;
  return out.str();
}

std::string Region::text() const {
  return name + " (" + hex(base) + " to " + hex(last()) + ")";
}

std::size_t AddressMap::add(Region region) {
  if (region.size == 0) throw InputError(where_, "region " + region.name + " has a size of zero");
  if (region.last() < region.base) {
    throw InputError(where_, "region " + region.name + " at " + hex(region.base) + " of " +
                                 hex(region.size) +
                                 " bytes runs over the end of the address space");
  }
  for (const auto &other : regions_) {
    if (region.base <= other.last() && other.base <= region.last()) {
      throw InputError(where_, "region " + region.text() + " overlaps " + other.text());
    }
  }
  by_base_[region.base] = regions_.size();
  regions_.push_back(std::move(region));
  return regions_.size() - 1;
}

std::size_t AddressMap::find(std::uint64_t address) const {
  auto above = by_base_.upper_bound(address);
  if (above == by_base_.begin()) return none();
  const std::size_t index = std::prev(above)->second;
  return regions_[index].contains(address) ? index : none();
}

std::pair<std::uint64_t, std::uint64_t> AddressMap::hole(std::uint64_t address) const {
  const auto above = by_base_.upper_bound(address);
  const std::uint64_t first =
      above == by_base_.begin() ? 0 : regions_[std::prev(above)->second].last() + 1;
  const std::uint64_t last = above == by_base_.end() ? ~std::uint64_t{0} : above->first - 1;
  return {first, last};
}

const Region *AddressMap::nearest(std::uint64_t address) const {
  const auto above = by_base_.upper_bound(address);
  const Region *after = above == by_base_.end() ? nullptr : &regions_[above->second];
  const Region *before = above == by_base_.begin() ? nullptr : &regions_[std::prev(above)->second];
  if (before == nullptr || after == nullptr) return before != nullptr ? before : after;
  return address - before->last() <= after->base - address ? before : after;
}

std::string AddressMap::describe(std::uint64_t address) const {
  const std::size_t index = find(address);
  if (index == none()) {
    const Region *near = nearest(address);
    return near == nullptr ? "nothing" : "nothing; nearest is " + near->text();
  }
  const Region &region = regions_[index];
  const std::uint64_t offset = address - region.base;
  const std::string detail = region.describe ? region.describe(offset) : "";
  return region.name + " + " + hex(offset) + (detail.empty() ? "" : " (" + detail + ")");
}

}  // namespace npim::bus
