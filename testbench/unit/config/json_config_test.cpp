#include "config/json_config.h"

#include <gtest/gtest.h>

#include <functional>

namespace npim::config {
namespace {

std::string message_of(const std::function<void()> &action) {
  try {
    action();
  } catch (const InputError &error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_MESSAGE(action, part)                                   \
  EXPECT_NE(message_of([&] { action; }).find(part), std::string::npos) \
      << message_of([&] { action; })

TEST(JsonConfig, ReadsTypedValues) {
  Object object(Node::parse(R"({"a": 3, "b": 2.5, "c": "x", "d": true, "e": [1, 2]})", "t.json"));
  EXPECT_EQ(object.integer("a", 0, 10), 3);
  EXPECT_DOUBLE_EQ(object.number("b", 0, 10), 2.5);
  EXPECT_DOUBLE_EQ(object.number("a", 0, 10), 3.0);
  EXPECT_EQ(object.text("c"), "x");
  EXPECT_TRUE(object.flag("d"));
  EXPECT_EQ(object.at("e").items().at(1).integer(0, 9), 2);
  EXPECT_NO_THROW(object.finish());
}

TEST(JsonConfig, MissingKeyNamesFileAndKey) {
  Object object(Node::parse(R"({"tile": {}})", "chip.json"));
  Object tile(object.at("tile"));
  EXPECT_MESSAGE(tile.integer("imas", 1, 4), "chip.json");
  EXPECT_MESSAGE(tile.integer("imas", 1, 4), "'imas' is missing");
  EXPECT_MESSAGE(tile.integer("imas", 1, 4), "key 'tile'");
}

TEST(JsonConfig, UnknownKeyIsRefusedWithTheNearestName) {
  Object object(Node::parse(R"({"clock_mzh": 1})", "chip.json"));
  object.find("clock_mhz");
  EXPECT_MESSAGE(object.finish(), "unknown key 'clock_mzh'; did you mean 'clock_mhz'?");
}

TEST(JsonConfig, WrongTypesAndRangesSayWhatWasExpected) {
  Object object(Node::parse(R"({"a": "3", "b": 2.5, "c": 1e300, "d": -1, "e": {}})", "t"));
  EXPECT_MESSAGE(object.integer("a", 0, 9),
                 "expected an integer from 0 to 9, found the string \"3\"");
  EXPECT_MESSAGE(object.integer("b", 0, 9), "found the number 2.5");
  EXPECT_MESSAGE(object.integer("c", 0, 9), "expected an integer");
  EXPECT_MESSAGE(object.integer("d", 0, 9), "found the number -1");
  EXPECT_MESSAGE(object.number("d", 0, 9), "expected a number from 0 to 9");
  EXPECT_MESSAGE(object.text("e"), "found an object");
  EXPECT_MESSAGE(object.at("a").choice({"x", "y"}), "expected one of: x, y");
}

TEST(JsonConfig, BrokenTextNamesLineAndColumn) {
  EXPECT_MESSAGE(Node::parse("{\n  \"a\": }", "t.json"), "t.json: line 2");
  EXPECT_MESSAGE(Node::parse("{} {}", "t.json"), "after the end");
  EXPECT_THROW(Node::parse("", "t.json"), InputError);
  EXPECT_THROW(Node::parse(std::string(100000, '['), "t.json"), InputError);
}

TEST(JsonConfig, AKeyMayStandOnceInAnObject) {
  EXPECT_MESSAGE(Node::parse(R"({"a": {"b": 1, "c": [{}], "b": 2}})", "t"), "'b' stands twice");
  EXPECT_NO_THROW(
      Node::parse(R"({"a": {"b": 1}, "b": {"a": {"b": 2}}, "c": [{"a": 1}, {"a": 2}]})", "t"));
  const std::string escaped = "{\"a\": 1, \"\\u0061\": 2}";
  EXPECT_THROW(Node::parse(escaped, "t"), InputError);
}

TEST(JsonConfig, CommentsAreAllowed) {
  Object object(Node::parse("// why\n{\"a\": 1 /* unit */}", "t.json"));
  EXPECT_EQ(object.integer("a", 0, 1), 1);
}

TEST(JsonConfig, NodesOutliveTheTopNode) {
  const auto child = [] { return Object(Node::parse(R"({"a": 7})", "t")).at("a"); }();
  EXPECT_EQ(child.integer(0, 9), 7);
}

}  // namespace
}  // namespace npim::config
