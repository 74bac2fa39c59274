#include "app/results.h"

#include <algorithm>

#include "network/golden.h"

namespace npim::app {
namespace {

constexpr std::uint32_t kMagic = 0x5345524e, kVersion = 1;
constexpr std::size_t kHeaderBytes = 96, kCounters = 7;
constexpr const char *kCounterNames[kCounters] = {
    "cycles",          "windows",  "conversions", "dma_read_bytes",
    "dma_write_bytes", "commands", "energy_pj"};

Results read(ByteReader in) {
  Results results;
  if (in.get<std::uint32_t>() != kMagic || in.get<std::uint32_t>() != kVersion) return results;
  const auto count = in.get<std::uint32_t>();
  results.outputs = in.get<std::uint32_t>();
  results.chip_ns = in.get<std::uint64_t>();
  results.hart_cycles = in.get<std::uint64_t>();
  results.correct = in.get<std::uint32_t>();
  results.labelled = in.get<std::uint32_t>();
  for (std::size_t i = 0; i < kCounters; ++i) results.counters.push_back(in.get<std::uint64_t>());
  const std::uint64_t values = std::uint64_t{count} * (1 + std::uint64_t{results.outputs});
  if (values > in.remaining() / 4) return {};
  results.predictions.resize(count);
  for (auto &prediction : results.predictions) prediction = in.get<std::uint32_t>();
  results.logits.resize(std::size_t{count} * results.outputs);
  for (auto &logit : results.logits) logit = in.get<std::int32_t>();
  results.count = count;
  return results;
}

void put_big_endian(Bytes &out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

}  // namespace

std::uint64_t results_bytes(std::uint64_t count, std::uint64_t outputs) {
  return kHeaderBytes + count * 4 * (1 + outputs);
}

Results parse_results(const Bytes &area) {
  try {
    return read(ByteReader(area, "results"));
  } catch (const InputError &) {
    return {};
  }
}

void add_to_json(const Results &results, boost::json::object &json) {
  if (results.count == 0) return;
  json["images"] = results.count;
  json["chip_ns"] = results.chip_ns;
  json["correct"] = results.correct;
  json["labelled"] = results.labelled;
  boost::json::object counters;
  for (std::size_t i = 0; i < results.counters.size(); ++i) {
    const bool counted = results.counters[i] != ~std::uint64_t{0};
    counters[kCounterNames[i]] =
        counted ? boost::json::value(results.counters[i]) : boost::json::value("not implemented");
  }
  json["counters"] = counters;
  json["predictions"] = boost::json::value_from(results.predictions);
  boost::json::array logits;
  for (std::uint32_t i = 0; i < results.count; ++i) {
    const auto first = results.logits.begin() + static_cast<std::ptrdiff_t>(i) * results.outputs;
    logits.push_back(boost::json::array(first, first + results.outputs));
  }
  json["logits"] = logits;
}

LogitCheck compare_with_golden(const network::QuantisedNetwork &network,
                               const network::LabelledImages &images, const Results &results,
                               const std::function<void(long)> &progress) {
  LogitCheck check;
  const auto count =
      std::min<std::uint32_t>(results.count, static_cast<std::uint32_t>(images.count));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto golden = network::golden_logits(network, images.image(static_cast<std::int32_t>(i)));
    for (std::size_t k = 0; k < golden.size(); ++k) {
      const std::size_t at = std::size_t{i} * results.outputs + k;
      const bool there = k < results.outputs;
      const bool equal = there && results.logits[at] == golden[k];
      check.equal += equal ? 1 : 0;
      ++check.total;
      if (equal || !check.first_difference.empty()) continue;
      check.first_difference = "image " + std::to_string(i) + ", output " + std::to_string(k) +
                               ": chip " + (there ? std::to_string(results.logits[at]) : "none") +
                               ", golden " + std::to_string(golden[k]);
    }
    const auto best = std::max_element(golden.begin(), golden.end()) - golden.begin();
    check.same_class += results.predictions[i] == static_cast<std::uint32_t>(best) ? 1 : 0;
    ++check.images;
    progress(i + 1);
  }
  return check;
}

void truncate(network::LabelledImages &images, int count) {
  if (count <= 0 || count >= images.count) return;
  images.count = count;
  images.pixels.resize(static_cast<std::size_t>(count) * images.image_bytes());
  if (!images.labels.empty()) images.labels.resize(static_cast<std::size_t>(count));
}

Bytes idx_images(const network::LabelledImages &images) {
  constexpr std::uint32_t kUnsignedBytes = 0x800;
  const bool grey = images.channels == 1;
  Bytes out;
  put_big_endian(out, kUnsignedBytes | (grey ? 3 : 4));
  put_big_endian(out, static_cast<std::uint32_t>(images.count));
  put_big_endian(out, static_cast<std::uint32_t>(images.height));
  put_big_endian(out, static_cast<std::uint32_t>(images.width));
  if (!grey) put_big_endian(out, static_cast<std::uint32_t>(images.channels));
  out.insert(out.end(), images.pixels.begin(), images.pixels.end());
  return out;
}

Bytes idx_labels(const std::vector<std::uint8_t> &labels) {
  constexpr std::uint32_t kUnsignedBytesRank1 = 0x801;
  Bytes out;
  put_big_endian(out, kUnsignedBytesRank1);
  put_big_endian(out, static_cast<std::uint32_t>(labels.size()));
  out.insert(out.end(), labels.begin(), labels.end());
  return out;
}

}  // namespace npim::app
