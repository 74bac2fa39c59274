// The receiving end of a pixel stream: a ring of image rows (program::InputPort) with
// back-pressure. Producers ask for room before they occupy the NoC, so a full ring never blocks
// other traffic. The credits that carry this news back to the producers take no time and no
// bandwidth.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "chip/activity.h"
#include "chip/payload.h"
#include "program/stage.h"

namespace npim::chip {

class StreamPort {
 public:
  StreamPort(const program::InputPort &port, Activity &activity);

  const program::InputPort &config() const { return port_; }
  std::uint64_t pixel_bytes() const { return pixel_bytes_; }
  std::uint64_t row_bytes() const { return row_bytes_; }
  /// Tells the rectangle of every row that a producer delivers.
  void connect(unsigned producer, const program::Rectangle &part);
  unsigned producers() const { return static_cast<unsigned>(producers_.size()); }
  /// Back to an empty ring, at the start of a run.
  void reset();

  // Producer side
  /// Waits until the ring has room for the row of the producer's next pixel.
  void wait_for_room(unsigned producer);
  /// Bytes per pixel of a producer.
  std::uint64_t slice_bytes(unsigned producer) const { return producers_[producer]->bytes; }
  /// Calls copy(ring offset, bytes) for each of the next `pixels` pixels' bytes, contiguous ones
  /// together. All must be in the row that wait_for_room() answered for.
  template <typename Copy>
  void place(unsigned producer, std::uint64_t pixels, Copy copy) const;
  /// The pixels are on their way: the next ones have a place behind them.
  void send(unsigned producer, std::uint64_t pixels) {
    producers_[producer]->sent.pass(*producers_[producer], pixels);
  }
  /// The pixels have arrived, in the order in which they were sent; the consumer may see them.
  void deliver(unsigned producer, std::uint64_t pixels);

  // Consumer side
  bool has(std::uint64_t pixels) const { return complete_ >= pixels; }
  /// Waits until `pixels` pixels, counted from the start of the run, have been delivered by all
  /// producers.
  void wait_for(std::uint64_t pixels);
  /// Gives all rows before `row` (image * height + y) back.
  void free_rows(std::uint64_t row);
  /// Byte offset in the ring of a row.
  std::uint64_t row_offset(std::uint64_t row) const { return row % port_.ring_rows * row_bytes_; }
  bool is_starving() const { return arrived_.is_waiting(); }

 private:
  struct Producer;
  struct Place {
    std::uint64_t row = 0, column = 0;
    void pass(const Producer &producer, std::uint64_t pixels);
  };
  struct Producer {
    explicit Producer(Activity &activity) : room(activity) {}
    std::uint64_t offset = 0, bytes = 0;             // slice within a pixel
    std::uint64_t first_column = 0, end_column = 0;  // strip within a row
    Place sent, arrived;                             // of the next pixels
    Gate room;
  };
  /// Pixels from the start of the run up to the next one that has not arrived.
  std::uint64_t frontier(const Producer &producer) const {
    return producer.arrived.row * width_ + producer.arrived.column;
  }
  bool has_room(const Producer &producer) const {
    return producer.sent.row < freed_rows_ + port_.ring_rows;
  }

  program::InputPort port_;
  std::uint64_t pixel_bytes_, row_bytes_, width_;
  std::vector<std::unique_ptr<Producer>> producers_;
  std::uint64_t complete_ = 0;  // pixels that nobody still has to deliver
  std::uint64_t wanted_ = 0;    // by the waiting consumer
  std::uint64_t freed_rows_ = 0;
  Gate arrived_;
};

template <typename Copy>
void StreamPort::place(unsigned producer, std::uint64_t pixels, Copy copy) const {
  const Producer &from = *producers_[producer];
  std::uint64_t offset = row_offset(from.sent.row) + from.sent.column * pixel_bytes_ + from.offset;
  if (from.bytes == pixel_bytes_) {
    copy(offset, from.bytes * pixels);
    return;
  }
  for (std::uint64_t i = 0; i < pixels; ++i, offset += pixel_bytes_) copy(offset, from.bytes);
}

/// A receiver of pixels: one of a port's producers, and the address that reaches it.
struct StreamTarget {
  StreamPort *port = nullptr;
  unsigned producer = 0;
  std::uint64_t address = 0;
};

/// Waits until all targets of a packet have room. Those after the first one become the posting's
/// further addresses.
void wait_for_room(const std::vector<StreamTarget> &targets, Posting &posting);

}  // namespace npim::chip
