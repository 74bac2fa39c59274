#include "npim/arena.h"

void *npim_arena_alloc(struct npim_arena *arena, size_t bytes, size_t alignment) {
  const uintptr_t base = (uintptr_t)arena->base;
  const uintptr_t start = (base + arena->used + alignment - 1) & ~(uintptr_t)(alignment - 1);
  const size_t offset = start - base;
  if (bytes == 0 || offset > arena->bytes || bytes > arena->bytes - offset) return NULL;
  arena->used = offset + bytes;
  return arena->base + offset;
}

void npim_arena_free(struct npim_arena *arena, void *memory, size_t bytes) {
  if (memory == NULL) return;
  const size_t offset = (size_t)((uint8_t *)memory - arena->base);
  if (offset + bytes == arena->used) arena->used = offset;
}
