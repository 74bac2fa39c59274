// The hart against QEMU (TCG) on the same firmware: instructions and MMIO reads per second of the
// host's processor time, and their ratio. Usage: bench_hart [FOLDER WITH FIRMWARE]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "board/board.h"

namespace npim::board {
namespace {

/// Work done, of whatever kind, and what it took.
struct Speed {
  double count = 0;
  double seconds = 0;
  double per_second() const { return seconds > 0 ? count / seconds : 0; }
};

double processor_seconds(int who) {
  rusage usage;
  getrusage(who, &usage);
  const auto seconds = [](const timeval &time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// In a child, as a process holds one simulation. Prints the statistics.
Speed on_hart(const std::string &elf, double reads, bool block_cache) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    PlatformConfig config;
    config.hart.block_cache = block_cache;
    Board board("board", config);
    board.load_elf(elf);
    const double start = processor_seconds(RUSAGE_SELF);
    board.run(sc_core::sc_time(1000, sc_core::SC_SEC));
    const auto s = board.hart().statistics();
    const Speed speed{reads > 0 ? reads : static_cast<double>(s.instructions),
                      processor_seconds(RUSAGE_SELF) - start};
    std::fprintf(stderr,
                 "  instructions %llu, block lookups %llu, blocks %llu, slow accesses %llu, device "
                 "reads %llu (%llu timed), synchronisations %llu\n",
                 static_cast<unsigned long long>(s.instructions),
                 static_cast<unsigned long long>(s.block_lookups),
                 static_cast<unsigned long long>(s.blocks_decoded),
                 static_cast<unsigned long long>(s.slow_accesses),
                 static_cast<unsigned long long>(s.device_reads),
                 static_cast<unsigned long long>(s.timed_reads),
                 static_cast<unsigned long long>(s.synchronisations));
    const bool written = write(ends[1], &speed, sizeof speed) == sizeof speed;
    _exit(written ? 0 : 1);
  }
  Speed speed;
  close(ends[1]);
  if (read(ends[0], &speed, sizeof speed) != sizeof speed) speed = {};
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return speed;
}

/// The processor time of QEMU, less that of a run of `empty`, which does next to nothing.
Speed on_qemu(const std::string &elf, const std::string &empty, double count) {
  const auto seconds = [](const std::string &image) {
    const double before = processor_seconds(RUSAGE_CHILDREN);
    const std::string command =
        "timeout 120 qemu-system-riscv64 -M virt -m 256 -bios none -display none -monitor none "
        "-serial stdio -kernel '" +
        image + "' < /dev/null > /dev/null 2>&1";
    if (std::system(command.c_str()) != 0) return 0.0;
    return processor_seconds(RUSAGE_CHILDREN) - before;
  };
  return {count, seconds(elf) - seconds(empty)};
}

void compare(const char *what, const char *unit, const std::string &folder, const char *app,
             double reads) {
  const std::string elf = folder + "/" + app + ".elf";
  const Speed here = on_hart(elf, reads, true);
  const Speed there = on_qemu(elf, folder + "/hello.elf", here.count);
  std::printf("%s: %.1f %s here (%.2f s), %.1f on QEMU (%.2f s), ratio %.2f\n", what,
              here.per_second() / 1e6, unit, here.seconds, there.per_second() / 1e6, there.seconds,
              there.per_second() > 0 ? here.per_second() / there.per_second() : 0);
  std::fflush(stdout);
}

}  // namespace
}  // namespace npim::board

int sc_main(int argc, char **argv) {
  const std::string folder = argc > 1 ? argv[1] : NPIM_FIRMWARE_DIR;
  npim::board::compare("Convolution, CRC, sort, pointer chase", "MIPS", folder, "cpubench", 0);
  npim::board::compare("mtime", "million reads/s", folder, "mmiobench", 1e7);
  return 0;
}

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  return sc_core::sc_elab_and_sim(argc, argv);
}
