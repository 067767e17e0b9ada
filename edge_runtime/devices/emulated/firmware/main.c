/* Answers the windows in a file, and measures itself: ticks and an answer for each, then bytes of RAM. */

#include "board.h"

#define TIMER ((volatile uint32_t *)0x40000000) /* control, value and reload: it counts down */

static ANSWER logits[N_ANSWERS];
#if __has_include("har_stream.h")
#include "har_stream.h"
static har_stream stream;
#define window stream.window
#else
static VALUE window[N_VALUES];
#endif

#define TELL(x) host(WRITE, answers, (uintptr_t)&x, sizeof x)

int main(void) {
  const uintptr_t windows = (uintptr_t)host(OPEN, (uintptr_t)"windows", 1, 7);
  const uintptr_t answers = (uintptr_t)host(OPEN, (uintptr_t)"answers", 5, 7);
  TIMER[1] = TIMER[2] = UINT32_MAX;
  TIMER[0] = 1;
  while (!host(READ, windows, (uintptr_t)window, sizeof window)) {
    uint32_t ticks = TIMER[1];
    PREDICT(window, logits);
    ticks -= TIMER[1];
    TELL(ticks);
    TELL(logits);
  }
#if defined(HAR_STREAM_H)
  har_reset(&stream);
  for (int i = 0; i < 2000; i++) har_push(&stream, i & 8 ? 1.4f : 0.6f, 0, 0, 0, 0, 0); /* a step every 0.32 s */
#endif
  const uint32_t *deepest = end;
  while (*deepest == UNTOUCHED) deepest++;
  const uint32_t ram = (uint32_t)((uintptr_t)end - (uintptr_t)data_start + STACK_TOP - (uintptr_t)deepest);
  TELL(ram);
  return 0;
}
