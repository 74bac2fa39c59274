// What the IMAs of a tile share ([NP] section 5): eDRAM buffer, bus, NNADCs behind multiplexers and
// post-processing unit. Data passes through them: each holds or computes the values and knows how
// long it takes; requests queue in the order of arrival.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <systemc>
#include <vector>

#include "chip/chip_context.h"
#include "peripheral/post_processing.h"
#include "program/stage.h"

namespace npim::chip {

/// Byte storage, allocated when first touched; pages that stay untouched cost nothing, because the
/// host provides zeroed memory of this size page by page. Callers have checked their ranges.
class Edram : public sc_core::sc_module {
 public:
  Edram(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), size_(static_cast<std::size_t>(context.config.edram.bytes)) {}

  std::size_t size() const { return size_; }
  /// The storage, zero until written.
  std::uint8_t *data() {
    if (!content_) content_.reset(static_cast<std::uint8_t *>(std::calloc(size_, 1)));
    if (!content_) throw std::bad_alloc();
    return content_.get();
  }
  void read(std::size_t offset, std::uint8_t *to, std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, data() + offset, bytes);
  }
  void write(std::size_t offset, const std::uint8_t *from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(data() + offset, from, bytes);
  }

 private:
  struct Free {
    void operator()(std::uint8_t *memory) const { std::free(memory); }
  };
  std::size_t size_;
  std::unique_ptr<std::uint8_t, Free> content_;
};

/// The tile's bus. The eDRAM is reached through it alone, so one reservation covers both.
class TileBus : public sc_core::sc_module {
 public:
  TileBus(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), context_(context) {}

  /// Between registers: one word per clock. Returns the end.
  sc_core::sc_time transfer(const sc_core::sc_time &earliest, std::uint64_t bytes,
                            const Payer &payer) {
    payer.book(cost::Part::kTileBus, 8 * bytes);
    return bus_.reserve(earliest, times(context_.timing.tile_clock, words(bytes)));
  }
  /// From or to the eDRAM: an access, then a word per clock or per bank access, whichever is
  /// slower.
  sc_core::sc_time edram_transfer(const sc_core::sc_time &earliest, std::uint64_t bytes,
                                  const Payer &payer) {
    payer.book(cost::Part::kTileBus, 8 * bytes);
    payer.book(cost::Part::kEdram, divide_up(bytes, kAccessBytes));
    return bus_.reserve(
        earliest, context_.timing.edram_access + times(context_.timing.edram_word, words(bytes)));
  }
  /// When the last of the transfers begins and ends.
  const sc_core::sc_time &begun() const { return bus_.begun(); }
  const sc_core::sc_time &ends() const { return bus_.ends(); }
  void release() { bus_.release(); }
  BusyUntil &unit() { return bus_; }

 private:
  static constexpr std::uint64_t kAccessBytes = 32;  ///< that an eDRAM access is priced for
  std::uint64_t words(std::uint64_t bytes) const { return divide_up(bytes, context_.bus_bytes); }

  const ChipContext &context_;
  BusyUntil bus_;
};

/// Held sums of one array on their way through the converters.
struct Conversion {
  const dataflow::ArrayDatapath *array = nullptr;
  std::uint64_t key = 0;  ///< of the window
  const double *held = nullptr;
  std::int32_t *codes = nullptr;
  int count = 0;
};

/// The converters of a tile. NNADCs (dataflow C) and the ADCs behind analog buffers (B) are shared
/// by its IMAs through a multiplexer: a batch of conversions is spread evenly over those in
/// service. The ADCs of digital accumulation (A) belong to arrays and work along with them.
class Nnadc : public sc_core::sc_module {
 public:
  /// Of dataflow A, from the last input slice to sums in the output register ([IS] Fig. 4: the ADC
  /// works one cycle behind the crossbar, shift-and-add one behind the ADC).
  static constexpr std::uint64_t kDigitalCycles = 2;

  Nnadc(const sc_core::sc_module_name &module_name, const ChipContext &context, int tile)
      : sc_module(module_name), converters(context.datapath.converters(tile)), context_(context) {}

  /// The codes of a batch, with the converters set as one layer asks.
  static void convert(const std::vector<Conversion> &batch, const dataflow::LayerConverter &layer);
  /// The time that dot products take in the converters, of which at least one must be in service.
  /// Returns the end.
  sc_core::sc_time reserve(const sc_core::sc_time &earliest, std::uint64_t dot_products,
                           const Payer &payer);
  /// When the conversion of the last batch begins.
  const sc_core::sc_time &begun() const { return bank_.begun(); }
  void release() { bank_.release(); }
  BusyUntil &unit() { return bank_; }

  const dataflow::ConverterBank &converters;

 private:
  const ChipContext &context_;
  BusyUntil bank_;
};

/// Sums of codes that one IMA sends for channels that follow each other.
struct PartialSums {
  const std::int64_t *sums = nullptr;
  int first = 0, channels = 0;  ///< first: among the accumulators, pixel * channels + channel
};

/// The pixels of a pool's window that lie inside the image, [tap][channel].
struct PoolTaps {
  const std::uint8_t *pixels = nullptr;
  std::uint64_t count = 0;
  std::uint64_t timed = 0;  ///< taps that take time: those in the padding as well
};

/// A pixel of a stage in the post-processing unit, or the neighbouring pixels that the copies of a
/// matrix-vector product yield together: [pixel][channel].
struct PostPixel {
  int channels = 0;
  const peripheral::Requantiser *requantiser = nullptr;  ///< null: sums are sent raw
  std::int64_t *accumulators = nullptr;
  std::int32_t *values = nullptr;  ///< the results; null: times only
  const Payer *payer = nullptr;
  int pixels = 1;

  std::uint64_t results() const {
    return static_cast<std::uint64_t>(channels) * static_cast<std::uint64_t>(pixels);
  }
};

/// Adders, requantisation, pooling: `post_lanes` values per tile clock. All operations work on one
/// pixel at once and return the end of the time that they take. They book additions on the tile's
/// shift-and-add, of which a multiplication takes eight; one activation per requantised or looked
/// up value; one comparison per tap and channel of a maximum; and what the tile's output register
/// takes in, 2 bytes at a time.
class PostProcessor : public sc_core::sc_module {
 public:
  PostProcessor(const sc_core::sc_module_name &module_name, const ChipContext &context)
      : sc_module(module_name), context_(context) {}

  /// A matrix-vector product: adds what comes from the IMAs to the accumulators.
  sc_core::sc_time add_sums(const sc_core::sc_time &earliest, const std::vector<PartialSums> &parts,
                            const PostPixel &pixel);
  /// The same for the last sums, and finishes the pixel.
  sc_core::sc_time finish_sums(const sc_core::sc_time &earliest,
                               const std::vector<PartialSums> &parts, const PostPixel &pixel);
  sc_core::sc_time max_pool(const sc_core::sc_time &earliest, const PoolTaps &taps,
                            const PostPixel &pixel);
  /// `padding`: the sum of the taps outside the image.
  sc_core::sc_time average_pool(const sc_core::sc_time &earliest, const PoolTaps &taps,
                                std::int64_t padding, const PostPixel &pixel);
  sc_core::sc_time add(const sc_core::sc_time &earliest, const std::uint8_t *a,
                       const std::uint8_t *b, const PostPixel &pixel);
  /// The operations of the same names in network/quantised.h.
  sc_core::sc_time lookup(const sc_core::sc_time &earliest, const std::uint8_t *values,
                          const std::int32_t *table, const PostPixel &pixel);
  sc_core::sc_time multiply(const sc_core::sc_time &earliest, const std::uint8_t *a,
                            const std::uint8_t *b, std::int32_t zero_a, std::int32_t zero_b,
                            const PostPixel &pixel);
  sc_core::sc_time inside_average(const sc_core::sc_time &earliest, const PoolTaps &taps,
                                  const PostPixel &pixel);
  sc_core::sc_time local_response(const sc_core::sc_time &earliest, const std::uint8_t *values,
                                  const program::Stage &stage, const PostPixel &pixel);
  /// Adds up the s32 pixels (little endian) of `ports` input ports.
  sc_core::sc_time aggregate(const sc_core::sc_time &earliest, const std::uint8_t *pixels,
                             std::size_t ports, const PostPixel &pixel);
  /// When the last of the operations begins.
  const sc_core::sc_time &begun() const { return unit_.begun(); }
  void release() { unit_.release(); }
  BusyUntil &unit() { return unit_; }

 private:
  static std::uint64_t accumulate(const std::vector<PartialSums> &parts, const PostPixel &pixel);
  sc_core::sc_time reserve(const sc_core::sc_time &earliest, std::uint64_t values);
  static void book(const PostPixel &pixel, std::uint64_t additions, std::uint64_t activations);
  static void finish(const PostPixel &pixel);

  const ChipContext &context_;
  BusyUntil unit_;
};

}  // namespace npim::chip
