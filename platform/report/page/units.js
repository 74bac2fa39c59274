// Numbers with units. Reports hold nanoseconds and picojoules; people read what fits.
const kScales = {
  ns: [[1, 'ns'], [1e3, 'µs'], [1e6, 'ms'], [1e9, 's']],
  pJ: [[1, 'pJ'], [1e3, 'nJ'], [1e6, 'µJ'], [1e9, 'mJ'], [1e12, 'J']],
  mW: [[1e-3, 'µW'], [1, 'mW'], [1e3, 'W']],
  mm2: [[1, 'mm²']],
};

function digits(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return value.toExponential(2);
  const places = size >= 1000 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(size)));
  return value.toLocaleString('en-US', { maximumFractionDigits: places });
}

// The scale in which `value` (of a base unit above) reads well: {factor, unit}.
function scaleFor(value, base) {
  const scales = kScales[base] || [[1, base]];
  let best = scales[0];
  for (const scale of scales) if (Math.abs(value) >= scale[0]) best = scale;
  return { factor: best[0], unit: best[1] };
}

function quantity(value, base) {
  if (value === undefined || value === null) return '–';
  const { factor, unit } = scaleFor(value, base);
  return digits(value / factor) + ' ' + unit;
}

const percent = (fraction) => (100 * fraction).toFixed(1) + ' %';
const signedPercent = (fraction) => (fraction >= 0 ? '+' : '−') + Math.abs(100 * fraction).toFixed(1) + ' %';
