/* Resamples by times, as edge_runtime/signals/resampling.py, in one pass: each step takes a sample or gives one. */

#include "har_parts.h"

#if HAR_RESAMPLES

#define GRID_STEP INT64_C(1000000000) /* in microseconds times the rate in millihertz */

/* ---- The queue: samples wait for earlier ones ---- */

static void place(har_stream *s, const har_timed *sample) {
  har_resampler *r = &s->resampler;
  if (r->has_newest && sample->us < r->newest - HAR_SET_BACK_US) {
    r->behind[r->n_behind++] = *sample;
    if (r->n_behind == HAR_SET_BACK_SAMPLES) { /* the clock was set back: begin anew with these */
      r->n_behind = 0;
      r->n_ready = r->n_queue;
      r->has_newest = false;
      for (int i = 0; i < HAR_SET_BACK_SAMPLES; i++) {
        const har_timed earlier = r->behind[i];
        har_take(s, earlier.us, earlier.values);
      }
    }
    return;
  }
  s->late += r->n_behind;
  r->n_behind = 0;
  if (r->n_queue == HAR_QUEUE) har_overflow(s, sample->us);
  const bool is_late = (r->has_newest && sample->us <= r->late) || r->n_queue == HAR_QUEUE;
  int i = r->n_queue;
  while (i > r->n_ready && r->queue[i - 1].us >= sample->us) i--;
  const bool is_double = i < r->n_queue && r->queue[i].us == sample->us;
  s->late += is_late;
  s->duplicates += !is_late && is_double;
  if (is_late || is_double) return;
  memmove(r->queue + i + 1, r->queue + i, (size_t)(r->n_queue - i) * sizeof *r->queue);
  r->queue[i] = *sample;
  r->n_queue++;
  if (!r->has_newest || r->newest < sample->us) r->newest = sample->us;
  if (!r->has_newest || r->late < r->newest - HAR_WAIT_US) r->late = r->newest - HAR_WAIT_US;
  r->has_newest = true;
  if (r->n_queue - r->n_ready == HAR_MOST_WAITING) r->late = r->queue[r->n_ready].us; /* for so fast a sensor */
  while (r->n_ready < r->n_queue && r->queue[r->n_ready].us <= r->late) r->n_ready++;
}

/* Take a sample, unless it seems to come after a gap: then the next one has to confirm its time. */
void har_take(har_stream *s, int64_t us, const har_real sample[6]) {
  har_resampler *r = &s->resampler;
  har_timed next = {us, {0}};
  memcpy(next.values, sample, sizeof next.values);
  if (r->has_ahead) {
    if (us == r->ahead.us) {
      s->duplicates++;
      return;
    }
    r->has_ahead = false;
    if (us > r->ahead.us - HAR_WAIT_US) {
      place(s, &r->ahead);
    } else {
      s->late++;
    }
  }
  if (r->has_newest && us > r->newest + HAR_MAX_GAP_US) {
    r->ahead = next;
    r->has_ahead = true;
  } else {
    place(s, &next);
  }
}

void har_end(har_stream *s) {
  har_resampler *r = &s->resampler;
  s->late += r->n_behind + r->has_ahead;
  r->n_behind = 0;
  r->has_ahead = r->has_newest = false;
  r->n_ready = r->n_queue;
  r->ending = true;
}

/* ---- The decimator of a fast sensor: a sinc under a Hamming window ---- */

static void start_decimator(har_decimator *d, int factor) {
  const int half = HAR_HALF * factor;
  const direction step = direction_of(HAR_PI / (har_real)half);
  direction wave_step = step, window = {1, 0}, wave = {1, 0};
  har_real total = 1;
  for (int n = 1; n < HAR_HALF; n *= 2) wave_step = turned_by(wave_step, wave_step);
  d->weights[0] = 1;
  for (int i = 1; i <= half; i++) {
    window = turned_by(window, step);
    wave = turned_by(wave, wave_step);
    const har_real hamming = HAR_HAMMING + (1 - HAR_HAMMING) * window.x;
    d->weights[i] = wave.y / (HAR_PI * (har_real)i / (har_real)factor) * hamming;
    total += 2 * d->weights[i];
  }
  for (int i = 0; i <= half; i++) d->weights[i] /= total;
  d->factor = factor;
  d->started = false;
}

/* Take a sample of the finer grid; return whether one of the grid is complete. */
static bool decimate(har_decimator *d, const har_real sample[6], har_real output[6]) {
  const int half = HAR_HALF * d->factor, n = 2 * half + 1;
  if (d->factor == 1) {
    memcpy(output, sample, sizeof d->last);
    return true;
  }
  if (!d->started) { /* as if the first sample had always been there */
    for (int i = 0; i < half; i++) memcpy(d->ring[i], sample, sizeof d->last);
    d->started = true;
    d->place = half;
    d->n_missing = n - half;
  }
  memcpy(d->last, sample, sizeof d->last);
  memcpy(d->ring[d->place], sample, sizeof d->last);
  d->place = d->place + 1 < n ? d->place + 1 : 0;
  if (--d->n_missing > 0) return false;
  d->n_missing = d->factor;
  memset(output, 0, sizeof d->last);
  for (int i = -half, at = d->place; i <= half; i++) {
    const har_real weight = d->weights[i < 0 ? -i : i];
    for (int k = 0; k < 6; k++) output[k] += weight * d->ring[at][k];
    at = at + 1 < n ? at + 1 : 0;
  }
  return true;
}

/* ---- The stretch: samples on a grid of times that begins with the first sample ---- */

/* Tell from the first samples how fast the sensor is. */
static void start_grid(har_stream *s) {
  har_resampler *r = &s->resampler;
  const int n_steps = r->n_look - 1;
  const har_real us = larger(real_of(r->look[n_steps].us), 1);
  const har_real per_us = HAR_ON_BOARD ? HAR_SENSOR_HZ / HAR_R(1e6) : (har_real)n_steps / us;
  const har_real faster = per_us * (har_real)GRID_STEP / (har_real)HAR_RATE_MHZ;
  const int factor = faster < HAR_CLEARLY_FASTER ? 1 : faster < 2 ? 2 : nearest(faster);
  start_decimator(&r->decimator, factor < HAR_MOST_FACTOR ? factor : HAR_MOST_FACTOR);
  r->next = 0;
}

/* The sample at the next place of the grid; `rate` is that of the finer grid. */
static void interpolate(const har_resampler *r, int64_t rate, har_real sample[6]) {
  const int64_t from = r->from.us * rate, to = r->to.us * rate;
  const har_real *before = r->from.values, *after = r->to.values;
  const har_real share = r->next < to ? (har_real)(r->next - from) / (har_real)(to - from) : 0;
  for (int i = 0; i < 6; i++) sample[i] = r->next < to ? before[i] + share * (after[i] - before[i]) : after[i];
}

har_step har_resample(har_stream *s, har_real sample[6]) {
  har_resampler *r = &s->resampler;
  har_decimator *d = &r->decimator;
  har_real finer[6];
  for (;;) {
    const int64_t rate = (int64_t)d->factor * HAR_RATE_MHZ, reach = r->to.us * rate;
    const bool is_last = !r->between && r->finishing && r->n_used == r->n_look;
    if ((r->between && r->next <= reach) || (is_last && r->next <= reach + rate)) { /* a microsecond of rounding */
      interpolate(r, rate, finer);
      r->next += GRID_STEP;
      if (decimate(d, finer, sample)) return HAR_SAMPLE;
    } else if (r->between) {
      r->from = r->to;
      r->between = false;
    } else if (d->factor && r->n_used < r->n_look) {
      r->to = r->look[r->n_used++];
      r->between = true;
    } else if (r->finishing && r->n_tail > 0) {
      r->n_tail--;
      memcpy(finer, d->last, sizeof finer);
      if (decimate(d, finer, sample)) return HAR_SAMPLE;
    } else if (r->finishing) {
      r->finishing = r->active = false;
    } else {
      const har_timed next = r->queue[0];
      const int64_t step = next.us - r->last;
      const bool goes_on = r->n_ready && step > 0 && step <= HAR_MAX_GAP_US;
      if (!r->n_ready && !(r->ending && r->active)) {
        r->ending = false;
        return HAR_NONE;
      }
      if (r->active && !goes_on) {
        if (!d->factor) start_grid(s);
        r->finishing = true;
        r->n_tail = d->factor > 1 ? HAR_HALF * d->factor : 0;
        continue;
      }
      if (!r->active) {
        s->gap_us = r->has_last ? step : 0;
        s->begin_us = r->start = next.us;
        r->active = true;
        d->factor = r->n_look = r->n_used = 0;
      }
      r->last = next.us;
      r->has_last = true;
      r->n_queue--;
      r->n_ready--;
      memmove(r->queue, r->queue + 1, (size_t)r->n_queue * sizeof next);
      r->to = next;
      r->to.us -= r->start;
      r->between = d->factor != 0;
      if (d->factor) continue;
      r->look[r->n_look++] = r->to;
      if (r->to.us >= HAR_LOOK_US || r->n_look == HAR_MOST_LOOK) start_grid(s);
      if (r->n_look == 1) return HAR_BEGIN;
    }
  }
}

#else /* the samples are on the grid */

void har_take(har_stream *s, int64_t us, const har_real sample[6]) {
  if (s->has_sample) har_overflow(s, us);
  s->sample.us = us;
  memcpy(s->sample.values, sample, sizeof s->sample.values);
  s->has_sample = true;
}

void har_end(har_stream *s) { s->has_last = false; }

har_step har_resample(har_stream *s, har_real sample[6]) {
  if (!s->has_sample) return HAR_NONE;
  const int64_t step = s->sample.us - s->last_us;
  const bool begins = !s->has_last || step < 0 || step > HAR_MAX_GAP_US;
  s->gap_us = s->has_last ? step : 0;
  s->begin_us = s->last_us = s->sample.us;
  s->has_last = true;
  if (begins) return HAR_BEGIN;
  s->has_sample = false;
  memcpy(sample, s->sample.values, sizeof s->sample.values);
  return HAR_SAMPLE;
}

#endif
