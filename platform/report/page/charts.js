// Charts are made by functions of the theme, so that they can be drawn again in other colours.
const charts = [];

function theme() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue('--' + name).trim();
  return {
    ink: colour('ink'), soft: colour('soft'), grid: colour('grid'), paper: colour('paper'), none: colour('none'),
    series: (i) => colour('c' + (i % 12)),
  };
}

// The value at the end of a bar, or of a stack of bars.
const endLabels = {
  id: 'endLabels',
  afterDatasetsDraw(chart, _, options) {
    if (!options.text) return;
    const context = chart.ctx;
    context.save();
    context.fillStyle = options.colour;
    context.font = '11px ' + Chart.defaults.font.family;
    context.textBaseline = 'middle';
    chart.data.datasets.forEach((dataset, d) => {
      chart.getDatasetMeta(d).data.forEach((bar, i) => {
        const text = options.text(d, i);
        if (text) context.fillText(text, bar.x + 4, bar.y);
      });
    });
    context.restore();
  },
};

function drawChart(entry) {
  if (entry.chart) entry.chart.destroy();
  entry.chart = new Chart(entry.canvas, entry.make(theme()));
}

// A canvas in `parent`; `describe` is read out in its place.
function addChart(parent, height, describe, make) {
  const canvas = el('canvas', { role: 'img', 'aria-label': describe });
  parent.append(el('div', { class: 'plot', style: `height:${height}px` }, canvas));
  const entry = { canvas, make, chart: null };
  charts.push(entry);
  return entry;
}

function startCharts() {
  Chart.defaults.animation = false;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.maintainAspectRatio = false;
  charts.forEach(drawChart);
}

const shorten = (text, most = 34) => (text.length > most ? text.slice(0, most - 1) + '…' : text);

function axis(colours, title, more = {}) {
  return {
    title: { display: Boolean(title), text: title, color: colours.soft },
    ticks: { color: colours.soft, ...more.ticks },
    grid: { color: colours.grid, drawBorder: false },
    ...more.options,
  };
}

// Horizontal bars. series: [{name, values, stack, colour}], values in `unit`; `text(value)` words a value.
function addBars(parent, { describe, labels, series, unit, stacked = false, logarithmic = false, text, ends, most = 34 }) {
  const stacks = stacked ? new Set(series.map((one) => one.stack || '')).size : series.length;
  const height = 62 + labels.length * Math.max(21, 8 + 13 * stacks);
  const box = el('div', { class: height > 640 ? 'scroll' : '' });
  parent.append(box);
  return addChart(box, height, describe, (colours) => ({
    type: 'bar',
    plugins: [endLabels],
    data: {
      labels: labels.map((label) => shorten(label, most)),
      datasets: series.map((one, i) => ({
        label: one.name, data: one.values, stack: one.stack,
        backgroundColor: colours.series(one.colour === undefined ? i : one.colour),
        barPercentage: .9, categoryPercentage: .82, minBarLength: stacked ? 0 : 2,
      })),
    },
    options: {
      indexAxis: 'y',
      layout: { padding: { right: ends ? 62 : 8 } },
      interaction: { mode: 'nearest', axis: 'y', intersect: stacked },
      scales: {
        x: axis(colours, unit, { options: { stacked, type: logarithmic ? 'logarithmic' : 'linear', min: logarithmic ? undefined : 0 } }),
        y: axis(colours, '', { options: { stacked, grid: { display: false } }, ticks: { color: colours.ink, autoSkip: false } }),
      },
      plugins: {
        endLabels: { text: ends, colour: colours.soft },
        legend: { display: series.length > 1, position: 'top', align: 'start', labels: { color: colours.ink, boxWidth: 12, filter: legendOnce() } },
        tooltip: {
          callbacks: {
            title: (items) => labels[items[0].dataIndex],
            label: (item) => `${item.dataset.label}: ${text ? text(item.raw, item.datasetIndex, item.dataIndex) : digits(item.raw) + ' ' + unit}`,
          },
        },
      },
    },
  }));
}

// Series of several stacks share names and colours: one legend entry for each name.
function legendOnce() {
  return (item, data) => data.datasets.findIndex((one) => one.label === item.text) === item.datasetIndex;
}

// The greatest parts first; what would repeat a colour is one part.
function mainParts(parts, most = 11) {
  const sorted = parts.filter((part) => part.value > 0).sort((a, b) => b.value - a.value);
  const rest = sorted.slice(most);
  return rest.length < 2 ? sorted : [...sorted.slice(0, most), { name: `${rest.length} others`, value: sum(rest.map((part) => part.value)) }];
}

// A ring with its figures beside it. parts: [{name, value, other}]: `other` makes an inner ring.
function addRing(parent, { title, parts, text, head = ['', ''], colour = (i) => i }) {
  const whole = sum(parts.map((part) => part.value)) || 1;
  const otherWhole = sum(parts.map((part) => part.other || 0));
  const box = el('div', { class: 'ring' }, el('h3', {}, title));
  const datasets = [{ values: parts.map((part) => part.value), whole }];
  if (otherWhole > 0) datasets.push({ values: parts.map((part) => part.other), whole: otherWhole });
  const share = (part) => percent(part.value / whole);
  addChart(box, 160, title + ': ' + parts.map((part) => part.name + ' ' + share(part)).join(', '), (colours) => ({
    type: 'doughnut',
    data: {
      labels: parts.map((part) => part.name),
      datasets: datasets.map((one) => ({
        data: one.values, borderColor: colours.paper, borderWidth: 2,
        backgroundColor: parts.map((_, i) => colours.series(colour(i))),
      })),
    },
    options: {
      cutout: datasets.length > 1 ? '38%' : '55%',
      plugins: {
        legend: { display: false },
        tooltip: {
          callbacks: {
            title: () => '',
            label: (item) => `${head[item.datasetIndex] ? head[item.datasetIndex] + ', ' : ''}${item.label}: ${percent(item.raw / datasets[item.datasetIndex].whole)}`,
          },
        },
      },
    },
  }));
  const rows = parts.map((part, i) => el('tr', {},
    el('td', {}, el('span', { class: 'swatch', style: `background:var(--c${colour(i) % 12})` }), part.name),
    el('td', { class: 'number' }, share(part)),
    otherWhole > 0 ? el('td', { class: 'number soft' }, percent(part.other / otherWhole)) : null,
    text ? el('td', { class: 'number soft' }, text(part.value)) : null));
  const heading = otherWhole > 0
    ? el('tr', {}, el('th', {}), el('th', { class: 'number' }, head[0]), el('th', { class: 'number' }, head[1]), text ? el('th', {}) : null) : null;
  box.append(el('table', {}, heading, ...rows));
  parent.append(box);
}
