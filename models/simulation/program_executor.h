// What a program computes, without the time that it takes: the same arrays, converters and noise
// keys as in models/chip, driven window after window by plain loops. Logits equal those of firmware
// on the simulated chip to the last bit at every fidelity; images are independent of each other, so
// several threads may share them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/chip_config.h"
#include "dataflow/datapath.h"
#include "network/gather_window.h"
#include "network/golden.h"
#include "program/program_file.h"

namespace npim::simulation {

class ProgramExecutor {
 public:
  /// Programs all arrays. Throws InputError naming the program when the chip cannot run it.
  /// `program` must outlive the executor.
  ProgramExecutor(const program::Program &program, const config::ChipConfig &chip,
                  const std::string &name);

  /// Trims the converters and arrays of the tiles in use, as firmware does before it runs a
  /// network; converters that calibration finds broken go out of service. Returns their number.
  /// Throws InputError when a tile has none left.
  int calibrate();

  /// The network's outputs for an image (HWC bytes as in a data set) that is the `number`-th of its
  /// run, which names the draws of its noise.
  std::vector<std::int32_t> logits(const std::uint8_t *image, std::uint64_t number) const;

 private:
  using Tensor = network::GoldenTensor;
  struct Part {  // one array of a stage
    const dataflow::ArrayDatapath *array = nullptr;
    int copy = 0, rows = 0, first_channel = 0, channels = 0;
    std::size_t inputs = 0;  // place of its first row in the window
  };
  struct StagePlan {
    const program::Stage *stage = nullptr;
    network::Layer layer;  // what a stage without arrays computes
    network::WindowSource source;
    dataflow::LayerConverter converter;
    std::vector<Part> parts;
    std::vector<std::size_t> targets;  // per destination: number of the stage, or kToHost
  };
  struct SegmentPlan {
    const program::ControlProgram *control = nullptr;
    std::vector<StagePlan> stages;
    std::vector<std::size_t> order;          // every stage after those that it reads
    std::vector<std::size_t> input_targets;  // per destination of the image
  };
  struct Buffers {
    Bytes images, outputs, workspace;
  };

  dataflow::ArrayDatapath &array(int tile, int number);
  bool calibrate(int tile, std::uint64_t run);
  SegmentPlan plan_segment(const program::ControlProgram &control);
  StagePlan plan_stage(const program::Stage &stage);
  void plan_parts(StagePlan &plan);

  Tensor run_segment(const SegmentPlan &plan, Tensor image, std::uint64_t number) const;
  Tensor run_stage(const StagePlan &plan, const std::vector<Tensor> &inputs,
                   std::uint64_t number) const;
  Tensor multiply(const StagePlan &plan, const Tensor &input, std::uint64_t number) const;
  std::uint8_t *place(const program::TensorView &view, Buffers &buffers) const;
  Tensor read(const program::TensorView &view, Buffers &buffers) const;
  void write(const Tensor &tensor, const program::TensorView &view, Buffers &buffers) const;
  void run_step(const program::Step &step, Buffers &buffers, std::uint64_t number) const;

  const program::Program &program_;
  const config::ChipConfig &chip_;
  const std::string name_;
  dataflow::Datapath datapath_;
  std::map<std::pair<int, int>, std::unique_ptr<dataflow::ArrayDatapath>> arrays_;  // tile, array
  std::vector<SegmentPlan> segments_;
};

}  // namespace npim::simulation
