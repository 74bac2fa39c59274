#include <math.h>

#include "npim/runtime.h"

uint32_t npim_argmax(const int32_t *values, uint32_t count) {
  uint32_t best = 0;
  for (uint32_t i = 1; i < count; ++i) {
    if (values[i] > values[best]) best = i;
  }
  return best;
}

void npim_softmax(const int32_t *values, uint32_t count, double scale, float *out) {
  const double largest = values[npim_argmax(values, count)]; /* keeps exp() from overflowing */
  double sum = 0;
  for (uint32_t i = 0; i < count; ++i) {
    out[i] = (float)exp(scale * (values[i] - largest));
    sum += (double)out[i];
  }
  for (uint32_t i = 0; i < count; ++i) out[i] = (float)((double)out[i] / sum);
}
