/* Memory handed out from one block, given back in the reverse order: enough for a port's DMA
 * memory. */
#ifndef NPIM_ARENA_H
#define NPIM_ARENA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct npim_arena {
  uint8_t *base;
  size_t bytes, used;
};

/* NULL when the arena has no room. `alignment` is a power of two. */
void *npim_arena_alloc(struct npim_arena *arena, size_t bytes, size_t alignment);
/* Gives back the block that was handed out last. */
void npim_arena_free(struct npim_arena *arena, void *memory, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
