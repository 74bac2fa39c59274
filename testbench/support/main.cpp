// SystemC owns main(): the tests run inside sc_main, so that a test may elaborate and simulate.
#include <gmock/gmock.h>

#include <cstdlib>
#include <systemc>

int sc_main(int, char **) { return RUN_ALL_TESTS(); }

int main(int argc, char **argv) {
  setenv("SYSTEMC_DISABLE_COPYRIGHT_MESSAGE", "1", 1);
  testing::InitGoogleMock(&argc, argv);
  return sc_core::sc_elab_and_sim(argc, argv);
}
