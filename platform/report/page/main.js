function start() {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  document.documentElement.dataset.theme = dark.matches ? 'dark' : 'light';
  const report = JSON.parse(document.getElementById('report').textContent);
  const view = views[report.command];
  if (!view) throw new Error('there is no view of npim ' + report.command);
  view(report);
  addConfiguration(report);
  startCharts();
  dark.addEventListener('change', () => setTheme(dark.matches ? 'dark' : 'light'));
  let onScreen = '';
  addEventListener('beforeprint', () => { onScreen = document.documentElement.dataset.theme; setTheme('light'); });
  addEventListener('afterprint', () => setTheme(onScreen));
}

try {
  start();
} catch (error) {
  document.getElementById('content').prepend(el('section', { class: 'failed' }, 'This page could not be drawn: ' + error.message));
  console.error(error);
}
