// Names of a network's operations in reports.
#pragma once

#include "network/quantised.h"
#include "program/stage.h"

namespace npim::app {

const char *operation_name(network::LayerOp op);
const char *operation_name(program::StageOp op);

}  // namespace npim::app
