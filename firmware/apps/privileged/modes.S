/* Trap vectors of M and S mode, and the ways down to a lower mode and back. No code here or below
   uses floating point, so frames hold integers only. */

  .equ FRAME, 34 * 8 /* struct frame */
  .equ MPP_S, 1 << 11
  .equ MPP_M, 3 << 11
  .equ SPP, 1 << 8
  .equ SPIE, 1 << 5

  .macro for_each_register op
    .irp n, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
      \op x\n, \n * 8(sp)
    .endr
  .endm

  /* The scratch register holds the mode's stack while a lower mode runs, 0 otherwise. Slot 0 of the
     frame tells which it was. */
  .macro vector name, scratch, epc, cause, tval, handler, return
  .text
  .balign 4
  .globl \name
\name:
  csrrw sp, \scratch, sp
  bnez sp, 1f
  csrr sp, \scratch
  addi sp, sp, -FRAME
  sd zero, 0(sp)
  j 2f
1:
  addi sp, sp, -FRAME
  sd sp, 0(sp)
2:
  sd x1, 8(sp)
  for_each_register sd
  csrrw t0, \scratch, zero
  sd t0, 2 * 8(sp)
  csrr t0, \epc
  sd t0, 32 * 8(sp)
  csrr a1, \cause
  csrr a2, \tval
  mv a0, sp
  call \handler
  ld t0, 32 * 8(sp)
  csrw \epc, t0
  ld t0, 0(sp)
  beqz t0, 3f
  addi t0, sp, FRAME
  csrw \scratch, t0
3:
  for_each_register ld
  ld x1, 8(sp)
  ld sp, 2 * 8(sp)
  \return
  .endm

  vector monitor_vector, mscratch, mepc, mcause, mtval, monitor_trap, mret
  vector supervisor_vector, sscratch, sepc, scause, stval, supervisor_trap, sret

  .macro keep op
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
      \op s\n, \n * 8(sp)
    .endr
    \op ra, 12 * 8(sp)
  .endm

  /* uint64_t enter_supervisor(void (*function)(void)): calls it in S mode on this stack; its return
     or leave_supervisor(code) comes back here, in M mode. */
  .globl enter_supervisor
enter_supervisor:
  addi sp, sp, -112
  keep sd
  la t0, monitor_return
  sd sp, 0(t0)
  la t0, monitor_stack_top
  csrw mscratch, t0
  csrw mepc, a0
  li t0, MPP_M
  csrc mstatus, t0
  li t0, MPP_S
  csrs mstatus, t0
  la ra, supervisor_is_done
  mret
supervisor_is_done:
  li a0, 0
  li a7, 1 /* CALL_DONE */
  ecall

  .globl leave_supervisor
leave_supervisor:
  csrw mscratch, zero
  la t0, monitor_return
  ld sp, 0(t0)
  keep ld
  addi sp, sp, 112
  ret

  /* uint64_t enter_user(uint64_t pc, uint64_t sp): runs it in U mode until leave_user(code). */
  .globl enter_user
enter_user:
  addi sp, sp, -112
  keep sd
  la t0, supervisor_return
  sd sp, 0(t0)
  csrw sscratch, sp
  csrw sepc, a0
  li t0, SPP
  csrc sstatus, t0
  li t0, SPIE
  csrs sstatus, t0
  mv sp, a1
  sret

  .globl leave_user
leave_user:
  csrw sscratch, zero
  la t0, supervisor_return
  ld sp, 0(t0)
  keep ld
  addi sp, sp, 112
  ret

  .section .noinit, "aw", @nobits
  .balign 16
  .space 8192
monitor_stack_top:
monitor_return:
  .space 8
supervisor_return:
  .space 8
