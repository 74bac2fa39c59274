#include "browser.h"

#include <fstream>
#include <iterator>

#include "support/subprocess.h"

namespace npim::testing {
namespace {

constexpr char kWatch[] = R"(<script>
window.probeErrors = [];
addEventListener('error', (event) => probeErrors.push(String(event.message)));
console.error = (...texts) => probeErrors.push(texts.join(' '));
</script>)";

// Leaves its findings in the DOM, percent-encoded, where --dump-dom shows them.
constexpr char kProbe[] = R"(<script>
(() => {
  const coloursOf = (canvas) => {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] > 0) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
    }
    return colours.size;
  };
  const drawn = () => [...document.querySelectorAll('canvas')].map(coloursOf);
  const column = (table, c) => [...table.tBodies[0].rows].map((row) => row.cells[c].textContent);
  const sorting = [...document.querySelectorAll('table.sortable')].map((table) => {
    const heads = [...table.tHead.rows[0].cells];
    const numbers = heads.map((head) => head.className === 'number');
    const c = numbers.lastIndexOf(true) >= 0 ? numbers.lastIndexOf(true) : 0;
    heads[c].querySelector('button').click();
    const once = column(table, c), onceSaid = heads[c].getAttribute('aria-sort');
    heads[c].querySelector('button').click();
    return { numeric: numbers[c], once, onceSaid, twice: column(table, c), twiceSaid: heads[c].getAttribute('aria-sort') };
  });
  const charts = drawn();
  const tiles = [...document.querySelectorAll('rect[data-tile]')].map((tile) => tile.getAttribute('fill'));
  document.documentElement.dataset.theme = 'light';
  [...document.querySelectorAll('button')].find((button) => button.textContent === 'Light / dark').click();
  const found = {
    errors: probeErrors, report: JSON.parse(document.getElementById('report').textContent), charts, tiles, sorting,
    dark: { theme: document.documentElement.dataset.theme, charts: drawn() },
    text: document.body.innerText, title: document.title,
  };
  const result = document.createElement('pre');
  result.id = 'probe';
  result.textContent = encodeURIComponent(JSON.stringify(found));
  document.body.append(result);
})();
</script>)";

std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string decoded(const std::string &text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// The page with watch and probe put in.
std::string probed(const std::string &page) {
  std::string html = read(page);
  const auto put_before = [&](const std::string &mark, const char *what) {
    const auto at = html.rfind(mark);
    if (at != std::string::npos) html.insert(at, what);
  };
  put_before("</body>", kProbe);
  put_before("<style>", kWatch);
  const std::string path = page + ".probed.html";
  std::ofstream(path, std::ios::binary) << html;
  return path;
}

}  // namespace

Visit visit(const std::string &page, const std::string &folder) {
  if (!is_installed("chromium")) return {false, "chromium is not installed", {}};
  const Finished finished =
      run({"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--no-first-run", "--disable-extensions", "--disable-background-networking",
           "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + folder + "/chromium",
           "--window-size=1280,900", "--dump-dom", "file://" + probed(page)},
          100);
  const std::string mark = "<pre id=\"probe\">";
  const auto begin = finished.out.find(mark);
  if (begin == std::string::npos) {
    return {false, "the probe left nothing; " + finished.err.substr(0, 2000), {}};
  }
  const auto first = begin + mark.size();
  const auto end = finished.out.find("</pre>", first);
  return {true, "",
          boost::json::parse(decoded(finished.out.substr(first, end - first))).as_object()};
}

}  // namespace npim::testing
