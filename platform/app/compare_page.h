// The comparison of chips as one self-contained HTML page.
#pragma once

#include <string>

#include "analysis/compare.h"

namespace npim::app {

/// Charts (inline SVG) and a table that sorts by a click; no script or style from elsewhere.
std::string compare_page(const analysis::Comparison &comparison,
                         const analysis::PublishedComparison &published);

}  // namespace npim::app
