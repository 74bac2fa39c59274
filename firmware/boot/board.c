#include "boot/board.h"

#include <stdio.h>
#include <string.h>

#define LARGEST_TREE (UINT64_C(1) << 20)
#define FINISHER_FAIL 0x3333U
#define FINISHER_PASS 0x5555U

struct board board;

int main(void);

static void find_part(const char *compatible, uint64_t *address) {
  uint64_t size;
  const npim_fdt_node node = npim_fdt_compatible(&board.tree, NPIM_FDT_NONE, compatible);
  if (node != NPIM_FDT_NONE) (void)npim_fdt_reg(&board.tree, node, 0, address, &size);
}

static void find_accelerator(void) {
  uint64_t number, size;
  const npim_fdt_node node =
      npim_fdt_compatible(&board.tree, NPIM_FDT_NONE, "neural-pim,accelerator-1.0");
  if (node == NPIM_FDT_NONE) return;
  if (!npim_fdt_reg(&board.tree, node, 0, &board.accelerator, &size)) board.accelerator = 0;
  if (npim_fdt_number(&board.tree, node, "interrupts", &number)) {
    board.accelerator_irq = (uint32_t)number;
  }
}

static void read_tree(const void *device_tree) {
  board.has_tree = npim_fdt_open(&board.tree, device_tree, LARGEST_TREE);
  if (!board.has_tree) return;
  find_part("ns16550a", &board.uart);
  find_part("sifive,clint0", &board.clint);
  find_part("riscv,clint0", &board.clint);
  find_part("sifive,plic-1.0.0", &board.plic);
  find_part("riscv,plic0", &board.plic);
  find_part("sifive,test0", &board.finisher);
  find_accelerator();
  uint64_t hz;
  const npim_fdt_node cpus = npim_fdt_find(&board.tree, "/cpus");
  if (npim_fdt_number(&board.tree, cpus, "timebase-frequency", &hz) && hz != 0) {
    board.timebase_hz = hz;
  }
  const npim_fdt_node chosen = npim_fdt_find(&board.tree, "/chosen");
  const char *bootargs = npim_fdt_text(&board.tree, chosen, "bootargs");
  if (bootargs != NULL) board.bootargs = bootargs;
}

void boot_main(uint64_t hart, const void *device_tree) {
  (void)hart;
  board = (struct board){.bootargs = "",
                         .uart = 0x10000000,
                         .clint = 0x2000000,
                         .plic = 0xc000000,
                         .finisher = 0x100000,
                         .timebase_hz = 10000000,
                         .accelerator_irq = 32};
  read_tree(device_tree);
  board_exit(main() == 0 ? BOARD_EXIT_PASS : BOARD_EXIT_FAIL);
}

void board_exit(unsigned code) {
  volatile uint32_t *finisher = (volatile uint32_t *)board.finisher;
  __asm__ volatile("fence" ::: "memory");
  *finisher = code == 0 ? FINISHER_PASS : FINISHER_FAIL | (code << 16);
  for (;;) __asm__ volatile("wfi");
}

bool board_find_file(const char *name, struct board_file *file) {
  npim_fdt_node node = NPIM_FDT_NONE;
  while ((node = npim_fdt_compatible(&board.tree, node, "neural-pim,file")) != NPIM_FDT_NONE) {
    const char *node_name = npim_fdt_text(&board.tree, node, "npim,name");
    uint64_t address, bytes;
    if (node_name == NULL || strcmp(node_name, name) != 0) continue;
    if (!npim_fdt_reg(&board.tree, node, 0, &address, &bytes)) return false;
    file->data = (uint8_t *)address;
    file->bytes = bytes;
    return true;
  }
  return false;
}

uint64_t board_argument(const char *key, uint64_t fallback) {
  const size_t length = strlen(key);
  const char *at = board.bootargs;
  while (*at != '\0') {
    at += strspn(at, " ");
    if (strncmp(at, key, length) == 0 && at[length] == '=' && at[length + 1] >= '0' &&
        at[length + 1] <= '9') {
      uint64_t value = 0;
      for (at += length + 1; *at >= '0' && *at <= '9'; ++at) {
        value = value * 10 + (uint64_t)(*at - '0');
      }
      return value;
    }
    at += strcspn(at, " ");
  }
  return fallback;
}
