// Tiles of all chips, coloured by one of several figures.
// metrics: [{name, text: (value) => string, values: Map(tile -> number), most}]
const kRamps = {  // dark to light is little to much on dark paper, and the other way round on white
  light: ['#fff7d6', '#f6d776', '#dfa34d', '#a86b62', '#5f4574', '#1f2a5c'],
  dark: ['#1d2a52', '#4a4f86', '#87638c', '#c67f76', '#eeb15c', '#fff0a8'],
};

function ramp(fraction) {
  const colours = kRamps[document.documentElement.dataset.theme] || kRamps.light;
  const place = Math.max(0, Math.min(1, fraction)) * (colours.length - 1);
  const low = Math.min(colours.length - 2, Math.floor(place));
  const channel = (colour, i) => parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16);
  const mix = (i) => Math.round(channel(colours[low], i) + (place - low) * (channel(colours[low + 1], i) - channel(colours[low], i)));
  return `rgb(${mix(0)},${mix(1)},${mix(2)})`;
}

const floorplans = [];

// geometry: {columns, rows, chips}; tiles are numbered row by row, chip after chip.
function addFloorplan(parent, geometry, metrics, describeTile) {
  const select = el('select', { 'aria-label': 'Figure of the floorplan' }, ...metrics.map((metric, i) => el('option', { value: i }, metric.name)));
  const chips = el('div', { class: 'chips' });
  const legend = el('div', { class: 'ramp' });
  const cell = 30, gap = 2;
  const tiles = [];
  for (let chip = 0; chip < geometry.chips; ++chip) {
    const picture = svg('svg', { viewBox: `0 0 ${geometry.columns * cell} ${geometry.rows * cell}`, role: 'img', 'aria-label': `Floorplan of chip ${chip}` });
    for (let i = 0; i < geometry.columns * geometry.rows; ++i) {
      const number = chip * geometry.columns * geometry.rows + i;
      const box = svg('rect', {
        x: (i % geometry.columns) * cell + gap / 2, y: Math.floor(i / geometry.columns) * cell + gap / 2,
        width: cell - gap, height: cell - gap, rx: 3, 'data-tile': number,
      });
      box.addEventListener('mousemove', (event) => tip.show(event, describe(number)));
      box.addEventListener('mouseleave', () => tip.hide());
      tiles.push({ number, box });
      picture.append(box);
    }
    chips.append(el('figure', { style: geometry.columns < 8 ? `flex:0 1 ${geometry.columns * 70}px` : undefined },
      el('figcaption', {}, geometry.chips > 1 ? `Chip ${chip}` : `${geometry.columns} × ${geometry.rows} tiles`), picture));
  }
  function describe(number) {
    const lines = [`Tile ${number}`];
    for (const metric of metrics) {
      const value = metric.values.get(number);
      lines.push(`${metric.name}: ${value === undefined ? 'not used' : metric.text(value)}`);
    }
    return lines.concat(describeTile(number)).join('\n');
  }
  function paint() {
    const metric = metrics[Number(select.value)];
    const most = metric.most || largest([...metric.values.values()]) || 1;
    for (const { number, box } of tiles) {
      const value = metric.values.get(number);
      box.setAttribute('fill', value === undefined ? 'var(--none)' : ramp(value / most));
    }
    const steps = [0, .2, .4, .6, .8, 1].map((step) => ramp(step)).join(',');
    legend.replaceChildren(el('span', {}, metric.text(0)), el('i', { style: `background:linear-gradient(90deg,${steps})` }),
      el('span', {}, metric.text(most)), el('i', { class: 'unused' }), el('span', {}, 'not used'));
  }
  select.addEventListener('change', paint);
  parent.append(el('p', {}, 'Colour: ', select), chips, legend);
  floorplans.push(paint);
  paint();
}
