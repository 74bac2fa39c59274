// SystemC owns main(): the tests run inside sc_main, so that a test may elaborate and simulate.
#include <gmock/gmock.h>

#include <cstdlib>
#include <systemc>

namespace {
bool simulated = false;
}

// LeakSanitizer cannot scan the coroutine stacks of SystemC threads (their guard pages stop it, and
// what suspended threads own looks lost): leaks are looked for in tests that do not simulate.
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() {
  return simulated ? 1 : 0;
}

int sc_main(int, char **) {
  const int status = RUN_ALL_TESTS();
  simulated = sc_core::sc_start_of_simulation_invoked();
  return status;
}

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  testing::InitGoogleMock(&argc, argv);
  return sc_core::sc_elab_and_sim(argc, argv);
}
