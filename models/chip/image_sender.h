// Where images enter the chip: the controller sends each row to every port that reads the image,
// or the part of the row that the port gets.
#pragma once

#include <cstdint>
#include <tlm>
#include <vector>

#include "base/bytes.h"
#include "chip/chip_context.h"
#include "chip/payload.h"
#include "chip/stream_port.h"
#include "program/stage.h"

namespace npim::chip {

class ImageSender {
 public:
  explicit ImageSender(ChipContext &context);
  ~ImageSender() { payload_.clear_extension(&posting_); }
  ImageSender(const ImageSender &) = delete;
  ImageSender &operator=(const ImageSender &) = delete;

  /// Adds a port of a channel; `image` is the shape of the whole image.
  void connect(StreamPort &port, const program::Destination &to, unsigned channel,
               const network::TensorShape &image);
  void clear() { inputs_.clear(); }
  /// Sends one row (u8, all channels of its pixels) over the NoC to the ports of a channel, part by
  /// part; returns when it has left.
  void send_row(const std::uint8_t *row, unsigned channel, tlm::tlm_fw_transport_if<> &to_noc);

 private:
  /// Ports that get the same part of a row.
  struct Input {
    program::Rectangle part;
    unsigned channel = 0;
    std::vector<StreamTarget> targets;
  };
  const std::uint8_t *cut_out(const std::uint8_t *row, const program::Rectangle &part);

  ChipContext &context_;
  Posting posting_;
  std::vector<Input> inputs_;
  std::size_t pixel_bytes_ = 0;
  Bytes packed_;
  tlm::tlm_generic_payload payload_;
};

}  // namespace npim::chip
