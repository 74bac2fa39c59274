#include "dataflow/converter_bank.h"

#include <algorithm>
#include <numeric>

namespace npim::dataflow {

ConverterBank::ConverterBank(int converters)
    : converters_(static_cast<std::size_t>(converters)), order_(converters_.size()) {
  std::iota(order_.begin(), order_.end(), 0);
}

int ConverterBank::dead_converter(std::size_t first_slot, int count) const {
  if (broken_ == 0) return -1;
  for (int i = 0; i < std::min(count, in_service()); ++i) {
    const int converter = serving(first_slot + static_cast<std::size_t>(i));
    if (at(converter).fault == ConverterFault::kDead) return converter;
  }
  return -1;
}

void ConverterBank::inject(int converter, ConverterFault fault, std::int32_t stuck_code) {
  Converter &hit = converters_[static_cast<std::size_t>(converter)];
  broken_ += (fault != ConverterFault::kNone) - (hit.fault != ConverterFault::kNone);
  hit.fault = fault;
  hit.stuck_code = fault == ConverterFault::kStuck ? stuck_code : 0;
}

void ConverterBank::set_in_service(int converter, bool in_service) {
  converters_[static_cast<std::size_t>(converter)].in_service = in_service;
  order_.clear();
  for (int i = 0; i < count(); ++i) {
    if (at(i).in_service) order_.push_back(i);
  }
}

void ConverterBank::replace_codes(std::size_t first_slot, int count, std::int32_t *codes) const {
  for (int i = 0; i < count; ++i) {
    const Converter &converter = at(serving(first_slot + static_cast<std::size_t>(i)));
    if (converter.fault != ConverterFault::kNone) codes[i] = converter.stuck_code;
  }
}

}  // namespace npim::dataflow
