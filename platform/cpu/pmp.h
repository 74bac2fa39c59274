// Physical memory protection: 16 entries (RISC-V privileged specification 1.12, section 3.7).
// Granularity is 4 bytes. Accesses of machine mode are checked by locked entries only.
#pragma once

#include <cstdint>
#include <optional>

#include "cpu/hart_state.h"

namespace npim::cpu {

enum class Access : std::uint8_t { kFetch, kLoad, kStore };

namespace pmp {

constexpr std::uint8_t kRead = 1, kWrite = 2, kExecute = 4, kMatch = 0x18, kLock = 0x80;
constexpr std::uint8_t kOff = 0, kTor = 0x08, kNa4 = 0x10, kNapot = 0x18;

/// The configuration byte of an entry.
inline std::uint8_t config(const HartState &state, unsigned entry) {
  return static_cast<std::uint8_t>(state.pmpcfg[entry / 8] >> (8 * (entry % 8)));
}

/// What a write of `value` to pmpcfg0 (word 0) or pmpcfg2 (word 1) leaves: locked entries keep
/// theirs, and so do entries whose new value is reserved (writable but not readable).
std::uint64_t legal_config(const HartState &state, unsigned word, std::uint64_t value);

/// Whether pmpaddr of an entry is locked: by itself, or by a locked TOR entry above.
bool address_locked(const HartState &state, unsigned entry);

/// Whether an access of `size` bytes is allowed.
bool allows(const HartState &state, std::uint64_t address, std::uint64_t size, Access access,
            Privilege privilege);

/// Whether every access inside the naturally aligned 4 KiB page is allowed, or none; nothing when
/// entries tell its parts apart.
std::optional<bool> allows_page(const HartState &state, std::uint64_t address, Access access,
                                Privilege privilege);

}  // namespace pmp
}  // namespace npim::cpu
