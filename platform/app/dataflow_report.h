// Tables, JSON and plots of `npim dataflow`.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "analysis/dataflow_energy.h"
#include "analysis/sinad.h"

namespace npim::app {

const char *letter_of(dataflow::Strategy strategy);  ///< "A", "B", "C"

/// Accuracy with converters of one resolution.
struct AccuracyPoint {
  dataflow::Strategy strategy;
  int dac_bits, converter_bits, required_bits;
  double correct_percent;  ///< negative without labels
  double same_percent;     ///< same class as with exact sums
};

struct InjectionPoint {
  double sinad_db;         ///< infinite: without noise
  double correct_percent;  ///< negative without labels
  double same_percent;     ///< same class as without noise
};

struct SinadRow {
  std::string key, text;
  struct Cell {
    analysis::Signals signals;
    bool exact_arrays;
    analysis::SinadResult result;
  };
  std::vector<Cell> cells;
};

/// Each prints a table, writes a plot into `plots` unless that is empty, and returns JSON.
boost::json::array report_accuracy(const std::vector<AccuracyPoint> &points,
                                   const std::string &network, const std::string &plots);
boost::json::array report_energy(const std::vector<analysis::DataflowEnergy> &points,
                                 const std::string &plots);
boost::json::array report_injection(const std::vector<InjectionPoint> &points,
                                    const std::string &network, const std::string &plots);
boost::json::array report_sinad(const std::vector<SinadRow> &rows, int runs);

}  // namespace npim::app
