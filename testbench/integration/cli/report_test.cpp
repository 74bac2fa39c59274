// The pages of --html, opened in headless Chromium: no errors, charts that have drawn, tables that
// sort, and the same object as --json writes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "browser.h"
#include "npim_runner.h"

namespace npim::testing {
namespace {

namespace json = boost::json;

double number_of(const json::value &value) {
  return value.is_double() ? value.get_double() : value.to_number<double>();
}

/// Equal, numbers compared by value: a browser does not tell 1 from 1.0.
bool same(const json::value &a, const json::value &b) {
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.is_object() && b.is_object()) {
    if (a.as_object().size() != b.as_object().size()) return false;
    for (const auto &[key, value] : a.as_object()) {
      const json::value *other = b.as_object().if_contains(key);
      if (other == nullptr || !same(value, *other)) return false;
    }
    return true;
  }
  if (a.is_array() && b.is_array()) {
    return std::equal(a.as_array().begin(), a.as_array().end(), b.as_array().begin(),
                      b.as_array().end(), same);
  }
  return a == b;
}

/// A number as the page writes it ("−3.2 %", "12,345"); NaN for none.
double as_number(const json::value &cell) {
  std::string text;
  const std::string written(cell.as_string());
  if (written.compare(0, 3, "\u2212") == 0) text = "-";
  for (const char c : written) {
    if ((c >= '0' && c <= '9') || c == '.' || c == '-' || c == 'e') text += c;
  }
  return text.empty() ? std::nan("") : std::stod(text);
}

void expect_sorted(const json::array &cells, bool numeric, bool ascending) {
  std::vector<double> values;
  if (!numeric) return;
  for (const auto &cell : cells) {
    if (!std::isnan(as_number(cell))) values.push_back(as_number(cell));
  }
  if (!ascending) std::reverse(values.begin(), values.end());
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end())) << json::serialize(cells);
}

class Report : public ::testing::Test {
 protected:
  /// Runs a command with both kinds of output and checks what holds of every page.
  json::object page_of(std::vector<std::string> arguments, std::size_t least_charts) {
    const std::string command = arguments.front(), folder = npim_.path("pages/deep");
    arguments.insert(arguments.end(), {"--json", npim_.path("out.json"), "--html", folder});
    const Finished finished = npim_.npim(arguments);
    EXPECT_EQ(finished.status, 0) << finished.err;
    const std::string page = folder + "/" + command + ".html";
    EXPECT_NE(finished.out.find("Written: " + page), std::string::npos) << finished.out;
    return check(page, command, least_charts);
  }

  json::object check(const std::string &page, const std::string &command,
                     std::size_t least_charts) {
    const std::string html = NpimRunner::read(page);
    EXPECT_EQ(html.find("<link"), std::string::npos) << "self-contained";
    EXPECT_EQ(html.find(" src=\""), std::string::npos) << "self-contained";
    const Visit seen = visit(page, npim_.path(""));
    if (!seen.opened) {
      if (seen.problem == "chromium is not installed") {
        skipped_ = true;
      } else {
        ADD_FAILURE() << seen.problem;
      }
      return {};
    }
    EXPECT_EQ(seen.found.at("errors"), json::array()) << json::serialize(seen.found.at("errors"));
    const json::object written = NpimRunner::read_json(npim_.path("out.json"));
    EXPECT_TRUE(same(seen.found.at("report"), written)) << "page and --json differ";
    EXPECT_EQ(written.at("command"), json::value(command));
    for (const char *key : {"version", "seed", "config"}) EXPECT_TRUE(written.contains(key)) << key;
    check_charts(seen.found, least_charts);
    check_tables(seen.found.at("sorting").as_array());
    return seen.found;
  }

  void check_charts(const json::object &found, std::size_t least) {
    const auto &charts = found.at("charts").as_array();
    EXPECT_GE(charts.size(), least);
    for (const auto &colours : charts) EXPECT_GE(colours.as_int64(), 3) << "an empty chart";
    const auto &dark = found.at("dark").as_object();
    EXPECT_EQ(dark.at("theme"), json::value("dark"));
    for (const auto &colours : dark.at("charts").as_array()) EXPECT_GE(colours.as_int64(), 3);
  }

  void check_tables(const json::array &tables) {
    EXPECT_GE(tables.size(), 1u);
    for (const auto &one : tables) {
      const auto &table = one.as_object();
      const bool numeric = table.at("numeric").as_bool();
      EXPECT_EQ(table.at("onceSaid"), json::value("ascending"));
      EXPECT_EQ(table.at("twiceSaid"), json::value("descending"));
      expect_sorted(table.at("once").as_array(), numeric, true);
      expect_sorted(table.at("twice").as_array(), numeric, false);
    }
  }

  NpimRunner npim_;
  bool skipped_ = false;
};

#define SKIP_WITHOUT_CHROMIUM() \
  if (skipped_) GTEST_SKIP() << "chromium is not installed (make test-deps)"

TEST_F(Report, OfAComparison) {
  const auto found = page_of({"compare", "--analytic", "--configs", NpimRunner::source("configs"),
                              "--networks", "neuraltalk", "mobilenet-v2"},
                             6);
  SKIP_WITHOUT_CHROMIUM();
  const std::string text(found.at("text").as_string());
  for (const char *part : {"isaac-style", "mobilenet-v2", "5.36", "If a baseline were read"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST_F(Report, OfAnEstimateOnTwoChips) {
  const auto found = page_of({"estimate", "resnet-50", "--analytic", "--chip",
                              NpimRunner::source("configs/chips/neural-pim.json")},
                             4);
  SKIP_WITHOUT_CHROMIUM();
  const auto &tiles = found.at("tiles").as_array();
  EXPECT_EQ(tiles.size(), 2u * 280) << "tiles of all chips";
  std::set<std::string> colours;
  for (const auto &tile : tiles) colours.emplace(tile.as_string());
  EXPECT_GE(colours.size(), 3u);
}

TEST_F(Report, OfAChip) {
  const auto found = page_of({"chip", NpimRunner::source("configs/chips/isaac-ce.json")}, 2);
  SKIP_WITHOUT_CHROMIUM();
  EXPECT_NE(std::string(found.at("title").as_string()).find("isaac-ce"), std::string::npos);
}

TEST_F(Report, OfADesignSpace) {
  page_of({"explore", NpimRunner::source("configs/sweeps/paper.json")}, 2);
  SKIP_WITHOUT_CHROMIUM();
}

TEST_F(Report, OfARunThroughFirmware) {
  const Finished finished = npim_.run_digits(
      {"--count", "3", "--json", npim_.path("out.json"), "--html", npim_.path("")});
  ASSERT_EQ(finished.status, 0) << finished.err;
  const bool has_stages = NpimRunner::read_json(npim_.path("out.json")).contains("stages");
  const auto found = check(npim_.path("run.html"), "run", has_stages ? 2 : 0);
  SKIP_WITHOUT_CHROMIUM();
  EXPECT_NE(std::string(found.at("text").as_string()).find("simulated time"), std::string::npos);
}

TEST_F(Report, OfANetworkWithHostileNames) {
  std::string model = NpimRunner::read(NpimRunner::source("configs/networks/digits/digits.onnx"));
  const std::string name = "/conv1/Conv", hostile = "</script>\"<";
  ASSERT_EQ(name.size(), hostile.size());
  std::size_t changed = 0;
  for (std::size_t at; (at = model.find(name)) != std::string::npos; ++changed) {
    model.replace(at, name.size(), hostile);
  }
  ASSERT_GT(changed, 0u);
  const auto found = page_of({"estimate", npim_.write("hostile.onnx", model), "--chip",
                              NpimRunner::source("configs/chips/neural-pim-small.json")},
                             4);
  SKIP_WITHOUT_CHROMIUM();
  EXPECT_NE(std::string(found.at("text").as_string()).find(hostile), std::string::npos);
}

TEST_F(Report, AFolderThatCannotBeIsRefusedBeforeTheWork) {
  const std::string file = npim_.write("file", "not a folder");
  const Finished finished = npim_.npim(
      {"chip", NpimRunner::source("configs/chips/neural-pim.json"), "--html", file + "/pages"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_NE(finished.err.find(file + "/pages"), std::string::npos) << finished.err;
  EXPECT_EQ(finished.out, "");
}

}  // namespace
}  // namespace npim::testing
