#include "peripherals/plic.h"

namespace npim::peripherals {
namespace {

std::uint32_t bit(unsigned source) {
  return std::uint32_t{1} << (source % 32);
}

}  // namespace

Plic::Plic(const sc_core::sc_module_name &name, unsigned harts)
    : sc_module(name),
      machine("machine", harts),
      supervisor("supervisor", harts),
      enable_(2 * harts),
      threshold_(2 * harts) {
  socket.register_b_transport(this, &Plic::b_transport);
  socket.register_transport_dbg(this, &Plic::transport_dbg);
  add_source_registers();
  for (unsigned context = 0; context < enable_.size(); ++context) add_context_registers(context);
}

void Plic::add_source_registers() {
  for (unsigned source = 0; source < kSources; ++source) {
    bus::Register priority{"priority " + std::to_string(source), kPriority + 4 * source};
    priority.writable = source == 0 ? 0 : kHighestPriority;  // source 0 does not exist
    priority.on_write = [this](std::uint64_t) {
      changed();
      return "";
    };
    priority_[source] = &registers_.add(priority);
  }
  for (unsigned word = 0; word < kWords; ++word) {
    bus::Register pending{"pending " + std::to_string(word), kPending + 4 * word};
    pending.access = bus::Access::kReadOnly;
    pending.value_of = [this, word] { return pending_[word]; };
    registers_.add(pending);
  }
}

void Plic::add_context_registers(unsigned context) {
  const std::string suffix = " of context " + std::to_string(context);
  const auto changes = [this](std::uint64_t) {
    changed();
    return "";
  };
  for (unsigned word = 0; word < kWords; ++word) {
    bus::Register enable{"enable " + std::to_string(word) + suffix,
                         kEnable + kEnableStride * context + 4 * word};
    enable.writable = word == 0 ? ~bit(0) : ~std::uint32_t{0};
    enable.on_write = changes;
    enable_[context][word] = &registers_.add(enable);
  }
  bus::Register threshold{"threshold" + suffix, kThreshold + kContextStride * context};
  threshold.writable = kHighestPriority;
  threshold.on_write = changes;
  threshold_[context] = &registers_.add(threshold);

  bus::Register claimed{"claim/complete" + suffix, kClaim + kContextStride * context};
  claimed.value_of = [this, context] { return best(context, 0); };
  claimed.on_read = [this, context] { return claim(context); };
  claimed.on_write = [this, context](std::uint64_t source) {
    complete(context, source);
    return "";
  };
  registers_.add(claimed);
}

void Plic::end_of_elaboration() {
  // One process drives the lines; only now is it known which sources are bound.
  sc_core::sc_spawn_options options;
  options.spawn_method();
  options.set_sensitivity(&update_);
  for (auto &source : sources) {
    if (source.size() != 0) options.set_sensitivity(&source->value_changed_event());
  }
  sc_core::sc_spawn([this] { update(); }, "update", &options);
}

void Plic::update() {
  for (unsigned source = 1; source < kSources; ++source) {
    const bool level = sources[source].size() != 0 && sources[source]->read();
    const bool held_back = (in_service_[source / 32] & bit(source)) != 0;
    if (level && !held_back) pending_[source / 32] |= bit(source);
  }
  for (unsigned hart = 0; hart < machine.size(); ++hart) {
    const unsigned context = 2 * hart;
    machine[hart].write(best(context, threshold_[context]->value) != 0);
    supervisor[hart].write(best(context + 1, threshold_[context + 1]->value) != 0);
  }
}

unsigned Plic::best(unsigned context, std::uint64_t threshold) const {
  unsigned best = 0;
  std::uint64_t highest = threshold;
  for (unsigned source = 1; source < kSources; ++source) {
    const unsigned word = source / 32;
    if ((pending_[word] & enable_[context][word]->value & bit(source)) == 0) continue;
    if (priority_[source]->value <= highest) continue;
    best = source;
    highest = priority_[source]->value;
  }
  return best;
}

unsigned Plic::claim(unsigned context) {
  // Specification, "Interrupt Claim Process": the threshold does not apply to a claim.
  const unsigned source = best(context, 0);
  if (source == 0) return 0;
  pending_[source / 32] &= ~bit(source);
  in_service_[source / 32] |= bit(source);
  changed();
  return source;
}

void Plic::complete(unsigned context, std::uint64_t source) {
  // A completion for a source that is not enabled for the context is silently ignored.
  if (source == 0 || source >= kSources) return;
  const auto line = static_cast<unsigned>(source);
  if ((enable_[context][line / 32]->value & bit(line)) == 0) return;
  in_service_[line / 32] &= ~bit(line);
  changed();
}

void Plic::b_transport(tlm::tlm_generic_payload &payload, sc_core::sc_time &delay) {
  registers_.b_transport(payload, delay);
}

}  // namespace npim::peripherals
