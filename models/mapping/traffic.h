// What the links of the network carry for an image, counted on the ways that packets take
// (program/mesh.h): which mapping keeps the network least busy, before anything is simulated.
#pragma once

#include <cstdint>
#include <vector>

#include "config/chip_config.h"
#include "program/mesh.h"

namespace npim::mapping {

class Traffic {
 public:
  /// `chip` must outlive it.
  explicit Traffic(const config::ChipConfig &chip);

  /// Of a packet, with its header.
  std::int64_t flits(std::int64_t bytes) const;

  /// Packets of so many flits and bytes in all from one node to others: links that several of them
  /// share carry them once, unless the network cannot multicast. What stays within a node does not
  /// reach the network. Returns bytes times the routers that they pass.
  std::int64_t send(unsigned from, const std::vector<unsigned> &to, std::int64_t flits,
                    std::int64_t bytes);

  /// How long the busiest link needs for its data, be it in a mesh, from a node into it or between
  /// chips.
  double busiest_ns() const;

 private:
  /// Output links of routers, then those of nodes into the network, then those between chips.
  std::size_t router_link(int chip, int x, int y, int port) const;
  void follow(unsigned from, unsigned to);
  /// Of the links of the packet at hand, those behind which a router counts.
  std::int64_t routers(int chip) const;
  void cross(int chip, const program::Mesh::Place &from, const program::Mesh::Place &to);

  const program::Mesh mesh_;
  const config::ChipConfig &chip_;
  const int ports_;
  const std::size_t first_entry_, first_chip_link_;
  /// By link: flits in the meshes, bytes between chips.
  std::vector<std::int64_t> load_;
  std::vector<std::size_t> way_;  ///< links of the packet at hand, each once
};

}  // namespace npim::mapping
