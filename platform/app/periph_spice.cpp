#include "app/periph_options.h"
#include "base/error.h"
namespace npim::app {
int periph_spice(const Arguments &) { throw InputError("npim periph spice", "is being written"); }
}  // namespace npim::app
