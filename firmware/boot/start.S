/* Reset entry and trap vector, M-mode. In: a0 hart number, a1 address of the device tree. */

  .section .text.start, "ax"
  .globl _start
_start:
  csrw mie, zero
  la t0, trap_vector
  csrw mtvec, t0
  .option push
  .option norelax
  la gp, __global_pointer$
  .option pop
  la tp, __tls_base
  li t0, 0x6000          /* mstatus.FS: floating point on */
  csrs mstatus, t0
  csrw fcsr, zero
  beqz a0, 2f
  /* Any other hart than 0 sleeps until a software interrupt, in boot/harts.c. */
  mv s0, a0
  li t0, 32              /* HARTS_MOST */
  bgeu s0, t0, 6f
  la sp, harts_stacks
  addi t0, s0, 1
  slli t0, t0, 12        /* HARTS_STACK_BYTES */
  add sp, sp, t0
  li t0, 8               /* mie.MSIE; wfi needs no mstatus.MIE */
  csrw mie, t0
1:
  wfi
  csrr t0, mip
  andi t0, t0, 8
  beqz t0, 1b
  mv a0, s0
  call harts_woken
  j 1b
6:
  wfi
  j 6b
2:
  la sp, __stack_top
  la t0, __bss_start
  la t1, __bss_end
3:
  bgeu t0, t1, 4f
  sd zero, 0(t0)
  addi t0, t0, 8
  j 3b
4:
  call boot_main
5:
  wfi                    /* not reached: boot_main ends at the finisher */
  j 5b

/* Saves all integer registers and the floating-point registers that C may change into a struct
   trap_frame on the stack, calls the C handler and restores. */
  .equ FRAME, 54 * 8

  .macro for_each_saved_float op
    .set slot, 34
    .irp r, ft0, ft1, ft2, ft3, ft4, ft5, ft6, ft7, ft8, ft9, ft10, ft11, fa0, fa1, fa2, fa3, fa4, fa5, fa6, fa7
      \op \r, slot * 8(sp)
      .set slot, slot + 1
    .endr
  .endm

  .text
  .align 2
  .globl trap_vector
trap_vector:
  addi sp, sp, -FRAME
  sd x1, 1 * 8(sp)
  .irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    sd x\n, \n * 8(sp)
  .endr
  addi t0, sp, FRAME
  sd t0, 2 * 8(sp)
  csrr t0, mepc
  sd t0, 32 * 8(sp)
  frcsr t0
  sd t0, 33 * 8(sp)
  for_each_saved_float fsd
  csrr a1, mcause
  csrr a2, mtval
  mv a0, sp
  call trap_handle
  for_each_saved_float fld
  ld t0, 33 * 8(sp)
  fscsr t0
  ld t0, 32 * 8(sp)
  csrw mepc, t0
  .irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    ld x\n, \n * 8(sp)
  .endr
  ld x1, 1 * 8(sp)
  addi sp, sp, FRAME
  mret
