#include "report/html_page.h"

#include <filesystem>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/file.h"

namespace npim::report {

/// page/page.html with styles and scripts in their places (embed_page.cmake).
extern const std::string_view kPageTemplate;

namespace {

constexpr std::string_view kReportMark = "@REPORT@";

/// JSON that may stand in a script element: "</script>" and "<!--" cannot occur in it.
std::string for_script(const boost::json::object &report) {
  std::string out;
  for (const char c : boost::json::serialize(report)) {
    if (c == '<') {
      out += "\\u003c";  // in JSON a '<' stands in strings only
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

boost::json::object begin_report(const std::string &command, std::uint64_t seed,
                                 boost::json::value config) {
  boost::json::object report;
  report["command"] = command;
  report["version"] = NPIM_VERSION;
  report["seed"] = seed;
  report["config"] = std::move(config);
  return report;
}

std::string html_page(const boost::json::object &report) {
  std::string page(kPageTemplate);
  page.replace(page.find(kReportMark), kReportMark.size(), for_script(report));
  return page;
}

void check_report_files(const ReportFiles &files) {
  if (!files.html_folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(files.html_folder, error);
    if (error) throw InputError(files.html_folder, "cannot be made a folder: " + error.message());
  }
  if (!files.json.empty()) write_file(files.json, "");
}

std::string write_report(const boost::json::object &report, const ReportFiles &files) {
  if (!files.json.empty()) write_file(files.json, boost::json::serialize(report) + "\n");
  if (files.html_folder.empty()) return "";
  const std::string path =
      files.html_folder + "/" + std::string(report.at("command").as_string()) + ".html";
  write_file(path, html_page(report));
  return path;
}

}  // namespace npim::report
