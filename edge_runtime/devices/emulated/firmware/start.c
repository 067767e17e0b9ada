/* Starts a program on a Cortex-M4, and paints its stack. */

#include "board.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88)
#define DONE 0x20026
#define FAILED 0x20024

int main(void);
void reset(void);
void initialise_monitor_handles(void) __attribute__((weak)); /* newlib's, in programs with its files */

static void leave(uintptr_t how) {
  for (;;) host(EXIT, how, 0, 0);
}

void reset(void) {
  CPACR |= 0xF << 20; /* switch the FPU on */
  const uint32_t *in_flash = data_in_flash;
  for (uint32_t *p = data_start; p < data_end; p++) *p = *in_flash++;
  uint32_t *const frame = __builtin_frame_address(0);
  for (uint32_t *p = bss; p < frame - 32; p++) *p = p < end ? 0 : UNTOUCHED;
  if (initialise_monitor_handles) initialise_monitor_handles();
  leave(main() ? FAILED : DONE);
}

static void fault(void) { leave(FAILED); }

typedef void (*vector)(void);
__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
  (vector)STACK_TOP, reset, fault, fault, fault, fault, fault,
};
