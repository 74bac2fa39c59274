// Where tests find what firmware/ builds, and how they run it on QEMU.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

namespace npim::test {

/// Path of an application's ELF file, in NPIM_FIRMWARE_DIR or build/firmware; none when it was not
/// built.
inline std::optional<std::string> firmware(const std::string &application) {
  const char *folder = std::getenv("NPIM_FIRMWARE_DIR");
  const std::string path =
      (folder != nullptr ? std::string(folder) : std::string(NPIM_SOURCE_DIR "/build/firmware")) +
      "/" + application + ".elf";
  if (!std::ifstream(path)) return std::nullopt;
  return path;
}

struct QemuRun {
  std::string console;
  int status = -1;  ///< of the shell; 124 when it took more than 30 s
};

/// Runs a bare-metal ELF file on QEMU's virt machine; none when QEMU is not installed.
inline std::optional<QemuRun> run_on_qemu(const std::string &elf, unsigned harts = 1) {
  if (std::system("command -v qemu-system-riscv64 >/dev/null 2>&1") != 0) return std::nullopt;
  const std::string command =
      "timeout 30 qemu-system-riscv64 -M virt -cpu rv64 -m 128M -bios none -display none "
      "-monitor none -serial stdio -no-reboot -smp " +
      std::to_string(harts) + " -kernel '" + elf + "' </dev/null 2>&1";
  std::FILE *pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  QemuRun run;
  std::array<char, 4096> chunk;
  while (const std::size_t size = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    run.console.append(chunk.data(), size);
  }
  const int status = pclose(pipe);
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

}  // namespace npim::test
