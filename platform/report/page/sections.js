// The frame that all reports share.
function addSection(title, note, fill, parent = document.getElementById('content'), isLong = false) {
  const section = el('section', isLong ? { class: 'long' } : {}, el('h2', {}, title), note ? el('p', { class: 'note' }, note) : null);
  parent.append(section);
  fill(section);
  return section;
}

function addPair() {
  const pair = el('div', { class: 'pair' });
  document.getElementById('content').append(pair);
  return pair;
}

// cards: [[value, label], ...]; those without a value are left out.
function addCards(cards) {
  document.getElementById('content').append(el('div', { class: 'cards' }, ...cards
    .filter(([value]) => value !== undefined && value !== null)
    .map(([value, label]) => el('div', { class: 'card' }, el('b', {}, value), el('span', {}, label)))));
}

function addHeader(report, title, subtitle) {
  document.title = `${title} – npim ${report.command}`;
  document.getElementById('top').append(
    el('div', { class: 'top-row' }, el('h1', {}, title), el('div', { class: 'tools' },
      el('button', { type: 'button', onclick: () => setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark') }, 'Light / dark'),
      el('button', { type: 'button', onclick: () => saveJson(report) }, 'Save JSON'))),
    el('p', { class: 'soft' }, subtitle));
}

function saveJson(report) {
  const link = el('a', { download: report.command + '.json', href: URL.createObjectURL(new Blob([JSON.stringify(report)], { type: 'application/json' })) });
  link.click();
  URL.revokeObjectURL(link.href);
}

// {a: {b: 1}} as [["a.b", "1"]]
function flatten(value, path = '') {
  if (isObject(value)) return Object.entries(value).flatMap(([key, inner]) => flatten(inner, path ? path + '.' + key : key));
  return [[path, Array.isArray(value) ? JSON.stringify(value) : String(value)]];
}

function addConfiguration(report) {
  const about = `npim ${report.command}, version ${report.version}, seed ${report.seed}`;
  const bottom = document.getElementById('bottom');
  const rows = isObject(report.config) ? flatten(report.config) : [];
  if (rows.length > 0) {
    const details = el('details', {}, el('summary', {}, 'Configuration (' + rows.length + ' values)'));
    addTable(details, [{ title: 'Key', value: (row) => row[0], name: true }, { title: 'Value', value: (row) => row[1], name: true }], rows, 'configuration');
    bottom.append(details);
  }
  bottom.append(el('p', {}, about + '. The page holds the same object that --json writes.'));
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  charts.forEach(drawChart);
  floorplans.forEach((paint) => paint());
}
