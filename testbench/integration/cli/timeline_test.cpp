// --trace and --vcd of `npim run`: files that viewers can open, selected by path, and no influence
// on what is simulated.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "npim_runner.h"

namespace npim::testing {
namespace {

namespace json = boost::json;

double number_of(const json::object &event, const char *key) {
  return event.at(key).to_number<double>();
}

/// One row of the timeline.
struct Row {
  std::string group, name;
  std::vector<json::object> events;
};

/// The rows of a trace, after checking what every viewer relies on.
std::map<std::pair<int, int>, Row> read_trace(const std::string &path) {
  const auto trace = NpimRunner::read_json(path);
  std::map<int, std::string> groups;
  std::map<std::pair<int, int>, Row> rows;
  for (const auto &value : trace.at("traceEvents").as_array()) {
    const auto &event = value.as_object();
    const std::string phase(event.at("ph").as_string());
    const int group = static_cast<int>(number_of(event, "pid"));
    const std::pair<int, int> place = {group, static_cast<int>(number_of(event, "tid"))};
    if (phase == "M") {
      const std::string name(event.at("args").as_object().at("name").as_string());
      if (event.at("name") == json::value("process_name")) groups[group] = name;
      if (event.at("name") == json::value("thread_name")) rows[place].name = name;
      continue;
    }
    EXPECT_TRUE(rows.count(place) != 0 && groups.count(group) != 0) << "a row without a name";
    EXPECT_TRUE(phase == "X" || phase == "B" || phase == "E" || phase == "i" || phase == "C");
    EXPECT_GE(number_of(event, "ts"), 0);
    if (phase != "E") {
      EXPECT_FALSE(event.at("name").as_string().empty());
    }
    rows[place].events.push_back(event);
  }
  for (auto &[place, row] : rows) row.group = groups[place.first];
  return rows;
}

/// Events of a row in order of time; begins and ends in pairs; spans that do not overlap.
void check_row(const Row &row) {
  SCOPED_TRACE(row.group + "." + row.name);
  double last = 0, free_at = 0;
  int depth = 0;
  for (const auto &event : row.events) {
    const double at = number_of(event, "ts");
    const std::string phase(event.at("ph").as_string());
    EXPECT_GE(at, last);
    last = at;
    if (phase == "B") ++depth;
    if (phase == "E") --depth;
    ASSERT_GE(depth, 0);
    if (phase != "X") continue;
    EXPECT_GE(at, free_at - 2e-6);
    free_at = at + number_of(event, "dur");
  }
  EXPECT_EQ(depth, 0) << "a call without an end";
}

struct Wave {
  std::string path;
  std::vector<std::pair<std::uint64_t, double>> changes;  ///< picoseconds, value
};

/// The signals of a value change dump, after checking its form.
std::map<std::string, Wave> read_waves(const std::string &path) {
  std::ifstream file(path);
  std::map<std::string, Wave> by_code;
  std::vector<std::string> scope;
  std::uint64_t now = 0;
  bool header = true;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word, kind, width, code;
    words >> word;
    if (word == "$scope") {
      words >> kind >> code;
      scope.push_back(code);
    } else if (word == "$upscope") {
      EXPECT_FALSE(scope.empty());
      scope.pop_back();
    } else if (word == "$var") {
      std::string name, whole;
      words >> kind >> width >> code >> name;
      for (const auto &part : scope) whole += part + ".";
      EXPECT_TRUE(by_code.emplace(code, Wave{whole + name, {}}).second) << code;
    } else if (word == "$enddefinitions") {
      header = false;
      EXPECT_TRUE(scope.empty());
    } else if (word[0] == '#') {
      const std::uint64_t next = std::stoull(word.substr(1));
      EXPECT_FALSE(header);
      EXPECT_GE(next, now);
      now = next;
    } else if (word[0] == 'b' || word[0] == 'r') {
      words >> code;
      const double value = word[0] == 'r'
                               ? std::stod(word.substr(1))
                               : static_cast<double>(std::stoull(word.substr(1), nullptr, 2));
      EXPECT_EQ(by_code.count(code), 1u) << line;
      by_code[code].changes.emplace_back(now, value);
    } else if (word[0] == '0' || word[0] == '1') {
      EXPECT_EQ(by_code.count(word.substr(1)), 1u) << line;
      by_code[word.substr(1)].changes.emplace_back(now, word[0] - '0');
    } else {
      EXPECT_EQ(word[0], '$') << line;
    }
  }
  std::map<std::string, Wave> by_path;
  for (auto &[code, wave] : by_code) by_path[wave.path] = std::move(wave);
  return by_path;
}

class TimelineOfARun : public ::testing::Test {
 protected:
  json::object run(std::vector<std::string> more) {
    more.insert(more.end(), {"--count", "2", "--json", npim_.path("run.json")});
    const Finished finished = npim_.run_digits(more);
    EXPECT_EQ(finished.status, 0) << finished.err;
    return NpimRunner::read_json(npim_.path("run.json"));
  }
  NpimRunner npim_;
};

TEST_F(TimelineOfARun, EverythingDrawnIsWellFormedAndChangesNothing) {
  const auto plain = run({});
  const std::string trace = npim_.path("trace.json"), waves = npim_.path("waves.vcd");
  const auto drawn =
      run({"--trace", trace, "--trace-select", "*", "--vcd", waves, "--vcd-select", "*"});
  for (const char *key : {"simulated_ps", "chip_ns", "logits", "instructions", "hart_cycles"}) {
    EXPECT_EQ(plain.at(key), drawn.at(key)) << key;
  }

  std::set<std::string> groups, names;
  std::set<std::string> functions;
  for (const auto &[place, row] : read_trace(trace)) {
    check_row(row);
    groups.insert(row.group);
    names.insert(row.name);
    if (row.name != "functions") continue;
    for (const auto &event : row.events) {
      if (event.contains("name")) functions.emplace(event.at("name").as_string());
    }
  }
  for (const char *group : {"hart0", "accelerator", "chip.tile0", "chip.noc", "chip.host_link"}) {
    EXPECT_EQ(groups.count(group), 1u) << group;
  }
  for (const char *name : {"functions", "commands", "dma", "interrupt", "stage0", "nnadc", "bus",
                           "post", "router0.east", "read"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
  EXPECT_EQ(functions.count("main"), 1u);

  const auto signals = read_waves(waves);
  const double end_ps = drawn.at("simulated_ps").to_number<double>();
  for (const auto &[path, wave] : signals) {
    const bool is_level = path.find(".busy") != std::string::npos;
    for (const auto &[at, value] : wave.changes) {
      EXPECT_LE(static_cast<double>(at), end_ps) << path;
      const bool is_share = path.find("utilisation") != std::string::npos;
      EXPECT_GE(value, 0) << path;
      if (is_level || is_share) {
        EXPECT_LE(value, 1) << path;
      }
    }
    const bool rests = is_level || path.find("in_flight") != std::string::npos;
    if (rests) {
      EXPECT_EQ(wave.changes.back().second, 0) << path << " at the end";
    }
  }
  for (const char *path : {"accelerator.busy", "accelerator.interrupt", "hart0.interrupt.external",
                           "chip.tile0.stage0.in_flight", "chip.tile0.nnadc.busy",
                           "chip.host_link.read.utilisation"}) {
    ASSERT_EQ(signals.count(path), 1u) << path;
    EXPECT_GT(signals.at(path).changes.size(), 2u) << path << " never moves";
  }
  // Firmware resets the accelerator at its end, so both are 0 again then.
  const auto most = [&](const char *path) {
    double value = 0;
    for (const auto &change : signals.at(path).changes) value = std::max(value, change.second);
    return value;
  };
  EXPECT_EQ(most("accelerator.queue_head"), most("accelerator.queue_tail")) << "all were done";
  EXPECT_GE(most("accelerator.queue_head"), 3);
}

TEST_F(TimelineOfARun, OnlyWhatIsSelectedIsDrawn) {
  const std::string trace = npim_.path("trace.json"), waves = npim_.path("waves.vcd");
  run({"--trace", trace, "--trace-select", "chip.tile0.nnadc,hart0.functions.main", "--vcd", waves,
       "--vcd-select", "*.queue_tail"});
  std::set<std::string> rows;
  for (const auto &[place, row] : read_trace(trace)) {
    check_row(row);
    rows.insert(row.group + "." + row.name);
    for (const auto &event : row.events) {
      if (row.name == "functions" && event.contains("name")) {
        EXPECT_EQ(event.at("name"), json::value("main"));
      }
    }
  }
  EXPECT_EQ(rows, (std::set<std::string>{"chip.tile0.nnadc", "hart0.functions"}));
  const auto signals = read_waves(waves);
  ASSERT_EQ(signals.size(), 1u);
  EXPECT_EQ(signals.begin()->first, "accelerator.queue_tail");
}

TEST_F(TimelineOfARun, PatternsThatSelectNothingAreRefusedByName) {
  Finished finished = npim_.run_digits(
      {"--trace", npim_.path("t.json"), "--trace-select", "accelerator,chip.tile99"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("--trace-select: 'chip.tile99'"), std::string::npos) << finished.err;
  finished = npim_.run_digits({"--vcd", npim_.path("w.vcd"), "--vcd-select", "chip,,hart0"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("--vcd-select"), std::string::npos) << finished.err;
  finished = npim_.run_digits({"--trace-select", "chip"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("--trace-select needs --trace"), std::string::npos) << finished.err;
  finished = npim_.run_digits({"--vcd", "/nowhere/w.vcd"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find("/nowhere/w.vcd"), std::string::npos) << finished.err;
}

}  // namespace
}  // namespace npim::testing
