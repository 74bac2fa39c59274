#include "chip/ima.h"

namespace npim::chip {

Ima::Ima(const sc_core::sc_module_name &module_name, const ChipContext &context, int tile,
         int number)
    : sc_module(module_name),
      input_register("ir"),
      output_register("or", static_cast<std::size_t>(context.config.output_register_bytes /
                                                     context.config.partial_sum_bytes())),
      sample_hold("sh", context.config.arrays_per_ima, context.geometry.vectors()) {
  crossbars_.reserve(static_cast<std::size_t>(context.config.arrays_per_ima));
  for (int array = 0; array < context.config.arrays_per_ima; ++array) {
    crossbars_.emplace_back(
        context.datapath,
        dataflow::ArrayPlace{tile, number * context.config.arrays_per_ima + array});
  }
}

void Ima::evaluate(int array, std::size_t input_offset, int rows, std::uint64_t key,
                   const dataflow::LayerConverter &layer) {
  crossbar(array).array().hold({input_register.data(input_offset), rows, {key}}, layer,
                               sample_hold.sums(array));
}

}  // namespace npim::chip
