#include "peripheral/parameter_file.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "config/json_config.h"

namespace npim::peripheral {
namespace {

using config::Node;
using config::Object;
namespace json = boost::json;

/// Bit for bit; the JSON reader may round decimal numbers differently in the last place.
json::string exact_json(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

// Matrices: one list per row.
json::array matrix_json(const Matrix &matrix, bool whole) {
  json::array rows;
  for (Eigen::Index i = 0; i < matrix.rows(); ++i) {
    json::array row;
    for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
      if (whole) {
        row.push_back(static_cast<int>(std::lround(matrix(i, j))));
      } else {
        row.push_back(exact_json(matrix(i, j)));
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

double exact_number(const Node &item) {
  const std::string text = item.text();
  char *end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !std::isfinite(value)) item.fail("is not a number");
  return value;
}

/// Whole numbers must lie within the limits.
Matrix read_matrix(const Node &node, Eigen::Index rows, Eigen::Index columns, double lowest,
                   double highest, bool whole) {
  const auto lines = node.items();
  if (static_cast<Eigen::Index>(lines.size()) != rows) {
    node.fail("needs " + std::to_string(rows) + " rows");
  }
  Matrix matrix(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i) {
    const auto items = lines[static_cast<std::size_t>(i)].items();
    if (static_cast<Eigen::Index>(items.size()) != columns) {
      lines[static_cast<std::size_t>(i)].fail("needs " + std::to_string(columns) + " entries");
    }
    for (Eigen::Index j = 0; j < columns; ++j) {
      const Node &item = items[static_cast<std::size_t>(j)];
      matrix(i, j) = whole ? static_cast<double>(item.integer(static_cast<std::int64_t>(lowest),
                                                              static_cast<std::int64_t>(highest)))
                           : exact_number(item);
    }
  }
  return matrix;
}

json::object levels_json(const Levels &levels, bool whole) {
  return {{"upper1", matrix_json(levels.upper1, whole)},
          {"lower1", matrix_json(levels.lower1, whole)},
          {"upper2", matrix_json(levels.upper2, whole)},
          {"lower2", matrix_json(levels.lower2, whole)}};
}

Levels read_levels(Object &object, const Levels &shape, double lowest, double highest, bool whole) {
  Levels levels;
  const auto read = [&](const char *key, const Matrix &like) {
    return read_matrix(object.at(key), like.rows(), like.cols(), lowest, highest, whole);
  };
  levels.upper1 = read("upper1", shape.upper1);
  levels.lower1 = read("lower1", shape.lower1);
  levels.upper2 = read("upper2", shape.upper2);
  levels.lower2 = read("lower2", shape.lower2);
  return levels;
}

void read_network(Object &networks, Network &network, const Process &process) {
  Object object(networks.at(network.name));
  network.levels = read_levels(object, network.levels, 0, process.rram.highest_level(), true);
  object.finish();
}

/// Readable: one row of a matrix per line.
std::string pretty(const json::object &networks, const std::string &indent) {
  std::string text = "{";
  bool first = true;
  for (const auto &network : networks) {
    text += (first ? "\n" : ",\n") + indent + "\"" + std::string(network.key()) + "\": {";
    first = false;
    bool first_matrix = true;
    for (const auto &matrix : network.value().as_object()) {
      text += (first_matrix ? "\n" : ",\n") + indent + "  \"" + std::string(matrix.key()) +
              "\": " + json::serialize(matrix.value());
      first_matrix = false;
    }
    text += "}";
  }
  return text + "\n  }";
}

std::string header(const char *what, const std::string &own, const Provenance &made) {
  return std::string("// ") + what +
         ", trained by `npim periph train`; levels of the RRAM cells, input by hidden neuron and "
         "hidden neuron by output.\n{\n  " +
         own + ",\n  \"process\": \"" + made.process +
         "\",\n  \"training\": {\"seed\": " + std::to_string(made.options.seed) +
         ", \"steps\": " + std::to_string(made.options.steps) +
         ", \"batch\": " + std::to_string(made.options.batch) +
         ", \"polish_sweeps\": " + std::to_string(made.options.polish_sweeps) +
         ", \"compensate_nnsa\": " + (made.options.compensate_nnsa ? "true" : "false") +
         "},\n  \"networks\": ";
}

void read_header(Object &object, const Process &process) {
  if (object.text("process") != process.name) {
    object.at("process").fail("is not the process in use, '" + process.name + "'");
  }
  Object training(object.at("training"));
  (void)training.flag("compensate_nnsa");
  for (const char *key : {"seed", "steps", "batch", "polish_sweeps"})
    (void)training.integer(key, 0, INT64_MAX);
  training.finish();
}

}  // namespace

Nnsa load_nnsa(const std::string &path, const Process &process) {
  Object object(Node::load(path));
  const auto dac_bits = static_cast<int>(object.integer("dac_bits", 1, 8));
  if (8 % dac_bits != 0) object.at("dac_bits").fail("must be 1, 2, 4 or 8");
  read_header(object, process);
  RandomStream any(0, 0, 0);
  Nnsa nnsa = untrained_nnsa(dac_bits, process, any);
  Object networks(object.at("networks"));
  read_network(networks, nnsa.network, process);
  networks.finish();
  object.finish();
  return nnsa;
}

Nnadc load_nnadc(const std::string &path, const Process &process) {
  Object object(Node::load(path));
  const auto divisor = static_cast<int>(object.integer("range_divisor", 1, 4));
  if (divisor == 3) object.at("range_divisor").fail("must be 1, 2 or 4");
  read_header(object, process);
  RandomStream any(0, 0, 0);
  Nnadc nnadc = untrained_nnadc(divisor, process, any);
  Object networks(object.at("networks"));
  for (Network *network : nnadc.networks()) read_network(networks, *network, process);
  networks.finish();
  object.finish();
  return nnadc;
}

std::string format_nnsa(const Nnsa &nnsa, const Provenance &made) {
  const json::object networks = {{nnsa.network.name, levels_json(nnsa.network.levels, true)}};
  return header("An NNS+A", "\"dac_bits\": " + std::to_string(nnsa.dac_bits), made) +
         pretty(networks, "    ") + "\n}\n";
}

std::string format_nnadc(const Nnadc &nnadc, const Provenance &made) {
  json::object networks;
  for (const Network *network : nnadc.networks()) {
    networks[network->name] = levels_json(network->levels, true);
  }
  return header("An NNADC", "\"range_divisor\": " + std::to_string(nnadc.range_divisor), made) +
         pretty(networks, "    ") + "\n}\n";
}

std::string format_checkpoint(const Checkpoint &checkpoint, const TrainingOptions &options) {
  json::object networks;
  for (const auto &[name, state] : checkpoint) {
    networks[name] = {{"step", state.step},
                      {"loss", exact_json(state.loss)},
                      {"inputs", state.levels.upper1.rows()},
                      {"hidden", state.levels.upper1.cols()},
                      {"outputs", state.levels.upper2.cols()},
                      {"levels", levels_json(state.levels, false)},
                      {"mean", levels_json(state.mean, false)},
                      {"square", levels_json(state.square, false)}};
  }
  const json::object all = {{"seed", static_cast<std::int64_t>(options.seed)},
                            {"steps", options.steps},
                            {"batch", options.batch},
                            {"networks", networks}};
  return json::serialize(all) + "\n";
}

Checkpoint load_checkpoint(const std::string &path, const TrainingOptions &options) {
  Object object(Node::load(path));
  const auto same = [&](const char *key, std::int64_t value) {
    if (object.integer(key, 0, INT64_MAX) != value) {
      object.at(key).fail("differs from this run's " + std::to_string(value));
    }
  };
  same("seed", static_cast<std::int64_t>(options.seed));
  same("steps", options.steps);
  same("batch", options.batch);
  Checkpoint checkpoint;
  Object networks(object.at("networks"));
  for (const auto &name : networks.keys()) {
    Object network(networks.at(name));
    TrainingState state;
    state.step = static_cast<int>(network.integer("step", 0, options.steps + 1));
    state.loss = exact_number(network.at("loss"));
    const auto inputs = network.integer("inputs", 1, 1000);
    const auto hidden = network.integer("hidden", 1, 1000);
    const auto outputs = network.integer("outputs", 1, 1000);
    Levels shape;
    shape.upper1 = shape.lower1 = Matrix(inputs, hidden);
    shape.upper2 = shape.lower2 = Matrix(hidden, outputs);
    const auto read = [&](const char *key) {
      Object levels(network.at(key));
      Levels result = read_levels(levels, shape, 0, 0, false);
      levels.finish();
      return result;
    };
    state.levels = read("levels");
    state.mean = read("mean");
    state.square = read("square");
    network.finish();
    checkpoint[name] = std::move(state);
  }
  object.finish();
  return checkpoint;
}

}  // namespace npim::peripheral
