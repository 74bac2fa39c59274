// A page in headless Chromium: what it logs, what it draws, what happens when one clicks.
#pragma once

#include <boost/json.hpp>
#include <string>

namespace npim::testing {

/// What the probe (browser.cpp) found:
///   errors    texts of exceptions and console errors
///   report    the object that the page holds
///   charts    per canvas: number of different colours that were drawn
///   tiles     fill colours of floorplan tiles
///   sorting   per sortable table: column, its values as written after one click and after two
///   dark      whether the switch made the page dark, and the charts' colours then
///   text      of the body
///   title
struct Visit {
  bool opened = false;  ///< false: Chromium is not there, or did not start; `problem` says why
  std::string problem;
  boost::json::object found;
};

/// Loads `page` as a user would, without a network. `folder` is for Chromium's profile.
Visit visit(const std::string &page, const std::string &folder);

}  // namespace npim::testing
