// What a hart did, as text (`npim run --stats`, `monitor stats`).
#pragma once

#include <string>

#include "board/board.h"
#include "cpu/hart.h"

namespace npim::app {

/// Sums over a board's harts; cycles are those of the one that is furthest.
cpu::HartStatistics statistics_of_all(board::Board &board);

/// Of statistics_of_all() for that many harts.
std::string statistics_text(const cpu::HartStatistics &hart, unsigned harts);
/// The same, after the instructions per host second.
std::string statistics_text(const cpu::HartStatistics &hart, unsigned harts, double host_s);

}  // namespace npim::app
