// A tile ([NP] section 5): IMAs, the units that they share, and the controller that runs the
// stages loaded into it. One socket each way connects it to the NoC.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <systemc>
#include <tlm>
#include <vector>

#include "chip/address.h"
#include "chip/chip_context.h"
#include "chip/ima.h"
#include "chip/payload.h"
#include "chip/stage_engine.h"
#include "chip/tile_units.h"

namespace npim::chip {

class Tile : public sc_core::sc_module {
 public:
  /// Stream data is taken at once and delivered when it has arrived (after the annotated delay,
  /// which stays) and is in the eDRAM; all other accesses add their time to the annotated delay.
  /// Addresses that name nothing get an address error.
  tlm_utils::simple_target_socket<Tile> from_noc;
  tlm_utils::simple_initiator_socket<Tile> to_noc;

  /// `number` of the tile on the chip.
  Tile(const sc_core::sc_module_name &module_name, ChipContext &context, int number);

  Ima &ima(int i) { return *imas_[static_cast<std::size_t>(i)]; }
  /// By number in the tile.
  Crossbar &crossbar(int array) {
    return ima(array / context_.config.arrays_per_ima)
        .crossbar(array % context_.config.arrays_per_ima);
  }

  /// From now on nothing in the tile answers: every access gets a generic error.
  void drop() { dropped_ = true; }
  bool is_dropped() const { return dropped_; }

  /// The stage in a slot, or null.
  StageEngine *stage(unsigned slot);
  /// Ends and forgets all stages.
  void unload();

  /// Forgets what is reserved of bus, converters and post-processing.
  void release_units() {
    bus.release();
    nnadc.release();
    post.release();
  }

  /// Sends output pixels; returns when they have left the tile's buffers, or have been delivered to
  /// one of its own. `posting` is the payload's.
  void send(tlm::tlm_generic_payload &payload, const Posting &posting, bool local);

  SharedTime shared_time;
  Edram edram;
  TileBus bus;
  Nnadc nnadc;
  PostProcessor post;

 private:
  void b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay);
  bool access_edram(const ChipAddress &address, tlm::tlm_generic_payload &payload,
                    sc_core::sc_time &delay);
  bool access_crossbar(const ChipAddress &address, tlm::tlm_generic_payload &payload,
                       sc_core::sc_time &delay);
  bool access_levels(const ChipAddress &address, tlm::tlm_generic_payload &payload,
                     sc_core::sc_time &delay);
  void book_writes(int rows) const;
  bool load_stage(const ChipAddress &address, const tlm::tlm_generic_payload &payload,
                  sc_core::sc_time &delay);
  sc_core::sc_time write_constants(const program::InputPort &port, const sc_core::sc_time &after);
  /// Pixels on their way to a stage's input buffer.
  struct Packet {
    StageEngine *stage;
    StreamPort *port;
    unsigned producer;
    std::uint64_t pixels, bytes;
  };
  bool receive(const ChipAddress &address, const tlm::tlm_generic_payload &payload,
               const sc_core::sc_time &delay);
  void store(const Packet &packet);

  ChipContext &context_;
  bool dropped_ = false;
  const Payer &payer_;  ///< for what the chip's controller wants
  std::vector<std::unique_ptr<Ima>> imas_;
  std::vector<std::unique_ptr<StageEngine>> stages_;
};

}  // namespace npim::chip
