/* Turns samples into decisions and notices, as edge_runtime/live/recognizer.py, decider.py and smoothing.py. */

#include "har_stream.h"

#include "har_parts.h"

void har_add_notice(har_stream *s, int64_t us, har_kind kind, har_real amount) {
  if (s->n_notices == sizeof s->notices / sizeof *s->notices) return; /* the caller leaves out har_next */
  s->notices[s->n_notices++] = (har_notice){us, kind, amount};
}

void har_overflow(har_stream *s, int64_t us) {
  if (!s->overflows) har_add_notice(s, us, HAR_OVERFLOW, 0);
  s->overflows = true;
}

static int greatest(const har_real *x, int n) {
  int best = 0;
  for (int i = 1; i < n; i++) best = x[i] > x[best] ? i : best;
  return best;
}

/* ---- Decisions ---- */

static void forget_activities(har_stream *s) {
  memset(&s->persistence, 0, sizeof s->persistence);
  s->current = s->persistence.label = -1;
  s->certain = s->has_counted = false;
  s->faint_s = 0;
  for (int i = 0; i < HAR_N_LABELS; i++) s->probabilities[i] = 1 / (har_real)HAR_N_LABELS;
}

/* Run the forward filter of a hidden Markov model. */
static void smooth(har_stream *s, bool is_moving) {
  har_real *p = s->probabilities, sum = 0, steps = 0, change = is_moving ? HAR_CHANGE_MOVING : HAR_CHANGE_STILL;
  for (int i = 0; i < HAR_N_LABELS; i++) steps += har_steps[i] ? p[i] : 0;
  if (!(s->certain && har_steps[s->current]) && p[greatest(p, HAR_N_LABELS)] < HAR_CONFIDENCE && steps >= HAR_CONFIDENCE) {
    change = smaller(change, HAR_CHANGE_OF_STEPS);
  }
  for (int i = 0; i < HAR_N_LABELS; i++) {
    p[i] = (1 - change) * p[i] + change * ((1 - p[i]) / (har_real)(HAR_N_LABELS - 1));
  }
  if (!(s->flags[greatest(s->answer, HAR_N_LABELS)] & CANNOT_BEGIN)) {
    const har_real exponent = larger(HAR_EVIDENCE, s->has_counted ? 0 : HAR_FIRST_EVIDENCE);
    for (int i = 0; i < HAR_N_LABELS; i++) {
      p[i] *= HAR_MATH(exp)(exponent * HAR_MATH(log)(larger(s->answer[i], HAR_LEAST_PROBABILITY)));
      sum += p[i];
    }
    for (int i = 0; i < HAR_N_LABELS; i++) p[i] /= sum;
    s->has_counted = true;
  }
  const int likeliest = greatest(p, HAR_N_LABELS);
  if (p[likeliest] >= HAR_CONFIDENCE && !(s->flags[likeliest] & CANNOT_BEGIN)) s->current = likeliest;
}

/* At a waist, tilt decides between sitting and lying (edge_runtime/model/alike_labels.py). */
static void decide_by_tilt(har_stream *s) {
  const har_real up = har_mean(s, TOTAL_ACC, HAR_END), ahead = har_mean(s, TOTAL_ACC + 1, HAR_END);
  const bool is_level = up < HAR_LEVEL * size_of(up, ahead, har_mean(s, TOTAL_ACC + 2, HAR_END));
  const har_real both = s->answer[HAR_SITTING] + s->answer[HAR_LAYING];
  s->answer[HAR_SITTING] = is_level ? 0 : both;
  s->answer[HAR_LAYING] = is_level ? both : 0;
}

/* Whether a device is tilted backwards (edge_runtime/model/alike_labels.py). */
static bool leans_back(const har_stream *s) {
  const har_real up = har_mean(s, TOTAL_ACC, HAR_END), ahead = har_mean(s, TOTAL_ACC + 1, HAR_END);
  const har_real level = size_of(ahead, har_mean(s, TOTAL_ACC + 2, HAR_END), 0), size = size_of(up, level, 0);
  return up < HAR_LEAST_TILT * size && ahead > HAR_WITHIN * level;
}

/* The mean size of body acceleration in the last hop; raw acceleration has gravity. */
static har_real movement(const har_stream *s) {
  har_real sum = 0;
  if (!HAR_IS_RAW) return s->movement / (har_real)HAR_END;
  for (int t = HAR_SAMPLES - HAR_END; t < HAR_SAMPLES; t++) {
    har_real body[3];
    for (int i = 0; i < 3; i++) {
      body[i] = har_value(s, t, TOTAL_ACC + i) - har_mean(s, TOTAL_ACC + i, HAR_END);
    }
    sum += size_of(body[0], body[1], body[2]);
  }
  return sum / (har_real)HAR_END;
}

static void decide(har_stream *s) {
  const bool has_posture = !HAR_WALKING_FRAME || s->is_mounted, moves = !HAR_WALKING_FRAME || s->moves;
  har_detect(s);
  if (s->at_waist && HAR_WALKING_FRAME && has_posture && HAR_SITTING != HAR_LAYING) decide_by_tilt(s);
  for (int i = 0; i < HAR_N_LABELS && !has_posture; i++) s->flags[i] &= UNUSUAL_MOVEMENT | NOVEL_MOVEMENT;
  const bool not_worn = har_follow(s, greatest(s->answer, HAR_N_LABELS));
  for (int i = 0; i < HAR_N_LABELS && !has_posture; i++) { /* in its own frame every posture looks like standing */
    if (har_still[i] || !moves) s->flags[i] |= CANNOT_BEGIN;
  }
  smooth(s, movement(s) > HAR_BODY_MOVES_G);
  if (not_worn && har_forget_mounting(s)) har_add_notice(s, s->window_us, HAR_MOUNTING_LOST, 0);

  const int i = s->current;
  s->reason = HAR_KNOWN;
  if (s->window_us >= s->faults.faulty_from && s->window_us < s->faults.faulty_until) s->reason = HAR_FAULTY;
  else if (not_worn) s->reason = HAR_NOT_WORN;
  else if (!has_posture && (!moves || (i >= 0 && har_still[i]))) s->reason = HAR_UNKNOWN_MOUNTING;
  else if (i >= 0 && s->flags[i] & NOVEL_POSTURE) s->reason = HAR_POSTURE;
  else if (i >= 0 && s->flags[i] & NOVEL_MOVEMENT) s->reason = HAR_MOVEMENT;
  const har_real share = i >= 0 ? s->probabilities[i] : 0;
  s->faint_s = share < smaller(HAR_FAINT / (har_real)HAR_N_LABELS, HAR_FAINT_MOST) ? s->faint_s + HAR_HOP_S : 0;
  s->certain = s->reason == HAR_KNOWN && ((s->certain && s->faint_s <= HAR_FAINT_S) || share >= HAR_CONFIDENCE);
  if (s->reason == HAR_KNOWN && !s->certain) s->reason = HAR_UNCERTAIN;

  const bool leans = s->certain && !s->at_waist && leans_back(s);
  s->activity = !s->certain ? HAR_UNKNOWN : leans ? har_tilted[i] : i;
  s->probability = 0;
  for (int j = 0; j < HAR_N_LABELS; j++) {
    if ((leans ? har_tilted[j] : j) == s->activity) s->probability += s->probabilities[j];
  }
  s->us = s->window_us;
  s->warming_up = !HAR_IS_RAW && s->window_us - s->start_us < HAR_WARM_UP_US;
  const HAR_VALUE *rows = HAR_WALKING_FRAME ? har_rows(s, HAR_END) : s->window + HAR_N_SIGNALS * HAR_END;
  memmove(s->window, rows, (size_t)(HAR_N_SIGNALS * (HAR_SAMPLES - HAR_END)) * sizeof *rows);
  s->row = HAR_SAMPLES - HAR_HOP; /* negative if there are gaps between windows */
  s->movement = 0;
}

void har_answer(har_stream *s, float *logits) {
  har_real *p = s->answer, sum = 0;
  har_correct(s, logits);
  for (int i = 0; i < HAR_N_LABELS; i++) p[i] = (har_real)logits[i] / HAR_TEMPERATURE;
  const har_real highest = p[greatest(p, HAR_N_LABELS)];
  for (int i = 0; i < HAR_N_LABELS; i++) {
    p[i] = HAR_MATH(exp)(p[i] - highest);
    sum += p[i];
  }
  for (int i = 0; i < HAR_N_LABELS; i++) p[i] /= sum;
  s->stage++;
}

/* ---- Windows ---- */

/* ---- How the device is worn, as edge_runtime/live/worn_axes.py ---- */

/* Add the steps of a window; tell whether all so far, if they are enough, show a device that faces back. */
static bool faces_back(har_stream *s, const har_real *gravity) {
  const har_real size = size_of(gravity[0], gravity[1], gravity[2]), ahead[3] = {HAR_AHEAD_X, HAR_AHEAD_Y, HAR_AHEAD_Z};
  const int lag = nearest(HAR_LAG_S * HAR_RATE_HZ), sway_lag = nearest(HAR_SWAY_LAG_S * HAR_RATE_HZ);
  har_real up[3], push[3] = {0}, turn = 0, along = 0;
  for (int i = 0; i < 3; i++) {
    up[i] = gravity[i] / size;
    turn += up[i] * har_mean(s, BODY_GYRO + i, HAR_SAMPLES);
  }
  for (int t = 0; t < HAR_SAMPLES; t++) {
    har_real upwards = -size, turning = -turn;
    for (int i = 0; i < 3; i++) {
      upwards += up[i] * har_value(s, t, TOTAL_ACC + i);
      turning += up[i] * har_value(s, t, BODY_GYRO + i);
    }
    for (int i = 0; i < 3; i++) {
      const int j = (i + 1) % 3, k = (i + 2) % 3;
      const har_real left = up[j] * ahead[k] - up[k] * ahead[j];
      if (t + lag < HAR_SAMPLES) push[i] += upwards * har_value(s, t + lag, TOTAL_ACC + i);
      if (t + sway_lag < HAR_SAMPLES) s->sway += turning * left * har_value(s, t + sway_lag, TOTAL_ACC + i);
    }
  }
  for (int i = 0; i < 3; i++) along += push[i] * up[i];
  for (int i = 0; i < 3; i++) s->push[i] += push[i] - along * up[i];
  s->stepped_s += HAR_HOP_S;
  if (s->stepped_s < HAR_FACING_S) return false;
  const har_real forth = s->push[0] * ahead[0] + s->push[1] * ahead[1] + s->push[2] * ahead[2];
  const har_real all = larger(size_of(s->push[0], s->push[1], s->push[2]), HAR_LEAST_PUSH);
  const bool back = forth > HAR_BACKWARDS * all && s->sway > 0;
  s->push[0] = s->push[1] = s->push[2] = s->sway = s->stepped_s = 0;
  return back;
}

/* Report another axis that points up in the first walk, or a device that faces backwards. */
static void check_axes(har_stream *s) {
  har_real gravity[3], up = 0;
  int axis = 0;
  for (int i = 0; i < 3; i++) {
    gravity[i] = har_mean(s, TOTAL_ACC + i, HAR_SAMPLES);
    if (i && HAR_MATH(fabs)(gravity[i]) <= HAR_MATH(fabs)(up)) continue;
    up = gravity[i];
    axis = i;
  }
  const har_real size = HAR_MATH(fabs)(up);
  const bool is_vertical = size > HAR_UPRIGHT_0 && size < HAR_UPRIGHT_1, takes_steps = is_vertical && s->deviation > HAR_MOVING_G;
  const bool is_upright = axis == 0 && up > 0;
  if (s->looks_up) {
    s->walked_s = takes_steps ? s->walked_s + HAR_HOP_S : 0;
    s->vertical_s = is_vertical ? s->vertical_s + HAR_HOP_S : 0;
    s->x_was_up |= is_vertical && is_upright;
    s->looks_up = s->walked_s < HAR_WALK_S;
    const bool is_other = !s->looks_up && !is_upright;
    if (is_other || (!s->x_was_up && s->vertical_s >= HAR_FACING_S)) {
      s->x_was_up = true; /* told once */
      s->looks_ahead &= !is_other;
      har_add_notice(s, s->window_us, HAR_AXES, (har_real)(up > 0 ? axis + 1 : -axis - 1));
    }
  }
  if (takes_steps && is_upright && s->looks_ahead && faces_back(s, gravity)) {
    s->looks_ahead = false;
    har_add_notice(s, s->window_us, HAR_AXES, 1);
  }
}

/* Keep the next signals; when they complete the window, ask for its answer. */
static void keep(har_stream *s, const har_real signals[9]) {
  s->n_signals++;
  HAR_VALUE *row = s->window + HAR_N_SIGNALS * s->row;
  for (int i = 0; i < HAR_N_SIGNALS && s->row >= 0; i++) {
    row[i] = (HAR_VALUE)(HAR_IS_RAW ? signals[har_columns[i]] / har_factors[i] : signals[har_columns[i]]);
  }
  if (s->row >= HAR_SAMPLES - HAR_END) s->movement += size_of(signals[0], signals[1], signals[2]);
  if (++s->row < HAR_SAMPLES) return;
  const int64_t n = s->n_signals - 1, step = 1000000000;
  s->window_us = s->start_us + (step % HAR_RATE_MHZ ? n * step / HAR_RATE_MHZ : n * (step / HAR_RATE_MHZ));
  s->stage = ASKS;
  har_find_steps(s);
  if (HAR_LOOKS_UP && (s->looks_up || s->looks_ahead)) check_axes(s);
  if (HAR_WALKING_FRAME) har_turn_window(s);
}

static void take(har_stream *s, const har_real sample[6]) {
  har_real signals[9];
  s->n_raw++;
  har_check_axes(s, sample);
  if (HAR_IS_RAW) {
    memcpy(signals, sample, 6 * sizeof *signals);
    memcpy(signals + TOTAL_ACC, sample, 3 * sizeof *signals);
    keep(s, signals);
  } else if (!s->filters.started) {
    har_start_filters(&s->filters, sample);
  } else {
    har_filter(&s->filters, sample, signals);
    keep(s, signals);
  }
}

/* Complete the window that lacks only the signals of the last sample, since the median looks ahead. */
static void finish(har_stream *s) {
  static const har_real zeros[6];
  har_real signals[9];
  if (HAR_IS_RAW || !s->filters.started || s->row != HAR_SAMPLES - 1) return;
  har_filter(&s->filters, zeros, signals);
  keep(s, signals);
}

/* Begin a stretch of samples without a gap. */
static void begin(har_stream *s) {
  const har_real gap_s = seconds_of(s->gap_us);
  const bool is_gap = s->gap_us > 0 && s->gap_us <= HAR_ANOTHER_CLOCK_US;
  if (s->gap_us) forget_activities(s);
  if ((s->gap_us < 0 || s->gap_us > HAR_LONGEST_GAP_US) && har_forget_mounting(s)) {
    har_add_notice(s, s->begin_us, HAR_MOUNTING_LOST, 0);
  }
  if (s->gap_us) har_add_notice(s, s->begin_us, is_gap ? HAR_GAP : HAR_CLOCK, is_gap ? gap_s : -gap_s);
  s->start_us = s->begin_us;
  s->n_raw = s->n_signals = s->row = 0;
  s->movement = 0;
  s->filters.started = false;
  s->n_recent = 0;
}

/* ---- Events ---- */

#if defined(HAR_TABLE)
size_t har_stream_bytes(const har_model *model) {
  const har_stream state = {.model = model}, *s = &state;
  const size_t values = (size_t)HAR_SAMPLES * (size_t)HAR_N_SIGNALS, labels = (size_t)HAR_N_LABELS;
  return sizeof *s + (3 * labels + (size_t)HAR_SAMPLES) * sizeof(har_real) + 2 * values * sizeof(HAR_VALUE) + labels;
}

har_stream *har_start(void *memory, const har_model *model) {
  har_stream *s = memory;
  s->model = model;
  har_reset(s);
  return s;
}
#endif

void har_reset(har_stream *s) {
#if defined(HAR_TABLE)
  const har_model *model = s->model;
  memset(s, 0, sizeof *s);
  s->model = model;
  s->probabilities = (har_real *)(s + 1);
  s->answer = s->probabilities + HAR_N_LABELS;
  s->first_answer = s->answer + HAR_N_LABELS;
  s->scratch = s->first_answer + HAR_N_LABELS;
  s->window = (HAR_VALUE *)(s->scratch + HAR_SAMPLES);
  s->kept = s->window + HAR_SAMPLES * HAR_N_SIGNALS;
  s->flags = (unsigned char *)(s->kept + HAR_SAMPLES * HAR_N_SIGNALS);
#else
  memset(s, 0, sizeof *s);
#endif
  s->activity = HAR_UNKNOWN;
  s->reason = HAR_UNCERTAIN;
  s->warming_up = true;
  s->looks_up = HAR_LOOKS_UP;
  s->looks_ahead = HAR_LOOKS_UP && HAR_TURNS_GYRO;
  forget_activities(s);
}

void har_push(har_stream *s, int64_t us, const har_real sample[6]) {
  bool is_measurement = true;
  for (int i = 0; i < 6; i++) { /* false for NaN */
    is_measurement &= HAR_MATH(fabs)(sample[i]) <= (i < 3 ? HAR_MAX_ACCELERATION_G : HAR_MAX_ROTATION_RAD_S);
  }
  if (!is_measurement && !s->was_invalid) har_add_notice(s, us, HAR_INVALID, 0);
  s->was_invalid = !is_measurement;
  s->invalid += s->was_invalid;
  if (s->was_invalid) return;
  har_check_clock(s, us);
  har_check_sensors(s, us, sample);
  har_take(s, us, sample);
}

void har_push_counts(har_stream *s, int64_t us, const int16_t counts[6], har_real g, har_real rad_s) {
  har_real sample[6];
  for (int i = 0; i < 6; i++) sample[i] = (har_real)counts[i] * (i < 3 ? g : rad_s);
  har_push(s, us, sample);
}

void har_flush(har_stream *s) {
  har_end(s);
  s->ends = true;
}

har_event har_next(har_stream *s) {
  har_real sample[6];
  for (;;) {
    if (s->n_notices) {
      s->us = s->notices[0].us;
      s->kind = s->notices[0].kind;
      s->amount = s->notices[0].amount;
      memmove(s->notices, s->notices + 1, (size_t)--s->n_notices * sizeof *s->notices);
      return HAR_NOTICE;
    }
    if (s->stage == ASKS || s->stage == ASKS_OWN || s->stage == ASKS_AGAIN) {
#if defined(HAR_TABLE)
      return HAR_WINDOW;
#else
      float logits[HAR_N_LABELS];
      HAR_PREDICT(s->window, logits);
      har_answer(s, logits);
#endif
    } else if (s->stage == TOLD || s->stage == TOLD_OWN) {
      har_take_answer(s);
    } else if (s->stage == DECIDES) {
      s->stage = NO_WINDOW;
      decide(s);
      return HAR_DECISION;
    } else if (s->begins) {
      s->begins = false;
      begin(s);
    } else {
      const har_step step = har_resample(s, sample);
      if (step == HAR_SAMPLE) {
        take(s, sample);
      } else if (step == HAR_BEGIN) {
        finish(s);
        s->begins = true;
      } else if (s->ends) {
        s->ends = false;
        finish(s);
        s->filters.started = false;
      } else {
        s->overflows = false;
        return HAR_NOTHING;
      }
    }
  }
}
