// npim run: the virtual platform with firmware, a program and images.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>

#include "app/chip_activity.h"
#include "app/command.h"
#include "app/debug_session.h"
#include "app/energy_report.h"
#include "app/hart_views.h"
#include "app/progress.h"
#include "app/prompted_bytes.h"
#include "app/results.h"
#include "app/statistics.h"
#include "app/terminal_input.h"
#include "app/text_table.h"
#include "app/timeline.h"
#include "base/file.h"
#include "board/board.h"
#include "debug/call_profile.h"
#include "debug/instruction_trace.h"
#include "mapping/mapping.h"
#include "network/dataset.h"
#include "report/html_page.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using sc_core::sc_time;

constexpr std::size_t kLargestKernel = std::size_t{512} << 20;

struct RunOptions {
  std::string platform, chip, firmware, program, images, labels, bootargs, uart_input,
      uart_input_after, kernel, initrd, accounting, schedule;
  HartViewOptions views;
  report::ReportFiles report;
  TimelineOptions timeline;
  int count = 0, show = 5, batch = 0;
  double timeout_s = 0, quantum_ns = 0;
  bool no_dmi = false, check = false, oracle = false, stats = false;
  std::optional<DebugOptions> gdb;
};

bool parse(const Arguments &arguments, RunOptions &to) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("platform", po::value(&to.platform)->required(), "platform file (configs/platforms/*.json)");
  add("chip", po::value(&to.chip), "chip file (configs/chips/*.json) in place of the platform's");
  add("firmware", po::value(&to.firmware)->required(), "ELF file for RV64GC");
  add("kernel", po::value(&to.kernel),
      "Linux kernel (\"Image\", not compressed), placed where it asks to be; the firmware is then "
      "OpenSBI's fw_jump.elf");
  add("initrd", po::value(&to.initrd), "initial RAM disk for the kernel, placed in DRAM");
  add("program", po::value(&to.program), "program from `npim compile`, placed in DRAM");
  add("images", po::value(&to.images), "IDX (also .gz) or CIFAR-10 binary, placed in DRAM as IDX");
  add("labels", po::value(&to.labels), "IDX labels (a CIFAR batch has its own)");
  add("count", po::value(&to.count), "only the first so many images");
  add("show", po::value(&to.show)->default_value(5), "draw so many digits as text (demo_cnn)");
  add("batch", po::value(&to.batch), "images per RUN command (demo_cnn)");
  add("bootargs", po::value(&to.bootargs), "boot arguments for the firmware, before those above");
  add("check", po::bool_switch(&to.check),
      "compare every logit with the integer golden executor's; exit 1 if one differs");
  add("json", po::value(&to.report.json), "write predictions, logits and counters");
  add("html", po::value(&to.report.html_folder), "folder for a page with charts (run.html)");
  add("trace", po::value(&to.timeline.trace),
      "write a timeline for ui.perfetto.dev (Chrome trace JSON)");
  add("trace-select", po::value(&to.timeline.trace_select),
      "what it shows: paths with stars, such as 'chip.tile3.*,hart0.functions.npim_*' or '*' "
      "(default: functions, interrupts, commands, DMA, stages and the host link)");
  add("vcd", po::value(&to.timeline.vcd), "write waveforms for GTKWave");
  add("vcd-select", po::value(&to.timeline.vcd_select),
      "which signals, in the same way (default: interrupts, queue, stages and the host link)");
  add("timeout", po::value(&to.timeout_s)->default_value(10),
      "end the run after so many simulated seconds");
  add("quantum-ns", po::value(&to.quantum_ns),
      "how far the hart may run ahead; changes speed, never results");
  add("no-dmi", po::bool_switch(&to.no_dmi),
      "move the hart's data by transactions; changes speed, never results");
  add("oracle", po::bool_switch(&to.oracle),
      "compute every input slice on every bit line: slow, same results and times");
  add("schedule", po::value(&to.schedule)->default_value("pipelined"),
      "pipelined, or layer-by-layer: a layer begins an image when it has all of it (demo_cnn; for "
      "programs compiled with the same option)");
  add("accounting", po::value(&to.accounting)->default_value("per-action"),
      "how the chip's energy is counted, also in its registers: per-action (counts times energy "
      "per "
      "action, plus leakage) or powered-time (power times the time a part was on)");
  add("uart-input", po::value(&to.uart_input),
      "file whose bytes the UART receives (default: the terminal, if there is one)");
  add("uart-input-after", po::value(&to.uart_input_after),
      "hold --uart-input back until the UART has sent this text");
  add("stats", po::bool_switch(&to.stats), "print what the hart did, and how fast");
  add("trace-instructions", po::value(&to.views.trace),
      "write every retired instruction with its symbol and what it wrote");
  add("trace-filter", po::value(&to.views.trace_filter),
      "of them only those in these functions and address ranges (main,0x80000000-0x80001000)");
  add("profile", po::value(&to.views.profile),
      "write a call profile of the firmware (callgrind format, for KCachegrind)");
  int gdb_port = 0;
  bool gdb_any_address = false, gdb_wait = false;
  add("gdb", po::value(&gdb_port), "listen for GDB on this TCP port (0: a free one)");
  add("gdb-any-address", po::bool_switch(&gdb_any_address),
      "listen on all network interfaces instead of the loopback one: whoever connects has control");
  add("wait", po::bool_switch(&gdb_wait),
      "with --gdb: stand before the first instruction until a debugger continues");
  po::variables_map values;
  if (!parse_arguments(arguments,
                       "Usage: npim run --platform FILE --firmware ELF [--program FILE.npim] "
                       "[--images FILE] [--labels FILE] ...\n\n"
                       "Boots firmware on the virtual platform. Exit status: 0 when firmware ends "
                       "with \"pass\" or is\nstopped from the terminal, 1 when it fails, traps, "
                       "hangs or --check finds a difference, 2 for bad input.",
                       options, "", values)) {
    return false;
  }
  const auto refuse = [](const std::string &what) { throw InputError("command line", what); };
  if (values.count("count") != 0 && to.count < 1) refuse("--count must be at least 1");
  if (values.count("batch") != 0 && to.batch < 1) refuse("--batch must be at least 1");
  accounting_of(to.accounting);
  if (to.schedule != "pipelined" && to.schedule != "layer-by-layer") {
    refuse("--schedule must be pipelined or layer-by-layer");
  }
  if (to.show < 0) refuse("--show must not be negative");
  if (!(to.timeout_s > 0 && to.timeout_s <= 1e6)) refuse("--timeout must be from 0 to 1e6 seconds");
  if (values.count("quantum-ns") != 0 && !(to.quantum_ns >= 0.001 && to.quantum_ns <= 1e9)) {
    refuse("--quantum-ns must be from 0.001 to 1e9");
  }
  if (to.check && (to.program.empty() || to.images.empty())) {
    refuse("--check needs --program and --images");
  }
  if (!to.labels.empty() && to.images.empty()) refuse("--labels needs --images");
  if (!to.initrd.empty() && to.kernel.empty()) refuse("--initrd needs --kernel");
  if (!to.uart_input_after.empty() && to.uart_input.empty()) {
    refuse("--uart-input-after needs --uart-input");
  }
  if (!to.views.trace_filter.empty() && to.views.trace.empty()) {
    refuse("--trace-filter needs --trace-instructions");
  }
  if (values.count("trace-select") != 0 && to.timeline.trace.empty()) {
    refuse("--trace-select needs --trace");
  }
  if (values.count("vcd-select") != 0 && to.timeline.vcd.empty()) {
    refuse("--vcd-select needs --vcd");
  }
  const bool gdb = values.count("gdb") != 0;
  if (gdb && (gdb_port < 0 || gdb_port > 65535)) refuse("--gdb must be from 0 to 65535");
  if (!gdb && (gdb_wait || gdb_any_address)) refuse("--wait and --gdb-any-address need --gdb");
  if (gdb) to.gdb = {static_cast<std::uint16_t>(gdb_port), gdb_any_address, gdb_wait};
  return true;
}

/// What the user named on the command line, read and checked before anything is simulated.
struct Inputs {
  board::PlatformConfig platform;
  std::optional<config::ChipConfig> chip;
  Bytes program_bytes;
  std::optional<program::Program> program;
  std::optional<network::LabelledImages> images;
};

void check_image_shape(const RunOptions &options, const Inputs &inputs) {
  if (!inputs.program || !inputs.images) return;
  const auto &shape = inputs.program->network.input_shape;
  const auto &images = *inputs.images;
  if (images.height == shape.height && images.width == shape.width &&
      images.channels == shape.channels) {
    return;
  }
  const auto text = [](int h, int w, int c) {
    return std::to_string(h) + " x " + std::to_string(w) + " x " + std::to_string(c);
  };
  throw InputError(options.images, "has images of " +
                                       text(images.height, images.width, images.channels) +
                                       ", the program " + options.program + " takes " +
                                       text(shape.height, shape.width, shape.channels));
}

void check_whole_images(const program::Program &program, const std::string &name) {
  for (const program::ControlProgram &segment : program.segments) {
    for (const program::Stage &stage : segment.stages) {
      for (const program::InputPort &port : stage.inputs) {
        if (port.ring_rows >= port.shape.height) continue;
        throw InputError(
            name, "was not compiled with --schedule layer-by-layer: a buffer of layer " +
                      std::to_string(stage.layer) + " holds " + std::to_string(port.ring_rows) +
                      " of " + std::to_string(port.shape.height) + " rows");
      }
    }
  }
}

Inputs read_inputs(const RunOptions &options) {
  Inputs inputs;
  inputs.platform = board::PlatformConfig::load(options.platform);
  if (options.quantum_ns > 0) {
    inputs.platform.hart.quantum = sc_time(options.quantum_ns, sc_core::SC_NS);
  }
  if (options.no_dmi) inputs.platform.hart.dmi = false;
  if (!options.chip.empty()) inputs.platform.chip_path = options.chip;
  if (!inputs.platform.chip_path.empty()) {
    inputs.chip = config::load_chip_config(inputs.platform.chip_path);
    config::require_simulated(*inputs.chip, inputs.platform.chip_path);
  }
  if (!options.program.empty()) {
    inputs.program_bytes = read_file(options.program);
    inputs.program = program::deserialise_program(inputs.program_bytes, options.program);
    if (options.schedule == "layer-by-layer") check_whole_images(*inputs.program, options.program);
    if (!inputs.chip) throw InputError(options.platform, "has no chip to run a program on");
    mapping::check_fits(*inputs.program, *inputs.chip, options.program);
  }
  if (!options.images.empty()) {
    inputs.images = network::load_images(options.images, options.labels);
    truncate(*inputs.images, options.count);
    check_image_shape(options, inputs);
  }
  return inputs;
}

std::string boot_arguments(const RunOptions &options, const Inputs &inputs) {
  std::string text = options.bootargs;
  const auto add = [&](const std::string &key, long value) {
    text += (text.empty() ? "" : " ") + key + "=" + std::to_string(value);
  };
  if (inputs.images) {
    add("count", inputs.images->count);
    add("show", options.show);
    if (options.batch > 0) add("batch", options.batch);
    if (options.schedule == "layer-by-layer") add("layer_by_layer", 1);
  }
  return text;
}

/// The board with chip, files and terminal.
class Session {
 public:
  Session(const RunOptions &options, Inputs &inputs)
      : options_(options), inputs_(inputs), board_("board", inputs.platform) {
    if (inputs.chip) {
      accelerator_ = std::make_unique<accelerator::Accelerator>(
          "accelerator", *inputs.chip,
          options.oracle ? dataflow::Kernel::kPerCycle : dataflow::Kernel::kFolded);
      accelerator_->chip().set_accounting(accounting());
      board_.attach(*accelerator_);
    }
    board_.load_elf(options.firmware);
    if (!options.kernel.empty()) {
      board_.load_kernel(read_file(options.kernel, kLargestKernel), options.kernel);
    }
    if (!options.initrd.empty()) {
      board_.load_initrd(read_file(options.initrd, kLargestKernel), options.initrd);
    }
    add_files();
    connect_terminal();
    views_.emplace(options.views, board_, options.firmware);
    timeline_.emplace(options.timeline, board_, accelerator_.get(),
                      inputs.program ? &*inputs.program : nullptr, *views_);
    if (options.gdb) debug_.emplace(*options.gdb, board_, views_->hubs(), accelerator_.get());
  }

  board::RunResult run() {
    Progress progress("simulated microseconds", std::lround(options_.timeout_s * 1e6));
    const auto result = board_.run(sc_time(options_.timeout_s, sc_core::SC_SEC), [&] {
      if (on_console_) return;  // it would be drawn into the guest's screen
      progress.at(std::lround(sc_core::sc_time_stamp().to_seconds() * 1e6));
    });
    std::cout.flush();
    timeline_->finish();
    if (debug_) debug_->finish(result.exit_code);
    views_->finish();
    return result;
  }

  board::Board &board() { return board_; }
  bool has_results() const { return has_results_; }
  const accelerator::Accelerator *accelerator() const { return accelerator_.get(); }
  cost::Accounting accounting() const { return accounting_of(options_.accounting); }
  std::vector<program::LayerRecord> layers() const {
    return inputs_.program ? inputs_.program->layers : std::vector<program::LayerRecord>();
  }

 private:
  void add_files() {
    if (inputs_.program) board_.add_file("program", inputs_.program_bytes);
    if (inputs_.images) {
      board_.add_file("images", idx_images(*inputs_.images));
      if (!inputs_.images->labels.empty()) {
        board_.add_file("labels", idx_labels(inputs_.images->labels));
      }
    }
    if (inputs_.program && inputs_.images) {
      const auto outputs = static_cast<std::uint64_t>(
          inputs_.program->network.layers.back().output_shape.elements());
      board_.add_output("results",
                        results_bytes(static_cast<std::uint64_t>(inputs_.images->count), outputs));
      has_results_ = true;
    }
    board_.set_bootargs(boot_arguments(options_, inputs_));
  }

  void connect_terminal() {
    const bool on_terminal = isatty(STDOUT_FILENO) != 0;  // a prompt ends without a new line
    PromptedBytes *prompted = connect_input();
    board_.uart().set_sink([on_terminal, prompted](char c) {
      std::cout.put(c);
      if (c == '\n' || on_terminal) std::cout.flush();
      if (prompted != nullptr) prompted->sent(c);
    });
  }

  /// Returns the source that watches what the UART sends, if there is one.
  PromptedBytes *connect_input() {
    const std::chrono::microseconds interval(100);
    const sc_time simulated(static_cast<double>(interval.count()), sc_core::SC_US);
    if (!options_.uart_input.empty()) {
      const Bytes bytes = read_file(options_.uart_input);
      auto source = std::make_unique<PromptedBytes>(std::string(bytes.begin(), bytes.end()),
                                                    options_.uart_input_after);
      PromptedBytes *watching = source.get();
      board_.set_uart_input(std::move(source), simulated);
      return watching;
    }
    if (isatty(STDIN_FILENO) == 0) return nullptr;
    TerminalInput::Settings settings;
    settings.is_idle = [this] { return board_.all_harts_wait(); };
    settings.interval = interval;
    if (!options_.kernel.empty()) {
      on_console_ = true;
      settings.on_escape = [this] { board_.stop("stopped from the terminal", kSuccess); };
      std::cerr << "The terminal is the board's serial console. Ctrl-] ends the run.\n";
    }
    board_.set_uart_input(std::make_unique<TerminalInput>(std::move(settings)), simulated);
    return nullptr;
  }

  const RunOptions &options_;
  Inputs &inputs_;
  board::Board board_;
  std::unique_ptr<accelerator::Accelerator> accelerator_;
  std::optional<HartViews> views_;
  std::optional<Timeline> timeline_;
  std::optional<DebugSession> debug_;
  bool on_console_ = false;  ///< the terminal belongs to the guest
  bool has_results_ = false;
};

/// Compares the firmware's logits with the golden executor's. Returns whether all are equal; in
/// statistical and circuit fidelity, where they are not meant to be, whether all are there.
bool check_results(const RunOptions &options, const Inputs &inputs, const Results &results) {
  if (results.count == 0) {
    std::cout << "check: the firmware wrote no results\n";
    return false;
  }
  Progress progress("checking against the golden executor", results.count);
  const LogitCheck check = compare_with_golden(inputs.program->network, *inputs.images, results,
                                               [&](long done) { progress.at(done); });
  std::cout << "check: " << check.equal << " of " << check.total
            << " logits equal the golden executor's";
  const bool ideal = inputs.chip->fidelity == config::Fidelity::kIdeal;
  if (!ideal) {
    std::cout << ", " << check.same_class << " of " << check.images
              << " images have the same class (" << config::to_text(inputs.chip->fidelity)
              << " fidelity: differences are no error)";
  }
  if (results.count < static_cast<std::uint32_t>(inputs.images->count)) {
    std::cout << " (only " << results.count << " of " << inputs.images->count
              << " images were classified)";
  }
  std::cout << '\n';
  if (ideal && !check.first_difference.empty()) {
    std::cout << "check: first difference in " << options.images << ": " << check.first_difference
              << '\n';
  }
  return (check.equal == check.total || !ideal) &&
         results.count == static_cast<std::uint32_t>(inputs.images->count);
}

const char *end_name(board::End end) {
  switch (end) {
    case board::End::kPass:
      return "pass";
    case board::End::kFail:
      return "fail";
    case board::End::kReset:
      return "reset";
    case board::End::kTimeout:
      return "timeout";
    case board::End::kIdle:
      return "idle";
    case board::End::kStopped:
      return "stopped";
    default:
      return "lost";
  }
}

struct Outcome {
  board::RunResult result;
  cpu::HartStatistics hart;
  double host_s = 0;
  Results results;
  std::optional<bool> check_passed;
};

void print_summary(const Outcome &outcome) {
  const double simulated_s = outcome.result.time.to_seconds();
  std::cout << "Simulated " << fixed(simulated_s * 1e3, 3) << " ms ("
            << with_thousands(static_cast<long long>(outcome.hart.instructions))
            << " instructions) in " << fixed(outcome.host_s, 2) << " host seconds\n";
  if (outcome.result.end != board::End::kPass) {
    std::cout.flush();
    std::cerr << "npim run: " << outcome.result.reason << '\n';
  }
}

void add_outcome(const Outcome &outcome, boost::json::object &json) {
  json["end"] = end_name(outcome.result.end);
  json["exit_code"] = outcome.result.exit_code;
  json["reason"] = outcome.result.reason;
  json["simulated_ps"] =
      static_cast<std::int64_t>(std::llround(outcome.result.time / sc_time(1, sc_core::SC_PS)));
  json["instructions"] = outcome.hart.instructions;
  json["hart_cycles"] = outcome.hart.cycles;
  json["exceptions"] = outcome.hart.exceptions;
  json["interrupts"] = outcome.hart.interrupts;
  json["device_reads"] = outcome.hart.device_reads;
  json["device_writes"] = outcome.hart.device_writes;
  json["host_seconds"] = outcome.host_s;
}

boost::json::object configurations(const RunOptions &options, const Inputs &inputs) {
  boost::json::object json = {{"platform", config::Node::load(options.platform).value()},
                              {"program", options.program},
                              {"firmware", options.firmware},
                              {"images", options.images},
                              {"bootargs", options.bootargs},
                              {"batch", options.batch},
                              {"schedule", options.schedule},
                              {"accounting", options.accounting}};
  if (inputs.chip) json["chip"] = config::Node::load(inputs.platform.chip_path).value();
  return json;
}

boost::json::object json_report(const RunOptions &options, const Inputs &inputs,
                                const Outcome &outcome, const Session &session) {
  const accelerator::Accelerator *accelerator = session.accelerator();
  auto json = report::begin_report("run", 0, configurations(options, inputs));
  add_outcome(outcome, json);
  if (inputs.program) json["network"] = inputs.program->name;
  if (accelerator != nullptr) {
    const auto &counters = accelerator->chip().counters();
    json["chip"] = {{"windows", counters.windows},
                    {"conversions", counters.conversions},
                    {"input_cycles", counters.cycles},
                    {"clipped", counters.clipped},
                    {"verify_failures", counters.verify_failures},
                    {"injected_faults", counters.injected_faults}};
    add_activity(accelerator->chip(), session.accounting(), session.layers(), json);
  }
  add_to_json(outcome.results, json);
  if (outcome.check_passed) json["check_passed"] = *outcome.check_passed;
  return json;
}

}  // namespace

int run_command(const Arguments &arguments) {
  RunOptions options;
  if (!parse(arguments, options)) return kSuccess;
  Inputs inputs = read_inputs(options);
  report::check_report_files(options.report);  // refuse now rather than after the run
  Session session(options, inputs);
  Outcome outcome;
  const auto start = std::chrono::steady_clock::now();
  outcome.result = session.run();
  outcome.host_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.hart = statistics_of_all(session.board());
  if (session.has_results()) {
    outcome.results = parse_results(session.board().read_back("results"));
  }
  print_summary(outcome);
  if (session.accelerator() != nullptr) {
    std::cout << activity_summary(session.accelerator()->chip(), session.accounting());
  }
  if (options.stats) {
    std::cout << statistics_text(outcome.hart, session.board().harts(), outcome.host_s);
    if (session.accelerator() != nullptr) {
      std::cout << activity_tables(session.accelerator()->chip(), session.accounting(),
                                   session.layers());
    }
  }
  if (options.check) outcome.check_passed = check_results(options, inputs, outcome.results);
  announce(report::write_report(json_report(options, inputs, outcome, session), options.report));
  const auto &result = outcome.result;
  const bool ended_well = result.end == board::End::kPass ||
                          (result.end == board::End::kStopped && result.exit_code == 0);
  const bool well = ended_well && outcome.check_passed.value_or(true);
  return well ? kSuccess : kProgramFailed;
}

}  // namespace npim::app
