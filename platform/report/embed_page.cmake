# Puts styles, chart library and scripts into page/page.html and writes the whole as a C++ string.
# cmake -D PAGE=folder -D CHART_JS=file -D SCRIPTS=a.js,b.js -D OUT=file.cpp -P embed_page.cmake
file(READ ${PAGE}/page.html page)
file(READ ${PAGE}/page.css style)
file(READ ${CHART_JS} chart_library)
string(REPLACE "," ";" SCRIPTS "${SCRIPTS}")
set(script "")
foreach(name IN LISTS SCRIPTS)
  file(READ ${PAGE}/${name} part)
  string(APPEND script "${part}")
endforeach()
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@CHART_LIBRARY@" "${chart_library}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
file(WRITE ${OUT} "// Made by embed_page.cmake.\n#include <string_view>\nnamespace npim::report {\n"
  "extern const std::string_view kPageTemplate;\n"
  "const std::string_view kPageTemplate = R\"npim-page(${page})npim-page\";\n"
  "}  // namespace npim::report\n")
