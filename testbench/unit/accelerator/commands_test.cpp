// Command queue, DMA and interrupts at the host face, driven through registers and memory.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "abi/npim_abi.h"
#include "accelerator/trace_observer.h"
#include "apps/selftest/blobs.h"
#include "support/accelerator_bench.h"

namespace npim::testing {
namespace {

using abi::Completion;
using abi::Descriptor;
using abi::Error;
using abi::Opcode;

/// Writes descriptors, rings doorbells, reads records: a driver without policy.
class Queue {
 public:
  static constexpr std::uint64_t kDescriptors = 0x1000, kRecords = 0x100000, kData = 0x200000;

  explicit Queue(AcceleratorBench &bench, unsigned log2 = 3)
      : bench_(bench), regs(bench.host), log2_(log2) {}

  void set_up(std::uint32_t irq_batch = 1) {
    regs.write(abi::reg::kQueueBaseLo, AcceleratorBench::kMemory + kDescriptors);
    regs.write(abi::reg::kQueueSize, log2_);
    regs.write(abi::reg::kCompletionBaseLo, AcceleratorBench::kMemory + kRecords);
    regs.write(abi::reg::kIrqBatch, irq_batch);
    regs.write(abi::reg::kIrqMask, 7);
    regs.write(abi::reg::kControl, 1);
    EXPECT_EQ(regs.read(abi::reg::kControl), 1u);
  }
  void put(const Descriptor &command) {
    const auto bytes = command.encode();
    const std::uint64_t slot = tail % (1u << log2_);
    std::memcpy(memory() + kDescriptors + slot * bytes.size(), bytes.data(), bytes.size());
    ++tail;
  }
  void put(Opcode opcode, std::uint8_t flags = 0, std::uint16_t tag = 0) {
    Descriptor command;
    command.opcode = static_cast<std::uint8_t>(opcode);
    command.flags = flags;
    command.tag = tag;
    put(command);
  }
  void ring() { regs.write(abi::reg::kQueueTail, tail); }
  /// Waits until all that was submitted has completed.
  void drain() {
    for (int i = 0; i < 100000 && regs.read(abi::reg::kQueueHead) != tail; ++i) {
      sc_core::wait(1, sc_core::SC_US);
    }
    ASSERT_EQ(regs.read(abi::reg::kQueueHead), tail);
  }
  Completion record(std::uint32_t index) {
    const std::uint64_t slot = index % (1u << log2_);
    return Completion::decode(memory() + kRecords + slot * Completion::kBytes);
  }
  Error error(std::uint32_t index) { return static_cast<Error>(record(index).error); }
  void reset() {
    regs.write(abi::reg::kControl, 2);
    for (int i = 0; i < 1000 && (regs.read(abi::reg::kStatus) & 16) != 0; ++i) {
      sc_core::wait(100, sc_core::SC_NS);
    }
    ASSERT_EQ(regs.read(abi::reg::kStatus), 1u);
    tail = 0;
  }
  std::uint8_t *memory() { return bench_.host.memory(); }

 private:
  AcceleratorBench &bench_;

 public:
  Registers regs;
  std::uint32_t tail = 0;

 private:
  unsigned log2_;
};

/// A run of `pixels` windows per image through one array, loaded and programmed.
class Network {
 public:
  Network(Queue &queue, std::int32_t pixels) : queue_(queue), stage_(blob_default(kRows)) {
    stage_.image_width = pixels;
  }
  void load() {
    std::uint8_t *data = queue_.memory() + Queue::kData;
    Descriptor command;
    command.opcode = static_cast<std::uint8_t>(Opcode::kLoadControl);
    command.source = AcceleratorBench::kMemory + Queue::kData;
    command.source_bytes = blob_control(&stage_, data);
    queue_.put(command);
    command.opcode = static_cast<std::uint8_t>(Opcode::kProgramWeights);
    command.source += BLOB_CONTROL_BYTES;
    command.source_bytes = blob_weights(0, 0, kRows, 100, data + BLOB_CONTROL_BYTES);
    queue_.put(command);
    queue_.ring();
    queue_.drain();
  }
  Descriptor run(std::uint32_t images) const {
    const auto pixels = static_cast<std::uint32_t>(stage_.image_width);
    Descriptor command;
    command.opcode = static_cast<std::uint8_t>(Opcode::kRun);
    command.flags = abi::kFlagInterrupt;
    command.source = AcceleratorBench::kMemory + 0x400000;
    command.destination = AcceleratorBench::kMemory + 0x800000;
    command.count = images;
    command.source_bytes = command.source_stride = kRows * pixels;
    command.destination_bytes = command.destination_stride = 4 * BLOB_OUTPUTS * pixels;
    return command;
  }

 private:
  static constexpr std::uint32_t kRows = 128;
  Queue &queue_;
  blob_stage stage_;
};

TEST(AcceleratorQueue, WrapsAroundManyTimesInOrder) {
  AcceleratorBench bench;
  Queue queue(bench, 1);
  bench.run([&] {
    queue.set_up();
    for (std::uint16_t i = 0; i < 50; ++i) {
      queue.put(Opcode::kNop, 0, static_cast<std::uint16_t>(7 * i));
      queue.put(i % 2 == 0 ? Opcode::kBarrier : Opcode::kNop);
      queue.ring();
      queue.drain();
      const Completion first = queue.record(2u * i);
      EXPECT_EQ(first.index, 2u * i);
      EXPECT_EQ(first.tag, 7 * i);
      EXPECT_EQ(first.sequence, 2u * i + 1);
      EXPECT_EQ(queue.record(2u * i + 1).error, 0);
    }
    EXPECT_EQ(queue.regs.read64(abi::reg::kCounterCommands), 100u);
    EXPECT_EQ(queue.regs.read64(abi::reg::kCounterDmaRead), 100u * 64);
    EXPECT_EQ(queue.regs.read64(abi::reg::kCounterDmaWrite), 100u * 32);
  });
}

TEST(AcceleratorQueue, FailedCommandDoesNotStopTheNext) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    queue.set_up();
    queue.put(static_cast<Opcode>(200));
    queue.put(Opcode::kNop);
    queue.ring();
    queue.drain();
    EXPECT_EQ(queue.error(0), Error::kUnknownOpcode);
    EXPECT_EQ(queue.error(1), Error::kNone);
    EXPECT_EQ(queue.regs.read(abi::reg::kErrorCommand), 0u);
    EXPECT_EQ(queue.regs.read(abi::reg::kErrorCode), static_cast<unsigned>(Error::kUnknownOpcode));
  });
}

TEST(AcceleratorQueue, EveryReservedFieldIsChecked) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    queue.set_up();
    std::array<Descriptor, 6> commands;
    for (auto &command : commands) command.opcode = static_cast<std::uint8_t>(Opcode::kNop);
    commands[0].reserved0 = 1u << 31;
    commands[1].reserved1 = 1;
    commands[2].reserved2 = 0x8000;
    commands[3].reserved3 = std::uint64_t{1} << 63;
    commands[4].flags = 128;
    for (const auto &command : commands) queue.put(command);
    queue.ring();
    queue.drain();
    for (std::uint32_t i = 0; i < 5; ++i) EXPECT_EQ(queue.error(i), Error::kBadDescriptor) << i;
    EXPECT_EQ(queue.error(5), Error::kNone);
  });
}

TEST(AcceleratorQueue, DoorbellsAreCheckedAgainstTheRing) {
  AcceleratorBench bench;
  Queue queue(bench, 2);
  bench.run([&] {
    queue.set_up();
    const auto code = [&] {
      const auto error = static_cast<Error>(queue.regs.read(abi::reg::kErrorCode));
      queue.regs.write(abi::reg::kIrqStatus, 7);
      return error;
    };
    for (int i = 0; i < 4; ++i) queue.put(Opcode::kNop);
    queue.regs.write(abi::reg::kQueueTail, 5);
    EXPECT_EQ(code(), Error::kQueueOverrun);
    queue.regs.write(abi::reg::kQueueTail, 0xffffffff);
    EXPECT_EQ(code(), Error::kQueueOverrun);
    queue.ring();
    queue.regs.write(abi::reg::kQueueTail, 3);  // takes a command back
    EXPECT_EQ(code(), Error::kQueueOverrun);
    EXPECT_EQ(queue.regs.read(abi::reg::kQueueTail), 4u);
    queue.drain();
    EXPECT_EQ(code(), Error::kNone);
  });
}

TEST(AcceleratorQueue, DisablingHoldsTheQueueAndEnablingGoesOn) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    queue.set_up();
    Network network(queue, 32);
    network.load();
    const std::uint32_t run = queue.tail;
    queue.put(network.run(1));
    queue.put(Opcode::kNop);
    queue.ring();
    sc_core::wait(1, sc_core::SC_US);
    queue.regs.write(abi::reg::kControl, 0);
    EXPECT_EQ(queue.regs.read(abi::reg::kStatus), abi::field::kStatusBusy.mask());
    sc_core::wait(1, sc_core::SC_MS);
    EXPECT_EQ(queue.regs.read(abi::reg::kQueueHead), run + 1) << "the running command ended";
    EXPECT_EQ(queue.regs.read(abi::reg::kStatus), 0u) << "not idle: one is queued";
    queue.regs.write(abi::reg::kControl, 1);
    queue.drain();
    EXPECT_EQ(queue.error(run), Error::kNone);
  });
}

TEST(AcceleratorQueue, BatchedInterruptsCountFlaggedCompletions) {
  AcceleratorBench bench;
  Queue queue(bench, 4);
  int edges = 0;
  bench.run([&] {
    queue.set_up(3);
    for (int i = 0; i < 7; ++i) {
      queue.put(Opcode::kNop, abi::kFlagInterrupt);
      queue.put(Opcode::kNop);
    }
    queue.ring();
    std::vector<std::uint32_t> heads;
    while (queue.regs.read(abi::reg::kQueueHead) != queue.tail || bench.line.read()) {
      if (!bench.line.read()) {
        sc_core::wait(sc_core::sc_time(1, sc_core::SC_US), bench.line.posedge_event());
        continue;
      }
      ++edges;
      heads.push_back(queue.regs.read(abi::reg::kQueueHead));
      queue.regs.write(abi::reg::kIrqStatus, 1);
      sc_core::wait(1, sc_core::SC_NS);
    }
    // After the 3rd and 6th flagged command, and the 7th when the queue is empty.
    EXPECT_EQ(heads, (std::vector<std::uint32_t>{5, 11, 14}));
  });
  EXPECT_EQ(edges, 3);
}

TEST(AcceleratorDma, RingsAndDataInHolesOrRegistersAreFaults) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    const auto fault = [&](std::uint32_t descriptors, std::uint32_t records) {
      queue.set_up();
      queue.regs.write(abi::reg::kControl, 0);
      queue.regs.write(abi::reg::kQueueBaseLo, descriptors);
      queue.regs.write(abi::reg::kCompletionBaseLo, records);
      queue.regs.write(abi::reg::kControl, 1);
      queue.put(Opcode::kNop);
      queue.ring();
      queue.drain();
      const auto code = static_cast<Error>(queue.regs.read(abi::reg::kErrorCode));
      const std::uint32_t address = queue.regs.read(abi::reg::kErrorAddressLo);
      queue.reset();
      return std::make_pair(code, address);
    };
    const std::uint32_t memory = AcceleratorBench::kMemory, hole = AcceleratorBench::kHole;
    const std::uint32_t own = AcceleratorBench::kRegisters;
    const auto ring = static_cast<std::uint32_t>(memory + Queue::kDescriptors);
    EXPECT_EQ(fault(hole, memory), std::make_pair(Error::kDmaReadFault, hole));
    EXPECT_EQ(fault(own, memory), std::make_pair(Error::kDmaReadFault, own));
    EXPECT_EQ(fault(ring, hole), std::make_pair(Error::kDmaWriteFault, hole));
    EXPECT_EQ(fault(ring, own), std::make_pair(Error::kDmaWriteFault, own));
  });
}

TEST(AcceleratorDma, FaultAddressIsThePageThatFailed) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    queue.set_up();
    Descriptor command;
    command.opcode = static_cast<std::uint8_t>(Opcode::kProgramWeights);
    command.source_bytes = 0x3000;
    const std::uint64_t end = AcceleratorBench::kMemory + AcceleratorBench::kMemoryBytes;
    command.source = end - 0x1800;
    queue.put(command);
    command.source = ~std::uint64_t{0} - 0x17ff;  // over the end of the address space
    queue.put(command);
    queue.ring();
    queue.drain();
    EXPECT_EQ(queue.error(0), Error::kDmaReadFault);
    EXPECT_EQ(queue.record(0).fault_address, end);
    EXPECT_EQ(queue.error(1), Error::kDmaReadFault);
  });
}

TEST(AcceleratorReset, TakesTimeInterruptsAndForgets) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    queue.set_up();
    Network network(queue, 1);
    network.load();
    queue.regs.write(abi::reg::kScratch, 5);
    queue.regs.write(abi::reg::kControl, 2);
    EXPECT_NE(queue.regs.read(abi::reg::kStatus) & abi::field::kStatusResetting.mask(), 0u);
    EXPECT_EQ(queue.regs.read(abi::reg::kIrqMask), 0u);
    EXPECT_EQ(queue.regs.read(abi::reg::kScratch), 0u);
    queue.regs.write(abi::reg::kControl, 1);
    EXPECT_EQ(queue.regs.read(abi::reg::kControl), 0u) << "ignored during a reset";
    queue.regs.write(abi::reg::kIrqMask, abi::field::kIrqMaskResetDone.mask());
    sc_core::wait(bench.line.posedge_event());
    EXPECT_EQ(queue.regs.read(abi::reg::kIrqStatus), abi::field::kIrqStatusResetDone.mask());
    EXPECT_EQ(queue.regs.read(abi::reg::kStatus), abi::field::kStatusIdle.mask());
    for (const auto &reg : abi::kRegisters) {
      const bool touched = reg.offset == abi::reg::kIrqMask || reg.offset == abi::reg::kIrqStatus;
      if (!reg.configured && !touched) {
        EXPECT_EQ(queue.regs.read(reg.offset), reg.reset & 0xffffffff) << reg.name;
      }
    }
    queue.tail = 0;
    queue.set_up();
    queue.put(network.run(1));
    queue.ring();
    queue.drain();
    EXPECT_EQ(queue.error(0), Error::kControlNotLoaded);
  });
}

/// Interrupts a run after `delay` in one of two ways and checks that everything works again.
void recover_after(AcceleratorBench &bench, bool by_reset) {
  Queue queue(bench);
  Network network(queue, 16);
  queue.set_up();
  network.load();
  for (int step = 0; step < 40; ++step) {
    const std::uint32_t first = queue.tail;
    queue.put(network.run(2));
    queue.put(Opcode::kNop);
    queue.ring();
    sc_core::wait(sc_core::sc_time(37 * step, sc_core::SC_NS));
    if (by_reset) {
      queue.reset();
      queue.set_up();
      network.load();
    } else {
      queue.regs.write(abi::reg::kControl, 1 | 4);
      queue.drain();
      EXPECT_EQ(queue.error(first), Error::kCancelled) << step;
      EXPECT_EQ(queue.error(first + 1), Error::kCancelled) << step;
      queue.regs.write(abi::reg::kIrqStatus, 7);
    }
    const std::uint32_t again = queue.tail;
    std::memset(queue.memory() + 0x800000, 0xee, 16);
    queue.put(network.run(1));
    queue.ring();
    queue.drain();
    ASSERT_EQ(queue.error(again), Error::kNone) << step;
    std::int32_t output = 0;
    std::memcpy(&output, queue.memory() + 0x800000, sizeof output);
    ASSERT_EQ(output, blob_code(128 * 100 * 200, 128, 1)) << step;
  }
}

TEST(AcceleratorReset, RecoversAtAnyTimeOfARun) {
  AcceleratorBench bench;
  bench.run([&] {
    std::memset(bench.host.memory() + 0x400000, 200, 0x100000);
    recover_after(bench, true);
  });
}

TEST(AcceleratorCancel, LeavesTheChipUsableAtAnyTimeOfARun) {
  AcceleratorBench bench;
  bench.run([&] {
    std::memset(bench.host.memory() + 0x400000, 200, 0x100000);
    recover_after(bench, false);
  });
}

TEST(AcceleratorCancel, WithoutCommandsIsWithoutEffect) {
  AcceleratorBench bench;
  Queue queue(bench);
  bench.run([&] {
    queue.set_up();
    queue.regs.write(abi::reg::kControl, 1 | 4);
    queue.put(Opcode::kNop);
    queue.ring();
    queue.drain();
    EXPECT_EQ(queue.error(0), Error::kNone);
  });
}

struct Recorder : accelerator::Observer {
  void command_started(std::uint32_t index, const Descriptor &command) override {
    log += "start " + std::to_string(index) + " " + std::to_string(command.opcode) + ";";
  }
  void command_completed(const Descriptor &, const Completion &result) override {
    log += "end " + std::to_string(result.index) + " " + std::to_string(result.error) + ";";
  }
  void dma_transfer(bool is_write, std::uint64_t, std::uint64_t bytes, bool ok) override {
    log += (is_write ? "w" : "r") + std::to_string(bytes) + (ok ? ";" : "!;");
  }
  void interrupt_changed(bool level) override { log += level ? "irq;" : "quiet;"; }
  std::string log;
};

TEST(AcceleratorObserver, SeesCommandsTransfersAndInterrupts) {
  AcceleratorBench bench;
  Recorder recorder;
  Queue queue(bench);
  bench.accelerator.add_observer(recorder);
  bench.run([&] {
    queue.set_up();
    queue.put(Opcode::kNop, abi::kFlagInterrupt);
    queue.ring();
    queue.drain();
    queue.regs.write(abi::reg::kIrqStatus, 1);
    sc_core::wait(1, sc_core::SC_NS);
  });
  EXPECT_EQ(recorder.log, "r64;start 0 1;w28;w4;end 0 0;irq;quiet;");
}

}  // namespace
}  // namespace npim::testing
