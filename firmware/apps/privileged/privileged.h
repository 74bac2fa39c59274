/* What the supervisor and the user program agree on. Included by assembly as well. */
#ifndef NPIM_PRIVILEGED_H
#define NPIM_PRIVILEGED_H

/* The user's part of the address space: an entry of the root table of its own. */
#define USER_BASE 0x1000000000
#define PAGE_CODE 0
#define PAGE_DATA 1
#define PAGE_STACK 2
#define PAGE_READ_ONLY 3
#define PAGE_EXECUTE_ONLY 4
#define PAGE_SUPERVISOR 5
#define PAGE_MOVING 6
#define PAGE_NO_MEMORY 7
#define PAGE_PROTECTED 8
#define PAGE_RESERVED 9

/* Calls of the user program, in a7. */
#define CALL_WRITE 64 /* a0 text, ended by a zero */
#define CALL_EXIT 93  /* a0 code */
#define CALL_SHOW 200 /* a0 number */

#endif
