#include "chip/image_sender.h"

#include <algorithm>

#include "chip/address.h"

namespace npim::chip {

ImageSender::ImageSender(ChipContext &context)
    : context_(context), posting_(&context.books.open(cost::kNoTile, cost::kNoLayer)) {
  payload_.set_extension(&posting_);
}

void ImageSender::connect(StreamPort &port, const program::Destination &to, unsigned channel,
                          const network::TensorShape &image) {
  const program::Rectangle part = program::sent_part(to, image);
  pixel_bytes_ = static_cast<std::size_t>(image.channels);
  port.connect(to.producer, {to.column_offset, part.columns, to.channel_offset, part.channels});
  const StreamTarget target = {&port, to.producer,
                               stream_address(to.tile, to.slot, to.port, to.producer)};
  const auto same = std::find_if(inputs_.begin(), inputs_.end(), [&](const Input &other) {
    return context_.config.noc.multicast && other.channel == channel && other.part == part;
  });
  if (same != inputs_.end()) {
    same->targets.push_back(target);
  } else {
    inputs_.push_back({part, channel, {target}});
  }
}

const std::uint8_t *ImageSender::cut_out(const std::uint8_t *row, const program::Rectangle &part) {
  const auto slice = static_cast<std::size_t>(part.channels);
  const std::uint8_t *from = row + static_cast<std::size_t>(part.first_column) * pixel_bytes_;
  if (slice == pixel_bytes_) return from;
  from += part.first_channel;
  packed_.resize(static_cast<std::size_t>(part.columns) * slice);
  for (std::size_t i = 0; i < static_cast<std::size_t>(part.columns); ++i) {
    std::copy_n(from + i * pixel_bytes_, slice, packed_.data() + i * slice);
  }
  return packed_.data();
}

void ImageSender::send_row(const std::uint8_t *row, unsigned channel,
                           tlm::tlm_fw_transport_if<> &to_noc) {
  for (const Input &input : inputs_) {
    if (input.channel != channel) continue;
    wait_for_room(input.targets, posting_);
    // A write leaves its data alone.
    auto *data = const_cast<std::uint8_t *>(cut_out(row, input.part));
    const auto bytes = static_cast<std::size_t>(input.part.columns * input.part.channels);
    prepare_write(payload_, input.targets.front().address, data, bytes);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    to_noc.b_transport(payload_, delay);
    context_.wakes.sleep_until(posting_.left);
  }
}

}  // namespace npim::chip
