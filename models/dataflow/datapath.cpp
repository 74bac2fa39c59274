#include "dataflow/datapath.h"

#include "dataflow/ideal_array.h"

namespace npim::dataflow {

Datapath::Datapath(const config::ChipConfig &chip, Kernel kernel)
    : chip_(chip),
      geometry_(chip_.array),
      dac_(chip_.dac_bits, chip_.input_bits),
      shift_add_(chip_.dac_bits),
      strategy_c_(dac_, shift_add_, kernel) {}

Datapath::~Datapath() = default;

std::unique_ptr<ArrayDatapath> Datapath::make_array(ArrayPlace) const {
  return std::make_unique<IdealArray>(geometry_, strategy_c_);
}

LayerConverter Datapath::make_layer(peripheral::ConverterSetting setting) const {
  return {setting, peripheral::make_converter(chip_, setting)};
}

}  // namespace npim::dataflow
