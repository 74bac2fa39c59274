#include "mapping/traffic.h"

#include <algorithm>

#include "base/integers.h"

namespace npim::mapping {

using program::Mesh;

// The first router of each chip has one node more than others, the gate.
Traffic::Traffic(const config::ChipConfig &chip)
    : mesh_(chip),
      chip_(chip),
      ports_(Mesh::kFirstNode + chip.noc.tiles_per_router + 1),
      first_entry_(static_cast<std::size_t>(mesh_.chips() * mesh_.columns() * mesh_.rows()) *
                   static_cast<std::size_t>(ports_)),
      first_chip_link_(first_entry_ + mesh_.controller() + 1),
      load_(first_chip_link_ + 2 * static_cast<std::size_t>(mesh_.chips())) {}

std::int64_t Traffic::flits(std::int64_t bytes) const {
  return 1 + divide_up(8 * bytes, std::int64_t{chip_.noc.flit_bits});
}

std::int64_t Traffic::send(unsigned from, const std::vector<unsigned> &to, std::int64_t flits,
                           std::int64_t bytes) {
  std::int64_t passed = 0;
  const auto leave = [&] {
    if (way_.empty()) return;
    std::sort(way_.begin(), way_.end());
    way_.erase(std::unique(way_.begin(), way_.end()), way_.end());
    for (const std::size_t link : way_) load_[link] += link < first_chip_link_ ? flits : bytes;
    load_[first_entry_ + from] += flits;
    passed += routers(mesh_.chip(from));
    way_.clear();
  };
  for (const unsigned receiver : to) {
    if (receiver != from) follow(from, receiver);
    if (!chip_.noc.multicast) leave();
  }
  leave();
  return passed * bytes;
}

/// Each output link of a router, and the first routers of chips that are only passed.
std::int64_t Traffic::routers(int chip) const {
  return std::count_if(way_.begin(), way_.end(), [&](std::size_t link) {
    return link < first_entry_ ||
           (link >= first_chip_link_ && (link - first_chip_link_) / 2 != std::size_t(chip));
  });
}

double Traffic::busiest_ns() const {
  const auto between = load_.begin() + static_cast<std::ptrdiff_t>(first_chip_link_);
  const double flit_ns = 1e3 / chip_.noc.clock_mhz;
  return std::max(static_cast<double>(*std::max_element(load_.begin(), between)) * flit_ns,
                  static_cast<double>(*std::max_element(between, load_.end())) /
                      chip_.chips.link_gigabytes_per_second);
}

std::size_t Traffic::router_link(int chip, int x, int y, int port) const {
  const int router = (chip * mesh_.rows() + y) * mesh_.columns() + x;
  return static_cast<std::size_t>(router) * static_cast<std::size_t>(ports_) +
         static_cast<std::size_t>(port);
}

void Traffic::follow(unsigned from, unsigned to) {
  const int last = mesh_.chip(to);
  int chip = mesh_.chip(from);
  if (chip == last) return cross(chip, mesh_.place(from), mesh_.place(to));
  const Mesh::Place gate = mesh_.place(mesh_.controller());
  cross(chip, mesh_.place(from), gate);
  while (chip != last) {
    const bool forward = chip < last;
    way_.push_back(first_chip_link_ + static_cast<std::size_t>(2 * chip + (forward ? 0 : 1)));
    chip += forward ? 1 : -1;
  }
  cross(chip, gate, mesh_.place(to));
}

void Traffic::cross(int chip, const Mesh::Place &from, const Mesh::Place &to) {
  Mesh::for_each_link(
      from, to, [&](int x, int y, int port) { way_.push_back(router_link(chip, x, y, port)); });
}

}  // namespace npim::mapping
