/* Reading of a flattened device tree (Devicetree Specification 0.4, chapter 5) in place. Every
   offset and length is checked against the blob: a damaged tree yields "not found", never a wild
   access. */
#ifndef NPIM_FDT_H
#define NPIM_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct npim_fdt {
  const uint8_t *structure;
  uint32_t structure_bytes;
  const char *strings;
  uint32_t strings_bytes;
};

/* A node: the offset of its FDT_BEGIN_NODE token. */
typedef int32_t npim_fdt_node;
#define NPIM_FDT_NONE (-1)

/* Opens a tree of at most `limit` bytes. False when the header is not one of a usable tree. */
bool npim_fdt_open(struct npim_fdt *fdt, const void *blob, size_t limit);

/* The node of a path ("/chosen"); a component without a unit address also matches one with it
   ("/soc/plic" finds "/soc/plic@c000000"). NPIM_FDT_NONE when there is none. */
npim_fdt_node npim_fdt_find(const struct npim_fdt *fdt, const char *path);

/* The next node after `after` (NPIM_FDT_NONE: from the root) with `compatible` in its list. */
npim_fdt_node npim_fdt_compatible(const struct npim_fdt *fdt, npim_fdt_node after,
                                  const char *compatible);

/* Name with unit address; "" for the root. */
const char *npim_fdt_name(const struct npim_fdt *fdt, npim_fdt_node node);

/* A property's bytes, NULL when there is none. */
const void *npim_fdt_property(const struct npim_fdt *fdt, npim_fdt_node node, const char *name,
                              uint32_t *bytes);
/* A property that holds a terminated string, else NULL. */
const char *npim_fdt_text(const struct npim_fdt *fdt, npim_fdt_node node, const char *name);
/* A property of one or two cells. */
bool npim_fdt_number(const struct npim_fdt *fdt, npim_fdt_node node, const char *name,
                     uint64_t *value);
/* Entry `index` of "reg", with the cell counts of the parent. */
bool npim_fdt_reg(const struct npim_fdt *fdt, npim_fdt_node node, unsigned index, uint64_t *address,
                  uint64_t *size);

#ifdef __cplusplus
}
#endif

#endif
