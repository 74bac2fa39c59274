// Errors that users cause: bad files, bad configuration, bad arguments. They carry what to look at.
#pragma once

#include <stdexcept>
#include <string>

namespace npim {

/// Input that cannot be used. `where` names the file and, where there is one, the key, node or
/// offset; `what_is_wrong` is a sentence without a full stop. The command maps it to exit status 2.
class InputError : public std::runtime_error {
 public:
  InputError(const std::string &where, const std::string &what_is_wrong)
      : std::runtime_error(where + ": " + what_is_wrong) {}
};

}  // namespace npim
