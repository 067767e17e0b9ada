/* Finds from walking how a device is worn, as edge_runtime/signals/mounting.py and live/mounting_search.py. */

#include "har_parts.h"

#if HAR_SEEKS_MOUNTING

#define N_KEPT ((size_t)(HAR_N_SIGNALS * (HAR_SAMPLES - HAR_FIRST_KEPT)))

static har_real dot(const har_real *a, const har_real *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void make_unit(har_real *v) {
  const har_real length = HAR_MATH(sqrt)(dot(v, v));
  for (int i = 0; i < 3 && length > HAR_R(1e-12); i++) v[i] /= length;
}

static HAR_VALUE *triad(har_stream *s, int row, int signal) { return s->window + HAR_N_SIGNALS * row + har_places[signal]; }

/* Sum the products of each axis with each axis of a later row, both less their means. */
static void add_products(har_stream *s, int first, int later, har_real lag, const har_real *means, har_real (*sums)[3]) {
  const int samples = lag < 1 ? 1 : nearest(lag);
  memset(sums, 0, 3 * sizeof *sums);
  for (int t = 0; t + samples < HAR_SAMPLES; t++) {
    const HAR_VALUE *a = triad(s, t, first), *b = triad(s, t + samples, later);
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 3; j++) sums[i][j] += ((har_real)a[i] - means[i]) * ((har_real)b[j] - means[3 + j]);
    }
  }
}

/* The unit vector that points back in a window, by the upright direction `up`. */
static void find_back(const har_motion *m, const har_real *up, har_real *back) {
  for (int j = 0; j < 3; j++) back[j] = m->pushes[0][j] * up[0] + m->pushes[1][j] * up[1] + m->pushes[2][j] * up[2];
  const har_real along = dot(back, up);
  for (int j = 0; j < 3; j++) back[j] -= along * up[j];
  make_unit(back);
}

/* The rotation whose rows are up, ahead and left, rounded, so that every machine has the same. */
static void make_frame(const har_real *up, const har_real *back, har_real (*frame)[3]) {
  har_real ahead[3] = {-back[0], -back[1], -back[2]};
  if (HAR_MATH(sqrt)(dot(ahead, ahead)) < HAR_R(1e-9)) { /* nothing moves: take the least upright axis */
    int least = 0;
    for (int i = 1; i < 3; i++) least = HAR_MATH(fabs)(up[i]) < HAR_MATH(fabs)(up[least]) ? i : least;
    for (int i = 0; i < 3; i++) ahead[i] = i == least;
  }
  const har_real along = dot(ahead, up);
  for (int i = 0; i < 3; i++) ahead[i] -= along * up[i];
  make_unit(ahead);
  for (int i = 0; i < 3; i++) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    frame[0][i] = up[i];
    frame[1][i] = ahead[i];
    frame[2][i] = up[j] * ahead[k] - up[k] * ahead[j];
    for (int row = 0; row < 3; row++) frame[row][i] = HAR_MATH(rint)(frame[row][i] * HAR_MILLIONTHS) / HAR_MILLIONTHS;
  }
}

/* Measure the motion of the window in the device's frame, and its own frame. */
static void measure_motion(har_stream *s) {
  static const har_real none[6];
  const int half = HAR_SAMPLES / 2;
  har_real up[3] = {0}, halves[2][3] = {{0}}, back[3], means[6] = {0}, squares = 0;
  for (int t = 0; t < HAR_SAMPLES; t++) {
    const HAR_VALUE *body = triad(s, t, BODY_ACC), *total = triad(s, t, TOTAL_ACC), *gyro = triad(s, t, BODY_GYRO);
    for (int i = 0; i < 3; i++) {
      up[i] += (har_real)total[i];
      if (t < half) halves[0][i] += (har_real)total[i];
      if (t >= HAR_SAMPLES - half) halves[1][i] += (har_real)total[i];
      squares += (har_real)body[i] * (har_real)body[i];
      means[3 + i] += (har_real)body[i] / (har_real)HAR_SAMPLES;
      if (HAR_TURNS_GYRO) means[i] += (har_real)gyro[i] / (har_real)HAR_SAMPLES;
    }
  }
  s->moves = squares / (har_real)HAR_SAMPLES > HAR_MOVING_G * HAR_MOVING_G;
  const bool runs = squares / (har_real)HAR_SAMPLES > HAR_RUNNING_G * HAR_RUNNING_G;
  for (int k = 0; k < 2; k++) make_unit(halves[k]);
  s->may_walk = s->moves && !runs && dot(halves[0], halves[1]) >= HAR_TIPPED;
  memset(&s->latest, 0, sizeof s->latest);
  for (int i = 0; i < 3; i++) s->latest.up[i] = up[i] / (har_real)HAR_SAMPLES;
  add_products(s, BODY_ACC, BODY_ACC, HAR_LAG_S * HAR_RATE_HZ, none, s->latest.pushes);
  if (HAR_TURNS_GYRO) add_products(s, BODY_GYRO, BODY_ACC, HAR_SWAY_LAG_S * HAR_RATE_HZ, means, s->latest.turns);
  memcpy(up, s->latest.up, sizeof up);
  make_unit(up);
  find_back(&s->latest, up, back);
  make_frame(up, back, s->own);
  memcpy(s->kept, s->window + HAR_N_SIGNALS * HAR_FIRST_KEPT, sizeof *s->kept * N_KEPT);
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) s->turned[i][j] = i == j;
  }
}

/* The unit vector with the least sum of distances to n directions (E. Weiszfeld, 1937). */
static void find_median(har_real (*directions)[3], int n, har_real *median) {
  memset(median, 0, 3 * sizeof *median);
  for (int k = 0; k < n; k++) {
    for (int i = 0; i < 3; i++) median[i] += directions[k][i] / (har_real)n;
  }
  make_unit(median);
  for (int step = 0; step < HAR_WEISZFELD_STEPS; step++) {
    har_real sum[3] = {0};
    for (int k = 0; k < n; k++) {
      const har_real *d = directions[k];
      const har_real apart = size_of(d[0] - median[0], d[1] - median[1], d[2] - median[2]);
      for (int i = 0; i < 3; i++) sum[i] += d[i] / larger(apart, HAR_NEAREST);
    }
    memcpy(median, sum, sizeof sum);
    make_unit(median);
  }
}

/* The walking frame of the latest walk, or of its windows of walking alone, and whether by its sway it points back. */
HAR_APART static bool find_frame(const har_stream *s, bool of_walking, har_real (*frame)[3]) {
  har_real up[3] = {0}, back[3], directions[HAR_WALK_WINDOWS][3], sway = 0;
  const har_motion *walk[HAR_WALK_WINDOWS];
  int n = 0;
  for (int k = 0; k < s->n_walk; k++) {
    if (s->walk[k].is_walking || !of_walking) walk[n++] = s->walk + k;
  }
  for (int k = 0; k < n; k++) {
    for (int i = 0; i < 3; i++) up[i] += walk[k]->up[i] / (har_real)n;
  }
  make_unit(up);
  for (int k = 0; k < n; k++) find_back(walk[k], up, directions[k]);
  find_median(directions, n, back);
  make_frame(up, back, frame);
  for (int k = 0; k < n; k++) {
    for (int i = 0; i < 3; i++) sway += frame[0][i] * dot(walk[k]->turns[i], frame[2]);
  }
  return sway > 0;
}

static void clear_walk(har_stream *s) { s->n_walk = s->place = s->n_windows = s->n_walking = 0; }

bool har_forget_mounting(har_stream *s) {
  const bool was_known = s->is_mounted;
  s->is_mounted = s->is_settled = false;
  s->n_turned_over = 0;
  clear_walk(s);
  return was_known;
}

/* The time from the first to the last sample of n windows, as if in a row. */
static har_real seconds(const har_stream *s, int n) {
  (void)s; /* a model that is compiled in is a constant */
  return n ? (har_real)(HAR_SAMPLES + (n - 1) * HAR_END) / HAR_RATE_HZ : 0;
}

/* Whether someone walks with a strongly tilted device, or keeps moving with a device turned over. */
static bool is_elsewhere(har_stream *s, bool is_walking) {
  const har_real upright = s->moves ? dot(s->own[0], s->rotation[0]) : 1;
  s->n_turned_over = upright < HAR_TURNED_OVER ? s->n_turned_over + 1 : 0;
  return (is_walking && upright < HAR_ELSEWHERE) || seconds(s, s->n_turned_over) >= HAR_WALK_S;
}

/* Whether the device has another tilt than in the walks so far. */
static bool is_tilted_anew(const har_stream *s) {
  har_real walked[3] = {0};
  for (int k = 0; k < s->n_walk; k++) {
    for (int i = 0; i < 3; i++) walked[i] += s->walk[k].up[i];
  }
  return dot(s->own[0], walked) < HAR_ELSEWHERE * HAR_MATH(sqrt)(dot(walked, walked));
}

/* Compute a frame from the walk, if it is long enough; stairs down point back, so a frame that does needs more. */
static bool find_frame_of_walk(const har_stream *s, har_real (*frame)[3]) {
  const har_real walked_s = seconds(s, s->n_windows);
  if (walked_s < HAR_WALK_S) return false;
  const bool sways_back = find_frame(s, false, frame);
  har_real least_s = sways_back ? HAR_REVERSED_S : HAR_WALK_S;
  if (s->is_mounted) {
    const bool points_back = dot(frame[1], s->rotation[1]) < 0, sways_ahead = HAR_TURNS_GYRO && !sways_back;
    least_s = !points_back ? HAR_WALK_S : sways_ahead ? HAR_CONTRADICTED_S : HAR_REVERSED_S;
  }
  return walked_s >= least_s;
}

/* Compute a frame from windows of walking or, for the first frame, if there are too few, from all of steps. */
static bool find_tentative_frame(const har_stream *s, har_real (*frame)[3]) {
  int n = 0;
  for (int k = 0; k < s->n_walk; k++) n += s->walk[k].is_walking;
  if (n < HAR_WALK_WINDOWS && seconds(s, n) < HAR_WALK_S) return !s->is_mounted && find_frame_of_walk(s, frame);
  find_frame(s, true, frame);
  return true;
}

/* Take the window into the search: it certainly shows steps or not, and walking or not. A first frame may come from
   several walks and from stairs; until it is settled, windows of walking replace it. */
static void follow_walk(har_stream *s, bool has_steps, bool is_walking) {
  har_real frame[3][3];
  if (s->is_mounted) has_steps = is_walking;
  if (!has_steps && s->is_settled) clear_walk(s);
  if (s->is_mounted && is_elsewhere(s, is_walking)) {
    har_forget_mounting(s);
    har_add_notice(s, s->window_us, HAR_MOUNTING_LOST, 0);
  }
  if (!has_steps) return;
  if (!s->is_settled && is_tilted_anew(s)) clear_walk(s);
  s->latest.is_walking = is_walking;
  s->walk[s->place] = s->latest;
  s->place = (s->place + 1) % HAR_WALK_WINDOWS;
  s->n_walk += s->n_walk < HAR_WALK_WINDOWS;
  s->n_windows++;
  s->n_walking += is_walking;
  if (!(s->is_settled ? find_frame_of_walk(s, frame) : find_tentative_frame(s, frame))) return;
  if (!s->is_mounted) har_add_notice(s, s->window_us, HAR_MOUNTING_FOUND, 0);
  memcpy(s->rotation, frame, sizeof frame);
  s->is_mounted = true;
  if (s->is_settled || seconds(s, s->n_walking) < HAR_SETTLED_S) return;
  s->is_settled = true;
  clear_walk(s);
}

/* Turn the window into its own frame or into the known frame; a board turns it on from the frame that it has. */
static void turn(har_stream *s, bool to_own) {
  har_real(*target)[3] = to_own ? s->own : s->rotation, r[3][3];
  if (!HAR_ON_BOARD) memcpy(s->window, s->kept, sizeof *s->kept * N_KEPT);
  for (int i = 0; i < 3; i++) {
    for (int j = 0; j < 3; j++) r[i][j] = HAR_ON_BOARD ? dot(target[i], s->turned[j]) : target[i][j];
  }
  memcpy(s->turned, target, sizeof s->turned);
  for (int signal = 0; signal < 9; signal += 3) {
    if (signal == BODY_GYRO && !HAR_TURNS_GYRO) continue;
    for (int t = 0; t < HAR_SAMPLES; t++) {
      HAR_VALUE *v = triad(s, t, signal);
      const har_real x = (har_real)v[0], y = (har_real)v[1], z = (har_real)v[2];
      for (int i = 0; i < 3; i++) v[i] = (HAR_VALUE)(r[i][0] * x + r[i][1] * y + r[i][2] * z);
    }
  }
}

/* Turn a complete window into the known frame, or else into its own frame. */
void har_turn_window(har_stream *s) {
  measure_motion(s);
  turn(s, !s->is_mounted);
}

static void search(har_stream *s, bool has_steps, bool is_walking) {
  const bool was_mounted = s->is_mounted;
  follow_walk(s, has_steps, is_walking);
  s->stage = was_mounted && !s->is_mounted ? ASKS_AGAIN : DECIDES;
  if (s->stage == ASKS_AGAIN) turn(s, true);
}

/* Whether the known frame comes from windows of walking, not of stairs. */
static bool is_by_walking(const har_stream *s) { return s->is_settled || seconds(s, s->n_walking) >= HAR_WALK_S; }

static bool can_be_walking(har_stream *s) {
  har_detect(s);
  return s->may_walk && !(s->flags[HAR_WALKING] & NOVEL_MOVEMENT) && !s->novelty.too_quick;
}

/* Know from an answer whether the window shows steps and walking, or ask for another in its own frame: the device may
   have moved since the frame was found, or the frame comes from stairs and may point back. */
void har_take_answer(har_stream *s) {
  const size_t n_bytes = sizeof *s->answer * (size_t)HAR_N_LABELS;
  if (!HAR_WALKING_FRAME) {
    s->stage = DECIDES;
    return;
  }
  har_real steps = 0;
  for (int i = 0; i < HAR_N_LABELS; i++) steps += har_steps[i] ? s->answer[i] : 0;
  const bool possible = can_be_walking(s);
  bool has_steps = possible && steps > HAR_SURE, is_walking = possible && s->answer[HAR_WALKING] > HAR_SURE;
  if (s->stage == TOLD_OWN) {
    memcpy(s->answer, s->first_answer, n_bytes);
    turn(s, false);
  } else if (s->is_mounted && s->may_walk && !(is_by_walking(s) && is_walking)) {
    turn(s, true);
    if (can_be_walking(s)) {
      memcpy(s->first_answer, s->answer, n_bytes);
      s->stage = ASKS_OWN;
      return;
    }
    turn(s, false);
    has_steps = is_walking = false;
  }
  search(s, has_steps, is_walking);
}

/* Return the rows of the window in the device's frame. */
const HAR_VALUE *har_rows(const har_stream *s, int row) { return s->kept + HAR_N_SIGNALS * (row - HAR_FIRST_KEPT); }

#else

void har_turn_window(har_stream *s) { (void)s; }
void har_take_answer(har_stream *s) { s->stage = DECIDES; }
bool har_forget_mounting(har_stream *s) { return s->is_mounted; }
const HAR_VALUE *har_rows(const har_stream *s, int row) { return s->window + HAR_N_SIGNALS * row; }

#endif
