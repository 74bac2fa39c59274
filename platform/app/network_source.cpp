#include "app/network_source.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>

#include "base/error.h"
#include "network/onnx_import.h"
#include "network/zoo.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;

/// "0.485,0.456,0.406"
std::vector<double> parse_numbers(const std::string &text, const std::string &option) {
  std::vector<double> numbers;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    std::size_t used = 0;
    double number = 0;
    try {
      number = std::stod(part, &used);
    } catch (const std::exception &) {
    }
    if (used == 0 || used != part.size() || !std::isfinite(number)) {
      throw InputError("command line", option + " '" + text + "' is not a list of numbers");
    }
    numbers.push_back(number);
  }
  return numbers;
}

const network::QuantiseOptions::Correction *find_correction(const std::string &name) {
  using Correction = network::QuantiseOptions::Correction;
  static const std::map<std::string, Correction> kCorrections = {
      {"none", Correction::kNone},
      {"regression", Correction::kRegression},
      {"mean", Correction::kMean},
      {"mean-variance", Correction::kMeanVariance}};
  const auto found = kCorrections.find(name);
  return found == kCorrections.end() ? nullptr : &found->second;
}

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string shape_text(const network::TensorShape &shape) {
  return std::to_string(shape.height) + " x " + std::to_string(shape.width) + " x " +
         std::to_string(shape.channels);
}

}  // namespace

void NetworkSource::add_options(po::options_description &options) {
  auto add = options.add_options();
  add("model", po::value(&model_)->required(),
      ("ONNX file (opset 11 to 17), or a built-in network with made-up weights: " +
       joined(network::zoo_names()))
          .c_str());
  add("calibrate", po::value(&calibration_),
      "images that the ranges of activations and converters are chosen on: IDX (also .gz) or "
      "CIFAR-10 binary");
  add("calibrate-count", po::value(&calibration_count_)->default_value(128),
      "use at most this many of them");
  add("activation-range", po::value(&range_)->default_value("percentile"),
      "how the range of an activation follows from its calibration values: min-max, percentile or "
      "mse (least mean-square error)");
  add("percentile", po::value(&percentile_)->default_value(99.99),
      "share of the values within the range, in %, for --activation-range percentile");
  add("correction", po::value(&correction_)->default_value("mean-variance"),
      "what multipliers and biases make up for: none, regression (of exact sums on sums of codes), "
      "mean or mean-variance (batch normalisation estimated again on the integer path)");
  add("block-rows", po::value(&block_rows_),
      "rows of a dot product that is converted at once, at most (and by default) those of an "
      "array: "
      "fewer take more conversions and arrays, each of a smaller sum");
  add("synthetic-weights", po::value(&seed_),
      "make up weights from this seed for a file without weights, and do without calibration: for "
      "studies of time, energy and area");
  add("input-mean", po::value(&mean_text_),
      "per channel, subtracted from pixel / 255 (default: 0.485,0.456,0.406 with three channels, "
      "else 0)");
  add("input-std", po::value(&deviation_text_),
      "per channel, divides what remains (default: 0.229,0.224,0.225 with three channels, else 1)");
}

void NetworkSource::check(const po::variables_map &values) {
  if (values.count("synthetic-weights") != 0) synthetic_weights_ = seed_;
  if (calibration_.empty() && !synthetic_weights_ && !network::is_zoo_name(model_)) {
    throw InputError("command line", "--calibrate is missing (or --synthetic-weights)");
  }
  if (calibration_count_ < 1) {
    throw InputError("command line", "--calibrate-count must be at least 1");
  }
  if (range_ != "min-max" && range_ != "percentile" && range_ != "mse") {
    throw InputError("command line",
                     "--activation-range '" + range_ + "' is neither min-max, percentile nor mse");
  }
  if (find_correction(correction_) == nullptr) {
    throw InputError("command line", "--correction '" + correction_ +
                                         "' is neither none, regression, mean nor mean-variance");
  }
  if (!(percentile_ > 50 && percentile_ <= 100)) {
    throw InputError("command line", "--percentile must be above 50 and at most 100");
  }
  mean_ = parse_numbers(mean_text_, "--input-mean");
  deviation_ = parse_numbers(deviation_text_, "--input-std");
}

network::Graph NetworkSource::load() const {
  if (network::is_zoo_name(model_)) {
    return network::zoo_network(model_, {synthetic_weights_.value_or(1)});
  }
  network::ImportOptions import;
  if (synthetic_weights_) import.synthetic_weights = {*synthetic_weights_};
  return network::import_onnx(model_, import);
}

network::QuantiseOptions NetworkSource::quantise_options(const config::ChipConfig &chip,
                                                         const network::TensorShape &input) const {
  using Range = network::QuantiseOptions::Range;
  network::QuantiseOptions options;
  options.format.array_rows = chip.array.rows;
  options.format.code = static_cast<network::ConverterFormat::Code>(chip.nnadc.code);
  if (block_rows_ && (*block_rows_ < 1 || *block_rows_ > chip.array.rows)) {
    throw InputError("command line", "--block-rows must be 1 to " +
                                         std::to_string(chip.array.rows) + " on this chip");
  }
  options.block_rows = block_rows_.value_or(0);
  options.range_divisors.assign(chip.nnadc.range_divisors.begin(), chip.nnadc.range_divisors.end());
  options.bitline_gains.assign(chip.bitline_gains.begin(), chip.bitline_gains.end());
  options.range = range_ == "min-max" ? Range::kMinMax
                  : range_ == "mse"   ? Range::kMeanSquare
                                      : Range::kPercentile;
  options.percentile = percentile_;
  options.correction = *find_correction(correction_);
  options.without_calibration = !has_calibration();
  // As given, or that of ImageNet, which the published networks for colour images share.
  const auto channels = static_cast<std::size_t>(input.channels);
  if (!mean_.empty() || !deviation_.empty()) {
    options.input_mean = mean_.empty() ? std::vector<double>(channels, 0.0) : mean_;
    options.input_deviation = deviation_.empty() ? std::vector<double>(channels, 1.0) : deviation_;
  } else if (channels == 3) {
    options.input_mean = {0.485, 0.456, 0.406};
    options.input_deviation = {0.229, 0.224, 0.225};
  }
  network::check_options(options, channels);
  return options;
}

network::Calibration NetworkSource::load_calibration(const network::TensorShape &input) const {
  if (!has_calibration()) return {};
  network::LabelledImages images = network::load_images(calibration_);
  check_images(images, calibration_, input, model_);
  network::Calibration calibration;
  calibration.shape = input;
  calibration.count = std::min(images.count, calibration_count_);
  images.pixels.resize(static_cast<std::size_t>(calibration.count) * images.image_bytes());
  calibration.pixels = std::move(images.pixels);
  return calibration;
}

std::string NetworkSource::name() const {
  const auto slash = model_.find_last_of('/');
  const std::string file = slash == std::string::npos ? model_ : model_.substr(slash + 1);
  return file.substr(0, file.find_last_of('.'));
}

void check_images(const network::LabelledImages &images, const std::string &path,
                  const network::TensorShape &input, const std::string &model) {
  const network::TensorShape shape = {images.height, images.width, images.channels};
  if (shape == input) return;
  throw InputError(path, "has images of " + shape_text(shape) + ", the network " + model +
                             " takes " + shape_text(input));
}

std::string normalisation_text(const network::QuantiseOptions &options) {
  if (options.input_mean.empty()) return "Input: pixel / 255\n";
  std::ostringstream text;
  text << "Input: (pixel / 255 - mean) / deviation, mean";
  for (const double value : options.input_mean) text << ' ' << value;
  text << ", deviation";
  for (const double value : options.input_deviation) text << ' ' << value;
  text << '\n';
  return text.str();
}

}  // namespace npim::app
