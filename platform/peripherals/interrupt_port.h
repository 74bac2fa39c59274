// An interrupt input that may stay unbound.
#pragma once

#include <systemc>

namespace npim::peripherals {

using OptionalInterruptIn =
    sc_core::sc_port<sc_core::sc_signal_in_if<bool>, 1, sc_core::SC_ZERO_OR_MORE_BOUND>;

}  // namespace npim::peripherals
