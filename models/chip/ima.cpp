#include "chip/ima.h"

#include <string>

namespace npim::chip {

Ima::Ima(const sc_core::sc_module_name &module_name, const ChipContext &context)
    : sc_module(module_name),
      input_register("ir"),
      output_register("or", static_cast<std::size_t>(context.config.output_register_bytes /
                                                     context.config.partial_sum_bytes())),
      dacs("dacs", context.config),
      nnsas("nnsas", context.config),
      sample_hold("sh", context.config.arrays_per_ima, context.geometry.vectors()),
      strategy_(dacs.dac, nnsas.shift_add, context.kernel) {
  crossbars_.reserve(static_cast<std::size_t>(context.config.arrays_per_ima));
  for (int array = 0; array < context.config.arrays_per_ima; ++array) {
    crossbars_.push_back(
        std::make_unique<Crossbar>(("array" + std::to_string(array)).c_str(), context.geometry));
  }
}

void Ima::evaluate(int array, std::size_t input_offset, int rows) {
  strategy_.accumulate(crossbar(array).array, input_register.data(input_offset), rows,
                       sample_hold.sums(array));
}

}  // namespace npim::chip
