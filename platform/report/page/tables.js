// Tables that sort by their values, not by how these are written.
// columns: [{title, unit, value: (row) => ..., text: (value, row) => ..., name: true}]
function addTable(parent, columns, rows, label) {
  const body = el('tbody');
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const isNumber = columns.map((_, c) => cells.some((line) => typeof line[c] === 'number'));
  const lines = rows.map((row, r) => ({
    values: cells[r],
    node: el('tr', {}, ...columns.map((column, c) => el('td',
      { class: isNumber[c] ? 'number' : column.name ? 'name' : '' }, cellText(column, cells[r][c], row)))),
  }));
  const heads = columns.map((column, c) => el('th', { class: isNumber[c] ? 'number' : '', scope: 'col' },
    el('button', { type: 'button', onclick: () => sort(c) }, column.title), column.unit ? el('small', {}, column.unit) : null));
  const counted = el('span', {}, `${rows.length} rows`);
  let sorted = -1, direction = 1, wanted = '';

  function fill() {
    const shown = lines.filter((line) => line.node.textContent.toLowerCase().includes(wanted));
    body.replaceChildren(...shown.map((line) => line.node));
    counted.textContent = shown.length === lines.length ? `${lines.length} rows` : `${shown.length} of ${lines.length} rows`;
  }
  function sort(c) {
    direction = sorted === c ? -direction : 1;
    sorted = c;
    lines.sort((a, b) => direction * compareCells(a.values[c], b.values[c]));
    heads.forEach((head, i) => {
      if (i === c) head.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
    fill();
  }
  const filter = rows.length > 12
    ? el('input', { type: 'search', placeholder: 'Filter rows', 'aria-label': 'Filter the rows of ' + label,
      oninput: (event) => { wanted = event.target.value.toLowerCase(); fill(); } }) : null;
  parent.append(el('div', { class: 'table-tools' }, counted, filter),
    el('div', { class: 'table-box' }, el('table', { class: 'sortable', 'aria-label': label }, el('thead', {}, el('tr', {}, ...heads)), body)));
  fill();
}

function cellText(column, value, row) {
  if (value === undefined || value === null || value === '') return '';
  if (column.text) return column.text(value, row);
  return typeof value === 'number' ? digits(value) : String(value);
}

function compareCells(a, b) {
  const missing = (value) => value === undefined || value === null || value === '';
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
