/* The terminal: UART 16550 behind the C library's standard streams. */
#include <stdio.h>

#include "boot/board.h"

#define UART_DATA 0
#define UART_LINE_STATUS 5
#define LINE_STATUS_RECEIVED 0x01U
#define LINE_STATUS_SPACE 0x20U

static volatile uint8_t *uart(unsigned reg) {
  return (volatile uint8_t *)(board.uart + reg);
}

void console_write(char c) {
  while ((*uart(UART_LINE_STATUS) & LINE_STATUS_SPACE) == 0) {
  }
  *uart(UART_DATA) = (uint8_t)c;
}

int console_read(void) {
  if ((*uart(UART_LINE_STATUS) & LINE_STATUS_RECEIVED) == 0) return -1;
  return *uart(UART_DATA);
}

static int put(char c, FILE *file) {
  (void)file;
  if (c == '\n') console_write('\r');
  console_write(c);
  return (unsigned char)c;
}

static int get(FILE *file) {
  int c;
  (void)file;
  while ((c = console_read()) < 0) {
  }
  return c;
}

static FILE terminal = FDEV_SETUP_STREAM(put, get, NULL, _FDEV_SETUP_RW);
FILE *const stdin = &terminal;
FILE *const stdout = &terminal;
FILE *const stderr = &terminal;
