/* Corrects logits for one person, as edge_runtime/model/personal_correction.py. */

#include "har_parts.h"

enum { MOST_MOVING = 6 }; /* signals without gravity */

static har_real at(const har_stream *s, int t, int column) {
  return (har_real)s->window[HAR_N_SIGNALS * t + column];
}

/* The mean product of a signal and, `lag` samples later, another, in standard deviations. */
static har_real correlation(const har_stream *s, int lag, int first, int later, const har_real *mean,
                            const har_real *spread) {
  har_real sum = 0;
  for (int t = 0; t + lag < HAR_SAMPLES; t++) {
    const har_real a = (at(s, t, har_moving[first]) - mean[first]) / (spread[first] + HAR_CORRECTION_FAINT);
    sum += a * ((at(s, t + lag, har_moving[later]) - mean[later]) / (spread[later] + HAR_CORRECTION_FAINT));
  }
  return sum / (har_real)HAR_SAMPLES;
}

/* Add a feature of the look of a window to the corrections. */
static void add_feature(const har_stream *s, int feature, har_real value, har_real *corrections) {
  const int n = 3 + HAR_N_MOVING * (1 + HAR_N_MOVING);
  (void)s; /* a model that is compiled in is a constant */
  for (int i = 0; i < HAR_N_LABELS; i++) corrections[i] += (value - har_middle[feature]) * har_weights[n * i + feature];
}

void har_correct(har_stream *s, float *logits) {
  har_real mean[MOST_MOVING], spread[MOST_MOVING], *corrections = s->answer;
  const int n_lag = nearest(HAR_LAG_S * HAR_RATE_HZ), lag = n_lag > 1 ? n_lag : 1, n = HAR_N_MOVING;
  if (!n) return;
  memset(corrections, 0, (size_t)HAR_N_LABELS * sizeof *corrections);
  for (int i = 0; i < 3; i++) {
    add_feature(s, i, har_mean(s, TOTAL_ACC + i, HAR_SAMPLES) / HAR_CORRECTION_UNIT_G, corrections);
  }
  for (int i = 0; i < n; i++) {
    har_real sum = 0, squares = 0;
    for (int t = 0; t < HAR_SAMPLES; t++) sum += at(s, t, har_moving[i]);
    mean[i] = sum / (har_real)HAR_SAMPLES;
    for (int t = 0; t < HAR_SAMPLES; t++) {
      const har_real beyond = at(s, t, har_moving[i]) - mean[i];
      squares += beyond * beyond;
    }
    spread[i] = HAR_MATH(sqrt)(squares / (har_real)HAR_SAMPLES);
    add_feature(s, 3 + i, HAR_MATH(log)(spread[i] + HAR_CORRECTION_FLOOR) / HAR_CORRECTION_UNIT_SPREAD, corrections);
  }
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < n; j++) {
      const har_real later = correlation(s, lag, i, j, mean, spread) / HAR_CORRECTION_UNIT_CORRELATION;
      add_feature(s, 3 + n + n * i + j, later, corrections);
    }
  }
  for (int i = 0; i < HAR_N_LABELS; i++) {
    logits[i] = (float)((har_real)logits[i] + smaller(larger(corrections[i], har_lowest[i]), har_highest[i]));
  }
}
