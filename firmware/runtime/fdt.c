#include "npim/fdt.h"

#include <string.h>

#define FDT_MAGIC 0xd00dfeedU
#define TOKEN_BEGIN 1U
#define TOKEN_END 2U
#define TOKEN_PROPERTY 3U
#define TOKEN_NOP 4U
#define OLDEST_COMPATIBLE 17U
#define DEEPEST 16
#define HEADER_BYTES 40U

static uint32_t big32(const uint8_t *from) {
  return ((uint32_t)from[0] << 24) | ((uint32_t)from[1] << 16) | ((uint32_t)from[2] << 8) | from[3];
}

bool npim_fdt_open(struct npim_fdt *fdt, const void *blob, size_t limit) {
  const uint8_t *bytes = blob;
  *fdt = (struct npim_fdt){0};
  if (bytes == NULL || limit < HEADER_BYTES || big32(bytes) != FDT_MAGIC) return false;
  const uint32_t total = big32(bytes + 4);
  const uint32_t structure = big32(bytes + 8), strings = big32(bytes + 12);
  const uint32_t compatible = big32(bytes + 24);
  const uint32_t strings_bytes = big32(bytes + 32), structure_bytes = big32(bytes + 36);
  if (total < HEADER_BYTES || total > limit || total > INT32_MAX) return false;
  if (compatible > OLDEST_COMPATIBLE || structure % 4 != 0) return false;
  if (structure > total || structure_bytes > total - structure) return false;
  if (strings > total || strings_bytes > total - strings) return false;
  fdt->structure = bytes + structure;
  fdt->structure_bytes = structure_bytes;
  fdt->strings = (const char *)bytes + strings;
  fdt->strings_bytes = strings_bytes;
  return true;
}

/* One token of the structure block. */
struct token {
  uint32_t kind;
  uint32_t next;        /* offset of the token after it */
  const char *name;     /* of a node or property */
  const uint8_t *value; /* of a property */
  uint32_t value_bytes;
};

static bool terminated(const char *text, uint32_t limit) {
  return memchr(text, 0, limit) != NULL;
}

static bool read_node_name(const struct npim_fdt *fdt, uint32_t at, struct token *token) {
  const char *name = (const char *)fdt->structure + at;
  if (!terminated(name, fdt->structure_bytes - at)) return false;
  token->name = name;
  token->next = (at + (uint32_t)strlen(name) + 1 + 3) & ~UINT32_C(3);
  return true;
}

static bool read_property(const struct npim_fdt *fdt, uint32_t at, struct token *token) {
  if (fdt->structure_bytes - at < 8) return false;
  const uint32_t bytes = big32(fdt->structure + at), name = big32(fdt->structure + at + 4);
  at += 8;
  if (bytes > fdt->structure_bytes - at || name >= fdt->strings_bytes) return false;
  if (!terminated(fdt->strings + name, fdt->strings_bytes - name)) return false;
  token->name = fdt->strings + name;
  token->value = fdt->structure + at;
  token->value_bytes = bytes;
  token->next = (at + bytes + 3) & ~UINT32_C(3);
  return true;
}

/* False at the end of the tree and for anything malformed. */
static bool read_token(const struct npim_fdt *fdt, uint32_t at, struct token *token) {
  *token = (struct token){0};
  if (at % 4 != 0 || at >= fdt->structure_bytes || fdt->structure_bytes - at < 4) return false;
  token->kind = big32(fdt->structure + at);
  token->next = at + 4;
  switch (token->kind) {
    case TOKEN_BEGIN:
      return read_node_name(fdt, at + 4, token);
    case TOKEN_PROPERTY:
      return read_property(fdt, at + 4, token);
    case TOKEN_END:
    case TOKEN_NOP:
      return true;
    default:
      return false;
  }
}

/* Walks all nodes in order with the chain of their ancestors. */
struct walk {
  const struct npim_fdt *fdt;
  uint32_t at;
  int depth; /* of the current node; the root has 0 */
  npim_fdt_node chain[DEEPEST];
};

static void walk_start(struct walk *walk, const struct npim_fdt *fdt) {
  *walk = (struct walk){0};
  walk->fdt = fdt;
  walk->depth = -1;
}

static bool walk_next(struct walk *walk) {
  struct token token;
  while (read_token(walk->fdt, walk->at, &token)) {
    const uint32_t here = walk->at;
    walk->at = token.next;
    if (token.kind == TOKEN_END) {
      if (--walk->depth < -1) return false;
    } else if (token.kind == TOKEN_BEGIN) {
      if (++walk->depth >= DEEPEST) return false;
      walk->chain[walk->depth] = (npim_fdt_node)here;
      return true;
    }
  }
  return false;
}

const char *npim_fdt_name(const struct npim_fdt *fdt, npim_fdt_node node) {
  struct token token;
  if (node < 0 || !read_token(fdt, (uint32_t)node, &token) || token.kind != TOKEN_BEGIN) return "";
  return token.name;
}

/* Does a node's name match a path component of `length` characters? */
static bool component_matches(const char *name, const char *component, size_t length) {
  if (strncmp(name, component, length) != 0) return false;
  return name[length] == '\0' || name[length] == '@';
}

npim_fdt_node npim_fdt_find(const struct npim_fdt *fdt, const char *path) {
  struct walk walk;
  int matched = 0; /* depth up to which the path has matched */
  walk_start(&walk, fdt);
  while (*path == '/') ++path;
  while (walk_next(&walk)) {
    if (walk.depth == 0) {
      if (*path == '\0') return walk.chain[0];
      continue;
    }
    if (walk.depth <= matched) return NPIM_FDT_NONE; /* left the matched subtree */
    if (walk.depth != matched + 1) continue;
    const size_t length = strcspn(path, "/");
    const char *name = npim_fdt_name(fdt, walk.chain[walk.depth]);
    if (!component_matches(name, path, length)) continue;
    path += length;
    while (*path == '/') ++path;
    if (*path == '\0') return walk.chain[walk.depth];
    matched = walk.depth;
  }
  return NPIM_FDT_NONE;
}

const void *npim_fdt_property(const struct npim_fdt *fdt, npim_fdt_node node, const char *name,
                              uint32_t *bytes) {
  struct token token;
  if (bytes != NULL) *bytes = 0;
  if (node < 0 || !read_token(fdt, (uint32_t)node, &token) || token.kind != TOKEN_BEGIN) {
    return NULL;
  }
  /* Properties stand before the children. */
  while (read_token(fdt, token.next, &token)) {
    if (token.kind == TOKEN_BEGIN || token.kind == TOKEN_END) return NULL;
    if (token.kind != TOKEN_PROPERTY || strcmp(token.name, name) != 0) continue;
    if (bytes != NULL) *bytes = token.value_bytes;
    return token.value;
  }
  return NULL;
}

const char *npim_fdt_text(const struct npim_fdt *fdt, npim_fdt_node node, const char *name) {
  uint32_t bytes;
  const char *text = npim_fdt_property(fdt, node, name, &bytes);
  return text != NULL && bytes != 0 && terminated(text, bytes) ? text : NULL;
}

static uint64_t cells(const uint8_t *from, uint32_t count) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < count; ++i) value = (value << 32) | big32(from + 4 * (size_t)i);
  return value;
}

bool npim_fdt_number(const struct npim_fdt *fdt, npim_fdt_node node, const char *name,
                     uint64_t *value) {
  uint32_t bytes;
  const uint8_t *property = npim_fdt_property(fdt, node, name, &bytes);
  if (property == NULL || (bytes != 4 && bytes != 8)) return false;
  *value = cells(property, bytes / 4);
  return true;
}

static npim_fdt_node parent_of(const struct npim_fdt *fdt, npim_fdt_node node) {
  struct walk walk;
  walk_start(&walk, fdt);
  while (walk_next(&walk)) {
    if (walk.chain[walk.depth] != node) continue;
    return walk.depth > 0 ? walk.chain[walk.depth - 1] : NPIM_FDT_NONE;
  }
  return NPIM_FDT_NONE;
}

bool npim_fdt_reg(const struct npim_fdt *fdt, npim_fdt_node node, unsigned index, uint64_t *address,
                  uint64_t *size) {
  uint64_t address_cells = 2, size_cells = 1; /* the specification's defaults */
  uint32_t bytes;
  const uint8_t *reg = npim_fdt_property(fdt, node, "reg", &bytes);
  const npim_fdt_node parent = parent_of(fdt, node);
  if (reg == NULL || parent == NPIM_FDT_NONE) return false;
  (void)npim_fdt_number(fdt, parent, "#address-cells", &address_cells);
  (void)npim_fdt_number(fdt, parent, "#size-cells", &size_cells);
  if (address_cells < 1 || address_cells > 2 || size_cells > 2) return false;
  const uint64_t entry = 4 * (address_cells + size_cells);
  if ((uint64_t)bytes / entry <= index) return false;
  reg += entry * index;
  *address = cells(reg, (uint32_t)address_cells);
  *size = cells(reg + 4 * address_cells, (uint32_t)size_cells);
  return true;
}

/* A list of strings, one after the other, each terminated. */
static bool list_has(const char *list, uint32_t bytes, const char *wanted) {
  while (bytes != 0 && terminated(list, bytes)) {
    const uint32_t length = (uint32_t)strlen(list) + 1;
    if (strcmp(list, wanted) == 0) return true;
    list += length;
    bytes -= length;
  }
  return false;
}

npim_fdt_node npim_fdt_compatible(const struct npim_fdt *fdt, npim_fdt_node after,
                                  const char *compatible) {
  struct walk walk;
  walk_start(&walk, fdt);
  while (walk_next(&walk)) {
    const npim_fdt_node node = walk.chain[walk.depth];
    uint32_t bytes;
    if (node <= after) continue;
    const char *list = npim_fdt_property(fdt, node, "compatible", &bytes);
    if (list != NULL && list_has(list, bytes, compatible)) return node;
  }
  return NPIM_FDT_NONE;
}
