/* Pushes samples that no sensor would give, or a walk of so many hours, and prints how many decisions there were. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "har_stream.h"

void made_up_1_predict(const float *window, float *logits) {
  for (int i = 0; i < HAR_N_LABELS; i++) logits[i] = 3 * window[HAR_N_SIGNALS + i] * window[i];
}

static uint32_t state = 1;
static uint32_t random_below(uint32_t n) {
  state = state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)state * n >> 32);
}

static har_stream stream;

static long n_decisions;
static void take(void) {
  for (har_event event; (event = har_next(&stream)) != HAR_NOTHING;) n_decisions += event == HAR_DECISION;
}

static void walk(double hours, int rate_hz, int64_t start) {
  const int64_t n = (int64_t)(hours * 3600 * rate_hz);
  for (int64_t i = 0; i < n; i++) {
    const double step = sin(6.283185307 * 1.9 * (double)i / rate_hz), noise = random_below(1000) / 1e4;
    const har_real sample[6] = {(har_real)(1 + 0.3 * step + noise), (har_real)(0.2 * step), (har_real)(0.1 * noise),
                                (har_real)(0.5 * step),             (har_real)noise,        (har_real)(-noise)};
    har_push(&stream, start + i * 1000000 / rate_hz, sample);
    take();
  }
}

static void torture(int n) {
  static const har_real values[] = {0, 1, -1, HAR_R(99.9), HAR_R(-199), HAR_R(1e30), HAR_R(1e-30), HAR_R(NAN), HAR_R(INFINITY)};
  static const int64_t steps[] = {20000, 20000, 9600, 5000, 1, 0, -20000, -70000, -2000000, 300000, 7000000, 4000000000};
  int64_t us = 0;
  for (int i = 0; i < n; i++) {
    har_real sample[6];
    const bool is_odd = random_below(16) == 0;
    for (int k = 0; k < 6; k++) sample[k] = is_odd ? values[random_below(9)] : (har_real)random_below(1000) / 500 - 1;
    us += random_below(300) ? 20000 : steps[random_below(12)];
    har_push(&stream, us, sample);
    if (random_below(3)) take(); /* a caller may forget it */
    if (random_below(997) == 0) har_flush(&stream);
    if (random_below(4999) == 0) har_reset(&stream);
  }
}

int main(int argc, char **argv) {
  har_reset(&stream);
  if (argc == 4) walk(atof(argv[1]), atoi(argv[2]), (int64_t)atof(argv[3]));
  else torture(60000);
  har_flush(&stream);
  take();
  printf("%ld\n", n_decisions);
  return 0;
}
