/* The driver's port to a bare RV64 hart: registers by load and store, DMA memory from an arena in
   the firmware's image (physical addresses are bus addresses), the chip's interrupt through the
   PLIC, time from the CLINT. */
#ifndef NPIM_PORT_BAREMETAL_H
#define NPIM_PORT_BAREMETAL_H

#include "npim/npim.h"

/* Fills a port for the chip that the device tree names. False when it names none. */
bool baremetal_port(struct npim_port *port);

/* The hart's interrupt controller, for applications that take interrupts through the trap vector.
 */
uint32_t plic_claim(void);
void plic_complete(uint32_t source);

#endif
