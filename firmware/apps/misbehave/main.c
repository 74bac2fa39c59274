/* Firmware with a bug of your choice, to see what the platform says about it. The boot argument
   "case=N" chooses; each must end in the right trap or command error, never in a crash of the
   simulator. */
#include <inttypes.h>
#include <stdio.h>

#include "boot/board.h"
#include "npim/npim.h"
#include "port/baremetal/port.h"

#define SECOND_NS UINT64_C(1000000000)
#define HOLE UINT64_C(0x60000000) /* nothing lies there on this board */

static struct npim_port port;
static struct npim_device device;

static volatile uint32_t *word_at(uint64_t address) {
  return (volatile uint32_t *)(uintptr_t)address; /* NOLINT: any address is the point */
}

static int open_device(void) {
  int result = baremetal_port(&port) ? npim_probe(&device, &port) : NPIM_E_NO_DEVICE;
  if (result == NPIM_OK) result = npim_open(&device, 3);
  if (result != NPIM_OK) printf("misbehave: cannot open: %s\n", npim_error_text(result));
  return result;
}

/* Executes one command as it is and tells what came of it. */
static int execute(const struct npim_descriptor *command) {
  struct npim_completion completion = {0};
  if (open_device() != NPIM_OK) return 1;
  const int result = npim_execute(&device, command, SECOND_NS, &completion);
  printf("misbehave: %s: %s (fault address 0x%" PRIx64 ")\n", npim_error_name(result),
         npim_error_text(result), (uint64_t)completion.fault_address);
  return result == NPIM_OK ? 0 : 1;
}

static int jump_to_nowhere(void) {
  void (*nowhere)(void) = (void (*)(void))(uintptr_t)HOLE;
  nowhere();
  return 0;
}

static int read_unmapped(void) {
  return (int)*word_at(HOLE + 0x10);
}

static int write_read_only(void) {
  *word_at(board.accelerator + NPIM_REG_ID) = 1;
  return 0;
}

static int run_before_load(void) {
  static uint8_t image[64], output[64];
  const struct npim_descriptor command = {.opcode = NPIM_OP_RUN,
                                          .source = (uintptr_t)image,
                                          .destination = (uintptr_t)output,
                                          .source_bytes = sizeof image,
                                          .destination_bytes = sizeof output,
                                          .count = 1,
                                          .source_stride = sizeof image,
                                          .destination_stride = sizeof output};
  return execute(&command);
}

static int dma_into_a_hole(void) {
  const struct npim_descriptor command = {
      .opcode = NPIM_OP_LOAD_CONTROL, .source = HOLE, .source_bytes = 64};
  return execute(&command);
}

static int never_end(void) {
  for (;;) __asm__ volatile("" ::: "memory");
  return 0;
}

static int wait_for_nothing(void) {
  __asm__ volatile("csrci mstatus, 8\n csrw mie, zero");
  for (;;) __asm__ volatile("wfi");
  return 0;
}

static int illegal_instruction(void) {
  __asm__ volatile(".word 0xffffffff");
  return 0;
}

static int trap_in_trap(void) {
  __asm__ volatile("csrw mtvec, %0" ::"r"(HOLE));
  return jump_to_nowhere();
}

/* The trap handler saves registers on the stack, which is gone. */
static int lose_the_stack(void) {
  __asm__ volatile("mv sp, %0\n ebreak" ::"r"(HOLE));
  return 0;
}

int main(void) {
  static int (*const cases[])(void) = {
      jump_to_nowhere, read_unmapped,    write_read_only,     run_before_load, dma_into_a_hole,
      never_end,       wait_for_nothing, illegal_instruction, trap_in_trap,    lose_the_stack,
  };
  const uint64_t chosen = board_argument("case", 0);
  if (chosen >= sizeof cases / sizeof *cases) {
    printf("misbehave: there is no case %" PRIu64 "\n", chosen);
    return 1;
  }
  return cases[chosen]();
}
