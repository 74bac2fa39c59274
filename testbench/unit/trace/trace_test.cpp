#include "trace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/error.h"

namespace npim::trace {
namespace {

using sc_core::SC_PS;
using sc_core::sc_time;
using testing::HasSubstr;
using testing::Not;

std::string content(const std::string &path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string path_of(const char *name) {
  return testing::TempDir() + "/" + name;
}

TEST(TraceSink, WritesSpansInstantsAndCountersToThePicosecond) {
  const std::string path = path_of("trace_all.json");
  {
    TraceSink sink(path);
    const Track queue(&sink, "chip", "queue");
    const Track dma(&sink, "chip", "DMA");
    queue.span("run", sc_time(1234567, SC_PS), sc_time(2234568, SC_PS));
    dma.instant("done", sc_time(1, SC_PS));
    dma.counter("bytes", sc_time(3, sc_core::SC_SEC), 64);
  }
  EXPECT_EQ(content(path),
            "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n"
            R"({"ph":"M","name":"process_name","pid":1,"tid":1,"args":{"name":"chip"}},)"
            "\n"
            R"({"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"queue"}},)"
            "\n"
            R"({"ph":"M","name":"thread_name","pid":1,"tid":2,"args":{"name":"DMA"}},)"
            "\n"
            R"({"ph":"X","name":"run","pid":1,"tid":1,"ts":1.234567,"dur":1.000001},)"
            "\n"
            R"({"ph":"i","name":"done","pid":1,"tid":2,"ts":0.000001,"s":"t"},)"
            "\n"
            R"({"ph":"C","name":"bytes","pid":1,"tid":2,"ts":3000000.000000,"args":{"value":64}})"
            "\n]}\n");
}

TEST(TraceSink, EscapesNames) {
  const std::string path = path_of("trace_escape.json");
  {
    TraceSink sink(path);
    Track(&sink, "a\"b", "c\\d").instant("x\ny\xff", sc_time());
  }
  EXPECT_THAT(content(path), HasSubstr(R"("a\"b")"));
  EXPECT_THAT(content(path), HasSubstr(R"("c\\d")"));
  EXPECT_THAT(content(path), HasSubstr(R"("x\u000ay\u00ff")"));
}

TEST(TraceSink, SpanThatEndsBeforeItBeginsHasNoLength) {
  const std::string path = path_of("trace_backwards.json");
  {
    TraceSink sink(path);
    Track(&sink, "g", "t").span("s", sc_time(5, SC_PS), sc_time(4, SC_PS));
  }
  EXPECT_THAT(content(path), HasSubstr("\"dur\":0.000000"));
}

TEST(TraceSink, EventsAfterCloseAreDropped) {
  const std::string path = path_of("trace_closed.json");
  TraceSink sink(path);
  const Track track(&sink, "g", "t");
  sink.close();
  track.instant("late", sc_time());
  sink.close();
  EXPECT_THAT(content(path), Not(HasSubstr("late")));
}

TEST(TraceSink, UnwritableFileIsAnInputError) {
  EXPECT_THROW(TraceSink("/nowhere/trace.json"), InputError);
}

TEST(Track, OffByDefault) {
  const Track off;
  const Track null(nullptr, "g", "t");
  off.span("s", sc_time(), sc_time());
  null.counter("c", sc_time(), 1);
  EXPECT_FALSE(off);
  EXPECT_FALSE(null);
}

}  // namespace
}  // namespace npim::trace
