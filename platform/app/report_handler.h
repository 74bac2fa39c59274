// How SC_REPORT messages of the models reach people: one line each on standard error.
#pragma once

namespace npim::app {

/// Warnings and information become "[<simulated time>] warning: <type>: <text>"; errors and fatal
/// reports throw sc_core::sc_report as usual.
void install_report_handler();

}  // namespace npim::app
