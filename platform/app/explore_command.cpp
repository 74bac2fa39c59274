// npim explore: the design space of a sweep file, with its Pareto front and the paper's optimum.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "analysis/explore.h"
#include "app/command.h"
#include "app/text_table.h"
#include "base/file.h"
#include "report/html_page.h"

namespace npim::app {
namespace {

namespace po = boost::program_options;
using analysis::DesignResult;
using analysis::Sweep;

struct ExploreOptions {
  std::string sweep, csv;
  report::ReportFiles report;
  int threads = 0, top = 10;
};

bool parse(const Arguments &arguments, ExploreOptions &to) {
  po::options_description options("Options");
  auto add = options.add_options();
  add("sweep", po::value(&to.sweep)->required(), "sweep (configs/sweeps/*.json)");
  add("csv", po::value(&to.csv),
      "write each point as it is finished; an interrupted sweep goes on from this file");
  add("json", po::value(&to.report.json),
      "write results and front as JSON when the sweep is complete");
  add("html", po::value(&to.report.html_folder), "folder for a page with charts (explore.html)");
  add("threads", po::value(&to.threads)->default_value(0), "0: as many as there are cores");
  add("top", po::value(&to.top)->default_value(10), "best points to print");
  po::variables_map values;
  if (!parse_arguments(arguments,
                       "Usage: npim explore SWEEP.json [--csv FILE] [--json FILE] [--html DIR]\n\n"
                       "Peak computation efficiency of every point of a grid of chips, from the\n"
                       "cost model and the analytic window period.",
                       options, "sweep", values)) {
    return false;
  }
  if (to.threads < 0 || to.threads > 1024) {
    throw InputError("command line", "--threads must be from 0 to 1024");
  }
  if (to.top < 0) throw InputError("command line", "--top must not be negative");
  if (to.threads == 0) {
    to.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  return true;
}

constexpr char kCsvColumns[] =
    "point,array_size,arrays,nnadcs,nnsas,dac_bits,period_ns,tile_area_mm2,tile_power_mw,"
    "gops_per_mm2,gops_per_w,converter_use";

/// Identifies the sweep, so that rows of another one are not taken over.
std::string csv_heading(const ExploreOptions &options) {
  const Bytes file = read_file(options.sweep);
  char text[64];
  std::snprintf(text, sizeof text, "# npim explore, sweep file crc32 %08x\n",
                crc32(file.data(), file.size()));
  return text + std::string(kCsvColumns) + "\n";
}

std::string csv_row(std::int64_t index, const DesignResult &r) {
  char text[512];
  std::snprintf(text, sizeof text, "%lld,%d,%d,%d,%d,%d,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g\n",
                static_cast<long long>(index), r.point.array_size, r.point.arrays, r.point.nnadcs,
                r.point.nnsas, r.point.dac_bits, r.period_ns, r.tile_area_mm2, r.tile_power_mw,
                r.gops_per_mm2, r.gops_per_w, r.converter_use);
  return text;
}

/// A complete row of this sweep, or nothing.
bool parse_row(const std::string &line, const Sweep &sweep, std::int64_t &index, DesignResult &r) {
  long long number = 0;
  int end = 0;
  const int fields = std::sscanf(
      line.c_str(), "%lld,%d,%d,%d,%d,%d,%lf,%lf,%lf,%lf,%lf,%lf%n", &number, &r.point.array_size,
      &r.point.arrays, &r.point.nnadcs, &r.point.nnsas, &r.point.dac_bits, &r.period_ns,
      &r.tile_area_mm2, &r.tile_power_mw, &r.gops_per_mm2, &r.gops_per_w, &r.converter_use, &end);
  index = number;
  return fields == 12 && static_cast<std::size_t>(end) == line.size() && index >= 0 &&
         index < sweep.size() && sweep.point(index) == r.point;
}

using Results = std::map<std::int64_t, DesignResult>;

/// Takes over the rows that the file already holds and leaves it with exactly those: a row that was
/// being written when the sweep was interrupted is computed again.
Results resume(const ExploreOptions &options, const Sweep &sweep) {
  Results results;
  const std::string heading = csv_heading(options);
  std::ifstream file(options.csv, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!text.empty() && text.compare(0, heading.size(), heading) != 0) {
    throw InputError(options.csv,
                     "holds something else than points of this sweep; remove it or "
                     "name another file");
  }
  std::string kept = heading;
  for (std::size_t at = heading.size(); at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    std::int64_t index = 0;
    DesignResult result;
    const std::string line = text.substr(at, end - at);
    if (parse_row(line, sweep, index, result) && results.emplace(index, result).second) {
      kept += line + "\n";
    }
    at = end + 1;
  }
  write_file(options.csv, kept);
  return results;
}

Results run(const ExploreOptions &options, const Sweep &sweep) {
  Results results;
  std::ofstream csv;
  if (!options.csv.empty()) {
    results = resume(options, sweep);
    csv.open(options.csv, std::ios::binary | std::ios::app);
    if (!csv) throw InputError(options.csv, "cannot be written");
    if (!results.empty()) {
      std::cout << results.size() << " points taken over from " << options.csv << '\n';
    }
  }
  std::set<std::int64_t> done;
  for (const auto &[index, result] : results) done.insert(index);
  const auto library = cost::ComponentLibrary::load(sweep.base.components);
  analysis::run_sweep(sweep, library, options.threads, done,
                      [&](std::int64_t index, const DesignResult &result) {
                        results[index] = result;
                        if (csv.is_open()) csv << csv_row(index, result) << std::flush;
                      });
  return results;
}

std::vector<std::string> row_of(const DesignResult &r) {
  return {analysis::to_text(r.point),     fixed(r.period_ns, 0),    fixed(r.tile_area_mm2, 4),
          fixed(r.tile_power_mw, 1),      fixed(r.gops_per_mm2, 0), fixed(r.gops_per_w, 0),
          fixed(100 * r.converter_use, 0)};
}

TextTable result_table() {
  return TextTable(
      {"point", "window ns", "tile mm2", "tile mW", "GOPS/s/mm2", "GOPS/s/W", "NNADCs busy %"});
}

/// Why the model prefers other points: more operations per second of a tile, or less area for them.
void print_above(const std::vector<DesignResult> &ranked, std::size_t published) {
  if (published == 0) return;
  const DesignResult &paper = ranked[published];
  std::cout << "Points that the model puts before it, and by what factor\n\n";
  TextTable table({"point", "GOPS/s of a tile", "tile area", "GOPS/s/mm2"});
  const auto gops = [](const DesignResult &r) { return r.gops_per_mm2 * r.tile_area_mm2; };
  for (std::size_t i = 0; i < published; ++i) {
    table.add({analysis::to_text(ranked[i].point), fixed(gops(ranked[i]) / gops(paper), 3),
               fixed(ranked[i].tile_area_mm2 / paper.tile_area_mm2, 3),
               fixed(ranked[i].gops_per_mm2 / paper.gops_per_mm2, 3)});
  }
  std::cout
      << table.format()
      << "More arrays share what a tile has once (bus, router, converters): the model charges "
         "a larger\ntile neither a wider bus nor a longer copy of its inputs. With fewer NNADCs "
         "their work still\nfits into the period of the window pipeline.\n\n";
}

/// One coordinate changed at a time.
void print_neighbours(const std::vector<DesignResult> &ranked, const DesignResult &paper) {
  TextTable table({"one step from the published optimum", "window ns", "tile mm2", "GOPS/s/mm2",
                   "against it %"});
  for (const DesignResult &r : ranked) {
    const int changes =
        (r.point.array_size != paper.point.array_size) + (r.point.arrays != paper.point.arrays) +
        (r.point.nnadcs != paper.point.nnadcs) + (r.point.nnsas != paper.point.nnsas) +
        (r.point.dac_bits != paper.point.dac_bits);
    if (changes != 1) continue;
    table.add({analysis::to_text(r.point), fixed(r.period_ns, 0), fixed(r.tile_area_mm2, 4),
               fixed(r.gops_per_mm2, 0),
               fixed(100 * (r.gops_per_mm2 / paper.gops_per_mm2 - 1), 1)});
  }
  std::cout << table.format();
}

void print_published(const std::vector<DesignResult> &ranked, const Sweep &sweep) {
  if (!sweep.published) return;
  const auto &paper = *sweep.published;
  const auto at = std::find_if(ranked.begin(), ranked.end(),
                               [&](const DesignResult &r) { return r.point == paper.best; });
  std::cout << "Published optimum (" << paper.source << "): " << analysis::to_text(paper.best)
            << ", " << fixed(paper.gops_per_mm2, 0) << " GOPS/s/mm2; ";
  if (at == ranked.end()) {
    std::cout << "not a point of this sweep\n";
    return;
  }
  std::cout << "the model gives " << fixed(at->gops_per_mm2, 0) << " ("
            << fixed(100 * (at->gops_per_mm2 / paper.gops_per_mm2 - 1), 1) << " %), rank "
            << at - ranked.begin() + 1 << " of " << ranked.size() << ".\n\n";
  print_above(ranked, static_cast<std::size_t>(at - ranked.begin()));
  print_neighbours(ranked, *at);
}

boost::json::object result_json(const DesignResult &r) {
  return {{"point", analysis::to_text(r.point)},
          {"array_size", r.point.array_size},
          {"arrays", r.point.arrays},
          {"nnadcs", r.point.nnadcs},
          {"nnsas", r.point.nnsas},
          {"dac_bits", r.point.dac_bits},
          {"period_ns", r.period_ns},
          {"tile_area_mm2", r.tile_area_mm2},
          {"tile_power_mw", r.tile_power_mw},
          {"gops_per_mm2", r.gops_per_mm2},
          {"gops_per_w", r.gops_per_w},
          {"converter_use", r.converter_use}};
}

boost::json::object json_report(const std::string &path, const Results &results,
                                const std::vector<DesignResult> &ranked, const Sweep &sweep) {
  boost::json::array points, front;
  for (const auto &[index, result] : results) points.push_back(result_json(result));
  for (const std::size_t i : analysis::pareto_front(ranked)) {
    front.push_back(result_json(ranked[i]));
  }
  auto json = report::begin_report("explore", 0, config::Node::load(path).value());
  json["sweep"] = sweep.name;
  json["model"] = "analytic, peak over the area and power of tiles";
  json["points"] = points;
  json["pareto_front"] = front;
  json["best"] = result_json(ranked.front());
  if (sweep.published) {
    json["published"] = {{"source", sweep.published->source},
                         {"best", analysis::to_text(sweep.published->best)},
                         {"gops_per_mm2", sweep.published->gops_per_mm2}};
  }
  return json;
}

}  // namespace

int explore_command(const Arguments &arguments) {
  ExploreOptions options;
  if (!parse(arguments, options)) return kSuccess;
  report::check_report_files(options.report);
  const Sweep sweep = analysis::load_sweep(options.sweep);
  const Results results = run(options, sweep);
  std::vector<DesignResult> ranked;
  for (const auto &[index, result] : results) ranked.push_back(result);
  std::stable_sort(ranked.begin(), ranked.end(), [](const DesignResult &a, const DesignResult &b) {
    return a.gops_per_mm2 > b.gops_per_mm2;
  });
  std::cout << "Sweep " << sweep.name << ": " << ranked.size() << " points around "
            << sweep.base.name << "; peak, over area and power of the tiles (analytic model)\n"
            << "N: array size, D: DAC bits, A: NNADCs, S: NNS+As, M: arrays of a tile; eDRAM "
            << (sweep.edram_follows_arrays ? "grows with the weights of a tile" : "stays")
            << "\n\n";
  TextTable best = result_table();
  for (std::size_t i = 0; i < ranked.size() && i < static_cast<std::size_t>(options.top); ++i) {
    best.add(row_of(ranked[i]));
  }
  TextTable front = result_table();
  for (const std::size_t i : analysis::pareto_front(ranked)) front.add(row_of(ranked[i]));
  std::cout << best.format() << "\nPareto front of both efficiencies\n\n" << front.format() << '\n';
  print_published(ranked, sweep);
  announce(
      report::write_report(json_report(options.sweep, results, ranked, sweep), options.report));
  return kSuccess;
}

}  // namespace npim::app
