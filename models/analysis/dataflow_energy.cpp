#include "analysis/dataflow_energy.h"

#include "base/error.h"
#include "cost/bill.h"

namespace npim::analysis {
namespace {

using config::Dataflow;
using dataflow::Strategy;

Strategy strategy_of(Dataflow dataflow) {
  switch (dataflow) {
    case Dataflow::kDigitalAccumulation:
      return Strategy::kDigitalAccumulation;
    case Dataflow::kAnalogBuffering:
      return Strategy::kAnalogBuffering;
    case Dataflow::kAnalogAccumulation:
      break;
  }
  return Strategy::kAnalogAccumulation;
}

/// A layer that fills one array.
Workload one_array(const config::ChipConfig &chip) {
  Workload work;
  work.name = "one array";
  LayerWork layer;
  layer.name = "layer";
  layer.windows = 1000;
  layer.rows = chip.array.rows;
  layer.outputs = chip.vectors_per_array();
  work.layers.push_back(layer);
  return work;
}

}  // namespace

DataflowEnergy dataflow_energy(const config::ChipConfig &given, int dac_bits) {
  config::ChipConfig chip = given;
  chip.dac_bits = dac_bits;
  DataflowEnergy result;
  result.strategy = strategy_of(chip.dataflow);
  result.dac_bits = dac_bits;
  dataflow::Resolution resolution;
  resolution.input_bits = chip.input_bits;
  resolution.weight_bits = chip.array.weight_bits;
  resolution.cell_bits = chip.array.cell_bits;
  resolution.dac_bits = dac_bits;
  resolution.output_bits = chip.nnadc.bits;
  resolution.log2_rows = 0;
  while ((1 << resolution.log2_rows) < chip.array.rows) ++resolution.log2_rows;
  resolution.check();
  result.input_cycles = resolution.input_cycles();
  result.converter_bits = dataflow::converter_bits(result.strategy, resolution) -
                          (result.strategy == Strategy::kAnalogAccumulation ? 0 : 1);
  result.is_possible =
      result.strategy != Strategy::kAnalogBuffering || dataflow::buffering_is_possible(resolution);
  chip.adc.bits = result.converter_bits;
  result.conversions = dataflow::conversions(result.strategy, resolution);
  if (!result.is_possible) return result;
  const Workload work = one_array(chip);
  cost::Ledger ledger;
  try {
    const cost::Bill bill = cost::make_bill(chip);
    book_image(work, make_plan(work, chip, 1), bill, ledger);
    const cost::Energy energy = cost::settle(ledger, bill, cost::Accounting::kPerAction, 0);
    const double products = static_cast<double>(work.layers[0].windows * work.layers[0].outputs);
    EnergyShares shares = shares_of(energy);
    for (double *pj : {&shares.crossbar_pj, &shares.dac_pj, &shares.adc_pj, &shares.accumulate_pj,
                       &shares.other_pj, &shares.link_pj}) {
      *pj /= products;
    }
    result.shares_pj = shares;
  } catch (const InputError &) {
    result.is_possible = false;  // no figure for a converter of so many bits
  }
  return result;
}

}  // namespace npim::analysis
