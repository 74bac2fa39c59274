/* The user program: two pages of code that run wherever they are mapped. */
#include "apps/privileged/privileged.h"

  .macro call number
    li a7, \number
    ecall
  .endm
  .macro say text
    la a0, 1f
    call CALL_WRITE
    j 2f
1:
    .asciz "\text"
    .balign 4, 0
2:
  .endm
  .macro address register, page
    li \register, USER_BASE + \page * 4096
  .endm

  .option norvc
  .option norelax /* pages stay pages */
  .section .text.user, "ax"
  .balign 4096
  .globl user_code
user_code:
  say "user: at work\n"

  say "user: CSRs and instructions of higher modes\n"
  csrr t0, sstatus
  csrr t0, mstatus
  csrw sepc, zero
  sret
  mret
  sfence.vma
  ebreak

  say "user: memory of others\n"
  li t0, 0x80000000
  ld t1, 0(t0)
  address t0, PAGE_SUPERVISOR
  ld t1, 0(t0)
  sd t1, 0(t0)
  address t0, PAGE_READ_ONLY
  ld t1, 0(t0)
  sd t1, 8(t0)
  amoadd.d t1, t1, (t0)
  address t0, PAGE_EXECUTE_ONLY
  ld t1, 0(t0)
  address t0, PAGE_RESERVED
  ld t1, 0(t0)
  li t0, USER_BASE + 0x400000 /* a superpage that is not aligned */
  ld t1, 0(t0)
  li t0, 0x4000000000 /* bit 38 is set, those above are not */
  ld t1, 0(t0)
  li t0, -1 << 38 /* canonical, and no table's */
  ld t1, 0(t0)
  address t0, PAGE_NO_MEMORY
  ld t1, 0(t0)
  sd t1, 0(t0)
  address t0, PAGE_PROTECTED
  ld t1, 0(t0)
  sd t1, 0(t0)
  address t0, PAGE_STACK
  addi t0, t0, -4
  ld t1, 0(t0) /* starts in the data page, ends in the stack page: both are there */
  address t0, PAGE_READ_ONLY
  sd t1, -4(t0) /* ends in a page that may not be written */

  say "user: jumps\n"
  address t0, PAGE_DATA
  jalr t0
  address t0, PAGE_NO_MEMORY
  jalr t0
  address t0, PAGE_PROTECTED
  jalr t0
  li t0, 0x80000000
  jalr t0
  address t0, PAGE_EXECUTE_ONLY
  jalr t0 /* returns 42 */
  call CALL_SHOW

  say "user: counters\n"
  rdtime t0 /* the supervisor lets it be read */
  rdcycle t0 /* but not this one */

  /* Waits for interrupts of the timer, which count in the data page. */
  address t0, PAGE_DATA
1:
  ld a0, 0(t0)
  li t1, 3
  bltu a0, t1, 1b
  call CALL_SHOW
  addi sp, sp, -16
  sd a0, 8(sp)
  ld a0, 8(sp)
  call CALL_EXIT

  .balign 4096
  .globl user_function
user_function: /* mapped for execution only */
  li a0, 42
  ret
  .balign 4096
