#include "app/compare_page.h"

#include <algorithm>
#include <vector>

#include "app/text_table.h"

namespace npim::app {
namespace {

using analysis::Comparison;
using analysis::EnergyShares;
using analysis::Outcome;
using analysis::PublishedComparison;
using cost::Accounting;

constexpr Accounting kAccounting = Accounting::kPoweredTime;

struct Group {
  const char *name, *colour;
  double EnergyShares::*value;
};
constexpr Group kGroups[] = {{"crossbar", "#4e79a7", &EnergyShares::crossbar_pj},
                             {"DAC", "#f28e2b", &EnergyShares::dac_pj},
                             {"ADC", "#e15759", &EnergyShares::adc_pj},
                             {"S+A", "#76b7b2", &EnergyShares::accumulate_pj},
                             {"other", "#bab0ac", &EnergyShares::other_pj}};
constexpr const char *kChipColours[] = {"#2f6f4f", "#b5563b", "#5b6fa8"};

std::string escaped(const std::string &text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

struct Bar {
  std::string label;
  std::vector<std::pair<std::string, double>> parts;  ///< colour, length
  std::string value;
};

/// Horizontal stacked bars, the longest as wide as the chart.
std::string chart(const std::string &title, const std::vector<Bar> &bars) {
  constexpr int kLabel = 260, kWidth = 560, kStep = 22;
  double longest = 0;
  for (const Bar &bar : bars) {
    double length = 0;
    for (const auto &part : bar.parts) length += part.second;
    longest = std::max(longest, length);
  }
  const int height = kStep * static_cast<int>(bars.size()) + 4;
  std::string svg = "<figure><figcaption>" + escaped(title) +
                    "</figcaption><svg role=\"img\" viewBox=\"0 0 " +
                    std::to_string(kLabel + kWidth + 80) + " " + std::to_string(height) + "\">";
  int y = 2;
  for (const Bar &bar : bars) {
    svg += "<text x=\"" + std::to_string(kLabel - 8) + "\" y=\"" + std::to_string(y + 14) +
           "\" text-anchor=\"end\">" + escaped(bar.label) + "</text>";
    double x = kLabel;
    for (const auto &[colour, length] : bar.parts) {
      const double width = longest > 0 ? kWidth * length / longest : 0;
      svg += "<rect x=\"" + fixed(x, 1) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
             fixed(width, 1) + "\" height=\"" + std::to_string(kStep - 4) + "\" fill=\"" + colour +
             "\"/>";
      x += width;
    }
    svg += "<text x=\"" + fixed(x + 6, 1) + "\" y=\"" + std::to_string(y + 14) + "\">" +
           escaped(bar.value) + "</text>";
    y += kStep;
  }
  return svg + "</svg></figure>";
}

std::string legend() {
  std::string html = "<p class=\"legend\">";
  for (const Group &group : kGroups) {
    html += std::string("<span><i style=\"background:") + group.colour + "\"></i>" + group.name +
            "</span>";
  }
  return html + "</p>";
}

Bar share_bar(const std::string &label, const EnergyShares &shares, double unit) {
  Bar bar{label, {}, ""};
  for (const Group &group : kGroups) {
    bar.parts.emplace_back(group.colour, shares.*group.value * unit);
    bar.value += (bar.value.empty() ? "" : " / ") + fixed(100 * (shares.*group.value) * unit, 0);
  }
  return bar;
}

std::string shares_chart(const Comparison &comparison, const PublishedComparison &published) {
  std::vector<Bar> bars;
  for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
    bars.push_back(
        share_bar(comparison.chips[c] + ", model", comparison.mean_shares(c, kAccounting), 1));
    if (const auto *paper = published.find(comparison.chips[c])) {
      bars.push_back(share_bar(comparison.chips[c] + ", published", paper->shares, 0.01));
    }
  }
  return chart("Mean energy shares in %, links apart", bars);
}

std::string gains_chart(const Comparison &comparison, const PublishedComparison &published) {
  std::vector<Bar> bars;
  const auto add = [&](const std::string &label, const char *colour, double value) {
    bars.push_back({label, {{colour, value}}, fixed(value, 2)});
  };
  for (std::size_t c = 1; c < comparison.chips.size(); ++c) {
    const std::string over = " over " + comparison.chips[c];
    const auto *paper = published.find(comparison.chips[c]);
    add("energy" + over + ", powered time", kChipColours[0],
        comparison.mean_energy_gain(c, Accounting::kPoweredTime));
    add("energy" + over + ", per action", kChipColours[0],
        comparison.mean_energy_gain(c, Accounting::kPerAction));
    if (paper != nullptr) add("published", "#999999", paper->energy_gain);
    add("throughput" + over, kChipColours[0], comparison.mean_throughput_gain(c));
    if (paper != nullptr) add("published", "#999999", paper->throughput_gain);
  }
  return chart("Mean gains of " + comparison.chips[0], bars);
}

std::string energy_chart(const Comparison &comparison) {
  std::vector<Bar> bars;
  for (std::size_t n = 0; n < comparison.networks.size(); ++n) {
    const auto &row = comparison.outcomes[n];
    const double unit = row[0].energy.at(kAccounting).total_pj();
    for (std::size_t c = 0; c < row.size(); ++c) {
      const EnergyShares &energy = row[c].energy.at(kAccounting);
      Bar bar{comparison.networks[n] + ", " + comparison.chips[c],
              {},
              fixed(energy.total_pj() / 1e6, 1) + " uJ"};
      for (const Group &group : kGroups) {
        bar.parts.emplace_back(group.colour, energy.*group.value / unit);
      }
      bars.push_back(std::move(bar));
    }
  }
  return chart("Energy of an image, each network in units of " + comparison.chips[0] + "'s", bars);
}

std::string throughput_chart(const Comparison &comparison) {
  std::vector<Bar> bars;
  for (std::size_t n = 0; n < comparison.networks.size(); ++n) {
    const auto &row = comparison.outcomes[n];
    for (std::size_t c = 0; c < row.size(); ++c) {
      bars.push_back(
          {comparison.networks[n] + ", " + comparison.chips[c],
           {{kChipColours[c % 3], row[0].plan.image_ns / row[c].plan.image_ns}},
           with_thousands(static_cast<long long>(1e9 / row[c].plan.image_ns)) + " images/s"});
    }
  }
  return chart("Throughput, each network in units of " + comparison.chips[0] + "'s", bars);
}

std::string table(const Comparison &comparison) {
  std::string html =
      "<table><thead><tr><th>network<th>chip<th>chips<th>latency us<th>images/s<th>GOPS/s"
      "<th>uJ/image<th>links uJ<th>GOPS/s/W</tr></thead><tbody>";
  for (std::size_t n = 0; n < comparison.networks.size(); ++n) {
    for (std::size_t c = 0; c < comparison.chips.size(); ++c) {
      const Outcome &o = comparison.outcomes[n][c];
      const EnergyShares &e = o.energy.at(kAccounting);
      const std::vector<std::string> cells = {
          escaped(comparison.networks[n]),    escaped(comparison.chips[c]),
          std::to_string(o.plan.chips),       fixed(o.plan.latency_ns / 1e3, 1),
          fixed(1e9 / o.plan.image_ns, 0),    fixed(o.throughput_gops(), 0),
          fixed(e.total_pj() / 1e6, 1),       fixed(e.link_pj / 1e6, 1),
          fixed(o.gops_per_w(kAccounting), 0)};
      html += "<tr>";
      for (const auto &cell : cells) html += "<td>" + cell;
      html += "</tr>";
    }
  }
  return html + "</tbody></table>";
}

constexpr char kStyle[] =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;padding:0 1em;"
    "color:#222;background:#fff}h1{font-size:1.5em}figure{margin:2em 0}figcaption{font-weight:600}"
    "svg{width:100%;height:auto;font-size:12px}svg text{fill:#333}"
    ".legend span{margin-right:1.2em}.legend i{display:inline-block;width:.9em;height:.9em;"
    "margin-right:.4em;vertical-align:-.1em}table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums}th{cursor:pointer;text-align:left;border-bottom:2px solid "
    "#888}td,th{padding:.25em .6em}td:nth-child(n+3){text-align:right}tbody tr:nth-child(even){"
    "background:#f4f4f2}";

constexpr char kScript[] =
    "document.querySelectorAll('th').forEach((th,i)=>th.onclick=()=>{const b=th.closest('table')"
    ".tBodies[0],d=th.dataset.up=th.dataset.up==='1'?'0':'1';[...b.rows].sort((x,y)=>{const "
    "p=x.cells[i].textContent,q=y.cells[i].textContent,n=p-q;return(isNaN(n)?p.localeCompare(q):n)"
    "*(d==='1'?1:-1)}).forEach(r=>b.append(r))})";

}  // namespace

std::string compare_page(const Comparison &comparison, const PublishedComparison &published) {
  return std::string(
             "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
             "name=\"viewport\" content=\"width=device-width\"><title>npim compare"
             "</title><style>") +
         kStyle + "</style></head><body><h1>" + escaped(comparison.chips[0]) +
         " beside its baselines</h1><p>Analytic model: times are lower bounds, energy from counts; "
         "accounting: " +
         cost::to_text(kAccounting) +
         " where nothing else is said. Published: " + escaped(published.source) + ".</p>" +
         gains_chart(comparison, published) + legend() + shares_chart(comparison, published) +
         energy_chart(comparison) + throughput_chart(comparison) + "<h2>By network</h2>" +
         table(comparison) + "<script>" + kScript + "</script></body></html>\n";
}

}  // namespace npim::app
