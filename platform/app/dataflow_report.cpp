#include "app/dataflow_report.h"

#include <cmath>
#include <iostream>
#include <map>

#include "app/svg_plot.h"
#include "app/text_table.h"
#include "base/file.h"

namespace npim::app {
namespace {

namespace json = boost::json;
using dataflow::Strategy;

const char *name_of(Strategy strategy) {
  switch (strategy) {
    case Strategy::kDigitalAccumulation:
      return "A, digital accumulation";
    case Strategy::kAnalogBuffering:
      return "B, analog buffering";
    case Strategy::kAnalogAccumulation:
      break;
  }
  return "C, analog accumulation";
}

std::string percent(double value) {
  return value < 0 ? "-" : fixed(value, 2);
}

void write_plot(const SvgPlot &plot, const std::string &folder, const std::string &name) {
  if (!folder.empty()) write_file(folder + "/" + name + ".svg", plot.text());
}

/// The paper's figures, to stand beside; 0 where it has none.
double paper_sinad_db(const std::string &key) {
  if (key == "neural_pim") return 50;
  return key == "neural_pim_without" ? 35 : 0;
}

}  // namespace

const char *letter_of(Strategy strategy) {
  switch (strategy) {
    case Strategy::kDigitalAccumulation:
      return "A";
    case Strategy::kAnalogBuffering:
      return "B";
    case Strategy::kAnalogAccumulation:
      break;
  }
  return "C";
}

json::array report_accuracy(const std::vector<AccuracyPoint> &points, const std::string &network,
                            const std::string &plots) {
  TextTable table(
      {"dataflow", "P_D", "A/D bits", "required", "correct %", "same class as exact %"});
  json::array list;
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> lines;
  for (const AccuracyPoint &point : points) {
    table.add({name_of(point.strategy), std::to_string(point.dac_bits),
               std::to_string(point.converter_bits), std::to_string(point.required_bits),
               percent(point.correct_percent), fixed(point.same_percent, 2)});
    json::object object = {{"dataflow", letter_of(point.strategy)},
                           {"dac_bits", point.dac_bits},
                           {"converter_bits", point.converter_bits},
                           {"required_bits", point.required_bits},
                           {"same_as_exact_percent", point.same_percent}};
    if (point.correct_percent >= 0) object["correct_percent"] = point.correct_percent;
    list.push_back(std::move(object));
    auto &line = lines[name_of(point.strategy)];
    line.first.push_back(point.converter_bits);
    line.second.push_back(point.correct_percent >= 0 ? point.correct_percent : point.same_percent);
  }
  std::cout << "Accuracy of " << network << " against the resolution of the A/D converter\n\n"
            << table.format() << '\n';
  SvgPlot plot(network, "A/D bits", "accuracy (%)");
  for (const auto &[name, line] : lines) plot.add(name, line.first, line.second, false);
  write_plot(plot, plots, "accuracy-against-resolution");
  return list;
}

json::array report_energy(const std::vector<analysis::DataflowEnergy> &points,
                          const std::string &plots) {
  TextTable table({"dataflow", "P_D", "cycles", "A/D bits", "conversions", "crossbar pJ", "DAC pJ",
                   "A/D pJ", "S+A pJ", "other pJ", "sum pJ"});
  json::array list;
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> lines;
  for (const auto &point : points) {
    const auto &pj = point.shares_pj;
    std::vector<std::string> row = {
        name_of(point.strategy), std::to_string(point.dac_bits), std::to_string(point.input_cycles),
        std::to_string(point.converter_bits), fixed(point.conversions, 0)};
    json::object object = {{"dataflow", letter_of(point.strategy)},
                           {"dac_bits", point.dac_bits},
                           {"input_cycles", point.input_cycles},
                           {"converter_bits", point.converter_bits},
                           {"conversions_per_dot_product", point.conversions},
                           {"is_possible", point.is_possible}};
    if (point.is_possible) {
      for (const double value :
           {pj.crossbar_pj, pj.dac_pj, pj.adc_pj, pj.accumulate_pj, pj.other_pj, pj.total_pj()}) {
        row.push_back(fixed(value, 2));
      }
      object["energy_pj"] = {{"crossbar", pj.crossbar_pj}, {"dac", pj.dac_pj},
                             {"adc", pj.adc_pj},           {"shift_add", pj.accumulate_pj},
                             {"other", pj.other_pj},       {"sum", pj.total_pj()}};
      auto &line = lines[name_of(point.strategy)];
      line.first.push_back(point.dac_bits);
      line.second.push_back(pj.total_pj());
    } else {
      row.insert(row.end(), {"-", "-", "-", "-", "-", "impossible"});
    }
    table.add(row);
    list.push_back(std::move(object));
  }
  std::cout << "Energy of one dot product (128 rows, 8-bit inputs and weights, 1-bit cells), per "
               "action; conversions by [NP] Eq. 2 to 8, for one polarity; A and B with the bit "
               "that flip encoding saves\n\n"
            << table.format() << '\n';
  SvgPlot plot("energy of a dot product", "DAC bits", "energy (pJ)");
  for (const auto &[name, line] : lines) plot.add(name, line.first, line.second, false);
  write_plot(plot, plots, "energy-against-dac-bits");
  return list;
}

json::array report_injection(const std::vector<InjectionPoint> &points, const std::string &network,
                             const std::string &plots) {
  TextTable table({"SINAD dB", "correct %", "same class as without noise %"});
  json::array list;
  std::vector<double> x, y;
  for (const InjectionPoint &point : points) {
    const bool is_finite = std::isfinite(point.sinad_db);
    table.add({is_finite ? fixed(point.sinad_db, 0) : "no noise", percent(point.correct_percent),
               fixed(point.same_percent, 2)});
    json::object object = {{"same_percent", point.same_percent}};
    object["sinad_db"] = is_finite ? json::value(point.sinad_db) : json::value(nullptr);
    if (point.correct_percent >= 0) object["correct_percent"] = point.correct_percent;
    list.push_back(std::move(object));
    if (!is_finite) continue;
    x.push_back(point.sinad_db);
    y.push_back(point.correct_percent >= 0 ? point.correct_percent : point.same_percent);
  }
  std::cout << "Accuracy of " << network
            << " with noise of max|x| / 10^(SINAD/20) on every CONV and FC layer ([NP] Eq. 13)\n\n"
            << table.format() << '\n';
  SvgPlot plot(network, "SINAD of every layer (dB)", "accuracy (%)");
  plot.add("", x, y, true);
  write_plot(plot, plots, "accuracy-against-sinad");
  return list;
}

json::array report_sinad(const std::vector<SinadRow> &rows, int runs) {
  TextTable table({"SINAD dB", "paper", "over the span", "full range", "the same, exact arrays",
                   "unsigned", "signed", "error rms/max mV"});
  json::array list;
  for (const SinadRow &row : rows) {
    const double paper = paper_sinad_db(row.key);
    const auto &first = row.cells.front().result;
    std::vector<std::string> line = {row.text, paper > 0 ? fixed(paper, 0) : "-",
                                     fixed(first.span_db, 1)};
    json::object object = {{"key", row.key}, {"text", row.text}};
    if (paper > 0) object["paper_db"] = paper;
    json::array cells;
    for (const auto &cell : row.cells) {
      const auto &r = cell.result;
      const bool is_finite = std::isfinite(r.sinad_db);
      line.push_back(is_finite ? fixed(r.sinad_db, 1) : "exact");
      json::object json = {{"signals", analysis::to_text(cell.signals)},
                           {"exact_arrays", cell.exact_arrays},
                           {"signal_rms", r.signal_rms},
                           {"error_rms", r.error_rms},
                           {"largest_error", r.largest_error},
                           {"gain", r.gain}};
      json["sinad_db"] = is_finite ? json::value(r.sinad_db) : json::value(nullptr);
      json["span_db"] = is_finite ? json::value(r.span_db) : json::value(nullptr);
      if (r.range_divisor > 0) {
        json["range_divisor"] = r.range_divisor;
        json["bitline_gain"] = r.bitline_gain;
        json["error_rms_mv"] = r.error_rms_mv;
        json["largest_error_mv"] = r.largest_error_mv;
      }
      cells.push_back(std::move(json));
    }
    line.push_back(first.range_divisor > 0
                       ? fixed(first.error_rms_mv, 2) + " / " + fixed(first.largest_error_mv, 1)
                       : "-");
    table.add(line);
    object["cells"] = std::move(cells);
    list.push_back(std::move(object));
  }
  std::cout
      << "SINAD of a dot product of 128 rows, " << runs
      << " drawn chips; lumped error D_hw - D_sw, 10 log10((P_sig + P_noise) / P_noise)\n\n"
      << table.format()
      << "over the span: the error of the next column against a signal uniform over the 0.5 V.\n"
         "full range: sums all over the range. unsigned: random weights of one sign, as in "
         "[NP] Eq. 12. signed: random\nweights about zero, inputs after ReLU; independent, "
         "so sums are smaller than those of trained layers.\nThe paper also states the order "
         "Neural-PIM > ISAAC > CASCADE, without figures. mV: full range, at the NNS+A's "
         "output.\n\n";
  return list;
}

}  // namespace npim::app
