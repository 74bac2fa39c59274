#include "npim/idx.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/bytes.h"
#include "runtime/message.h"

#define TYPE_UNSIGNED_BYTE 0x08U
#define MOST_RANK 4U

/* Reads rank and dimensions; gives the size of the header, or 0 and a message. */
static size_t read_header(const uint8_t *file, size_t bytes, const char *what, uint32_t *rank,
                          uint32_t dimensions[MOST_RANK], struct npim_message *why) {
  if (bytes < 4 || file[0] != 0 || file[1] != 0 || file[2] != TYPE_UNSIGNED_BYTE) {
    (void)NPIM_REFUSE(why, 0, "%s: not an IDX file of unsigned bytes", what);
    return 0;
  }
  *rank = file[3];
  const size_t header = 4 + 4 * (size_t)*rank;
  if (*rank < 1 || *rank > MOST_RANK || bytes < header) {
    (void)NPIM_REFUSE(why, 0, "%s: IDX header of rank %" PRIu32 " is damaged", what, *rank);
    return 0;
  }
  uint64_t total = 1;
  for (uint32_t i = 0; i < *rank; ++i) {
    dimensions[i] = npim_get32_big(file + 4 + 4 * (size_t)i);
    if (dimensions[i] != 0 && total > UINT64_MAX / dimensions[i])
      total = UINT64_MAX;
    else
      total *= dimensions[i];
  }
  if (total != bytes - header) {
    (void)NPIM_REFUSE(why, 0, "%s: header asks for %" PRIu64 " bytes, the file has %zu", what,
                      total, bytes - header);
    return 0;
  }
  return header;
}

int npim_idx_images(struct npim_images *images, const void *file, size_t bytes,
                    struct npim_message *why) {
  uint32_t rank, dimensions[MOST_RANK];
  const size_t header = read_header(file, bytes, "images", &rank, dimensions, why);
  if (header == 0) return NPIM_E_FILE;
  if (rank < 3) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "images: IDX rank %" PRIu32 ", 3 or 4 wanted", rank);
  }
  images->count = dimensions[0];
  images->shape = (struct npim_shape){dimensions[1], dimensions[2], rank == 4 ? dimensions[3] : 1};
  images->pixels = (const uint8_t *)file + header;
  if (images->count == 0) return NPIM_REFUSE(why, NPIM_E_FILE, "images: the file holds none");
  return NPIM_OK;
}

int npim_idx_labels(struct npim_labels *labels, const void *file, size_t bytes,
                    struct npim_message *why) {
  uint32_t rank, dimensions[MOST_RANK];
  const size_t header = read_header(file, bytes, "labels", &rank, dimensions, why);
  if (header == 0) return NPIM_E_FILE;
  if (rank != 1) {
    return NPIM_REFUSE(why, NPIM_E_FILE, "labels: IDX rank %" PRIu32 ", 1 wanted", rank);
  }
  labels->count = dimensions[0];
  labels->values = (const uint8_t *)file + header;
  return NPIM_OK;
}
