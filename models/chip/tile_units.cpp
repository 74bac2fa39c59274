#include "chip/tile_units.h"

#include <algorithm>

namespace npim::chip {
namespace {

using sc_core::sc_time;

constexpr std::uint64_t kMultiplication = 8;  // additions

std::int32_t load_s32(const std::uint8_t *bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value |= std::uint32_t{bytes[i]} << (8 * i);
  return static_cast<std::int32_t>(value);
}

}  // namespace

void Nnadc::convert(const std::vector<Conversion> &batch, const dataflow::LayerConverter &layer) {
  for (const Conversion &conversion : batch) {
    conversion.array->convert({conversion.key}, layer, conversion.held, conversion.count,
                              conversion.codes);
  }
}

sc_time Nnadc::reserve(const sc_time &earliest, std::uint64_t dot_products, const Payer &payer) {
  const std::uint64_t conversions = dot_products * context_.dot_product.conversions;
  payer.book(context_.dot_product.converter, conversions);
  // ADCs of dataflow A have converted all bit lines of a cycle when the next one ends, and add up
  // digitally in the cycle after.
  if (context_.config.dataflow == config::Dataflow::kDigitalAccumulation) {
    return earliest + times(context_.timing.input_cycle, kDigitalCycles);
  }
  const auto in_service = static_cast<std::uint64_t>(converters.in_service());
  return bank_.reserve(earliest,
                       times(context_.timing.conversion, divide_up(conversions, in_service)));
}

/// Returns how many sums there were.
std::uint64_t PostProcessor::accumulate(const std::vector<PartialSums> &parts,
                                        const PostPixel &pixel) {
  std::uint64_t values = 0;
  for (const PartialSums &part : parts) {
    std::int64_t *to = pixel.accumulators + part.first;
    for (int c = 0; pixel.values != nullptr && c < part.channels; ++c) to[c] += part.sums[c];
    values += static_cast<std::uint64_t>(part.channels);
  }
  return values;
}

sc_time PostProcessor::add_sums(const sc_time &earliest, const std::vector<PartialSums> &parts,
                                const PostPixel &pixel) {
  const std::uint64_t values = accumulate(parts, pixel);
  pixel.payer->book(cost::Part::kTileShiftAdd, values);
  return reserve(earliest, values);
}

sc_time PostProcessor::finish_sums(const sc_time &earliest, const std::vector<PartialSums> &parts,
                                   const PostPixel &pixel) {
  const std::uint64_t sums = accumulate(parts, pixel);
  finish(pixel);
  const std::uint64_t activations = pixel.requantiser != nullptr ? pixel.results() : 0;
  book(pixel, sums, activations);
  return reserve(earliest, sums + activations);
}

sc_time PostProcessor::max_pool(const sc_time &earliest, const PoolTaps &taps,
                                const PostPixel &pixel) {
  const auto channels = static_cast<std::uint64_t>(pixel.channels);
  if (pixel.values != nullptr) {
    std::fill_n(pixel.values, channels, 0);
    for (std::uint64_t tap = 0; tap < taps.count; ++tap) {
      peripheral::maximum(taps.pixels + tap * channels, pixel.channels, pixel.values);
    }
  }
  pixel.payer->book(cost::Part::kMaxPool, taps.count * channels);
  book(pixel, 0, 0);
  return reserve(earliest, taps.timed * channels);
}

sc_time PostProcessor::average_pool(const sc_time &earliest, const PoolTaps &taps,
                                    std::int64_t padding, const PostPixel &pixel) {
  const auto channels = static_cast<std::uint64_t>(pixel.channels);
  if (pixel.values != nullptr) {
    std::fill_n(pixel.accumulators, channels, padding);
    for (std::uint64_t tap = 0; tap < taps.count; ++tap) {
      peripheral::add_up(taps.pixels + tap * channels, pixel.channels, pixel.accumulators);
    }
    finish(pixel);
  }
  book(pixel, taps.count * channels, channels);
  return reserve(earliest, taps.timed * channels);
}

sc_time PostProcessor::add(const sc_time &earliest, const std::uint8_t *a, const std::uint8_t *b,
                           const PostPixel &pixel) {
  if (pixel.values != nullptr) {
    pixel.requantiser->add(a, b, pixel.channels, pixel.values);
  }
  book(pixel, 2 * pixel.results(), pixel.results());
  return reserve(earliest, 2 * static_cast<std::uint64_t>(pixel.channels));
}

sc_time PostProcessor::lookup(const sc_time &earliest, const std::uint8_t *values,
                              const std::int32_t *table, const PostPixel &pixel) {
  if (pixel.values != nullptr) {
    for (int c = 0; c < pixel.channels; ++c) pixel.values[c] = table[values[c]];
  }
  book(pixel, 0, pixel.results());
  return reserve(earliest, static_cast<std::uint64_t>(pixel.channels));
}

sc_time PostProcessor::multiply(const sc_time &earliest, const std::uint8_t *a,
                                const std::uint8_t *b, std::int32_t zero_a, std::int32_t zero_b,
                                const PostPixel &pixel) {
  if (pixel.values != nullptr) {
    const peripheral::Requantiser &post = *pixel.requantiser;
    for (int c = 0; c < pixel.channels; ++c) {
      const std::int64_t product = std::int64_t{a[c] - zero_a} * (b[c] - zero_b);
      pixel.values[c] = post.finish(product * post.multiplier[0] + post.bias[0]);
    }
  }
  book(pixel, kMultiplication * pixel.results(), pixel.results());
  return reserve(earliest, 2 * static_cast<std::uint64_t>(pixel.channels));
}

sc_time PostProcessor::inside_average(const sc_time &earliest, const PoolTaps &taps,
                                      const PostPixel &pixel) {
  const auto channels = static_cast<std::uint64_t>(pixel.channels);
  if (pixel.values != nullptr) {
    const peripheral::Requantiser &post = *pixel.requantiser;
    std::fill_n(pixel.accumulators, channels, 0);
    for (std::uint64_t tap = 0; tap < taps.count; ++tap) {
      peripheral::add_up(taps.pixels + tap * channels, pixel.channels, pixel.accumulators);
    }
    for (int c = 0; c < pixel.channels; ++c) {
      pixel.values[c] =
          post.finish(pixel.accumulators[c] * post.multiplier[taps.count - 1] + post.bias[0]);
    }
  }
  book(pixel, taps.count * channels, channels);
  return reserve(earliest, taps.timed * channels);
}

/// A running sum of squares over the neighbouring channels: each enters and leaves it once.
sc_time PostProcessor::local_response(const sc_time &earliest, const std::uint8_t *values,
                                      const program::Stage &stage, const PostPixel &pixel) {
  if (pixel.values != nullptr) {
    const peripheral::Requantiser &post = *pixel.requantiser;
    const std::int32_t before = (stage.neighbours - 1) / 2, after = stage.neighbours / 2;
    const auto square = [&](std::int32_t c) {
      const std::int64_t value = values[c] - std::int32_t{stage.pad_value};
      return value * value;
    };
    std::int64_t squares = 0;
    for (std::int32_t c = 0; c < std::min(after, pixel.channels); ++c) squares += square(c);
    const std::size_t last = stage.table.size() - 1;
    for (std::int32_t c = 0; c < pixel.channels; ++c) {
      if (after < pixel.channels - c) squares += square(c + after);
      if (c > before) squares -= square(c - before - 1);
      const std::size_t factor =
          std::min(static_cast<std::size_t>(squares >> stage.sum_shift), last);
      const std::int64_t product =
          std::int64_t{values[c] - std::int32_t{stage.pad_value}} * stage.table[factor];
      pixel.values[c] = post.finish(product * post.multiplier[0] + post.bias[0]);
    }
  }
  book(pixel, 3 * kMultiplication * pixel.results(), 2 * pixel.results());
  return reserve(earliest, 3 * static_cast<std::uint64_t>(pixel.channels));
}

sc_time PostProcessor::aggregate(const sc_time &earliest, const std::uint8_t *pixels,
                                 std::size_t ports, const PostPixel &pixel) {
  const auto channels = static_cast<std::size_t>(pixel.channels);
  if (pixel.values != nullptr) {
    std::fill_n(pixel.accumulators, channels, 0);
    for (std::size_t port = 0; port < ports; ++port) {
      for (std::size_t c = 0; c < channels; ++c, pixels += 4) {
        pixel.accumulators[c] += load_s32(pixels);
      }
    }
    finish(pixel);
  }
  book(pixel, ports * channels, pixel.requantiser != nullptr ? channels : 0);
  return reserve(earliest, ports * channels);
}

/// A pixel's work, and its values into the tile's output register.
void PostProcessor::book(const PostPixel &pixel, std::uint64_t additions,
                         std::uint64_t activations) {
  const bool wide = pixel.requantiser == nullptr || pixel.requantiser->output_s32;
  pixel.payer->book(cost::Part::kTileShiftAdd, additions);
  pixel.payer->book(cost::Part::kSigmoid, activations);
  pixel.payer->book(cost::Part::kTileOutputRegister, (wide ? 2 : 1) * pixel.results());
}

sc_time PostProcessor::reserve(const sc_time &earliest, std::uint64_t values) {
  const auto lanes = static_cast<std::uint64_t>(context_.config.post_lanes);
  return unit_.reserve(earliest, times(context_.timing.tile_clock, divide_up(values, lanes)));
}

/// Requantises the accumulators, or passes them on as they are: the controller has checked that
/// raw sums fit in 32 bits.
void PostProcessor::finish(const PostPixel &pixel) {
  if (pixel.values == nullptr) return;
  if (pixel.requantiser != nullptr) {
    for (std::ptrdiff_t i = 0; i < pixel.pixels; ++i) {
      pixel.requantiser->per_channel(pixel.accumulators + i * pixel.channels, pixel.channels,
                                     pixel.values + i * pixel.channels);
    }
    return;
  }
  for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{pixel.pixels} * pixel.channels; ++i) {
    pixel.values[i] = static_cast<std::int32_t>(pixel.accumulators[i]);
  }
}

}  // namespace npim::chip
