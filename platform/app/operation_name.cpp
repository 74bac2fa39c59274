#include "app/operation_name.h"

namespace npim::app {

using network::LayerOp;

const char *operation_name(LayerOp op) {
  switch (op) {
    case LayerOp::kConvolution:
      return "conv";
    case LayerOp::kMaxPool:
      return "max pool";
    case LayerOp::kAveragePool:
      return "avg pool";
    case LayerOp::kAdd:
      return "add";
    case LayerOp::kConcat:
      return "concat";
    case LayerOp::kLookup:
      return "lookup";
    case LayerOp::kMultiply:
      return "multiply";
    case LayerOp::kGather:
      return "gather";
    case LayerOp::kInsideAverage:
      return "avg inside";
    case LayerOp::kLocalResponse:
      return "LRN";
  }
  return "?";
}

const char *operation_name(program::StageOp op) {
  using program::StageOp;
  switch (op) {
    case StageOp::kMvm:
      return "mvm";
    case StageOp::kMaxPool:
      return "max pool";
    case StageOp::kAveragePool:
      return "avg pool";
    case StageOp::kAdd:
      return "add";
    case StageOp::kAggregate:
      return "aggregate";
    case StageOp::kLookup:
      return "lookup";
    case StageOp::kMultiply:
      return "multiply";
    case StageOp::kInsideAverage:
      return "avg inside";
    case StageOp::kLocalResponse:
      return "LRN";
  }
  return "?";
}

}  // namespace npim::app
