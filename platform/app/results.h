// What firmware reports of a run (firmware/include/npim/results.h), and its comparison with the
// golden executor.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "network/dataset.h"
#include "network/quantised.h"

namespace npim::app {

struct Results {
  std::uint32_t count = 0;    ///< images; 0 when firmware wrote nothing usable
  std::uint32_t outputs = 0;  ///< logits per image
  std::uint64_t chip_ns = 0, hart_cycles = 0;
  std::uint32_t correct = 0, labelled = 0;
  std::vector<std::uint64_t> counters;  ///< in the order of the register map
  std::vector<std::uint32_t> predictions;
  std::vector<std::int32_t> logits;  ///< [image][output]
};

/// Size of the area that firmware needs.
std::uint64_t results_bytes(std::uint64_t count, std::uint64_t outputs);

/// Never throws: firmware may have written anything. An unusable area gives count 0.
Results parse_results(const Bytes &area);

void add_to_json(const Results &results, boost::json::object &json);

struct LogitCheck {
  std::uint64_t equal = 0, total = 0;
  std::uint32_t same_class = 0, images = 0;  ///< whose largest logit is the same one
  std::string first_difference;              ///< "image 3, output 7: chip 12, golden 13"
};

/// Executes the integer network on the same images. `progress` gets the number of images done.
LogitCheck compare_with_golden(const network::QuantisedNetwork &network,
                               const network::LabelledImages &images, const Results &results,
                               const std::function<void(long)> &progress);

/// Keeps the first `count` images (all when count is 0 or larger than there are).
void truncate(network::LabelledImages &images, int count);

/// Images as IDX of rank 4 (rank 3 for one channel), labels as IDX of rank 1: the form that
/// firmware reads.
Bytes idx_images(const network::LabelledImages &images);
Bytes idx_labels(const std::vector<std::uint8_t> &labels);

}  // namespace npim::app
