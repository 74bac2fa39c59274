// Results as files for machines and for people: one JSON object per command, and a self-contained
// page that shows that same object. The page is a template (page/, embedded when the program is
// built, chart library included) into which the object is put; it computes nothing that the object
// does not hold, so that text, JSON and page cannot disagree.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>

namespace npim::report {

/// The members that every report has: which command made it, with which version of the platform,
/// seed of the random numbers and chip configuration (null: none, or several).
boost::json::object begin_report(const std::string &command, std::uint64_t seed,
                                 boost::json::value config);

/// The page that shows `report`. Names in it may come from anybody's files: no text of the object
/// can end the element that holds it.
std::string html_page(const boost::json::object &report);

/// Where a command's report goes; empty: nowhere.
struct ReportFiles {
  std::string json;         ///< file
  std::string html_folder;  ///< made when it is not there; the page is <command>.html
};

/// Refuses unwritable places before a long computation: creates the folder, and empties the JSON
/// file. Throws InputError naming the path.
void check_report_files(const ReportFiles &files);

/// Writes both. Returns the page's path, or "" when there is none.
std::string write_report(const boost::json::object &report, const ReportFiles &files);

}  // namespace npim::report
