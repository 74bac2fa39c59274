/* The least that offloads a network: open the chip, load a program, run one image, print its class.
 */
#include <inttypes.h>
#include <stdio.h>

#include "boot/board.h"
#include "npim/idx.h"
#include "npim/runtime.h"
#include "port/baremetal/port.h"

#define TIMEOUT_NS UINT64_C(1000000000)

static struct npim_port port;
static struct npim_device chip;
static struct npim_program program;
static struct npim_images images;
static int32_t logits[16];

static void on_output(void *context, uint32_t image, const int32_t *outputs) {
  (void)context;
  printf("image %" PRIu32 " is a %" PRIu32 "\n", image,
         npim_argmax(outputs, npim_program_outputs(&program)));
}

int main(void) {
  struct board_file file;
  struct npim_message why = {"a file is missing"};
  if (!baremetal_port(&port) || npim_probe(&chip, &port) != 0 || npim_open(&chip, 4) != 0) {
    printf("there is no chip\n");
    return 1;
  }
  if (!board_find_file("program", &file) ||
      npim_program_open(&program, file.data, file.bytes, &why) != 0 ||
      npim_program_check(&program, &chip.info, &why) != 0 || npim_program_outputs(&program) > 16 ||
      npim_program_load(&chip, &program, TIMEOUT_NS, &why) != 0 ||
      !board_find_file("images", &file) ||
      npim_idx_images(&images, file.data, file.bytes, &why) != 0) {
    printf("cannot start: %s\n", why.text);
    return 1;
  }
  const struct npim_network_job run = {images.pixels, 1,    1,    TIMEOUT_NS,
                                       on_output,     NULL, NULL, false};
  struct npim_network_report report;
  if (npim_network_run(&chip, &program, &run, logits, &report, &why) != 0) {
    printf("cannot run: %s\n", why.text);
    return 1;
  }
  printf("the chip took %" PRIu64 " ns\n", report.chip_ns);
  npim_close(&chip);
  return 0; /* "pass" at the test finisher; anything else is a failure with that code */
}
