#include "app/report_handler.h"

#include <cstring>
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
  // The kernel's remark that the simulation was stopped is no news to the user.
  const bool from_kernel = std::strcmp(report.get_msg_type(), "/OSCI/SystemC") == 0;
  if (from_kernel && report.get_severity() == sc_core::SC_INFO) return;
  const char *severity = report.get_severity() == sc_core::SC_INFO ? "info" : "warning";
  std::cout.flush();
  std::cerr << '[' << report.get_time() << "] " << severity << ": " << report.get_msg_type() << ": "
            << report.get_msg() << '\n';
}

}  // namespace

void install_report_handler() {
  sc_core::sc_report_handler::set_handler(handle);
}

}  // namespace npim::app
