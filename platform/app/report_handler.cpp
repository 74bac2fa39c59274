#include "app/report_handler.h"

#include <iostream>
#include <systemc>

namespace npim::app {
namespace {

void handle(const sc_core::sc_report &report, const sc_core::sc_actions &actions) {
  if ((actions & sc_core::SC_THROW) != 0) throw report;
  if (report.get_severity() == sc_core::SC_FATAL) {
    sc_core::sc_report_handler::default_handler(report, actions);
    return;
  }
  const char *severity = report.get_severity() == sc_core::SC_INFO ? "info" : "warning";
  std::cout.flush();
  std::cerr << '[' << report.get_time() << "] " << severity << ": " << report.get_msg_type() << ": "
            << report.get_msg() << '\n';
}

}  // namespace

void install_report_handler() {
  sc_core::sc_report_handler::set_handler(handle);
  // SystemC's own remark that sc_stop was called from a process is no news to the user.
  sc_core::sc_report_handler::set_actions(sc_core::SC_ID_SIMULATION_STOP_CALLED_TWICE_,
                                          sc_core::SC_DO_NOTHING);
}

}  // namespace npim::app
