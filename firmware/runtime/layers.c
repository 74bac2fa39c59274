/* What the layers of a network did. */
#include <string.h>

#include "npim/runtime.h"

/* The stages of a layer together: windows add up, the time is that of the busiest. */
static void add_stage(struct npim_layer_totals *totals, const struct npim_stage_counters *stage) {
  totals->windows += stage->windows;
  totals->conversions += stage->conversions;
  totals->input_cycles += stage->input_cycles;
  if (stage->busy_ns < totals->busy_ns) return;
  totals->busy_ns = stage->busy_ns;
  totals->wait_input_ns = stage->wait_input_ns;
}

static void add_stages(const struct npim_stage_counters *records, uint32_t stages, uint32_t layer,
                       struct npim_layer_totals *totals) {
  struct npim_layer_totals sum;
  memset(&sum, 0, sizeof sum);
  for (uint32_t k = 0; k < stages; ++k) {
    if (records[k].layer == layer) add_stage(&sum, &records[k]);
  }
  totals->windows += sum.windows;
  totals->conversions += sum.conversions;
  totals->input_cycles += sum.input_cycles;
  totals->busy_ns += sum.busy_ns;
  totals->wait_input_ns += sum.wait_input_ns;
}

static struct npim_stage_counters *allocate(const struct npim_port *port, uint32_t stages) {
  const size_t bytes = stages * sizeof(struct npim_stage_counters);
  if (bytes > UINT32_MAX) return NULL;
  return port->dma_alloc(port->context, bytes, sizeof(struct npim_stage_counters));
}

static int read_counters(struct npim_device *device, struct npim_stage_counters *records,
                         uint32_t stages, uint64_t timeout_ns) {
  return npim_read_back(device, NPIM_REGION_STAGE_COUNTERS, 0, 0, 0, records,
                        (uint32_t)(stages * sizeof *records), timeout_ns);
}

int npim_collect_counters(struct npim_device *device, const struct npim_program *program,
                          uint32_t stages, uint64_t timeout_ns, struct npim_layer_totals *totals) {
  const struct npim_port *port = device->port;
  if (stages == 0) return NPIM_E_ARGUMENT;
  struct npim_stage_counters *records = allocate(port, stages);
  if (records == NULL) return NPIM_E_NO_MEMORY;
  const int result = read_counters(device, records, stages, timeout_ns);
  /* Stages of a layer follow each other. */
  for (uint32_t first = 0, end = 0; result == NPIM_OK && first < stages; first = end) {
    const uint32_t layer = records[first].layer;
    while (end < stages && records[end].layer == layer) ++end;
    if (layer < program->layer_count) {
      add_stages(records + first, end - first, layer, &totals[layer]);
    }
  }
  port->dma_free(port->context, records, stages * sizeof *records);
  return result;
}

static int report_chip_alone(
    struct npim_device *device, const struct npim_program *program, uint64_t timeout_ns,
    void (*on_layer)(void *context, const struct npim_layer_report *report), void *context) {
  const struct npim_port *port = device->port;
  struct npim_layer_report report;
  struct npim_step step;
  if (!npim_program_step(program, 0, &step) || step.stages == 0) return NPIM_E_ARGUMENT;
  struct npim_stage_counters *records = allocate(port, step.stages);
  if (records == NULL) return NPIM_E_NO_MEMORY;
  const int result = read_counters(device, records, step.stages, timeout_ns);
  for (uint32_t i = 0; result == NPIM_OK && i < program->layer_count; ++i) {
    memset(&report, 0, sizeof report);
    (void)npim_program_layer(program, i, &report.layer);
    add_stages(records, step.stages, report.layer.layer, &report.totals);
    on_layer(context, &report);
  }
  port->dma_free(port->context, records, step.stages * sizeof *records);
  return result;
}

int npim_network_layers(struct npim_device *device, const struct npim_program *program,
                        const struct npim_layer_totals *totals, uint64_t timeout_ns,
                        void (*on_layer)(void *context, const struct npim_layer_report *report),
                        void *context) {
  struct npim_layer_report report;
  if (totals == NULL) {
    if (!program->is_chip_alone) return NPIM_E_ARGUMENT;
    return report_chip_alone(device, program, timeout_ns, on_layer, context);
  }
  for (uint32_t i = 0; npim_program_layer(program, i, &report.layer); ++i) {
    report.totals = totals[i];
    on_layer(context, &report);
  }
  return NPIM_OK;
}
