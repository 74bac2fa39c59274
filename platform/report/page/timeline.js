// Rows over time: rows [{name, begin, end, colour, lines}], times in ns; `lines` explain a row.
function addTimeline(parent, rows, describe) {
  const end = largest(rows.map((row) => row.end));
  const { factor, unit } = scaleFor(end, 'ns');
  const box = el('div', { class: rows.length > 32 ? 'scroll' : '' });
  parent.append(box);
  addChart(box, 62 + rows.length * 17, describe, (colours) => ({
    type: 'bar',
    data: {
      labels: rows.map((row) => shorten(row.name, 48)),
      datasets: [{
        label: 'at work', data: rows.map((row) => [row.begin / factor, row.end / factor]),
        backgroundColor: rows.map((row) => colours.series(row.colour || 0)),
        barPercentage: .95, categoryPercentage: .86, minBarLength: 2, borderRadius: 2, borderSkipped: false,
      }],
    },
    options: {
      indexAxis: 'y',
      interaction: { mode: 'nearest', axis: 'y', intersect: false },
      scales: {
        x: axis(colours, `time in ${unit}`, { options: { min: 0, position: 'top' } }),
        y: axis(colours, '', { options: { grid: { display: false } }, ticks: { color: colours.ink, autoSkip: false, font: { size: 11 } } }),
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          callbacks: {
            title: (items) => rows[items[0].dataIndex].name,
            label: (item) => {
              const row = rows[item.dataIndex];
              return [`${quantity(row.begin, 'ns')} to ${quantity(row.end, 'ns')}: ${quantity(row.end - row.begin, 'ns')}`].concat(row.lines || []);
            },
          },
        },
      },
    },
  }));
}
