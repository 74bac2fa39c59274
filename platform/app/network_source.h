// Where a network comes from and how it becomes integers: what `npim compile` and `npim accuracy`
// have in common.
#pragma once

#include <boost/optional.hpp>
#include <boost/program_options.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/chip_config.h"
#include "network/dataset.h"
#include "network/graph.h"
#include "network/quantise.h"

namespace npim::app {

class NetworkSource {
 public:
  /// Declares --model, --calibrate, --calibrate-count, --synthetic-weights, --input-mean,
  /// --input-std, --activation-range, --percentile, --correction and --block-rows.
  void add_options(boost::program_options::options_description &options);
  /// After parsing. Throws InputError on values that do not make sense.
  void check(const boost::program_options::variables_map &values);

  /// The file, or a built-in network.
  network::Graph load() const;
  /// How it is quantised for a chip.
  network::QuantiseOptions quantise_options(const config::ChipConfig &chip,
                                            const network::TensorShape &input) const;
  /// The calibration images, which must be of the network's input shape; empty without them.
  network::Calibration load_calibration(const network::TensorShape &input) const;

  const std::string &model() const { return model_; }
  /// The model's file without folder and extension.
  std::string name() const;
  bool has_calibration() const { return !calibration_.empty(); }

 private:
  std::string model_, calibration_, mean_text_, deviation_text_, range_, correction_;
  int calibration_count_ = 0;
  std::uint64_t seed_ = 0;
  double percentile_ = 0;
  std::optional<std::uint64_t> synthetic_weights_;
  boost::optional<int> block_rows_;
  std::vector<double> mean_, deviation_;
};

/// Throws InputError when images of the file are not of the network's input shape.
void check_images(const network::LabelledImages &images, const std::string &path,
                  const network::TensorShape &input, const std::string &model);

/// "Input: (pixel / 255 - mean) / deviation, mean ...".
std::string normalisation_text(const network::QuantiseOptions &options);

}  // namespace npim::app
