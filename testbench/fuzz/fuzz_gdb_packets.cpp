// The GDB server's framing and commands: any stream of bytes gives packets that are answered or
// dropped, and no answer is larger than the protocol allows.
#include <cstdlib>

#include "debug/commands.h"
#include "debug/packet.h"
#include "support/fake_debug_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace npim::debug;
  npim::test::FakeDebugTarget target;
  CommandHandler handler(target);
  PacketReader reader;
  std::vector<Incoming> pieces;
  const std::string_view bytes(reinterpret_cast<const char *>(data), size);
  // The first byte chooses whether checksums count; mutations seldom get one right.
  reader.ignore_checksums(size != 0 && data[0] != '+');
  for (std::size_t at = 0; at < size; at += 7) reader.take(bytes.substr(at, 7), pieces);
  for (const Incoming &piece : pieces) {
    if (piece.kind != Incoming::Kind::kPacket) continue;
    const Answer answer = handler.handle(piece.data, Stop());
    for (const auto &reply : answer.replies) {
      if (reply.size() > kLargestPacket) std::abort();
    }
    if (answer.action == Answer::Action::kResume && answer.resume.size() != target.harts()) {
      std::abort();
    }
  }
  return 0;
}
