#include "chip/stream_port.h"

#include <algorithm>
#include <limits>

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

void StreamPort::connect(unsigned producer, const program::Rectangle &part) {
  Producer &from = *producers_[producer];
  from.offset = static_cast<std::uint64_t>(part.first_channel) * port_.element_bytes;
  from.bytes = static_cast<std::uint64_t>(part.channels) * port_.element_bytes;
  from.first_column = static_cast<std::uint64_t>(part.first_column);
  from.sent = from.arrived = {0, from.first_column};
  from.end_column = from.first_column + static_cast<std::uint64_t>(part.columns);
}

void StreamPort::reset() {
  wanted_ = freed_rows_ = 0;
  // Channels that are all constant are always there.
  complete_ = producers_.empty() ? std::numeric_limits<std::uint64_t>::max() : 0;
  arrived_.reset();
  for (auto &producer : producers_) {
    producer->sent = producer->arrived = {0, producer->first_column};
    producer->room.reset();
  }
}

void StreamPort::wait_for_room(unsigned producer) {
  Producer &from = *producers_[producer];
  while (!has_room(from)) from.room.wait();
}

/// Pixels of one packet are in one row.
void StreamPort::Place::pass(const Producer &producer, std::uint64_t pixels) {
  column += pixels;
  if (column < producer.end_column) return;
  column = producer.first_column;
  ++row;
}

void StreamPort::deliver(unsigned producer, std::uint64_t pixels) {
  Producer &from = *producers_[producer];
  from.arrived.pass(from, pixels);
  complete_ = frontier(from);
  for (const auto &other : producers_) complete_ = std::min(complete_, frontier(*other));
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

void wait_for_room(const std::vector<StreamTarget> &targets, Posting &posting) {
  posting.further.clear();
  for (const StreamTarget &target : targets) {
    target.port->wait_for_room(target.producer);
    if (&target != &targets.front()) posting.further.push_back(target.address);
  }
}

}  // namespace npim::chip
