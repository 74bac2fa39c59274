#include "chip/tile.h"

#include <algorithm>
#include <string>

namespace npim::chip {

Tile::Tile(const sc_core::sc_module_name &module_name, ChipContext &context, int number)
    : sc_module(module_name),
      from_noc("from_noc"),
      to_noc("to_noc"),
      edram("edram", context),
      bus("bus", context),
      nnadc("nnadc", context, number),
      post("post", context),
      context_(context),
      payer_(context.books.open(number, cost::kNoLayer)) {
  for (int i = 0; i < context.config.imas_per_tile; ++i) {
    imas_.push_back(std::make_unique<Ima>(("ima" + std::to_string(i)).c_str(), context, number, i));
  }
  from_noc.register_b_transport(this, &Tile::b_transport);
}

StageEngine *Tile::stage(unsigned slot) {
  for (const auto &stage : stages_) {
    if (stage->stage().slot == slot) return stage.get();
  }
  return nullptr;
}

void Tile::unload() {
  stages_.clear();
  for (auto &ima : imas_) {
    ima->input_register.release();
    ima->output_register.release();
  }
}

void Tile::send(tlm::tlm_generic_payload &payload, const Posting &posting, bool local) {
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  if (local) {
    b_transport(payload, delay);
    context_.wakes.sleep_until(bus.ends());
  } else {
    to_noc->b_transport(payload, delay);
    context_.wakes.sleep_until(posting.left);
  }
}

void Tile::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  if (dropped_) {
    payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
    return;
  }
  const ChipAddress address = ChipAddress::decode(payload.get_address());
  bool understood = false;
  switch (address.region) {
    case ChipRegion::kEdram:
      understood = access_edram(address, payload, delay);
      break;
    case ChipRegion::kCrossbar:
      understood = access_crossbar(address, payload, delay);
      break;
    case ChipRegion::kLevels:
      understood = access_levels(address, payload, delay);
      break;
    case ChipRegion::kControl:
      understood = payload.is_write() && load_stage(address, payload, delay);
      break;
    case ChipRegion::kStream:
      understood = payload.is_write() && receive(address, payload, delay);
      break;
  }
  payload.set_response_status(understood ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
}

bool Tile::access_edram(const ChipAddress &address, tlm::tlm_generic_payload &payload,
                        sc_core::sc_time &delay) {
  const std::uint64_t bytes = payload.get_data_length();
  if (address.detail > edram.size() || bytes > edram.size() - address.detail) return false;
  const auto offset = static_cast<std::size_t>(address.detail);
  if (payload.is_read()) {
    edram.read(offset, payload.get_data_ptr(), bytes);
  } else {
    edram.write(offset, payload.get_data_ptr(), bytes);
  }
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  delay = bus.edram_transfer(now + delay, bytes, payer_) - now;
  return true;
}

/// Programming takes the time of its transfer only; the controller, which knows what else an IMA's
/// write circuit has to do, adds the pulses.
bool Tile::access_crossbar(const ChipAddress &address, tlm::tlm_generic_payload &payload,
                           sc_core::sc_time &delay) {
  const auto array = static_cast<int>(address.detail >> 24);
  const std::size_t offset = address.detail & 0xffffff;
  const std::size_t bytes = payload.get_data_length();
  if (array >= context_.config.arrays_per_tile()) return false;
  Crossbar &target = crossbar(array);
  dataflow::ArrayDatapath &cells = target.array();
  const int most_rows = context_.geometry.rows, most_vectors = context_.geometry.vectors();
  std::uint8_t *data = payload.get_data_ptr();
  if (payload.is_write()) {
    if (bytes < 4 || offset != 0) return false;
    const int rows = data[0] | data[1] << 8, vectors = data[2], shift = data[3];
    if (rows > most_rows || vectors > most_vectors) return false;
    if (bytes != 4 + static_cast<std::size_t>(rows) * static_cast<std::size_t>(vectors)) {
      return false;
    }
    const auto report =
        cells.program(reinterpret_cast<const std::int8_t *>(data + 4), rows, vectors, shift);
    context_.counters.verify_failures += static_cast<std::uint64_t>(report.failed_cells);
    target.shift = shift;
    book_writes(rows);
  } else {
    const auto width = static_cast<std::size_t>(most_vectors);
    const std::size_t size = static_cast<std::size_t>(most_rows) * width;
    if (offset > size || bytes > size - offset) return false;
    for (std::size_t i = 0; i < bytes; ++i) {
      const std::size_t at = offset + i;
      data[i] = static_cast<std::uint8_t>(
          cells.weight(static_cast<int>(at / width), static_cast<int>(at % width)) /
          (1 << target.shift));
    }
  }
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  delay = bus.transfer(now + delay, bytes, payer_) - now;
  return true;
}

/// Pulses of all cells of `rows` word lines.
void Tile::book_writes(int rows) const {
  payer_.book(cost::Part::kCellWrite,
              static_cast<std::uint64_t>(rows) *
                  static_cast<std::uint64_t>(context_.config.array.columns) *
                  static_cast<std::uint64_t>(context_.config.array.write_verify_pulses));
}

bool Tile::access_levels(const ChipAddress &address, tlm::tlm_generic_payload &payload,
                         sc_core::sc_time &delay) {
  const auto array = static_cast<int>(address.detail >> 24);
  const std::size_t offset = address.detail & 0xffffff;
  const std::size_t bytes = payload.get_data_length();
  const auto columns = static_cast<std::size_t>(context_.geometry.columns);
  const std::size_t size = static_cast<std::size_t>(context_.geometry.rows) * columns;
  if (array >= context_.config.arrays_per_tile() || offset > size || bytes > size - offset) {
    return false;
  }
  dataflow::ArrayDatapath &cells = crossbar(array).array();
  std::uint8_t *data = payload.get_data_ptr();
  if (payload.is_write()) {
    if (bytes != size) return false;
    const auto report = cells.program_levels(data);
    context_.counters.verify_failures += static_cast<std::uint64_t>(report.failed_cells);
    book_writes(context_.geometry.rows);
  } else {
    for (std::size_t i = 0; i < bytes; ++i) {
      data[i] = static_cast<std::uint8_t>(cells.level(static_cast<int>((offset + i) / columns),
                                                      static_cast<int>((offset + i) % columns)));
    }
  }
  const sc_core::sc_time now = sc_core::sc_time_stamp();
  delay = bus.transfer(now + delay, bytes, payer_) - now;
  return true;
}

/// The controller has checked the stage against the chip and against all others.
bool Tile::load_stage(const ChipAddress &address, const tlm::tlm_generic_payload &payload,
                      sc_core::sc_time &delay) {
  const auto control =
      program::decode_control(payload.get_data_ptr(), payload.get_data_length(), name());
  if (control.stages.size() != 1) return false;
  for (const auto &port : control.stages[0].inputs) delay += write_constants(port, delay);
  stages_.push_back(std::make_unique<StageEngine>(*this, context_, control.stages[0],
                                                  static_cast<std::uint32_t>(address.detail)));
  return true;
}

/// Fills in the channels of a ring that nobody delivers. Returns when they are written, counted
/// from `after` from now.
sc_core::sc_time Tile::write_constants(const program::InputPort &port,
                                       const sc_core::sc_time &after) {
  if (port.constants.empty()) return sc_core::SC_ZERO_TIME;
  const auto pixels = std::size_t{port.ring_rows} * static_cast<std::size_t>(port.shape.width);
  const auto channels = static_cast<std::size_t>(port.shape.channels);
  std::uint64_t bytes = 0;
  for (const auto &constant : port.constants) {
    for (std::size_t pixel = 0; context_.values && pixel < pixels; ++pixel) {
      std::fill_n(edram.data() + port.edram_offset + pixel * channels + constant.first,
                  constant.count, constant.value);
    }
    bytes += pixels * constant.count;
  }
  const sc_core::sc_time start = sc_core::sc_time_stamp() + after;
  return bus.edram_transfer(start, bytes, payer_) - start;
}

bool Tile::receive(const ChipAddress &address, const tlm::tlm_generic_payload &payload,
                   const sc_core::sc_time &delay) {
  StageEngine *to = stage(static_cast<unsigned>(address.detail >> 32));
  const auto number = static_cast<std::size_t>(address.detail >> 24 & 0xff);
  const auto producer = static_cast<unsigned>(address.detail >> 8 & 0xffff);
  if (to == nullptr || number >= to->stage().inputs.size()) return false;
  StreamPort &port = to->port(number);
  if (producer >= port.producers()) return false;
  const std::uint64_t bytes = payload.get_data_length();
  const std::uint64_t pixels = bytes / port.slice_bytes(producer);
  const std::uint8_t *data = payload.get_data_ptr();
  if (context_.values) {
    port.place(producer, pixels, [&](std::uint64_t offset, std::uint64_t size) {
      edram.write(port.config().edram_offset + offset, data, size);
      data += size;
    });
  }
  port.send(producer, pixels);
  context_.activity.unblock();
  const Packet packet = {to, &port, producer, pixels, bytes};
  if (delay == sc_core::SC_ZERO_TIME) {
    store(packet);
  } else {
    // The bus is asked for when the data is here, so that it serves others meanwhile.
    context_.wakes.call_at(sc_core::sc_time_stamp() + delay, [this, packet] { store(packet); });
  }
  return true;
}

void Tile::store(const Packet &packet) {
  const sc_core::sc_time end =
      bus.edram_transfer(sc_core::sc_time_stamp(), packet.bytes, packet.stage->payer());
  context_.wakes.call_at(end, [this, packet] {
    packet.stage->count_received(packet.bytes);
    packet.port->deliver(packet.producer, packet.pixels);
    context_.activity.block();
  });
}

}  // namespace npim::chip
