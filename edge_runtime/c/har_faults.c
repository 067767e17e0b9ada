/* Detects faults of the sensor and of its clock, as edge_runtime/signals/sensor_faults.py and gyroscope_axes.py. */

#include "har_parts.h"

/* ---- Sensors, in blocks of seconds ---- */

static void start_block(har_faults *f, int64_t us, const har_real sample[6]) {
  memset(&f->block, 0, sizeof f->block);
  f->block.began = f->block.last_us = f->block.part_us = us;
  memcpy(f->block.first, sample, sizeof f->block.first);
  memcpy(f->block.last, sample, sizeof f->block.last);
}

/* Begin the next part of a block, over whose parts the mean acceleration of a moving device changes. */
static void start_part(har_block *b, int64_t us) {
  har_real mean[3];
  for (int i = 0; i < 3; i++) mean[i] = b->first[i] + (b->sums[i] - b->part_sums[i]) / (har_real)(b->n - b->n_part);
  const har_real size = size_of(mean[0], mean[1], mean[2]);
  b->n_shaken += b->n_parts++ && HAR_MATH(fabs)(size - b->part_size) > HAR_SHAKEN_G;
  b->part_size = size;
  do b->part_us += HAR_SHAKE_US;
  while (us - b->part_us >= HAR_SHAKE_US);
  b->n_part = b->n;
  memcpy(b->part_sums, b->sums, sizeof b->part_sums);
}

static void add_to_block(har_stream *s, int64_t us, const har_real sample[6]) {
  static const har_real plateau_from[2] = {HAR_PLATEAU_FROM_0, HAR_PLATEAU_FROM_1};
  const har_real size = size_of(sample[0], sample[1], sample[2]), turn = size_of(sample[3], sample[4], sample[5]);
  har_block *b = &s->faults.block;
  if (us - b->part_us >= HAR_SHAKE_US) start_part(b, us);
  b->n++;
  b->n_slow += b->n > 1 && us - b->last_us >= (int64_t)HAR_MATH(ceil)(HAR_R(1e6) / (HAR_SLOW * HAR_RATE_HZ));
  b->n_light += size < HAR_GRAVITY_SIZES_G_0;
  b->n_heavy += size > HAR_GRAVITY_SIZES_G_1;
  b->n_turning += turn > HAR_MOST_ROTATION;
  b->n_calm += turn < HAR_LEAST_ROTATION;
  b->sizes += size;
  b->turns += turn;
  b->last_us = us;
  for (int i = 0; i < 6; i++) {
    const har_real beyond = sample[i] - b->first[i], x = sample[i];
    b->sums[i] += beyond;
    b->squares[i] += beyond * beyond;
    b->run[i] = x == b->last[i] ? b->run[i] + 1 : 1;
    if (b->run[i] > b->longest[i] && HAR_MATH(fabs)(x) >= plateau_from[i / 3]) {
      b->longest[i] = b->run[i];
      b->limit[i] = x;
    }
    b->last[i] = x;
  }
}

/* Whether a sensor always gave the same values, or an axis did while others moved. */
static bool is_stuck(const har_block *b, int sensor) {
  static const har_real moved[2] = {HAR_MOVED_0, HAR_MOVED_1};
  int n_constant = 0;
  har_real most = 0;
  for (int i = 3 * sensor; i < 3 * sensor + 3; i++) {
    const har_real mean = b->sums[i] / (har_real)b->n;
    most = larger(most, b->squares[i] / (har_real)b->n - mean * mean);
    n_constant += b->run[i] == b->n;
  }
  return n_constant == 3 || (n_constant && most > moved[sensor] * moved[sensor]);
}

static void judge(har_stream *s, int64_t now) {
  har_faults *f = &s->faults;
  const har_block *b = &f->block;
  const har_real step_us = real_of(b->last_us - b->began) / (har_real)(b->n - 1);
  const har_real rate_hz = HAR_R(1e6) / larger(step_us, 1);
  bool is_faulty[HAR_N_FAULTS] = {false};
  har_real amounts[HAR_N_FAULTS] = {rate_hz, b->sizes / (har_real)b->n, b->turns / (har_real)b->n, 0, 0};
  const bool stuck[2] = {is_stuck(b, 0), HAR_N_CHANNELS == 6 && is_stuck(b, 1)};
  const har_real stated_hz = HAR_RESAMPLES ? HAR_R(HAR_STATED_HZ) : HAR_RATE_HZ;
  const bool differs = stated_hz > 0 && HAR_MATH(fabs)(rate_hz / stated_hz - 1) > (HAR_RESAMPLES ? HAR_OFF_STATED : HAR_OFF_RATE);
  is_faulty[HAR_RATE] = 2 * b->n_slow > b->n - 1 || differs;
  is_faulty[HAR_UNITS] = 2 * b->n_light > b->n || 2 * b->n_heavy > b->n;
  is_faulty[HAR_ROTATION_UNITS] = HAR_N_CHANNELS == 6 && 2 * b->n_turning > b->n;
  is_faulty[HAR_CONSTANT] = stuck[0] || stuck[1];
  amounts[HAR_CONSTANT] = (har_real)(stuck[0] && stuck[1] ? 2 : stuck[1]);
  int enough = nearest(HAR_PLATEAU_S * rate_hz) + 1;
  enough = enough > HAR_PLATEAU ? enough : HAR_PLATEAU;
  const bool has_other = is_faulty[HAR_UNITS] || is_faulty[HAR_ROTATION_UNITS] || is_faulty[HAR_CONSTANT];
  for (int i = 0; i < HAR_N_CHANNELS && !has_other && !is_faulty[HAR_SATURATED]; i++) {
    is_faulty[HAR_SATURATED] = b->longest[i] >= enough;
    amounts[HAR_SATURATED] = b->limit[i];
  }
  const bool moves = 2 * b->n_shaken > b->n_parts - 1, turns = 2 * b->n_calm <= b->n;
  is_faulty[HAR_ROTATION_UNITS] |= HAR_N_CHANNELS == 6 && !has_other && !is_faulty[HAR_SATURATED] && moves && !turns;
  const bool is_useless = is_faulty[HAR_CONSTANT] || is_faulty[HAR_UNITS];
  if (is_useless && f->faulty_until != INT64_MAX) {
    f->faulty_from = now;
    f->faulty_until = INT64_MAX;
  } else if (!is_useless && f->faulty_until == INT64_MAX) {
    f->faulty_until = now;
  }
  for (int kind = 0; kind < HAR_N_FAULTS; kind++) { /* `since`: 0 before the first fault, then blocks since, plus 1 */
    if (is_faulty[kind] && !f->since[kind]) har_add_notice(s, now, (har_kind)kind, amounts[kind]);
    if (f->since[kind]) f->since[kind] = f->since[kind] > HAR_REPEAT_AFTER ? 0 : f->since[kind] + 1;
    if (is_faulty[kind]) f->since[kind] = 1;
  }
}

void har_check_sensors(har_stream *s, int64_t us, const har_real sample[6]) {
  const har_block *b = &s->faults.block;
  const int64_t step = us - b->last_us;
  const bool breaks = b->n && (step > HAR_BREAK_US || step < -HAR_BREAK_US || b->n == HAR_MOST_SAMPLES);
  const bool ends = b->n && !breaks && us - b->began >= HAR_LOOKED_AT_US;
  if (ends) judge(s, us);
  if (!b->n || breaks || ends) start_block(&s->faults, us, sample);
  add_to_block(s, us, sample);
}

/* ---- Clock ---- */

void har_check_clock(har_stream *s, int64_t us) {
  har_faults *f = &s->faults;
  const int64_t step = f->has_time ? us - f->newest_us : -HAR_ANOTHER_US - 1;
  f->ahead = step > HAR_ANOTHER_US ? f->ahead + 1 : 0;
  f->behind = step <= -HAR_WAIT_US && step >= -HAR_ANOTHER_US ? f->behind + 1 : 0;
  if (step >= 0 && step < HAR_AT_ONCE_US) f->at_once++;
  else if (f->at_once) f->at_once--;
  if (step > 0 || step < -HAR_ANOTHER_US) f->newest_us = us;
  f->has_time = true;
  if (f->ahead == HAR_IN_A_ROW && !f->said_rate) {
    f->said_rate = true;
    har_add_notice(s, us, HAR_RATE, 1 / seconds_of(step));
  } else if ((f->at_once == HAR_IN_A_ROW || f->behind == HAR_IN_A_ROW) && !f->said_clock) {
    f->said_clock = true;
    har_add_notice(s, us, HAR_CLOCK, seconds_of(step < 0 ? -step : 0));
  }
}

/* ---- Axes of the gyroscope, by slow turns: gravity turns in its axes against its rotation ---- */

#if HAR_ON_BOARD
void har_check_axes(har_stream *s, const har_real sample[6]) { (void)s, (void)sample; }
#else

/* How the change of gravity goes with a gyroscope of the axes `order`, of which those in the bits of `signs` are
   negated, and how many `times` as fast as that gyroscope says gravity turns. */
static har_real correlation(const har_stream *s, const int order[3], int signs, har_real *times) {
  har_real together = 0, changes = 0, expectations = 0;
  for (int row = 0; row < s->n_turns; row++) {
    const har_real *change = s->turns[row], *gravity = change + 3;
    har_real rotation[3];
    for (int i = 0; i < 3; i++) rotation[i] = signs >> i & 1 ? -change[6 + order[i]] : change[6 + order[i]];
    for (int i = 0; i < 3; i++) {
      const int next = (i + 1) % 3, last = (i + 2) % 3;
      const har_real expected = gravity[next] * rotation[last] - gravity[last] * rotation[next];
      together += change[i] * expected;
      changes += change[i] * change[i];
      expectations += expected * expected;
    }
  }
  const har_real size = HAR_MATH(sqrt)(changes * expectations);
  *times = expectations > 0 ? together / expectations : 0;
  return size > 0 ? together / size : 0;
}

static bool has_other_axes(const har_stream *s, har_real present) {
  static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  har_real best = -1, times;
  for (int i = 0; i < 6; i++) {
    for (int signs = i ? 0 : 1; signs < 8; signs++) best = larger(best, correlation(s, orders[i], signs, &times));
  }
  return best > larger(HAR_AXES_LEAST, present + HAR_AXES_MARGIN);
}

/* Tell, once each, that the turns show other axes or another scale. */
static void judge_turns(har_stream *s) {
  static const int usual[3] = {0, 1, 2};
  har_real times;
  const har_real present = correlation(s, usual, 0, &times);
  const bool fits = present >= HAR_AXES_LEAST;
  if (fits) s->off_scale = times > HAR_AXES_SCALES_0 && times < HAR_AXES_SCALES_1 ? 0 : s->off_scale + 1;
  if (fits ? s->off_scale < HAR_AXES_OFF_SCALE : s->told_axes[0] || !has_other_axes(s, present)) return;
  if (!s->told_axes[fits]) {
    har_add_notice(s, s->start_us + s->n_raw * 1000000 / HAR_AXES_RATE_HZ, HAR_ROTATION_AXES, fits ? times : 0);
  }
  s->told_axes[fits] = true;
}

/* Add the slow turns of the recent samples, of which the first and last only help to smooth. */
static void add_turns(har_stream *s) {
  har_real smooth[HAR_AXES_SAMPLES][6] = {{0}}, squares[HAR_AXES_SAMPLES] = {0};
  for (int i = HAR_AXES_SIDE; i < 5 * HAR_AXES_SIDE; i++) {
    for (int k = 0; k < 6; k++) {
      for (int j = i - HAR_AXES_SIDE; j <= i + HAR_AXES_SIDE; j++) smooth[i][k] += s->recent[j][k] / (2 * HAR_AXES_SIDE + 1);
      const har_real beyond = s->recent[i][k] - smooth[i][k];
      if (k < 3) squares[i] += beyond * beyond;
    }
  }
  for (int i = 2 * HAR_AXES_SIDE; i < 4 * HAR_AXES_SIDE; i++) {
    har_real *turn = s->turns[s->n_turns], movement = 0;
    for (int j = i - HAR_AXES_SIDE; j <= i + HAR_AXES_SIDE; j++) movement += squares[j] / (2 * HAR_AXES_SIDE + 1);
    for (int k = 0; k < 3; k++) turn[k] = (smooth[i + 1][k] - smooth[i - 1][k]) / 2 * HAR_AXES_RATE_HZ;
    memcpy(turn + 3, smooth[i], sizeof smooth[i]);
    const har_real size = size_of(turn[0], turn[1], turn[2]);
    s->n_turns += size > HAR_AXES_TURNING_0 && size < HAR_AXES_TURNING_1 && movement < HAR_AXES_CALM_G * HAR_AXES_CALM_G;
  }
}

void har_check_axes(har_stream *s, const har_real sample[6]) {
  if (HAR_N_CHANNELS != 6 || HAR_RATE_MHZ != 1000 * HAR_AXES_RATE_HZ) return;
  memcpy(s->recent[s->n_recent++], sample, sizeof s->recent[0]);
  if (s->n_recent < HAR_AXES_SAMPLES) return;
  add_turns(s);
  s->n_recent -= 2 * HAR_AXES_SIDE;
  memmove(s->recent, s->recent + 2 * HAR_AXES_SIDE, (size_t)s->n_recent * sizeof s->recent[0]);
  if (s->n_turns < HAR_AXES_ENOUGH) return;
  judge_turns(s);
  s->n_turns = 0;
}
#endif
