/* Registers, commands and records of the Neural-PIM accelerator. Generated from models/abi/npim_abi.json
   by npim_abi_generator: edit the map, not this file. */
/* clang-format off */
#ifndef NPIM_REGS_H
#define NPIM_REGS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define NPIM_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define NPIM_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define NPIM_ABI_MAJOR 1u
#define NPIM_ABI_MINOR 1u
#define NPIM_REGISTER_BLOCK_BYTES 4096u

/* Offsets of the registers, and lowest bit and mask of their fields. */
#define NPIM_REG_ID 0x000u /* RO, 32 bits: The characters 'NPIM', little endian */
#define NPIM_REG_VERSION 0x004u /* RO, 32 bits: Version of this register map */
#define NPIM_VERSION_MINOR_LSB 0u
#define NPIM_VERSION_MINOR_MASK 0x0000ffffu
#define NPIM_VERSION_MAJOR_LSB 16u
#define NPIM_VERSION_MAJOR_MASK 0xffff0000u
#define NPIM_REG_CAP_TILES 0x008u /* RO, 32 bits: Tiles on the chip */
#define NPIM_REG_CAP_IMA 0x00cu /* RO, 32 bits: Tile structure */
#define NPIM_CAP_IMA_IMAS_PER_TILE_LSB 0u
#define NPIM_CAP_IMA_IMAS_PER_TILE_MASK 0x0000ffffu
#define NPIM_CAP_IMA_ARRAYS_PER_IMA_LSB 16u
#define NPIM_CAP_IMA_ARRAYS_PER_IMA_MASK 0xffff0000u
#define NPIM_REG_CAP_ARRAY 0x010u /* RO, 32 bits: Crossbar size in cells */
#define NPIM_CAP_ARRAY_ROWS_LSB 0u
#define NPIM_CAP_ARRAY_ROWS_MASK 0x0000ffffu
#define NPIM_CAP_ARRAY_COLUMNS_LSB 16u
#define NPIM_CAP_ARRAY_COLUMNS_MASK 0xffff0000u
#define NPIM_REG_CAP_PRECISION 0x014u /* RO, 32 bits: Bits of cells and converters */
#define NPIM_CAP_PRECISION_CELL_BITS_LSB 0u
#define NPIM_CAP_PRECISION_CELL_BITS_MASK 0x000000ffu
#define NPIM_CAP_PRECISION_DAC_BITS_LSB 8u
#define NPIM_CAP_PRECISION_DAC_BITS_MASK 0x0000ff00u
#define NPIM_CAP_PRECISION_NNADC_BITS_LSB 16u
#define NPIM_CAP_PRECISION_NNADC_BITS_MASK 0x00ff0000u
#define NPIM_CAP_PRECISION_CODE_FORMAT_LSB 24u
#define NPIM_CAP_PRECISION_CODE_FORMAT_MASK 0xff000000u /* 1 signed 8 bit, 2 sign plus 8 bits, 3 lossless */
#define NPIM_REG_CAP_EDRAM 0x018u /* RO, 32 bits: eDRAM bytes per tile */
#define NPIM_REG_CAP_CONVERTER 0x01cu /* RO, 32 bits: Available NNADC ranges and bit-line gains; bit k stands for 2^k */
#define NPIM_CAP_CONVERTER_RANGE_DIVISORS_LSB 0u
#define NPIM_CAP_CONVERTER_RANGE_DIVISORS_MASK 0x000000ffu
#define NPIM_CAP_CONVERTER_BITLINE_GAINS_LSB 8u
#define NPIM_CAP_CONVERTER_BITLINE_GAINS_MASK 0x0000ff00u
#define NPIM_REG_CAP_QUEUE 0x020u /* RO, 32 bits: Largest QUEUE_SIZE (log2 of entries) */
#define NPIM_REG_CAP_FEATURES 0x024u /* RO, 32 bits: What this chip implements */
#define NPIM_CAP_FEATURES_FIDELITY_LSB 0u
#define NPIM_CAP_FEATURES_FIDELITY_MASK 0x0000000fu /* 0 ideal, 1 statistical, 2 circuit */
#define NPIM_CAP_FEATURES_ENERGY_COUNTER_LSB 8u
#define NPIM_CAP_FEATURES_ENERGY_COUNTER_MASK 0x00000100u /* 1 when the energy counters count */
#define NPIM_CAP_FEATURES_ENERGY_ACCOUNTING_LSB 9u
#define NPIM_CAP_FEATURES_ENERGY_ACCOUNTING_MASK 0x00000200u /* 0 counts times energy per action, 1 power times the time that parts are on */
#define NPIM_REG_CONTROL 0x040u /* RW, 32 bits: Enable, reset, cancel */
#define NPIM_CONTROL_ENABLE_LSB 0u
#define NPIM_CONTROL_ENABLE_MASK 0x00000001u /* Executes commands while 1 */
#define NPIM_CONTROL_SOFT_RESET_LSB 1u
#define NPIM_CONTROL_SOFT_RESET_MASK 0x00000002u /* Write 1: aborts everything, forgets control vectors, weights' programmed marks and registers; reads 0 */
#define NPIM_CONTROL_CANCEL_LSB 2u
#define NPIM_CONTROL_CANCEL_MASK 0x00000004u /* Write 1: the running and all queued commands complete with CANCELLED; reads 0 */
#define NPIM_REG_STATUS 0x044u /* RO, 32 bits: State of the command processor */
#define NPIM_STATUS_IDLE_LSB 0u
#define NPIM_STATUS_IDLE_MASK 0x00000001u /* No command running and none queued */
#define NPIM_STATUS_BUSY_LSB 1u
#define NPIM_STATUS_BUSY_MASK 0x00000002u /* A command is running */
#define NPIM_STATUS_ERROR_LSB 2u
#define NPIM_STATUS_ERROR_MASK 0x00000004u /* ERROR_CODE holds an error; cleared by clearing IRQ_STATUS.ERROR */
#define NPIM_STATUS_ENABLED_LSB 3u
#define NPIM_STATUS_ENABLED_MASK 0x00000008u
#define NPIM_STATUS_RESETTING_LSB 4u
#define NPIM_STATUS_RESETTING_MASK 0x00000010u /* A soft reset is in progress */
#define NPIM_REG_IRQ_STATUS 0x048u /* W1C, 32 bits: Interrupt causes; write 1 to clear */
#define NPIM_IRQ_STATUS_COMPLETION_LSB 0u
#define NPIM_IRQ_STATUS_COMPLETION_MASK 0x00000001u /* IRQ_BATCH flagged commands have completed, or the queue ran empty with a flagged one */
#define NPIM_IRQ_STATUS_ERROR_LSB 1u
#define NPIM_IRQ_STATUS_ERROR_MASK 0x00000002u /* A command failed or a doorbell was wrong */
#define NPIM_IRQ_STATUS_RESET_DONE_LSB 2u
#define NPIM_IRQ_STATUS_RESET_DONE_MASK 0x00000004u
#define NPIM_REG_IRQ_MASK 0x04cu /* RW, 32 bits: Interrupt line = any of IRQ_STATUS & IRQ_MASK */
#define NPIM_IRQ_MASK_COMPLETION_LSB 0u
#define NPIM_IRQ_MASK_COMPLETION_MASK 0x00000001u
#define NPIM_IRQ_MASK_ERROR_LSB 1u
#define NPIM_IRQ_MASK_ERROR_MASK 0x00000002u
#define NPIM_IRQ_MASK_RESET_DONE_LSB 2u
#define NPIM_IRQ_MASK_RESET_DONE_MASK 0x00000004u
#define NPIM_REG_ERROR_CODE 0x050u /* RO, 32 bits: First error since IRQ_STATUS.ERROR was cleared */
#define NPIM_REG_ERROR_COMMAND 0x054u /* RO, 32 bits: Index of the command that failed */
#define NPIM_REG_ERROR_ADDRESS_LO 0x058u /* RO, 32 bits: Fault address, low half */
#define NPIM_REG_ERROR_ADDRESS_HI 0x05cu /* RO, 32 bits: Fault address, high half */
#define NPIM_REG_QUEUE_BASE_LO 0x060u /* RW, 32 bits: Descriptor ring, 64-byte aligned; writable only while CONTROL.ENABLE is 0 */
#define NPIM_REG_QUEUE_BASE_HI 0x064u /* RW, 32 bits: High half */
#define NPIM_REG_QUEUE_SIZE 0x068u /* RW, 32 bits: log2 of the ring's entries, 1 to CAP_QUEUE; writable only while CONTROL.ENABLE is 0 */
#define NPIM_REG_QUEUE_HEAD 0x06cu /* RO, 32 bits: Free-running index of the next command to complete */
#define NPIM_REG_QUEUE_TAIL 0x070u /* RW, 32 bits: Doorbell: free-running index one past the last command submitted */
#define NPIM_REG_COMPLETION_BASE_LO 0x074u /* RW, 32 bits: Completion ring of as many entries, 32-byte aligned; writable only while CONTROL.ENABLE is 0 */
#define NPIM_REG_COMPLETION_BASE_HI 0x078u /* RW, 32 bits: High half */
#define NPIM_REG_IRQ_BATCH 0x07cu /* RW, 32 bits: Flagged completions per COMPLETION interrupt; 0 counts as 1 */
#define NPIM_REG_COUNTER_CYCLES 0x080u /* RO, 64 bits: Input cycles (crossbar reads of one DAC slice) summed over running commands' time */
#define NPIM_REG_COUNTER_WINDOWS 0x088u /* RO, 64 bits: Windows processed by stages of all kinds */
#define NPIM_REG_COUNTER_CONVERSIONS 0x090u /* RO, 64 bits: NNADC conversions */
#define NPIM_REG_COUNTER_DMA_READ 0x098u /* RO, 64 bits: Bytes read from memory */
#define NPIM_REG_COUNTER_DMA_WRITE 0x0a0u /* RO, 64 bits: Bytes written to memory */
#define NPIM_REG_COUNTER_COMMANDS 0x0a8u /* RO, 64 bits: Commands completed, well or not */
#define NPIM_REG_COUNTER_ENERGY_PJ 0x0b0u /* RO, 64 bits: Energy of the chip without its links in pJ since the reset, leakage included; all ones while CAP_FEATURES.ENERGY_COUNTER is 0 */
#define NPIM_REG_COUNTER_LINK_ENERGY_PJ 0x0b8u /* RO, 64 bits: Energy of the links to the host and between chips, which draw power all the time; all ones while CAP_FEATURES.ENERGY_COUNTER is 0 */
#define NPIM_REG_SCRATCH 0x0c0u /* RW, 32 bits: For probing; no effect */
#define NPIM_REG_COUNTER_CLIPPED 0x0d0u /* RO, 64 bits: Conversions with the lowest or highest code: the signal may have been cut; not counted with lossless codes */
#define NPIM_REG_COUNTER_VERIFY_FAILURES 0x0d8u /* RO, 64 bits: Cells that a verify read has found at another level than they were programmed to */
#define NPIM_REG_COUNTER_FAULTS 0x0e0u /* RO, 64 bits: Faults injected */
#define NPIM_REG_COUNTER_IMAGES 0x0e8u /* RO, 64 bits: Images of RUNs completed since LOAD_CONTROL: the number of the next image, which keys its noise */

/* X(name, offset, bits, access, reset, configured, writable bits) for each register. */
#define NPIM_FOR_EACH_REGISTER(X) \
  X(ID, 0x000u, 32, RO, 0x4d49504eu, 0, 0x00000000u) \
  X(VERSION, 0x004u, 32, RO, 0x00010001u, 0, 0x00000000u) \
  X(CAP_TILES, 0x008u, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CAP_IMA, 0x00cu, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CAP_ARRAY, 0x010u, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CAP_PRECISION, 0x014u, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CAP_EDRAM, 0x018u, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CAP_CONVERTER, 0x01cu, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CAP_QUEUE, 0x020u, 32, RO, 0x00000010u, 0, 0x00000000u) \
  X(CAP_FEATURES, 0x024u, 32, RO, 0x00000000u, 1, 0x00000000u) \
  X(CONTROL, 0x040u, 32, RW, 0x00000000u, 0, 0x00000007u) \
  X(STATUS, 0x044u, 32, RO, 0x00000001u, 0, 0x00000000u) \
  X(IRQ_STATUS, 0x048u, 32, W1C, 0x00000000u, 0, 0x00000007u) \
  X(IRQ_MASK, 0x04cu, 32, RW, 0x00000000u, 0, 0x00000007u) \
  X(ERROR_CODE, 0x050u, 32, RO, 0x00000000u, 0, 0x00000000u) \
  X(ERROR_COMMAND, 0x054u, 32, RO, 0x00000000u, 0, 0x00000000u) \
  X(ERROR_ADDRESS_LO, 0x058u, 32, RO, 0x00000000u, 0, 0x00000000u) \
  X(ERROR_ADDRESS_HI, 0x05cu, 32, RO, 0x00000000u, 0, 0x00000000u) \
  X(QUEUE_BASE_LO, 0x060u, 32, RW, 0x00000000u, 0, 0xffffffc0u) \
  X(QUEUE_BASE_HI, 0x064u, 32, RW, 0x00000000u, 0, 0xffffffffu) \
  X(QUEUE_SIZE, 0x068u, 32, RW, 0x00000000u, 0, 0x0000001fu) \
  X(QUEUE_HEAD, 0x06cu, 32, RO, 0x00000000u, 0, 0x00000000u) \
  X(QUEUE_TAIL, 0x070u, 32, RW, 0x00000000u, 0, 0xffffffffu) \
  X(COMPLETION_BASE_LO, 0x074u, 32, RW, 0x00000000u, 0, 0xffffffe0u) \
  X(COMPLETION_BASE_HI, 0x078u, 32, RW, 0x00000000u, 0, 0xffffffffu) \
  X(IRQ_BATCH, 0x07cu, 32, RW, 0x00000001u, 0, 0x0000ffffu) \
  X(COUNTER_CYCLES, 0x080u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_WINDOWS, 0x088u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_CONVERSIONS, 0x090u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_DMA_READ, 0x098u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_DMA_WRITE, 0x0a0u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_COMMANDS, 0x0a8u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_ENERGY_PJ, 0x0b0u, 64, RO, 0x00000000u, 1, 0x00000000u) \
  X(COUNTER_LINK_ENERGY_PJ, 0x0b8u, 64, RO, 0x00000000u, 1, 0x00000000u) \
  X(SCRATCH, 0x0c0u, 32, RW, 0x00000000u, 0, 0xffffffffu) \
  X(COUNTER_CLIPPED, 0x0d0u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_VERIFY_FAILURES, 0x0d8u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_FAULTS, 0x0e0u, 64, RO, 0x00000000u, 0, 0x00000000u) \
  X(COUNTER_IMAGES, 0x0e8u, 64, RO, 0x00000000u, 0, 0x00000000u)

enum npim_opcode {
  NPIM_OP_NOP = 1, /* Completes at once */
  NPIM_OP_LOAD_CONTROL = 2, /* Replaces all control vectors by the ones at source (source_bytes) */
  NPIM_OP_PROGRAM_WEIGHTS = 3, /* Programs the arrays listed at source (source_bytes), with write-verify */
  NPIM_OP_RUN = 4, /* Streams count images from source (source_bytes each, every source_stride) and writes count outputs to destination (destination_bytes each, every destination_stride) */
  NPIM_OP_READ_BACK = 5, /* Writes destination_bytes of a region (region, tile, array, offset) to destination */
  NPIM_OP_BARRIER = 6, /* Completes when every earlier command has */
  NPIM_OP_SET_CONVERTER = 7, /* Sets NNADC range (count: 0.5 VDD / V_max) and bit-line gain (array) of a stage (offset: its number in load order) until LOAD_CONTROL. What a code stands for is range x gain: keep the product, or the requantisation no longer fits */
  NPIM_OP_CALIBRATE = 8, /* Trims offset and gain of the converters in service of a tile (0xffff: all tiles), in each range, against known inputs, and then those of the shift-and-adds of its arrays that have been programmed. A converter that cannot be trimmed is marked as failed and the command ends with CONVERTER_FAILED: fault address tile << 16 | converter of the first, detail how many; the others are trimmed */
  NPIM_OP_CONVERTER_SERVICE = 9, /* Takes a converter (tile, array: its number) out of service (count 0) or back (1): the others convert what it would have */
  NPIM_OP_INJECT_FAULT = 10, /* Breaks something for good, for tests: region holds the fault's kind. Survives SOFT_RESET */
  NPIM_OP_PROGRAM_LEVELS = 11, /* Programs levels [row][column] (u8, rows x columns at source) into an array (tile, array). The array does not count as programmed for RUN */
};

enum npim_region {
  NPIM_REGION_EDRAM = 1, /* Bytes of a tile's eDRAM from offset */
  NPIM_REGION_WEIGHTS = 2, /* Signed weights of an array as stored in its cells, row-major [row][vector], from offset */
  NPIM_REGION_STAGE_COUNTERS = 3, /* stage_counters records of all loaded stages in load order, from offset */
  NPIM_REGION_LEVELS = 4, /* Levels of an array's cells as a verify read senses them, u8 [row][column], from offset */
  NPIM_REGION_CONVERTERS = 5, /* converter_state records of a tile, from offset */
  NPIM_REGION_STAGE_TIMES = 6, /* stage_times records of all loaded stages in load order, from offset */
  NPIM_REGION_LAYER_ENERGY = 7, /* layer_energy records of layers 0, 1, ... up to the last of the loaded stages, from offset */
};

enum npim_fault_kind {
  NPIM_FAULT_STUCK_OFF = 1, /* A cell (tile, array, offset: row << 16 | column) stays at its lowest level from the next programming on */
  NPIM_FAULT_STUCK_ON = 2, /* The same at its highest level */
  NPIM_FAULT_DEAD_CONVERTER = 3, /* A converter (tile, array: its number) never ends a conversion: a RUN that needs it ends with CONVERTER_DEAD */
  NPIM_FAULT_STUCK_CONVERTER = 4, /* A converter always gives the same code (offset, signed). Only calibration finds it */
  NPIM_FAULT_DROPPED_TILE = 5, /* A tile no longer answers */
};

enum npim_flag {
  NPIM_FLAG_INTERRUPT = 1, /* Count this completion towards IRQ_STATUS.COMPLETION */
  NPIM_FLAG_IMAGE_NUMBER = 2, /* RUN: offset is the number of the first image, which keys noise; without it counting goes on from COUNTER_IMAGES */
  NPIM_FLAG_LAYER_BY_LAYER = 4, /* RUN: a stage begins an image when it has all of it, instead of window by window; the buffers must hold whole images, else BAD_CONTROL_VECTOR */
};

enum npim_error {
  NPIM_ERROR_NONE = 0, /* no error */
  NPIM_ERROR_UNKNOWN_OPCODE = 1, /* unknown opcode */
  NPIM_ERROR_BAD_SIZE = 2, /* a size is zero, too large or does not match what the command moves */
  NPIM_ERROR_BAD_DESCRIPTOR = 3, /* reserved field or unknown flag is not zero */
  NPIM_ERROR_DMA_READ_FAULT = 4, /* memory could not be read */
  NPIM_ERROR_DMA_WRITE_FAULT = 5, /* memory could not be written */
  NPIM_ERROR_TILE_OUT_OF_RANGE = 6, /* tile does not exist on this chip */
  NPIM_ERROR_ARRAY_OUT_OF_RANGE = 7, /* array does not exist in a tile of this chip */
  NPIM_ERROR_EDRAM_OUT_OF_RANGE = 8, /* buffer or region lies outside the tile's eDRAM or overlaps another */
  NPIM_ERROR_BAD_CONTROL_VECTOR = 9, /* control vector is malformed or inconsistent */
  NPIM_ERROR_WEIGHTS_NOT_PROGRAMMED = 10, /* an array that the run needs was not programmed */
  NPIM_ERROR_CONTROL_NOT_LOADED = 11, /* no control vectors are loaded */
  NPIM_ERROR_QUEUE_OVERRUN = 12, /* more commands submitted than the ring holds */
  NPIM_ERROR_DOORBELL_DISABLED = 13, /* doorbell rung while the chip is disabled */
  NPIM_ERROR_QUEUE_CONFIGURATION = 14, /* ring base or size is not usable, or was written while enabled */
  NPIM_ERROR_CANCELLED = 15, /* cancelled by the driver */
  NPIM_ERROR_CONVERTER_UNAVAILABLE = 16, /* NNADC range or bit-line gain is not one this chip has */
  NPIM_ERROR_BAD_REGION = 17, /* read-back region does not exist */
  NPIM_ERROR_BAD_WEIGHTS = 18, /* weight record is malformed or larger than the array */
  NPIM_ERROR_STALLED = 19, /* the run cannot make progress: a stage waits for data or space that never comes */
  NPIM_ERROR_CONVERTER_DEAD = 20, /* a converter that the run needs does not end its conversion */
  NPIM_ERROR_CONVERTER_FAILED = 21, /* a converter cannot be trimmed: it is stuck, dead or too far off */
  NPIM_ERROR_TILE_DROPPED = 22, /* tile does not answer */
  NPIM_ERROR_NO_CONVERTER = 23, /* all converters of a tile that the run needs are out of service */
  NPIM_ERROR_BAD_FAULT = 24, /* there is no such fault, cell or code */
  NPIM_ERROR_STAGE_OUT_OF_RANGE = 25, /* no such stage is loaded, or it has no converters */
  NPIM_ERROR_CONVERTER_OUT_OF_RANGE = 26, /* converter does not exist in a tile of this chip */
};

/* X(name, value, text) for each error. */
#define NPIM_FOR_EACH_ERROR(X) \
  X(NONE, 0, "no error") \
  X(UNKNOWN_OPCODE, 1, "unknown opcode") \
  X(BAD_SIZE, 2, "a size is zero, too large or does not match what the command moves") \
  X(BAD_DESCRIPTOR, 3, "reserved field or unknown flag is not zero") \
  X(DMA_READ_FAULT, 4, "memory could not be read") \
  X(DMA_WRITE_FAULT, 5, "memory could not be written") \
  X(TILE_OUT_OF_RANGE, 6, "tile does not exist on this chip") \
  X(ARRAY_OUT_OF_RANGE, 7, "array does not exist in a tile of this chip") \
  X(EDRAM_OUT_OF_RANGE, 8, "buffer or region lies outside the tile's eDRAM or overlaps another") \
  X(BAD_CONTROL_VECTOR, 9, "control vector is malformed or inconsistent") \
  X(WEIGHTS_NOT_PROGRAMMED, 10, "an array that the run needs was not programmed") \
  X(CONTROL_NOT_LOADED, 11, "no control vectors are loaded") \
  X(QUEUE_OVERRUN, 12, "more commands submitted than the ring holds") \
  X(DOORBELL_DISABLED, 13, "doorbell rung while the chip is disabled") \
  X(QUEUE_CONFIGURATION, 14, "ring base or size is not usable, or was written while enabled") \
  X(CANCELLED, 15, "cancelled by the driver") \
  X(CONVERTER_UNAVAILABLE, 16, "NNADC range or bit-line gain is not one this chip has") \
  X(BAD_REGION, 17, "read-back region does not exist") \
  X(BAD_WEIGHTS, 18, "weight record is malformed or larger than the array") \
  X(STALLED, 19, "the run cannot make progress: a stage waits for data or space that never comes") \
  X(CONVERTER_DEAD, 20, "a converter that the run needs does not end its conversion") \
  X(CONVERTER_FAILED, 21, "a converter cannot be trimmed: it is stuck, dead or too far off") \
  X(TILE_DROPPED, 22, "tile does not answer") \
  X(NO_CONVERTER, 23, "all converters of a tile that the run needs are out of service") \
  X(BAD_FAULT, 24, "there is no such fault, cell or code") \
  X(STAGE_OUT_OF_RANGE, 25, "no such stage is loaded, or it has no converters") \
  X(CONVERTER_OUT_OF_RANGE, 26, "converter does not exist in a tile of this chip")

struct npim_descriptor {
  uint8_t opcode;
  uint8_t flags;
  uint16_t tag;
  uint32_t reserved0;
  uint64_t source;
  uint64_t destination;
  uint32_t source_bytes;
  uint32_t destination_bytes;
  uint32_t count;
  uint32_t source_stride;
  uint32_t destination_stride;
  uint16_t tile;
  uint16_t array;
  uint32_t offset;
  uint8_t region;
  uint8_t reserved1;
  uint16_t reserved2;
  uint64_t reserved3;
};
NPIM_STATIC_ASSERT(sizeof(struct npim_descriptor) == 64, "size of descriptor");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, opcode) == 0, "offset of descriptor.opcode");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, flags) == 1, "offset of descriptor.flags");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, tag) == 2, "offset of descriptor.tag");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, reserved0) == 4, "offset of descriptor.reserved0");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, source) == 8, "offset of descriptor.source");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, destination) == 16, "offset of descriptor.destination");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, source_bytes) == 24, "offset of descriptor.source_bytes");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, destination_bytes) == 28, "offset of descriptor.destination_bytes");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, count) == 32, "offset of descriptor.count");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, source_stride) == 36, "offset of descriptor.source_stride");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, destination_stride) == 40, "offset of descriptor.destination_stride");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, tile) == 44, "offset of descriptor.tile");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, array) == 46, "offset of descriptor.array");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, offset) == 48, "offset of descriptor.offset");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, region) == 52, "offset of descriptor.region");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, reserved1) == 53, "offset of descriptor.reserved1");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, reserved2) == 54, "offset of descriptor.reserved2");
NPIM_STATIC_ASSERT(offsetof(struct npim_descriptor, reserved3) == 56, "offset of descriptor.reserved3");

struct npim_completion {
  uint32_t index;
  uint16_t tag;
  uint16_t error;
  uint64_t fault_address;
  uint64_t duration_ns;
  uint32_t detail;
  uint32_t sequence; /* index + 1: written last, tells a fresh record from an old one */
};
NPIM_STATIC_ASSERT(sizeof(struct npim_completion) == 32, "size of completion");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, index) == 0, "offset of completion.index");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, tag) == 4, "offset of completion.tag");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, error) == 6, "offset of completion.error");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, fault_address) == 8, "offset of completion.fault_address");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, duration_ns) == 16, "offset of completion.duration_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, detail) == 24, "offset of completion.detail");
NPIM_STATIC_ASSERT(offsetof(struct npim_completion, sequence) == 28, "offset of completion.sequence");

struct npim_converter_state {
  uint16_t in_service;
  uint16_t failed; /* Calibration has found it broken */
  uint32_t reserved;
  uint32_t offset0; /* Trim of the widest range: offset in 1/256 LSB, signed */
  uint32_t gain0; /* Gain in parts per million, signed */
  uint32_t offset1; /* Of half the range */
  uint32_t gain1;
  uint32_t offset2; /* Of a quarter */
  uint32_t gain2;
};
NPIM_STATIC_ASSERT(sizeof(struct npim_converter_state) == 32, "size of converter_state");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, in_service) == 0, "offset of converter_state.in_service");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, failed) == 2, "offset of converter_state.failed");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, reserved) == 4, "offset of converter_state.reserved");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, offset0) == 8, "offset of converter_state.offset0");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, gain0) == 12, "offset of converter_state.gain0");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, offset1) == 16, "offset of converter_state.offset1");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, gain1) == 20, "offset of converter_state.gain1");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, offset2) == 24, "offset of converter_state.offset2");
NPIM_STATIC_ASSERT(offsetof(struct npim_converter_state, gain2) == 28, "offset of converter_state.gain2");

struct npim_stage_counters {
  uint16_t tile;
  uint16_t slot;
  uint32_t layer;
  uint64_t windows;
  uint64_t conversions;
  uint64_t busy_ns; /* Time in the stage's pipeline */
  uint64_t wait_input_ns;
  uint64_t first_start_ns; /* Of the last RUN, since its start */
  uint64_t last_end_ns;
  uint64_t input_cycles;
};
NPIM_STATIC_ASSERT(sizeof(struct npim_stage_counters) == 64, "size of stage_counters");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, tile) == 0, "offset of stage_counters.tile");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, slot) == 2, "offset of stage_counters.slot");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, layer) == 4, "offset of stage_counters.layer");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, windows) == 8, "offset of stage_counters.windows");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, conversions) == 16, "offset of stage_counters.conversions");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, busy_ns) == 24, "offset of stage_counters.busy_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, wait_input_ns) == 32, "offset of stage_counters.wait_input_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, first_start_ns) == 40, "offset of stage_counters.first_start_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, last_end_ns) == 48, "offset of stage_counters.last_end_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_counters, input_cycles) == 56, "offset of stage_counters.input_cycles");

struct npim_stage_times {
  uint64_t lifetime_ns; /* From the start of each RUN until the stage's last window was sent; computing and waiting add up to it, but for rounding */
  uint64_t computing_ns;
  uint64_t wait_input_ns; /* No window had all of its pixels */
  uint64_t wait_converter_ns;
  uint64_t wait_edram_ns; /* For the tile's bus or eDRAM */
  uint64_t wait_post_ns; /* For the tile's post-processing unit */
  uint64_t wait_noc_ns; /* Pixels were entering the network */
  uint64_t wait_space_ns; /* No room at the receiver */
};
NPIM_STATIC_ASSERT(sizeof(struct npim_stage_times) == 64, "size of stage_times");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, lifetime_ns) == 0, "offset of stage_times.lifetime_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, computing_ns) == 8, "offset of stage_times.computing_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, wait_input_ns) == 16, "offset of stage_times.wait_input_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, wait_converter_ns) == 24, "offset of stage_times.wait_converter_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, wait_edram_ns) == 32, "offset of stage_times.wait_edram_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, wait_post_ns) == 40, "offset of stage_times.wait_post_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, wait_noc_ns) == 48, "offset of stage_times.wait_noc_ns");
NPIM_STATIC_ASSERT(offsetof(struct npim_stage_times, wait_space_ns) == 56, "offset of stage_times.wait_space_ns");

struct npim_layer_energy {
  uint64_t energy_pj; /* Of the layer's stages since the reset, without leakage of what is always on; all ones when energy is not counted */
};
NPIM_STATIC_ASSERT(sizeof(struct npim_layer_energy) == 8, "size of layer_energy");
NPIM_STATIC_ASSERT(offsetof(struct npim_layer_energy, energy_pj) == 0, "offset of layer_energy.energy_pj");

#endif
