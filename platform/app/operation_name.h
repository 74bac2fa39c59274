// Names of a network's operations in reports.
#pragma once

#include "network/quantised.h"

namespace npim::app {

const char *operation_name(network::LayerOp op);

}  // namespace npim::app
