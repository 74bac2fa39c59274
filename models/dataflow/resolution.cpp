#include "dataflow/resolution.h"

#include "base/error.h"

namespace npim::dataflow {
namespace {

int ceil_divide(int a, int b) {
  return (a + b - 1) / b;
}

int ceil_log2(int value) {
  int bits = 0;
  while ((1 << bits) < value) ++bits;
  return bits;
}

void check_range(const char *name, int value, int lowest, int highest) {
  if (value < lowest || value > highest) {
    throw InputError(name, "is " + std::to_string(value) + ", must be " + std::to_string(lowest) +
                               " to " + std::to_string(highest));
  }
}

}  // namespace

void Resolution::check() const {
  check_range("input bits", input_bits, 1, 16);
  check_range("weight bits", weight_bits, 1, 16);
  check_range("output bits", output_bits, 1, 16);
  check_range("cell bits", cell_bits, 1, 8);
  check_range("DAC bits", dac_bits, 1, input_bits);
  check_range("log2 of the array's rows", log2_rows, 1, 9);
}

int Resolution::input_cycles() const {
  return ceil_divide(input_bits, dac_bits);
}
int Resolution::bit_line_groups() const {
  return ceil_divide(weight_bits, cell_bits);
}

int bit_line_bits(const Resolution &r) {
  const int bits = r.cell_bits + r.dac_bits + r.log2_rows;
  return r.cell_bits > 1 && r.dac_bits > 1 ? bits : bits - 1;
}

int converter_bits(Strategy strategy, const Resolution &resolution) {
  switch (strategy) {
    case Strategy::kDigitalAccumulation:
      return bit_line_bits(resolution);
    case Strategy::kAnalogBuffering:
      return bit_line_bits(resolution) + ceil_log2(resolution.input_cycles());
    case Strategy::kAnalogAccumulation:
      break;
  }
  return resolution.output_bits;
}

int conversions(Strategy strategy, const Resolution &resolution) {
  switch (strategy) {
    case Strategy::kDigitalAccumulation:
      return resolution.input_cycles() * resolution.bit_line_groups();
    case Strategy::kAnalogBuffering:
      return resolution.input_cycles() + resolution.bit_line_groups() - 1;
    case Strategy::kAnalogAccumulation:
      break;
  }
  return 1;
}

bool buffering_is_possible(const Resolution &resolution) {
  constexpr int kMostBufferBits = 7;
  return bit_line_bits(resolution) - 1 <= kMostBufferBits;
}

}  // namespace npim::dataflow
