#include "app/hart_views.h"

#include "base/file.h"

namespace npim::app {
namespace {

debug::Symbols symbols_of(const board::ElfImage &firmware) {
  std::vector<debug::Function> functions;
  for (const auto &symbol : firmware.symbols) {
    functions.push_back({symbol.address, symbol.address + symbol.size, symbol.name});
  }
  return debug::Symbols(std::move(functions));
}

std::string of_hart(const std::string &path, unsigned hart) {
  return hart == 0 ? path : path + ".hart" + std::to_string(hart);
}

}  // namespace

HartViews::HartViews(const HartViewOptions &options, board::Board &board,
                     const std::string &firmware)
    : symbols_(symbols_of(board.firmware())) {
  for (unsigned i = 0; i < board.harts(); ++i) {
    views_.push_back(std::make_unique<View>(board.hart(i)));
    View &view = *views_.back();
    if (!options.trace.empty()) start_trace(view, of_hart(options.trace, i), options.trace_filter);
    if (!options.profile.empty()) start_profile(view, of_hart(options.profile, i), firmware);
  }
}

void HartViews::start_trace(View &view, const std::string &path, const std::string &filter) {
  std::vector<debug::AddressRange> ranges;
  if (!filter.empty()) ranges = symbols_.parse_filter(filter, "--trace-filter");
  view.trace = std::make_unique<debug::InstructionTrace>(path, symbols_, std::move(ranges));
  view.hub.add(*view.trace);
}

void HartViews::start_profile(View &view, const std::string &path, const std::string &firmware) {
  write_file(path, "");  // refuse now rather than after the run
  view.profile = std::make_unique<debug::CallProfile>(symbols_, firmware);
  view.profile_path = path;
  view.hub.add(*view.profile);
}

std::vector<debug::RetireHub *> HartViews::hubs() {
  std::vector<debug::RetireHub *> hubs;
  for (const auto &view : views_) hubs.push_back(&view->hub);
  return hubs;
}

void HartViews::finish() {
  for (const auto &view : views_) {
    if (view->trace) view->trace->close();
    if (view->profile) write_file(view->profile_path, view->profile->finish());
  }
}

}  // namespace npim::app
