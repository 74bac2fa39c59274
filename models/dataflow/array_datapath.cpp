#include "dataflow/array_datapath.h"

namespace npim::dataflow {

int ArrayDatapath::weight(int row, int vector) const {
  const device::ArrayGeometry &cells = geometry();
  int weight = 0;
  for (int digit = 0; digit < cells.digits(); ++digit) {
    const int difference = level(row, cells.column(vector, digit, false)) -
                           level(row, cells.column(vector, digit, true));
    weight += difference * (1 << (digit * cells.cell.bits));
  }
  return weight;
}

}  // namespace npim::dataflow
