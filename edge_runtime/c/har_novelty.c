/* Detects motion that is not typical of an activity, as edge_runtime/model/novelty.py and live/persistence.py. */

#include "har_parts.h"

/* The mean of a signal in the last rows of a window. */
har_real har_mean(const har_stream *s, int signal, int rows) {
  const HAR_VALUE *x = s->window + har_places[signal];
  har_real sum = 0;
  for (int t = HAR_SAMPLES - rows; t < HAR_SAMPLES; t++) sum += (har_real)x[HAR_N_SIGNALS * t];
  return sum / (har_real)rows * (HAR_IS_RAW ? har_factors[har_places[signal]] : 1);
}

/* The mean of the standard deviations of three signals in the last hop. */
static har_real spread(const har_stream *s, int signal) {
  har_real sum = 0;
  for (int i = signal; i < signal + 3; i++) {
    const har_real mean = har_mean(s, i, HAR_END);
    har_real squares = 0;
    for (int t = HAR_SAMPLES - HAR_END; t < HAR_SAMPLES; t++) {
      const har_real beyond = har_value(s, t, i) - mean;
      squares += beyond * beyond;
    }
    sum += HAR_MATH(sqrt)(squares / (har_real)HAR_END);
  }
  return sum / 3;
}

/* ---- Steps, as edge_runtime/signals/steps.py ---- */

/* Compute the size of acceleration in each row, less its mean; return its standard deviation. */
static har_real find_sizes(const har_stream *s, har_real *sizes) {
  har_real mean = 0, squares = 0;
  for (int t = 0; t < HAR_SAMPLES; t++) {
    sizes[t] = size_of(har_value(s, t, TOTAL_ACC), har_value(s, t, TOTAL_ACC + 1), har_value(s, t, TOTAL_ACC + 2));
    mean += sizes[t];
  }
  mean /= (har_real)HAR_SAMPLES;
  for (int t = 0; t < HAR_SAMPLES; t++) {
    sizes[t] -= mean;
    squares += sizes[t] * sizes[t];
  }
  return HAR_MATH(sqrt)(squares / (har_real)HAR_SAMPLES);
}

/* The power of a beat, by G. Goertzel's recurrence (1958). */
static har_real power_of(const har_stream *s, const har_real *sizes, int beat) {
  (void)s; /* a model that is compiled in is a constant */
  const direction d = direction_of(HAR_PI * HAR_GRID_HZ * (har_real)beat / HAR_RATE_HZ);
  const har_real twice_cosine = 2 * turned_by(d, d).x;
  har_real last = 0, before = 0;
  for (int t = 0; t < HAR_SAMPLES; t++) {
    const har_real next = twice_cosine * last - before + sizes[t];
    before = last;
    last = next;
  }
  return last * last + before * before - twice_cosine * last * before;
}

/* Find how acceleration varies in the window, and steps a second: the strongest beat of acceleration's size, or half of
   it; 0 if nobody moves. */
HAR_APART void har_find_steps(har_stream *s) {
  har_real HAR_SCRATCH(sizes), most = -1;
  direction step = direction_of(HAR_PI / (har_real)(HAR_SAMPLES - 1)), hann = {1, 0};
  int strongest = HAR_SLOWEST;
  s->steps_hz = 0;
  s->deviation = find_sizes(s, sizes);
  if (s->deviation < HAR_MOVING_G) return;
  step = turned_by(step, step);
  for (int t = 0; t < HAR_SAMPLES; t++) {
    sizes[t] *= (1 - hann.x) / 2;
    hann = turned_by(hann, step);
  }
  for (int beat = HAR_SLOWEST; beat <= HAR_FASTEST; beat++) {
    const har_real power = power_of(s, sizes, beat);
    if (power <= most) continue;
    most = power;
    strongest = beat;
  }
  const int half = strongest / 2; /* may be too slow for steps */
  const bool is_twice = half >= HAR_SLOWEST && power_of(s, sizes, half) > HAR_LEAST_HALF * most;
  s->steps_hz = HAR_GRID_HZ * (har_real)(is_twice ? half : strongest);
}

/* ---- Novelty ---- */

/* Compare the window with what is typical of each label, and set the flags of labels. */
void har_detect(har_stream *s) {
  har_novelty *result = &s->novelty;
  const har_real across = size_of(har_mean(s, TOTAL_ACC + 1, HAR_END), har_mean(s, TOTAL_ACC + 2, HAR_END), 0);
  const har_real along = har_mean(s, TOTAL_ACC, HAR_END), infinite = HAR_R(HUGE_VAL);
  result->rotation = HAR_N_MOVEMENT > 1 ? spread(s, BODY_GYRO) : 0;
  result->at_rest = result->rotation < HAR_REST_RAD_S;
  const har_real moved[2] = {HAR_MATH(log)(spread(s, TOTAL_ACC) + HAR_FLOOR), HAR_MATH(log)(result->rotation + HAR_FLOOR)};
  har_real of_moving = infinite; /* of the nearest label that moves */
  result->unlike_all = infinite;
  for (int i = 0; i < HAR_N_LABELS; i++) {
    const har_real *precision = har_precisions + HAR_N_MOVEMENT * HAR_N_MOVEMENT * i;
    har_real nearest = infinite, squared = 0;
    for (int j = HAR_N_CENTRES * i; j < HAR_N_CENTRES * (i + 1); j++) {
      nearest = smaller(nearest, size_of(along - har_centres[2 * j], across - har_centres[2 * j + 1], 0));
    }
    for (int j = 0; j < HAR_N_MOVEMENT; j++) {
      const har_real beyond = moved[j] - har_means[HAR_N_MOVEMENT * i + j];
      for (int k = 0; k < HAR_N_MOVEMENT; k++) {
        squared += beyond * *precision++ * (moved[k] - har_means[HAR_N_MOVEMENT * i + k]);
      }
    }
    const har_real distance = HAR_MATH(sqrt)(squared), unusual = distance / har_movement_limits[2 * i];
    s->flags[i] = (unsigned char)((nearest > har_posture_limits[2 * i] ? UNUSUAL_POSTURE : 0) |
                                  (nearest > har_posture_limits[2 * i + 1] ? NOVEL_POSTURE : 0) |
                                  (unusual > 1 && har_still[i] ? UNUSUAL_MOVEMENT : 0) |
                                  (distance > har_movement_limits[2 * i + 1] ? NOVEL_MOVEMENT : 0));
    if (!har_still[i]) of_moving = smaller(of_moving, unusual);
    result->unlike_all = smaller(result->unlike_all, unusual);
  }
  for (int i = 0; i < HAR_N_LABELS; i++) {
    if (!har_still[i] && of_moving > 1) s->flags[i] |= UNUSUAL_MOVEMENT;
  }
  const har_real beyond = larger(s->steps_hz - HAR_MOST_STEPS_HZ, 0) / HAR_UNUSUAL_STEPS_HZ;
  result->unlike_all = larger(result->unlike_all, beyond);
  result->too_quick = beyond > 1;
}

/* ---- Persistence ---- */

static int hops_in(const har_stream *s, har_real seconds) {
  (void)s; /* a model that is compiled in is a constant */
  const har_real hops = seconds * HAR_RATE_HZ / (har_real)HAR_HOP;
  const int whole = (int)hops;
  return (har_real)whole < hops ? whole + 1 : whole;
}

/* Whether the device is not worn: at rest, and either as steady as a sensor's noise or for a long time. */
static bool rests(har_stream *s) {
  har_persistence *p = &s->persistence;
  const har_novelty *result = &s->novelty;
  const int steady = hops_in(s, HAR_STEADY_S), most = hops_in(s, HAR_REST_S);
  p->n_at_rest = !result->at_rest ? 0 : p->n_at_rest < most ? p->n_at_rest + 1 : most;
  if (p->n_steady < steady || !result->at_rest) {
    p->least_rotation = smaller(p->least_rotation, result->rotation);
    p->greatest_rotation = larger(p->greatest_rotation, result->rotation);
    if (!result->at_rest || p->n_steady == 0 || p->greatest_rotation > HAR_STEADY * p->least_rotation) {
      p->n_steady = 0;
      p->least_rotation = p->greatest_rotation = result->rotation;
    }
    p->n_steady += result->at_rest;
  }
  return p->n_steady >= steady || p->n_at_rest >= most;
}

/* Follow how long novelty lasts: mark the labels that cannot begin now, and rule out all after long unlike movement.
   Returns true if the device is not worn. */
bool har_follow(har_stream *s, int label) {
  har_persistence *p = &s->persistence;
  const int enough = hops_in(s, HAR_PERSISTENCE_S);
  const har_real evidence = (smaller(s->novelty.unlike_all, 1) - HAR_ATYPICAL) / (1 - HAR_ATYPICAL);
  p->n_label = label != p->label ? 1 : p->n_label < enough ? p->n_label + 1 : enough;
  p->label = label;
  p->unlike_s = smaller(larger(p->unlike_s + HAR_HOP_S * evidence, 0), HAR_LONGEST_UNLIKE_S);
  for (int i = 0; i < HAR_N_LABELS; i++) {
    const bool accepts = i == label && p->n_label >= enough;
    const bool unusual = s->flags[i] & UNUSUAL_MOVEMENT || (s->flags[i] & UNUSUAL_POSTURE && !accepts);
    if (unusual || p->unlike_s > HAR_UNLIKE_S) s->flags[i] |= CANNOT_BEGIN;
    if (p->unlike_s >= HAR_PERSISTENCE_S) s->flags[i] |= NOVEL_MOVEMENT;
  }
  return rests(s);
}
