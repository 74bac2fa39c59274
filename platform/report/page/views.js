// What each command's page shows, from the members of its report.
const views = {};

const plural = (count, one, many = one + 's') => `${digits(count)} ${count === 1 ? one : many}`;
const kNames = { dac: 'DAC', adc: 'ADC', nnsa: 'NNS+A', nnadc: 'NNADC', edram: 'eDRAM', sample_hold: 'sample-and-hold' };
const words = (name) => kNames[name] || name.replaceAll('_', ' ');
const picojoules = (figure) => (isObject(figure) ? (figure.dynamic_pj || 0) + (figure.static_pj || 0) : figure);

function geometryOf(report) {
  const chip = report.config && (report.config.chip || report.config);
  if (!chip || !chip.tiles) return null;
  return { columns: chip.tiles.columns, rows: chip.tiles.rows, chips: report.chips || (chip.chips && chip.chips.count) || 1 };
}

function addTimeBars(parent, names, values, title) {
  const { factor, unit } = scaleFor(largest(values), 'ns');
  addBars(parent, {
    describe: title + ', by layer', labels: names, unit, series: [{ name: title, values: values.map((value) => value / factor) }],
    text: (_, __, i) => quantity(values[i], 'ns'), ends: (_, i) => quantity(values[i], 'ns'),
  });
}

function addEnergyBars(parent, names, values, title) {
  const { factor, unit } = scaleFor(largest(values), 'pJ');
  const whole = sum(values) || 1;
  addBars(parent, {
    describe: title + ', by layer', labels: names, unit, series: [{ name: title, values: values.map((value) => value / factor), colour: 2 }],
    text: (_, __, i) => `${quantity(values[i], 'pJ')}, ${percent(values[i] / whole)}`, ends: (_, i) => quantity(values[i], 'pJ'),
  });
}

function addPartRing(parent, title, parts) {
  const known = Object.entries(parts).map(([name, figure]) => ({ name: words(name), value: picojoules(figure) }));
  addRing(parent, { title, parts: mainParts(known), text: (value) => quantity(value, 'pJ') });
}

function addEnergyRings(parts, accounting) {
  addSection('Energy by component', `Accounting: ${accounting}. Links draw their power whether bytes move or not.`, (box) => {
    const rings = el('div', { class: 'rings' });
    box.append(rings);
    const { link, ...chip } = parts;
    addPartRing(rings, 'Share of the chip’s energy, links apart', chip);
    if (link) addPartRing(rings, 'The chip and its links', { chip: sum(Object.values(chip).map(picojoules)), links: picojoules(link) });
  });
}

// ---------------------------------------------------------------------------------------------- estimate
views.estimate = (report) => {
  const names = report.layers.map((layer) => layer.name);
  const chip = isObject(report.config) ? report.config.name : 'chip';
  addHeader(report, `${report.network} on ${report.chips} × ${chip}`, `Model: ${report.model}. Energy of one image, accounting: ${report.accounting}.`);
  addEstimateCards(report);
  if (report.simulated) addSimulated(report.simulated, report.accounting);
  const pair = addPair();
  addSection('Latency by layer', 'Analytic model: from the first to the last window of the layer, one image in an empty chip.',
    (box) => addTimeBars(box, names, report.layers.map((layer) => layer.end_ns - layer.start_ns), 'Latency'), pair);
  addSection('Energy by layer', 'Analytic model: what is booked on a layer, per image; leakage and links belong to none.',
    (box) => addEnergyBars(box, names, report.layers.map((layer) => layer.energy_pj), 'Energy'), pair);
  addEnergyRings(booked(report).components, report.accounting);
  addSection('When the layers work', 'Analytic model: one image in an empty chip; a layer starts when its first window has its inputs.',
    (box) => addTimeline(box, report.layers.map((layer) => ({
      name: layer.name, begin: layer.start_ns, end: layer.end_ns,
      lines: [`${plural(layer.windows, 'window')}, ${plural(layer.copies, 'copy', 'copies')}`],
    })), 'Timeline of the layers'));
  addEstimateFloorplan(report);
  addSection('Layers', '', (box) => addTable(box, [
    { title: 'Layer', value: (layer) => layer.name, name: true },
    { title: 'Windows', value: (layer) => layer.windows },
    { title: 'MACs', value: (layer) => layer.macs },
    { title: 'Arrays', unit: 'of a copy', value: (layer) => layer.arrays },
    { title: 'Copies', value: (layer) => layer.copies },
    { title: 'Window period', unit: 'ns', value: (layer) => layer.window_ns },
    { title: 'Start', unit: 'µs', value: (layer) => layer.start_ns / 1e3 },
    { title: 'End', unit: 'µs', value: (layer) => layer.end_ns / 1e3 },
    { title: 'Energy', unit: 'µJ', value: (layer) => layer.energy_pj / 1e6 },
  ], report.layers, 'layers'), undefined, true);
};

// Energy of an image: what the simulated chip booked, else the analytic model's.
const booked = (report) => (report.simulated && report.simulated.energy[report.accounting]) || report;

function addEstimateCards(report) {
  const run = report.simulated, best = run || report;
  const bound = (key) => (run ? `, cycle-level (lower bound ${quantity(report[key], 'ns')})` : '');
  addCards([
    [quantity(best.latency_ns, 'ns'), 'latency of one image' + bound('latency_ns')],
    [quantity(best.image_ns, 'ns'), 'from one image to the next' + bound('image_ns')],
    [digits(1e9 / best.image_ns), 'images per second'],
    [quantity(booked(report).energy_pj, 'pJ'), 'energy per image, with links' + (run ? `, as booked (analytic model ${quantity(report.energy_pj, 'pJ')})` : '')],
    [digits(2e-3 * report.macs / best.image_ns) + ' TOPS', 'throughput'],
    [`${digits(report.arrays_used)} / ${digits(report.arrays)}`, 'arrays used'],
  ]);
}

// What the cycle-level chip did: layers in the order of their stages.
function addSimulated(run, accounting) {
  const energyOf = new Map(run.energy[accounting].layers);
  addSection('Simulated: when the layers work', 'Cycle-level model, one image in an empty chip; the stage of each layer that is busy longest.', (box) =>
    addTimeline(box, run.layers.map((layer) => ({
      name: `${layer.name}, ${layer.op}`, begin: layer.first_start_ns, end: layer.last_end_ns,
      lines: [`busy ${quantity(layer.busy_ns, 'ns')}, waits for input ${quantity(layer.wait_input_ns, 'ns')}`, plural(layer.stages, 'stage')],
    })), 'Timeline of the simulated layers'));
  addSection('Simulated: layers', '', (box) => addTable(box, [
    { title: 'Layer', value: (layer) => layer.name, name: true }, { title: 'Operation', value: (layer) => layer.op },
    { title: 'Stages', value: (layer) => layer.stages }, { title: 'Windows', value: (layer) => layer.windows },
    { title: 'Conversions', value: (layer) => layer.conversions },
    { title: 'Start', unit: 'µs', value: (layer) => layer.first_start_ns / 1e3 }, { title: 'End', unit: 'µs', value: (layer) => layer.last_end_ns / 1e3 },
    { title: 'Busy', unit: 'µs', value: (layer) => layer.busy_ns / 1e3 }, { title: 'Waits for input', unit: 'µs', value: (layer) => layer.wait_input_ns / 1e3 },
    { title: 'Energy', unit: 'µJ', value: (layer) => (energyOf.get(run.layers.indexOf(layer)) || 0) / 1e6 },
  ], run.layers, 'simulated layers'), undefined, true);
}

function addEstimateFloorplan(report) {
  const geometry = geometryOf(report);
  if (!geometry || !report.tiles) return;
  const column = (key) => new Map(report.tiles.map((tile) => [tile.tile, tile[key]]));
  const layers = new Map(report.tiles.map((tile) => [tile.tile, tile.layers.map((i) => report.layers[i].name)]));
  addSection('Floorplan', 'Analytic model: layers lie along a snake through the tiles in network order. Busy: the part of the time between two images in which a tile’s arrays compute.', (box) =>
    addFloorplan(box, geometry, [
      { name: 'busy', values: column('busy'), text: percent, most: 1 },
      { name: 'energy per image', values: column('energy_pj'), text: (value) => quantity(value, 'pJ') },
      { name: 'arrays used', values: column('arrays_used'), text: (value) => digits(value) },
    ], (tile) => (layers.get(tile) || []).slice(0, 8)));
}

// ---------------------------------------------------------------------------------------------- run
const kWaits = [['input', 'waits for input'], ['converter', 'waits for a converter'], ['edram', 'waits for eDRAM'],
  ['post', 'waits for post-processing'], ['noc', 'waits for the NoC'], ['space', 'waits for space']];

views.run = (report) => {
  const stages = report.stages || [];
  const name = report.network || 'Run';
  addHeader(report, `${name} on the platform`, `Firmware ended with “${report.end}”${report.reason ? ': ' + report.reason : ''}. Cycle-level simulation.`);
  const energy = report.energy || {};
  const images = report.images || 0;
  addCards([
    [images || undefined, 'images'],
    [report.labelled ? percent(report.correct / report.labelled) : undefined, 'correct'],
    [images ? quantity(report.chip_ns / images, 'ns') : undefined, 'chip time per image'],
    [quantity(report.simulated_ps / 1e3, 'ns'), 'simulated time'],
    [energy.total_pj ? quantity((energy.total_pj - (energy.links_pj || 0)) / (images || 1), 'pJ') : undefined,
      `energy of the chip${images ? ' per image' : ''}, links apart`],
    [digits(report.instructions), 'instructions of the host'],
  ]);
  if (stages.length > 0) addStages(report, stages, energy);
};

function layerGroups(report, stages) {
  const groups = new Map();
  for (const stage of stages) {
    if (!groups.has(stage.layer)) groups.set(stage.layer, { layer: stage.layer, name: layerName(report, stage.layer), stages: [] });
    groups.get(stage.layer).stages.push(stage);
  }
  return [...groups.values()].sort((a, b) => a.layer - b.layer);
}

function layerName(report, layer) {
  const known = (report.stages || []).find((stage) => stage.layer === layer);
  return known && known.name ? `${layer} ${known.name}` : `layer ${layer}`;
}

const byIndex = (list, key) => new Map((list || []).map((one) => [one[key], one.pj]));

function addStages(report, stages, energy) {
  const layers = layerGroups(report, stages);
  const labels = layers.map((layer) => layer.name);
  const layerEnergy = byIndex(energy.by_layer, 'layer');
  const pair = addPair();
  addSection('Where the time of a layer goes', 'Mean over the stages that share the layer, while its windows pass.', (box) => addWaitBars(box, layers, labels), pair);
  if (energy.by_layer) {
    addSection('Energy by layer', `Accounting: ${energy.accounting}. Leakage and links belong to no layer.`,
      (box) => addEnergyBars(box, labels, layers.map((layer) => layerEnergy.get(layer.layer) || 0), 'Energy'), pair);
  }
  if (energy.by_part) addEnergyRings(energy.by_part, energy.accounting);
  addRunFloorplan(report, stages, energy);
  addStageTimeline(report, stages, layers);
  addSection('Stages', 'A stage is what a tile’s controller is programmed with.', (box) => addStageTable(box, report, stages), undefined, true);
}

function addWaitBars(box, layers, labels) {
  const mean = (layer, pick) => sum(layer.stages.map(pick)) / layer.stages.length;
  const rows = [['computes', (stage) => stage.computing_ns], ...kWaits.map(([key, word]) => [word, (stage) => stage.waiting_ns[key] || 0])];
  const values = rows.map(([, pick]) => layers.map((layer) => mean(layer, pick)));
  const { factor, unit } = scaleFor(largest(labels.map((_, i) => sum(values.map((row) => row[i])))), 'ns');
  addBars(box, {
    describe: 'Computing and waiting, by layer', labels, unit, stacked: true,
    series: rows.map(([word], r) => ({ name: word, values: values[r].map((value) => value / factor), stack: 'time', colour: [0, 6, 4, 1, 7, 3, 5][r] })),
    text: (_, row, i) => quantity(values[row][i], 'ns'),
  });
}

function addRunFloorplan(report, stages, energy) {
  const geometry = geometryOf(report);
  if (!geometry) return;
  const span = largest(stages.map((stage) => stage.end_ns)) - Math.min(...stages.map((stage) => stage.begin_ns)) || 1;
  const busy = new Map(), windows = new Map(), layers = new Map();
  for (const stage of stages) {
    busy.set(stage.tile, Math.min(1, (busy.get(stage.tile) || 0) + stage.computing_ns / span));
    windows.set(stage.tile, (windows.get(stage.tile) || 0) + stage.windows);
    layers.set(stage.tile, (layers.get(stage.tile) || []).concat(`${layerName(report, stage.layer)} (${stage.op})`));
  }
  const metrics = [
    { name: 'computes', values: busy, text: percent, most: 1 },
    { name: 'windows', values: windows, text: (value) => digits(value) },
  ];
  if (energy.by_tile) metrics.splice(1, 0, { name: 'energy', values: byIndex(energy.by_tile, 'tile'), text: (value) => quantity(value, 'pJ') });
  addSection('Floorplan', 'Computes: the part of the time from the first to the last window in which the stages of a tile compute.',
    (box) => addFloorplan(box, geometry, metrics, (tile) => (layers.get(tile) || []).slice(0, 10)));
}

function addStageTimeline(report, stages, layers) {
  const kMost = 160;
  const origin = Math.min(...stages.map((stage) => stage.begin_ns));
  const row = (name, group, layer) => ({
    name, colour: layer, begin: Math.min(...group.map((stage) => stage.begin_ns)) - origin, end: largest(group.map((stage) => stage.end_ns)) - origin,
    lines: [`computes ${percent(sum(group.map((stage) => stage.computing_ns)) / (sum(group.map((stage) => stage.end_ns - stage.begin_ns)) || 1))} of it`,
      `${plural(sum(group.map((stage) => stage.windows)), 'window')} on ${plural(new Set(group.map((stage) => stage.tile)).size, 'tile')}`],
  });
  const rows = stages.length <= kMost
    ? stages.map((stage) => row(`tile ${stage.tile}, ${layerName(report, stage.layer)}, ${stage.op}`, [stage], stage.layer))
    : layers.map((layer) => row(layer.name, layer.stages, layer.layer));
  const note = stages.length <= kMost ? 'A row for each stage' : `A row for each layer, as there are ${digits(stages.length)} stages`;
  addSection('Pipeline over time', `${note}; time counts from the first window. npim run --trace draws every step.`, (box) => addTimeline(box, rows, 'Timeline of the stages'));
}

function addStageTable(box, report, stages) {
  addTable(box, [
    { title: 'Stage', value: (stage) => stage.stage },
    { title: 'Tile', value: (stage) => stage.tile },
    { title: 'Layer', value: (stage) => layerName(report, stage.layer), name: true },
    { title: 'Operation', value: (stage) => stage.op },
    { title: 'Windows', value: (stage) => stage.windows },
    { title: 'Begin', unit: 'µs', value: (stage) => stage.begin_ns / 1e3 },
    { title: 'End', unit: 'µs', value: (stage) => stage.end_ns / 1e3 },
    { title: 'Computes', unit: 'µs', value: (stage) => stage.computing_ns / 1e3 },
    ...kWaits.map(([key, word]) => ({ title: word[0].toUpperCase() + word.slice(1), unit: 'µs', value: (stage) => (stage.waiting_ns[key] || 0) / 1e3 })),
  ], stages, 'stages');
}

// ---------------------------------------------------------------------------------------------- compare
const kGroups = [['crossbar', 'crossbar'], ['dac', 'DAC'], ['adc', 'ADC'], ['accumulate', 'S+A'], ['other', 'other']];
const kGroupColours = [0, 1, 2, 3, 6];
const shareParts = (model, published, percents) => kGroups.map(([key, name]) => ({ name, value: model[key], other: published ? published[key] / percents : 0 }));
const totalOf = (shares) => sum(kGroups.map(([key]) => shares[key]));

views.compare = (report) => {
  const accountings = Object.keys(report.gains[0].energy);
  const chips = report.gains.map((gain) => gain.chip);
  addHeader(report, `${chips[0]} beside ${chips.slice(1).join(' and ')}`, `Model: ${report.model}. Published: ${report.published_source}.`);
  addGainCards(report, accountings);
  addSection('Mean gains', `Of ${chips[0]}, over ${plural(report.networks.length, 'network')}, beside the paper’s. Nothing is fitted to them.`, (box) => addGainBars(box, report, accountings));
  addSection('Energy shares', `Outer ring: model, mean over the networks, links apart, accounting ${accountings[0]}. Inner ring: published.`, (box) => {
    const rings = el('div', { class: 'rings' });
    box.append(rings);
    for (const gain of report.gains) {
      addRing(rings, { title: gain.chip, parts: shareParts(gain.mean_shares[accountings[0]], gain.published_shares_percent, 100), head: ['model', 'paper'], colour: (i) => kGroupColours[i] });
    }
  });
  addSection('Energy of an image', `In units of ${chips[0]}’s on the same network; accounting ${accountings[0]}.`, (box) => addNetworkEnergy(box, report, accountings[0]), undefined, true);
  addSection('Throughput', 'Images per second, many in flight. Logarithmic.', (box) => addBars(box, {
    describe: 'Throughput by network and chip', labels: report.networks.map((one) => one.network), unit: 'images/s', logarithmic: true,
    series: chips.map((chip, c) => ({ name: chip, values: report.networks.map((one) => 1e9 / one.chips[c].image_ns) })),
    text: (value) => digits(value) + ' images/s', ends: (c, i) => digits(1e9 / report.networks[i].chips[c].image_ns),
  }), undefined, true);
  addCompareTables(report, accountings);
};

function addGainCards(report, accountings) {
  addCards(report.gains.slice(1).flatMap((gain) => [
    [gain.energy[accountings[0]].toFixed(2) + ' ×', `energy efficiency over ${gain.chip} (${accountings[0]}; paper ${gain.published_energy} ×)`],
    [gain.throughput.toFixed(2) + ' ×', `throughput over ${gain.chip} (paper ${gain.published_throughput} ×)`],
  ]));
}

function addGainBars(box, report, accountings) {
  const rows = report.gains.slice(1).flatMap((gain) => [
    ...accountings.map((name) => [`energy over ${gain.chip}, ${name}`, gain.energy[name], gain.published_energy]),
    [`throughput over ${gain.chip}`, gain.throughput, gain.published_throughput],
  ]);
  addBars(box, {
    describe: 'Mean gains, model and paper', most: 60, labels: rows.map(([name]) => name), unit: 'times',
    series: [{ name: 'model', values: rows.map((row) => row[1]) }, { name: 'published', values: rows.map((row) => row[2]), colour: 6 }],
    text: (value) => value.toFixed(2) + ' ×', ends: (d, i) => (rows[i][1 + d] || 0).toFixed(2) + (d === 0 && rows[i][2] ? ` (${signedPercent(rows[i][1] / rows[i][2] - 1)})` : ''),
  });
}

function addNetworkEnergy(box, report, accounting) {
  const chips = report.gains.map((gain) => gain.chip);
  const rows = report.networks.flatMap((network) => network.chips.map((chip, c) => ({
    name: c === 0 ? `${network.network}: ${chip.chip}` : chip.chip, energy: chip.energy_pj[accounting], unit: totalOf(network.chips[0].energy_pj[accounting]),
  })));
  addBars(box, {
    describe: 'Energy of an image by network, chip and component', labels: rows.map((row) => row.name), unit: chips[0] + ' = 1', stacked: true,
    series: kGroups.map(([key, name], g) => ({ name, colour: kGroupColours[g], stack: 'energy', values: rows.map((row) => row.energy[key] / row.unit) })),
    text: (_, d, i) => quantity(rows[i].energy[kGroups[d][0]], 'pJ'),
    ends: (d, i) => (d === kGroups.length - 1 ? quantity(totalOf(rows[i].energy), 'pJ') : ''),
  });
}

function addCompareTables(report, accountings) {
  const rows = report.networks.flatMap((network) => network.chips.map((chip) => ({ network: network.network, ...chip })));
  addSection('By network', '', (box) => addTable(box, [
    { title: 'Network', value: (row) => row.network, name: true },
    { title: 'Chip', value: (row) => row.chip, name: true },
    { title: 'Chips', value: (row) => row.chips },
    { title: 'Arrays used', unit: '%', value: (row) => 100 * row.arrays_used / row.arrays, text: (value) => value.toFixed(1) },
    { title: 'Latency', unit: 'µs', value: (row) => row.latency_ns / 1e3 },
    ...(rows[0].least_latency_ns ? [{ title: 'Lower bound', unit: 'µs', value: (row) => row.least_latency_ns / 1e3 }] : []),
    { title: 'Throughput', unit: 'images/s', value: (row) => 1e9 / row.image_ns },
    { title: 'Throughput', unit: 'GOPS/s', value: (row) => row.operations / row.image_ns },
    ...accountings.flatMap((name) => [
      { title: 'Energy', unit: `µJ/image, ${name}`, value: (row) => totalOf(row.energy_pj[name]) / 1e6 },
      { title: 'Efficiency', unit: `GOPS/s/W, ${name}`, value: (row) => row.operations * 1e3 / totalOf(row.energy_pj[name]) },
    ]),
  ], rows, 'results by network'), undefined, true);
  if (report.variants) {
    addSection('If a baseline were read otherwise', 'The same gains with one assumption about a baseline changed, by the analytic model.', (box) => addTable(box, [
      { title: 'Chip', value: (row) => row.chip, name: true },
      { title: 'Changed', value: (row) => row.changed, name: true },
      ...accountings.map((name) => ({ title: 'Energy gain', unit: name, value: (row) => row.energy[name] })),
      { title: 'Throughput gain', value: (row) => row.throughput },
    ], report.variants, 'variants'));
  }
}

// ---------------------------------------------------------------------------------------------- chip
views.chip = (report) => {
  addHeader(report, `Chip ${report.chip}`, `${report.dataflow}, ${report.technology_nm} nm. Power with everything active, bottom-up from component libraries.${report.published_source ? ' Published: ' + report.published_source + '.' : ''}`);
  const row = (name) => report.rows.find((one) => one.name === name) || {};
  const chip = row('chip'), tile = row('sum of a tile');
  const beside = (model, published, unit) => (published ? `published ${quantity(published, unit)}, ${signedPercent(model / published - 1)}` : 'not published');
  addCards([
    [quantity(chip.power_mw, 'mW'), `power of the chip (${beside(chip.power_mw, chip.published_power_mw, 'mW')})`],
    [quantity(chip.area_mm2, 'mm2'), `area of the chip (${beside(chip.area_mm2, chip.published_area_mm2, 'mm2')})`],
    [quantity(tile.power_mw, 'mW'), `power of a tile (${beside(tile.power_mw, tile.published_power_mw, 'mW')})`],
    [quantity(tile.area_mm2, 'mm2'), `area of a tile (${beside(tile.area_mm2, tile.published_area_mm2, 'mm2')})`],
    [quantity(report.window_period_ns, 'ns'), 'period of the window pipeline'],
  ]);
  addSection('What the chip is made of', 'All units of a part together.', (box) => {
    const rings = el('div', { class: 'rings' });
    box.append(rings);
    const parts = (key) => mainParts(report.components.map((one) => ({ name: words(one.name), value: one.units_per_chip * one[key] })));
    addRing(rings, { title: 'Power', parts: parts('unit_power_mw'), text: (value) => quantity(value, 'mW') });
    addRing(rings, { title: 'Area', parts: parts('unit_area_mm2'), text: (value) => quantity(value, 'mm2') });
  });
  const deviation = (model, published) => (published ? model / published - 1 : undefined);
  addSection('Parts and sums beside the published table', '', (box) => addTable(box, [
    { title: 'Part', value: (one) => words(one.name), name: true }, { title: 'Per', value: (one) => one.per }, { title: 'Count', value: (one) => one.count },
    { title: 'Power', unit: 'mW', value: (one) => one.power_mw }, { title: 'Published', unit: 'mW', value: (one) => one.published_power_mw },
    { title: 'Deviation', value: (one) => deviation(one.power_mw, one.published_power_mw), text: signedPercent },
    { title: 'Area', unit: 'mm²', value: (one) => one.area_mm2 }, { title: 'Published', unit: 'mm²', value: (one) => one.published_area_mm2 },
    { title: 'Deviation', value: (one) => deviation(one.area_mm2, one.published_area_mm2), text: signedPercent },
  ], report.rows, 'parts'));
  addSection('Figures', '', (box) => addTable(box, [
    { title: 'Figure', value: (one) => words(one[0]), name: true }, { title: 'Model', value: (one) => one[1] },
    { title: 'Published', value: (one) => report.published_figures[one[0]] },
    { title: 'Deviation', value: (one) => deviation(one[1], report.published_figures[one[0]]), text: signedPercent },
  ], Object.entries(report.figures), 'figures'));
  addSection('Components', 'One unit of each, and where its figures come from.', (box) => addTable(box, [
    { title: 'Part', value: (one) => words(one.name), name: true }, { title: 'Power', unit: 'mW', value: (one) => one.unit_power_mw },
    { title: 'Of it leakage', unit: 'mW', value: (one) => one.unit_static_mw }, { title: 'Area', unit: 'mm²', value: (one) => one.unit_area_mm2 },
    { title: 'Energy', unit: 'pJ per action', value: (one) => one.energy_pj }, { title: 'Action', value: (one) => one.action, name: true },
    { title: 'Source', value: (one) => one.source, name: true },
  ], report.components, 'components'), undefined, true);
};

// ---------------------------------------------------------------------------------------------- explore
const kAxes = [['array_size', 'N: array size'], ['dac_bits', 'D: DAC bits'], ['nnadcs', 'A: NNADCs'], ['nnsas', 'S: NNS+As'], ['arrays', 'M: arrays of a tile']];

views.explore = (report) => {
  const published = report.published, points = report.points;
  const optimum = published && points.find((point) => point.point === published.best);
  addHeader(report, `Design space ${report.sweep}`, `${plural(points.length, 'point')}. Model: ${report.model}.`);
  addCards([
    [digits(report.best.gops_per_mm2) + ' GOPS/s/mm²', `best point, ${report.best.point}`],
    [optimum ? digits(optimum.gops_per_mm2) + ' GOPS/s/mm²' : undefined, published ? `published optimum, ${published.best} (paper: ${digits(published.gops_per_mm2)})` : ''],
    [report.pareto_front.length, 'points on the Pareto front'],
  ]);
  addSection('Both efficiencies', 'Peak, over area and power of the tiles. The line joins the Pareto front.', (box) => addScatter(box, report, optimum));
  addSection('Best point for each value of an axis', 'The greatest GOPS/s/mm² that is reached with it.', (box) => {
    const rows = kAxes.flatMap(([key, name]) => [...new Set(points.map((point) => point[key]))].sort((a, b) => a - b)
      .map((value) => [`${name} = ${value}`, largest(points.filter((point) => point[key] === value).map((point) => point.gops_per_mm2))]));
    addBars(box, { describe: 'Best computation efficiency by axis value', labels: rows.map((row) => row[0]), unit: 'GOPS/s/mm²', series: [{ name: 'best', values: rows.map((row) => row[1]) }], ends: (_, i) => digits(rows[i][1]) });
  });
  const front = new Set(report.pareto_front.map((point) => point.point));
  addSection('Points', '', (box) => addTable(box, [
    { title: 'Point', value: (point) => point.point, name: true },
    ...kAxes.map(([key, name]) => ({ title: name, value: (point) => point[key] })),
    { title: 'Window', unit: 'ns', value: (point) => point.period_ns },
    { title: 'Tile', unit: 'mm²', value: (point) => point.tile_area_mm2 }, { title: 'Tile', unit: 'mW', value: (point) => point.tile_power_mw },
    { title: 'Computation efficiency', unit: 'GOPS/s/mm²', value: (point) => point.gops_per_mm2 },
    { title: 'Energy efficiency', unit: 'GOPS/s/W', value: (point) => point.gops_per_w },
    { title: 'Pareto', value: (point) => (front.has(point.point) ? 'front' : '') },
  ], points, 'points'), undefined, true);
};

function addScatter(box, report, optimum) {
  const place = (point) => ({ x: point.gops_per_mm2, y: point.gops_per_w, point });
  addChart(box, 430, 'Energy efficiency over computation efficiency of all points', (colours) => {
    const series = (label, data, colour, more) => ({ label, data: data.map(place), backgroundColor: colours.series(colour), borderColor: colours.series(colour), ...more });
    const front = [...report.pareto_front].sort((a, b) => a.gops_per_mm2 - b.gops_per_mm2);
    return {
      type: 'scatter',
      data: {
        datasets: [
          ...(optimum ? [series('published optimum', [optimum], 4, { pointRadius: 8, pointStyle: 'triangle' })] : []),
          series('Pareto front', front, 2, { showLine: true, pointRadius: 5, borderWidth: 2 }),
          series('points', report.points, 0, { pointRadius: 3 }),
        ],
      },
      options: {
        scales: { x: axis(colours, 'computation efficiency, GOPS/s/mm²'), y: axis(colours, 'energy efficiency, GOPS/s/W') },
        plugins: {
          legend: { labels: { color: colours.ink, usePointStyle: true } },
          tooltip: { callbacks: { label: (item) => `${item.raw.point.point}: ${digits(item.raw.x)} GOPS/s/mm², ${digits(item.raw.y)} GOPS/s/W` } },
        },
      },
    };
  });
}
