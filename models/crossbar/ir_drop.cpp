#include "crossbar/ir_drop.h"

#include <Eigen/SparseCholesky>
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "base/error.h"

namespace npim::crossbar {
namespace {

constexpr double kMostOhm = 1e9;

/// A line with one cell per node and a segment between neighbours, held at its near end.
/// attenuation[i] is the voltage of node i for 1 V at the near end with all cells grounded; by
/// reciprocity also the share of a current into node i that leaves at the near end.
class Ladder {
 public:
  explicit Ladder(double segment_ohm) : segment_ohm_(segment_ohm) {}

  template <class Conductance>
  void attenuations(int nodes, const Conductance &conductance, double *attenuation) {
    ratio_.resize(static_cast<std::size_t>(nodes));
    // Conductance of everything beyond a segment, seen from its near side, from the far end on.
    double beyond = 0;
    for (int i = nodes - 1; i >= 0; --i) {
      const double at_node = conductance(i) + beyond;
      ratio_[static_cast<std::size_t>(i)] = 1 / (1 + segment_ohm_ * at_node);
      beyond = at_node * ratio_[static_cast<std::size_t>(i)];
    }
    double voltage = 1;
    for (int i = 0; i < nodes; ++i) {
      voltage *= ratio_[static_cast<std::size_t>(i)];
      attenuation[i] = voltage;
    }
  }

 private:
  double segment_ohm_;
  std::vector<double> ratio_;
};

std::vector<double> ladder_transfer(int rows, int columns, const std::vector<double> &g,
                                    const Wires &wires) {
  const auto at = [&](int row, int column) {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
           static_cast<std::size_t>(column);
  };
  std::vector<double> transfer = g;
  std::vector<double> attenuation(static_cast<std::size_t>(std::max(rows, columns)));
  Ladder word_line(wires.word_line_ohm), bit_line(wires.bit_line_ohm);
  for (int row = 0; row < rows; ++row) {
    word_line.attenuations(
        columns, [&](int i) { return g[at(row, i)]; }, attenuation.data());
    for (int column = 0; column < columns; ++column) {
      transfer[at(row, column)] *= attenuation[static_cast<std::size_t>(column)];
    }
  }
  for (int column = 0; column < columns; ++column) {
    // The near end of a bit line is below the last row.
    bit_line.attenuations(
        rows, [&](int i) { return g[at(rows - 1 - i, column)]; }, attenuation.data());
    for (int row = 0; row < rows; ++row) {
      transfer[at(row, column)] *= attenuation[static_cast<std::size_t>(rows - 1 - row)];
    }
  }
  return transfer;
}

}  // namespace

struct NodalNetwork::Factors {
  int rows = 0, columns = 0;
  double word_s = 0, bit_s = 0;  // conductance of a segment
  Eigen::SimplicialLLT<Eigen::SparseMatrix<double>> cholesky;

  // Word and bit node of a cell are neighbours, which keeps the band of the matrix narrow.
  int word_node(int row, int column) const { return 2 * (row * columns + column); }
  int bit_node(int row, int column) const { return word_node(row, column) + 1; }
  Eigen::Index nodes() const { return Eigen::Index{2} * rows * columns; }
};

NodalNetwork::NodalNetwork(int rows, int columns, const double *conductances_s, const Wires &wires)
    : factors_(std::make_unique<Factors>()) {
  validate(wires);
  if (wires.word_line_ohm == 0 || wires.bit_line_ohm == 0) {
    throw std::invalid_argument("nodal analysis needs resistance in both directions");
  }
  Factors &f = *factors_;
  f.rows = rows;
  f.columns = columns;
  f.word_s = 1 / wires.word_line_ohm;
  f.bit_s = 1 / wires.bit_line_ohm;
  const int nodes = 2 * rows * columns;
  std::vector<double> diagonal(static_cast<std::size_t>(nodes), 0.0);
  std::vector<Eigen::Triplet<double>> entries;
  entries.reserve(static_cast<std::size_t>(nodes) * 3);
  const auto to_fixed = [&](int node, double g) { diagonal[static_cast<std::size_t>(node)] += g; };
  const auto between = [&](int a, int b, double g) {
    to_fixed(a, g);
    to_fixed(b, g);
    entries.emplace_back(std::max(a, b), std::min(a, b), -g);
  };
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const int word = f.word_node(row, column), bit = f.bit_node(row, column);
      between(word, bit, *conductances_s++);
      if (column == 0) to_fixed(word, f.word_s);
      if (column > 0) between(word, f.word_node(row, column - 1), f.word_s);
      if (row == rows - 1) to_fixed(bit, f.bit_s);
      if (row > 0) between(bit, f.bit_node(row - 1, column), f.bit_s);
    }
  }
  for (int node = 0; node < nodes; ++node) {
    entries.emplace_back(node, node, diagonal[static_cast<std::size_t>(node)]);
  }
  Eigen::SparseMatrix<double> matrix(nodes, nodes);
  matrix.setFromTriplets(entries.begin(), entries.end());
  f.cholesky.compute(matrix);
  if (f.cholesky.info() != Eigen::Success) {
    throw std::invalid_argument("the crossbar's conductance matrix is singular");
  }
}

NodalNetwork::~NodalNetwork() = default;
NodalNetwork::NodalNetwork(NodalNetwork &&) noexcept = default;
NodalNetwork &NodalNetwork::operator=(NodalNetwork &&) noexcept = default;

std::vector<double> NodalNetwork::currents(const std::vector<double> &volts) const {
  const Factors &f = *factors_;
  Eigen::VectorXd injected = Eigen::VectorXd::Zero(f.nodes());
  for (int row = 0; row < f.rows; ++row) {
    injected[f.word_node(row, 0)] = volts[static_cast<std::size_t>(row)] * f.word_s;
  }
  const Eigen::VectorXd voltages = f.cholesky.solve(injected);
  std::vector<double> currents(static_cast<std::size_t>(f.columns));
  for (int column = 0; column < f.columns; ++column) {
    currents[static_cast<std::size_t>(column)] = voltages[f.bit_node(f.rows - 1, column)] * f.bit_s;
  }
  return currents;
}

std::vector<double> NodalNetwork::transfer() const {
  constexpr int kColumnsAtOnce = 16;
  const Factors &f = *factors_;
  std::vector<double> transfer(static_cast<std::size_t>(f.rows) *
                               static_cast<std::size_t>(f.columns));
  for (int first = 0; first < f.columns; first += kColumnsAtOnce) {
    const int count = std::min(kColumnsAtOnce, f.columns - first);
    Eigen::MatrixXd injected = Eigen::MatrixXd::Zero(f.nodes(), count);
    for (int i = 0; i < count; ++i) injected(f.bit_node(f.rows - 1, first + i), i) = f.bit_s;
    const Eigen::MatrixXd voltages = f.cholesky.solve(injected);
    for (int row = 0; row < f.rows; ++row) {
      for (int i = 0; i < count; ++i) {
        transfer[static_cast<std::size_t>(row) * static_cast<std::size_t>(f.columns) +
                 static_cast<std::size_t>(first + i)] = voltages(f.word_node(row, 0), i) * f.word_s;
      }
    }
  }
  return transfer;
}

void validate(const Wires &wires) {
  const auto check = [](const char *name, double ohm) {
    if (ohm >= 0 && ohm <= kMostOhm) return;
    throw InputError(std::string("key '") + name + "'",
                     "must be from 0 to 1e9, found " + std::to_string(ohm));
  };
  check("word_line_ohm", wires.word_line_ohm);
  check("bit_line_ohm", wires.bit_line_ohm);
}

std::vector<double> transfer_matrix(int rows, int columns,
                                    const std::vector<double> &conductances_s, const Wires &wires) {
  validate(wires);
  if (wires.are_ideal()) return conductances_s;
  const bool one_direction = wires.word_line_ohm == 0 || wires.bit_line_ohm == 0;
  if (one_direction || wires.method == Wires::Method::kFast) {
    return ladder_transfer(rows, columns, conductances_s, wires);
  }
  return NodalNetwork(rows, columns, conductances_s.data(), wires).transfer();
}

}  // namespace npim::crossbar
