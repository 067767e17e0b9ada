/* Starts a program on a Cortex-M4, here that of the board mps2-an386. */

#include <stdint.h>
#include <stdlib.h>

#define STACK_TOP 0x20400000
#define CPACR (*(volatile uint32_t *)0xE000ED88)

void _start(void);

static void reset(void) {
  CPACR |= 0xF << 20; /* switch the FPU on */
  _start();
}

static void fault(void) { exit(9); }

typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
  (vector)STACK_TOP, reset, fault, fault, fault, fault, fault,
};
