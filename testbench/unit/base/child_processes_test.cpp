// Jobs in processes of their own: results in order, errors as thrown, dead children reported.
#include "base/child_processes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <stdexcept>

#include "base/error.h"

namespace npim {
namespace {

TEST(ChildProcesses, ReturnResultsInOrder) {
  std::size_t ended = 0;
  const auto results = run_in_children(
      7,
      [](std::size_t i) {
        usleep(static_cast<useconds_t>(1000 * (7 - i)));
        return std::string(100000 * (i + 1), static_cast<char>('a' + i));  // more than a pipe holds
      },
      3, [&](std::size_t) { ++ended; });
  ASSERT_EQ(results.size(), 7U);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(results[i], std::string(100000 * (i + 1), static_cast<char>('a' + i)));
  }
  EXPECT_EQ(ended, 7U);
}

TEST(ChildProcesses, AreProcessesOfTheirOwn) {
  int variable = 0;
  const auto ids = run_in_children(4, [&](std::size_t) {
    ++variable;
    return std::to_string(getpid()) + "/" + std::to_string(variable);
  });
  EXPECT_EQ(variable, 0);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 4U);
  for (const auto &id : ids) EXPECT_EQ(id.substr(id.find('/')), "/1");
}

TEST(ChildProcesses, ThrowWhatJobsThrow) {
  const auto bad = [](std::size_t i) -> std::string {
    if (i == 1) throw InputError("a.json: key 'b'", "is missing");
    return "";
  };
  try {
    run_in_children(3, bad, 1);
    FAIL() << "nothing was thrown";
  } catch (const InputError &error) {
    EXPECT_STREQ(error.what(), "a.json: key 'b': is missing");
  }
  const auto failing = [](std::size_t) -> std::string { throw std::logic_error("broken"); };
  EXPECT_THROW(run_in_children(2, failing), std::runtime_error);
}

TEST(ChildProcesses, ReportWhoWasKilled) {
  const auto killed = [](std::size_t i) -> std::string {
    if (i == 0) raise(SIGKILL);
    for (;;) pause();  // ended by the parent
  };
  try {
    run_in_children(2, killed, 2);
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error &error) {
    EXPECT_NE(std::string(error.what()).find("signal 9"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace npim
