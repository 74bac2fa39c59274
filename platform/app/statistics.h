// What a hart did, as text (`npim run --stats`, `monitor stats`).
#pragma once

#include <string>

#include "cpu/hart.h"

namespace npim::app {

std::string statistics_text(const cpu::HartStatistics &hart);
/// The same, after the instructions per host second.
std::string statistics_text(const cpu::HartStatistics &hart, double host_s);

}  // namespace npim::app
