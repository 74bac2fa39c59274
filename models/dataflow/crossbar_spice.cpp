#include "dataflow/crossbar_spice.h"

#include <algorithm>
#include <cmath>

#include "peripheral/spice.h"

namespace npim::dataflow {
namespace {

using peripheral::spice_number;

std::string node(const char *line, int row, int column) {
  std::string name = line;
  name += std::to_string(row);
  name += '_';
  name += std::to_string(column);
  return name;
}

void add_resistor(std::string &text, const std::string &name, const std::string &from,
                  const std::string &to, double ohm) {
  text += 'r';
  text += name;
  text += ' ';
  text += from;
  text += ' ';
  text += to;
  text += ' ';
  text += spice_number(ohm);
  text += '\n';
}

std::vector<double> multiply(const std::vector<double> &transfer_s,
                             const std::vector<double> &volts) {
  const std::size_t columns = transfer_s.size() / volts.size();
  std::vector<double> currents(columns, 0.0);
  for (std::size_t row = 0; row < volts.size(); ++row) {
    for (std::size_t c = 0; c < columns; ++c) {
      currents[c] += transfer_s[row * columns + c] * volts[row];
    }
  }
  return currents;
}

double largest_difference(const std::vector<double> &a, const std::vector<double> &b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

std::vector<double> spice_bit_lines(int rows, int columns,
                                    const std::vector<double> &conductances_s,
                                    const crossbar::Wires &wires, const std::vector<double> &volts,
                                    const std::string &keep) {
  std::string body = ".options reltol=1e-9 abstol=1e-18 vntol=1e-12\nvt t 0 0\n";
  std::vector<std::string> outputs;
  for (int row = 0; row < rows; ++row) {
    const std::string driver = "d" + std::to_string(row);
    body.append("v").append(driver).append(" ").append(driver).append(" 0 ");
    body += spice_number(volts[static_cast<std::size_t>(row)]) + "\n";
    for (int column = 0; column < columns; ++column) {
      const std::string word = node("w", row, column), bit = node("b", row, column);
      add_resistor(body, word, column == 0 ? driver : node("w", row, column - 1), word,
                   wires.word_line_ohm);
      add_resistor(body, bit, bit,
                   row + 1 == rows ? "e" + std::to_string(column) : node("b", row + 1, column),
                   wires.bit_line_ohm);
      add_resistor(
          body, node("c", row, column), word, bit,
          1 / conductances_s[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
                             static_cast<std::size_t>(column)]);
    }
  }
  for (int column = 0; column < columns; ++column) {
    const std::string end = "e" + std::to_string(column);
    body.append("v").append(end).append(" ").append(end).append(" 0 0\n");
    outputs.push_back("i(v" + end + ")");
  }
  const auto table = peripheral::run_spice(body, "dc vt 0 1 1", outputs, keep);
  std::vector<double> currents;
  for (const auto &values : table) currents.push_back(values.front());
  return currents;
}

WireComparison compare_wires(int rows, int columns, const std::vector<double> &conductances_s,
                             crossbar::Wires wires, const std::vector<double> &volts,
                             const std::string &keep) {
  const auto by = [&](crossbar::Wires::Method method) {
    wires.method = method;
    return multiply(crossbar::transfer_matrix(rows, columns, conductances_s, wires), volts);
  };
  const auto ideal = multiply(conductances_s, volts);
  const auto circuit = spice_bit_lines(rows, columns, conductances_s, wires, volts, keep);
  const double full = *std::max_element(ideal.begin(), ideal.end());
  return {largest_difference(ideal, circuit) / full,
          largest_difference(by(crossbar::Wires::Method::kNodal), circuit) / full,
          largest_difference(by(crossbar::Wires::Method::kFast), circuit) / full};
}

}  // namespace npim::dataflow
