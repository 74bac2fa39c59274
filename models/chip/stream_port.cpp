#include "chip/stream_port.h"

#include <algorithm>

namespace npim::chip {

StreamPort::StreamPort(const program::InputPort &port, Activity &activity)
    : port_(port),
      pixel_bytes_(static_cast<std::uint64_t>(port.shape.channels) * port.element_bytes),
      row_bytes_(pixel_bytes_ * static_cast<std::uint64_t>(port.shape.width)),
      width_(static_cast<std::uint64_t>(port.shape.width)),
      arrived_(activity) {
  for (unsigned i = 0; i < port.producers; ++i) {
    producers_.push_back(std::make_unique<Producer>(activity));
  }
}

void StreamPort::connect(unsigned producer, unsigned channel_offset, unsigned channels) {
  producers_[producer]->offset = std::uint64_t{channel_offset} * port_.element_bytes;
  producers_[producer]->bytes = std::uint64_t{channels} * port_.element_bytes;
}

void StreamPort::reset() {
  complete_ = wanted_ = freed_rows_ = 0;
  arrived_.reset();
  for (auto &producer : producers_) {
    producer->pixels = producer->row = producer->column = 0;
    producer->room.reset();
  }
}

void StreamPort::wait_for_room(unsigned producer) {
  Producer &from = *producers_[producer];
  while (!has_room(from)) from.room.wait();
}

void StreamPort::deliver(unsigned producer, std::uint64_t pixels) {
  Producer &from = *producers_[producer];
  from.pixels += pixels;
  from.column += pixels;
  if (from.column == width_) {
    from.column = 0;
    ++from.row;
  }
  complete_ = from.pixels;
  for (const auto &other : producers_) complete_ = std::min(complete_, other->pixels);
  if (arrived_.is_waiting() && complete_ >= wanted_) arrived_.open();
}

void StreamPort::wait_for(std::uint64_t pixels) {
  while (complete_ < pixels) {
    wanted_ = pixels;
    arrived_.wait();
  }
}

void StreamPort::free_rows(std::uint64_t row) {
  if (row <= freed_rows_) return;
  freed_rows_ = row;
  for (auto &producer : producers_) {
    if (producer->room.is_waiting() && has_room(*producer)) producer->room.open();
  }
}

}  // namespace npim::chip
