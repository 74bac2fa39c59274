#include "peripheral/divider_network.h"

#include <algorithm>
#include <cmath>

namespace npim::peripheral {
namespace {

/// Cell conductances of a layer: column 2h has gU on the positive line and gL on the negative one,
/// column 2h + 1 the other way round.
Matrix cells(const Matrix &upper, const Matrix &lower, const Process::Rram &rram,
             const Variation &variation, RandomStream &stream) {
  Matrix conductance(2 * upper.rows(), 2 * upper.cols());
  const auto cell = [&](double level) {
    const double held = variation.quantised ? std::round(level) : level;
    const double factor = variation.cells ? std::exp(rram.sigma * stream.normal()) : 1.0;
    return rram.level_us(held) * factor;
  };
  for (Eigen::Index h = 0; h < upper.cols(); ++h) {
    for (Eigen::Index k = 0; k < upper.rows(); ++k) {
      conductance(2 * k, 2 * h) = cell(upper(k, h));
      conductance(2 * k + 1, 2 * h) = cell(lower(k, h));
      conductance(2 * k, 2 * h + 1) = cell(lower(k, h));
      conductance(2 * k + 1, 2 * h + 1) = cell(upper(k, h));
    }
  }
  return conductance;
}

std::vector<CurveVariant> variants(std::size_t count, const DeviceCurve &device, bool mismatch,
                                   RandomStream &stream) {
  std::vector<CurveVariant> result(count);
  if (!mismatch) return result;
  for (auto &variant : result) {
    variant.shift_v = device.shift_sigma_v * stream.normal();
    variant.gain = device.gain_sigma * stream.normal();
  }
  return result;
}

void fill_lines(const Instance &instance, const Matrix &inputs, Matrix &lines) {
  const SignalLevels &signals = instance.signals;
  const TransferCurve &curve = instance.curves->input_follower.curve;
  for (Eigen::Index k = 0; k < inputs.cols(); ++k) {
    const auto positive = static_cast<std::size_t>(2 * k);
    switch (instance.network->drives[static_cast<std::size_t>(k)]) {
      case Drive::kFollower:
        for (Eigen::Index i = 0; i < inputs.rows(); ++i) {
          const double x = inputs(i, k), middle = signals.common_mode_v;
          lines(i, 2 * k) = curve.at(middle + x, instance.input_followers[positive]).value;
          lines(i, 2 * k + 1) = curve.at(middle - x, instance.input_followers[positive + 1]).value;
        }
        break;
      case Drive::kReference:
      case Drive::kBias:
      case Drive::kRail: {
        const bool rail = instance.network->drives[static_cast<std::size_t>(k)] == Drive::kRail;
        const double middle = rail ? signals.rail_middle_v() : signals.middle_v;
        const double swing = rail ? middle : instance.reference_v();
        lines.col(2 * k) = (middle + swing * inputs.col(k).array()).matrix();
        lines.col(2 * k + 1) = (middle - swing * inputs.col(k).array()).matrix();
        break;
      }
    }
  }
}

/// values = curve(columns), slopes its derivative, each column with its own device.
void apply(const TransferCurve &curve, const std::vector<CurveVariant> &devices,
           const Matrix &columns, Matrix &values, Matrix *slopes) {
  values.resize(columns.rows(), columns.cols());
  if (slopes != nullptr) slopes->resize(columns.rows(), columns.cols());
  for (Eigen::Index c = 0; c < columns.cols(); ++c) {
    const CurveVariant &device = devices[static_cast<std::size_t>(c)];
    for (Eigen::Index i = 0; i < columns.rows(); ++i) {
      const auto point = curve.at(columns(i, c), device);
      values(i, c) = point.value;
      if (slopes != nullptr) (*slopes)(i, c) = point.slope;
    }
  }
}

/// dL/d(conductance) from dL/d(column voltage): z_c = sum g v / sum g.
Matrix conductance_gradient(const ProgrammedLayer &layer, const Matrix &lines,
                            const Matrix &columns, const Matrix &column_gradient) {
  const Eigen::RowVectorXd own = column_gradient.cwiseProduct(columns).colwise().sum();
  Matrix gradient = lines.transpose() * column_gradient;
  gradient.rowwise() -= own;
  return gradient.array().rowwise() / layer.conductance_us.colwise().sum().array();
}

void levels_gradient(const ProgrammedLayer &layer, const Matrix &gradient,
                     const Process::Rram &rram, const Matrix &upper, const Matrix &lower,
                     bool quantised, Matrix &to_upper, Matrix &to_lower) {
  const double step = rram.level_us(1) - rram.level_us(0);
  to_upper.resize(upper.rows(), upper.cols());
  to_lower.resize(upper.rows(), upper.cols());
  // A device's own factor is its conductance over the nominal one.
  const auto part = [&](Eigen::Index line, Eigen::Index column, double level) {
    const double nominal = rram.level_us(quantised ? std::round(level) : level);
    return gradient(line, column) * layer.conductance_us(line, column) / nominal * step;
  };
  for (Eigen::Index h = 0; h < upper.cols(); ++h) {
    for (Eigen::Index k = 0; k < upper.rows(); ++k) {
      to_upper(k, h) = part(2 * k, 2 * h, upper(k, h)) + part(2 * k + 1, 2 * h + 1, upper(k, h));
      to_lower(k, h) = part(2 * k + 1, 2 * h, lower(k, h)) + part(2 * k, 2 * h + 1, lower(k, h));
    }
  }
}

}  // namespace

Matrix divider_transfer(const Matrix &conductance_us, const Vector &series_kohm) {
  const Vector total = conductance_us.colwise().sum();
  if (series_kohm.isZero(0)) {
    return conductance_us.array().rowwise() / total.transpose().array();
  }
  // A line with source s, series resistance R and load G = sum_c g: v = (s + R sum_c g z) / (1 + R
  // G); put into the nodes' equations sum_l g_lc (v_l - z_c) = 0.
  const Vector load = conductance_us.rowwise().sum();
  const Eigen::ArrayXd divisor = 1.0 + 1e-3 * series_kohm.array() * load.array();
  const Eigen::ArrayXd series = 1e-3 * series_kohm.array() / divisor;
  Matrix nodes = -(conductance_us.transpose() * series.matrix().asDiagonal() * conductance_us);
  nodes.diagonal() += total;
  const Matrix sources = conductance_us.transpose() * (1.0 / divisor).matrix().asDiagonal();
  return nodes.ldlt().solve(sources).transpose();
}

Instance make_instance(const Network &network, const Process &process, const CurveSet &curves,
                       const Variation &variation, RandomStream &stream,
                       const SignalLevels *signals) {
  Instance instance;
  instance.network = &network;
  instance.process = &process;
  instance.curves = &curves;
  instance.quantised = variation.quantised;
  RandomStream replica = stream.branch();
  instance.signals = signals != nullptr
                         ? *signals
                         : signal_levels(process, curves, network.neuron,
                                         variation.draws_replica() ? &replica : nullptr);
  const DeviceCurve &neuron = curves.neurons.at(network.neuron);
  const auto pairs = [](int count) { return 2 * static_cast<std::size_t>(count); };
  const Levels &levels = network.levels;
  instance.layer1.conductance_us =
      cells(levels.upper1, levels.lower1, process.rram, variation, stream);
  instance.layer2.conductance_us =
      cells(levels.upper2, levels.lower2, process.rram, variation, stream);
  Vector series1 = Vector::Zero(Eigen::Index{2} * network.inputs()),
         series2 = Vector::Zero(Eigen::Index{2} * network.hidden());
  if (variation.loading) {
    for (int line = 0; line < 2 * network.inputs(); ++line) {
      if (network.drives[static_cast<std::size_t>(line / 2)] == Drive::kFollower) {
        series1[line] = 1e-3 * curves.input_follower.output_ohm / network.follower_strength;
      }
    }
    series2.setConstant(1e-3 * neuron.output_ohm);
  }
  instance.layer1.transfer = divider_transfer(instance.layer1.conductance_us, series1);
  instance.layer2.transfer = divider_transfer(instance.layer2.conductance_us, series2);
  const bool mismatch = variation.mismatch;
  DeviceCurve follower = curves.input_follower;
  follower.shift_sigma_v /= std::sqrt(network.follower_strength);
  instance.input_followers = variants(pairs(network.inputs()), follower, mismatch, stream);
  instance.neurons = variants(pairs(network.hidden()), neuron, mismatch, stream);
  instance.output_followers =
      variants(pairs(network.outputs()), curves.output_follower, mismatch, stream);
  return instance;
}

Matrix forward(const Instance &instance, const Matrix &inputs, Trace *trace) {
  const Network &network = *instance.network;
  Trace local;
  Trace &t = trace != nullptr ? *trace : local;
  const bool slopes = trace != nullptr;
  t.lines.resize(inputs.rows(), 2 * inputs.cols());
  fill_lines(instance, inputs, t.lines);
  t.columns1.noalias() = t.lines * instance.layer1.transfer;
  apply(instance.curves->neurons.at(network.neuron).curve, instance.neurons, t.columns1, t.hidden,
        slopes ? &t.hidden_slope : nullptr);
  t.columns2.noalias() = t.hidden * instance.layer2.transfer;
  Matrix ends;
  if (network.output_followers) {
    apply(instance.curves->output_follower.curve, instance.output_followers, t.columns2, ends,
          slopes ? &t.output_slope : nullptr);
  } else {
    ends = t.columns2;
    if (slopes) t.output_slope = Matrix::Ones(ends.rows(), ends.cols());
  }
  Matrix outputs(inputs.rows(), network.outputs());
  for (Eigen::Index o = 0; o < outputs.cols(); ++o) {
    outputs.col(o) = 0.5 * (ends.col(2 * o) - ends.col(2 * o + 1));
  }
  return outputs;
}

Levels backward(const Instance &instance, const Trace &trace, const Matrix &output_gradient) {
  const Network &network = *instance.network;
  const Levels &levels = network.levels;
  Matrix at_columns2(trace.columns2.rows(), trace.columns2.cols());
  for (Eigen::Index o = 0; o < output_gradient.cols(); ++o) {
    at_columns2.col(2 * o) = 0.5 * output_gradient.col(o);
    at_columns2.col(2 * o + 1) = -0.5 * output_gradient.col(o);
  }
  at_columns2.array() *= trace.output_slope.array();
  const Matrix at_columns1 =
      ((at_columns2 * instance.layer2.transfer.transpose()).array() * trace.hidden_slope.array())
          .matrix();
  Levels gradient;
  const auto finish = [&](const ProgrammedLayer &layer, const Matrix &lines, const Matrix &columns,
                          const Matrix &at_columns, const Matrix &upper, const Matrix &lower,
                          Matrix &to_upper, Matrix &to_lower) {
    const Matrix by_cell = conductance_gradient(layer, lines, columns, at_columns);
    levels_gradient(layer, by_cell, instance.process->rram, upper, lower, instance.quantised,
                    to_upper, to_lower);
  };
  finish(instance.layer1, trace.lines, trace.columns1, at_columns1, levels.upper1, levels.lower1,
         gradient.upper1, gradient.lower1);
  finish(instance.layer2, trace.hidden, trace.columns2, at_columns2, levels.upper2, levels.lower2,
         gradient.upper2, gradient.lower2);
  return gradient;
}

Levels initial_levels(int inputs, int hidden, int outputs, int highest_level,
                      RandomStream &stream) {
  Levels levels;
  levels.upper1.resize(inputs, hidden);
  levels.lower1.resize(inputs, hidden);
  levels.upper2.resize(hidden, outputs);
  levels.lower2.resize(hidden, outputs);
  levels.for_each([&](Matrix &matrix) {
    for (Eigen::Index i = 0; i < matrix.size(); ++i) {
      matrix.data()[i] = stream.uniform(0, 0.6 * highest_level);
    }
  });
  return levels;
}

}  // namespace npim::peripheral
