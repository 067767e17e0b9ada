/* Answers the windows in a file and, with the recogniser, recognises the samples in another: ticks and an answer for each
   window, then the number of decisions, ticks of them all and of the longest, and bytes of RAM. */

#include "board.h"

#define TIMER ((volatile uint32_t *)0x40000000) /* control, value and reload: it counts down */

static ANSWER logits[N_ANSWERS];
#if __has_include("har_stream.h")
#include "har_stream.h"
#define STEP_US (1000000000 / (HAR_RESAMPLES ? 1000 * HAR_SENSOR_HZ : HAR_RATE_MHZ))
static har_stream stream;
#define window stream.window
#else
static VALUE window[N_VALUES];
#endif

#define TELL(x) host(WRITE, answers, (uintptr_t)&x, sizeof x)

int main(void) {
  const uintptr_t windows = (uintptr_t)host(OPEN, (uintptr_t) "windows", 1, 7);
  const uintptr_t answers = (uintptr_t)host(OPEN, (uintptr_t) "answers", 5, 7);
  uint32_t hops[3] = {0}; /* decisions, ticks, most ticks */
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
  const uintptr_t samples = (uintptr_t)host(OPEN, (uintptr_t) "samples", 1, 7);
  har_real sample[6];
  uint32_t hop = 0;
  har_reset(&stream);
  for (int64_t us = 0; !host(READ, samples, (uintptr_t)sample, sizeof sample); us += STEP_US) {
    const uint32_t decisions = hops[0], ticks = TIMER[1];
    har_push(&stream, us, sample);
    for (har_event event; (event = har_next(&stream)) != HAR_NOTHING;) hops[0] += event == HAR_DECISION;
    hop += ticks - TIMER[1];
    if (hops[0] == decisions) continue;
    hops[1] += hop;
    hops[2] = hop > hops[2] ? hop : hops[2];
    hop = 0;
  }
#endif
  TELL(hops);
  const uint32_t *deepest = end;
  while (*deepest == UNTOUCHED) deepest++;
  const uint32_t ram = (uint32_t)((uintptr_t)end - (uintptr_t)data_start + STACK_TOP - (uintptr_t)deepest);
  TELL(ram);
  return 0;
}
