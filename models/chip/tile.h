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
#include "chip/stage_engine.h"
#include "chip/tile_units.h"

namespace npim::chip {

class Tile : public sc_core::sc_module {
 public:
  /// Stream data is delivered within the call, which may wait; all other accesses add their time to
  /// the annotated delay. Addresses that name nothing get an address error.
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

  /// Sends an output pixel; returns when it has been delivered.
  void send(tlm::tlm_generic_payload &payload, bool local);

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
  bool receive(const ChipAddress &address, const tlm::tlm_generic_payload &payload,
               sc_core::sc_time &delay);

  ChipContext &context_;
  bool dropped_ = false;
  const Payer &payer_;  ///< for what the chip's controller wants
  std::vector<std::unique_ptr<Ima>> imas_;
  std::vector<std::unique_ptr<StageEngine>> stages_;
};

}  // namespace npim::chip
