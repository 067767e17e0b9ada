/* Turns the samples of a sensor into activities, as har-edge's Python does; the modules named here have the reasons. */

#include "har_stream.h"

#include <math.h>
#include <string.h>

#define END (HAR_HOP < HAR_SAMPLES ? HAR_HOP : HAR_SAMPLES) /* rows of a window that were not in the window before */
#define HOP_S (HAR_HOP / HAR_RATE_HZ)
#define WARM_UP_S 12
#define MOST_G 100.0f /* more is not a measurement */
#define MOST_RAD_S 200.0f

/* Steps: a periodogram every 0.05 Hz, from 1.2 to 4 Hz (edge_runtime/signals/steps.py). */
#define PI 3.14159265f
#define GRID_HZ 0.05f
enum { SLOWEST = 24, FASTEST = 80, N_BEATS = FASTEST - SLOWEST + 1 };
#define LEAST_HALF 0.2f
#define MOVING_G 0.1f

/* Novelty (edge_runtime/model/novelty.py, edge_runtime/live/persistence.py). */
#define FLOOR 2e-3f /* g, rad/s */
#define STILL -2.85189f /* a body with a smaller logarithm of acceleration is at rest: MOVING_G / sqrt(3) */
#define PERSISTENCE_S 5.0f
#define STEADY_S 15.0f
#define REST_S 120.0f
#define STEADY 1.5f
#define ATYPICAL 0.9f
#define UNLIKE_S 2.5f
#define LONGEST_UNLIKE_S 10.0f

#define LEAST 1e-6f /* probability (edge_runtime/live/smoothing.py) */

#if defined(__GNUC__)
#define ON_ITS_OWN __attribute__((noinline)) /* its arrays are not on the stack while the model runs */
#else
#define ON_ITS_OWN
#endif

/* How a window compares with what is typical of each label; `unlike_all` is 1 at the nearest label's limit. */
typedef struct {
  bool unusual_posture[HAR_N_LABELS], novel_posture[HAR_N_LABELS];
  bool unusual_movement[HAR_N_LABELS], novel_movement[HAR_N_LABELS];
  bool at_rest;
  float unlike_all, rotation;
} novelty;

/* fminf and fmaxf would be function calls. */
static float smaller(float x, float y) { return x < y ? x : y; }
static float larger(float x, float y) { return x > y ? x : y; }

static int greatest(const float *x, int n) {
  int best = 0;
  for (int i = 1; i < n; i++) best = x[i] > x[best] ? i : best;
  return best;
}

static float length(float x, float y, float z) { return sqrtf(x * x + y * y + z * z); }

/* A direction on a circle; cosf, sinf and powf would take more flash than the rest of this file. */
typedef struct {
  float x, y;
} direction;

static direction at(float angle) { /* of at most half a radian */
  const float a = angle * angle;
  return (direction){1 - a / 2 * (1 - a / 12 * (1 - a / 30)), angle * (1 - a / 6 * (1 - a / 20 * (1 - a / 42)))};
}

static direction turned(direction d, direction by) {
  return (direction){d.x * by.x - d.y * by.y, d.x * by.y + d.y * by.x};
}

/* ---- Signals (edge_runtime/signals/frontend.py) ---- */

static float median(float a, float b, float c) { return larger(smaller(a, b), smaller(larger(a, b), c)); }

/* Add to a sum; its second number is what rounding has lost (W. Kahan, 1965). */
static void add(float sum[2], float x) {
  const float y = x + sum[1], total = sum[0] + y;
  sum[1] = y - (total - sum[0]);
  sum[0] = total;
}

/* Low-pass sections in powers of 1 / (z - 1), since float needs the distance of a pole from 1 to be exact near 1:
   b0 + b1 / (z - 1) + a2 / (z - 1)^2 over 1 + a1 / (z - 1) + a2 / (z - 1)^2. */
static float low_pass(const float (*sections)[4], int n, float (*state)[2][2], float x) {
  for (int i = 0; i < n; i++) {
    const float *c = sections[i], y = c[0] * x + state[i][0][0];
    add(state[i][0], c[1] * x - c[2] * y + state[i][1][0]);
    add(state[i][1], c[3] * (x - y));
    x = y;
  }
  return x;
}

/* Set the filter's state as if its input had always been x. */
static void settle(const float (*sections)[4], int n, float (*state)[2][2], float x) {
  for (int i = 0; i < n; i++) {
    state[i][0][0] = (1 - sections[i][0]) * x;
    state[i][1][0] = (sections[i][2] - sections[i][1]) * x;
  }
}

/* Return body_acc, body_gyro and total_acc of the sample before this sample, since the median looks ahead. */
static void filter(har_stream *s, const float sample[6], float signals[9]) {
  for (int i = 0; i < 6; i++) {
    const float clean = low_pass(har_noise, HAR_N_NOISE, s->noise[i], median(s->before[i], s->last[i], sample[i]));
    const float low = i < 3 ? low_pass(har_gravity, HAR_N_GRAVITY, s->gravity[i], clean)
                            : low_pass(har_drift, HAR_N_DRIFT, s->drift[i - 3], clean);
    signals[i] = clean - low;
    if (i < 3) signals[6 + i] = clean;
    s->before[i] = s->last[i];
    s->last[i] = sample[i];
  }
}

/* ---- Novelty ---- */

/* The mean of a column in the last hop. */
static float mean(const har_stream *s, int column) {
  float sum = 0;
  for (int t = HAR_SAMPLES - END; t < HAR_SAMPLES; t++) sum += s->window[HAR_N_SIGNALS * t + column];
  return sum / END;
}

/* The mean of the standard deviations of three columns in the last hop. */
static float spread(const har_stream *s, const int columns[3]) {
  float sum = 0;
  for (int axis = 0; axis < 3; axis++) {
    const float middle = mean(s, columns[axis]);
    float squares = 0;
    for (int t = HAR_SAMPLES - END; t < HAR_SAMPLES; t++) {
      const float x = s->window[HAR_N_SIGNALS * t + columns[axis]] - middle;
      squares += x * x;
    }
    sum += sqrtf(squares / END);
  }
  return sum / 3;
}

/* Steps per second in the window: the strongest beat of acceleration's size, or half of it; 0 if nobody moves. */
ON_ITS_OWN static float step_frequency(const har_stream *s) {
  float sizes[HAR_SAMPLES], power[N_BEATS], middle = 0, squares = 0;
  const direction step = at(2 * PI / (HAR_SAMPLES - 1));
  direction hann = {1, 0};
  for (int t = 0; t < HAR_SAMPLES; t++) {
    const float *row = s->window + HAR_N_SIGNALS * t;
    sizes[t] = length(row[har_total_acc[0]], row[har_total_acc[1]], row[har_total_acc[2]]);
    middle += sizes[t] / HAR_SAMPLES;
  }
  for (int t = 0; t < HAR_SAMPLES; t++) {
    sizes[t] -= middle;
    squares += sizes[t] * sizes[t];
    sizes[t] *= 0.5f - 0.5f * hann.x;
    hann = turned(hann, step);
  }
  if (sqrtf(squares / HAR_SAMPLES) < MOVING_G) return 0;
  for (int i = 0; i < N_BEATS; i++) {
    const direction step_of_beat = at(2 * PI * GRID_HZ / HAR_RATE_HZ * (SLOWEST + i));
    direction beat = {1, 0};
    float along = 0, across = 0;
    for (int t = 0; t < HAR_SAMPLES; t++) {
      along += sizes[t] * beat.x;
      across += sizes[t] * beat.y;
      beat = turned(beat, step_of_beat);
    }
    power[i] = along * along + across * across;
  }
  const int strongest = greatest(power, N_BEATS), half = (strongest + SLOWEST) / 2 - SLOWEST;
  const bool twice = half >= 0 && power[half] > LEAST_HALF * power[strongest];
  return GRID_HZ * (SLOWEST + (twice ? half : strongest));
}

/* Compare a window, whose last hop has this mean acceleration, with what is typical of each label. */
static novelty detect(const har_stream *s, const float acceleration[3]) {
  novelty result;
  const float across = length(acceleration[1], acceleration[2], 0);
  const float rotation = HAR_N_MOVEMENT > 1 ? spread(s, har_body_gyro) : 0;
  const float moved[2] = {logf(spread(s, har_total_acc) + FLOOR), logf(rotation + FLOOR)};
  result.rotation = rotation;
  result.at_rest = rotation < HAR_REST_RAD_S;
  float of_moving = INFINITY; /* of the nearest label that moves */
  result.unlike_all = INFINITY;
  for (int i = 0; i < HAR_N_LABELS; i++) {
    float nearest = INFINITY, squared = 0;
    for (int j = 0; j < HAR_N_CENTRES; j++) {
      nearest = smaller(nearest, length(acceleration[0] - har_centres[i][j][0], across - har_centres[i][j][1], 0));
    }
    result.unusual_posture[i] = nearest > har_posture_limits[i][0];
    result.novel_posture[i] = nearest > har_posture_limits[i][1];
    for (int j = 0; j < HAR_N_MOVEMENT; j++) {
      for (int k = 0; k < HAR_N_MOVEMENT; k++) {
        squared += (moved[j] - har_means[i][j]) * har_precisions[i][j][k] * (moved[k] - har_means[i][k]);
      }
    }
    const float distance = sqrtf(squared), unusual = distance / har_movement_limits[i][0];
    result.unusual_movement[i] = unusual > 1;
    if (har_means[i][0] >= STILL) of_moving = smaller(of_moving, unusual);
    result.novel_movement[i] = distance > har_movement_limits[i][1];
    result.unlike_all = smaller(result.unlike_all, unusual);
  }
  for (int i = 0; i < HAR_N_LABELS; i++) {
    if (har_means[i][0] >= STILL) result.unusual_movement[i] = of_moving > 1;
  }
  const float beyond = larger(step_frequency(s) - HAR_MOST_STEPS_HZ, 0) / HAR_UNUSUAL_STEPS_HZ;
  result.unlike_all = larger(result.unlike_all, beyond);
  return result;
}

/* Whether the device is not worn: at rest, and either as steady as a sensor's noise or for a long time. */
static bool rests(har_stream *s, const novelty *result) {
  const int steady = (int)ceilf(STEADY_S / HOP_S), most = (int)ceilf(REST_S / HOP_S);
  s->n_at_rest = !result->at_rest ? 0 : s->n_at_rest < most ? s->n_at_rest + 1 : most;
  if (s->n_steady < steady || !result->at_rest) {
    s->least_rotation = smaller(s->least_rotation, result->rotation);
    s->greatest_rotation = larger(s->greatest_rotation, result->rotation);
    if (!result->at_rest || s->n_steady == 0 || s->greatest_rotation > STEADY * s->least_rotation) {
      s->n_steady = 0;
      s->least_rotation = s->greatest_rotation = result->rotation;
    }
    s->n_steady += result->at_rest;
  }
  return s->n_steady >= steady || s->n_at_rest >= most;
}

/* Follow how long novelty lasts, mark the labels that cannot begin now, and rule out all after long unlike movement.
   Returns true if the device is not worn. */
static bool follow(har_stream *s, int label, novelty *result, bool cannot_begin[HAR_N_LABELS]) {
  const int enough = (int)ceilf(PERSISTENCE_S / HOP_S);
  const float evidence = (smaller(result->unlike_all, 1) - ATYPICAL) / (1 - ATYPICAL);
  s->n_label = label != s->label ? 1 : s->n_label < enough ? s->n_label + 1 : enough;
  s->label = label;
  s->unlike_s = smaller(larger(s->unlike_s + HOP_S * evidence, 0), LONGEST_UNLIKE_S);
  for (int i = 0; i < HAR_N_LABELS; i++) {
    const bool accepted = i == label && s->n_label >= enough;
    const bool unusual = result->unusual_movement[i] || (result->unusual_posture[i] && !accepted);
    cannot_begin[i] = unusual || s->unlike_s > UNLIKE_S;
    result->novel_movement[i] |= s->unlike_s >= PERSISTENCE_S;
  }
  return rests(s, result);
}

/* ---- Decisions (edge_runtime/live/decider.py) ---- */

/* Run the forward filter of a hidden Markov model (edge_runtime/live/smoothing.py). */
static void smooth(har_stream *s, const float answer[HAR_N_LABELS], const bool cannot_begin[HAR_N_LABELS]) {
  const float change = s->movement / END > HAR_BODY_MOVES_G ? HAR_CHANGE_MOVING : HAR_CHANGE_STILL;
  float *p = s->probabilities, sum = 0;
  for (int i = 0; i < HAR_N_LABELS; i++) p[i] = (1 - change) * p[i] + change * (1 - p[i]) / (HAR_N_LABELS - 1);
  if (!cannot_begin[greatest(answer, HAR_N_LABELS)]) {
    for (int i = 0; i < HAR_N_LABELS; i++) sum += p[i] *= expf(HAR_EVIDENCE * logf(larger(answer[i], LEAST)));
    for (int i = 0; i < HAR_N_LABELS; i++) p[i] /= sum;
  }
  const int likeliest = greatest(p, HAR_N_LABELS);
  if (p[likeliest] >= HAR_CONFIDENCE && !cannot_begin[likeliest]) s->current = likeliest;
}

/* Whether a device with this mean acceleration is tilted backwards (edge_runtime/model/alike_labels.py). */
static bool leans_back(const float acceleration[3]) {
  const float level = length(acceleration[1], acceleration[2], 0), size = length(acceleration[0], level, 0);
  return acceleration[0] < 0.70710678f * size && acceleration[1] > 0.5f * level; /* cosines of 45 and 60 degrees */
}

static void decide(har_stream *s) {
  float answer[HAR_N_LABELS], acceleration[3], sum = 0;
  bool cannot_begin[HAR_N_LABELS];
  HAR_PREDICT(s->window, answer);
  const float highest = answer[greatest(answer, HAR_N_LABELS)];
  for (int i = 0; i < HAR_N_LABELS; i++) sum += answer[i] = expf((answer[i] - highest) / HAR_TEMPERATURE);
  for (int i = 0; i < HAR_N_LABELS; i++) answer[i] /= sum;

  for (int axis = 0; axis < 3; axis++) acceleration[axis] = mean(s, har_total_acc[axis]);
  novelty result = detect(s, acceleration);
  const bool not_worn = follow(s, greatest(answer, HAR_N_LABELS), &result, cannot_begin);
  smooth(s, answer, cannot_begin);

  const int i = s->current;
  s->reason = HAR_KNOWN;
  if (not_worn) s->reason = HAR_NOT_WORN;
  else if (i >= 0 && result.novel_posture[i]) s->reason = HAR_POSTURE;
  else if (i >= 0 && result.novel_movement[i]) s->reason = HAR_MOVEMENT;
  const bool probable = i >= 0 && s->probabilities[i] >= HAR_CONFIDENCE;
  s->certain = s->reason == HAR_KNOWN && (s->certain || probable);
  if (s->reason == HAR_KNOWN && !s->certain) s->reason = HAR_UNCERTAIN;

  const bool leans = leans_back(acceleration);
  s->activity = !s->certain ? HAR_UNKNOWN : leans ? har_tilted[i] : i;
  s->probability = 0;
  for (int j = 0; j < HAR_N_LABELS; j++) {
    if ((leans ? har_tilted[j] : j) == s->activity) s->probability += s->probabilities[j];
  }
}

void har_reset(har_stream *s) {
  memset(s, 0, sizeof *s);
  s->activity = HAR_UNKNOWN;
  s->reason = HAR_UNCERTAIN;
  s->warming_up = true;
  s->current = s->label = -1;
  for (int i = 0; i < HAR_N_LABELS; i++) s->probabilities[i] = 1.0f / HAR_N_LABELS;
}

bool har_push(har_stream *s, float ax, float ay, float az, float gx, float gy, float gz) {
  const float sample[6] = {ax, ay, az, gx, gy, gz};
  float signals[9];
  for (int i = 0; i < 6; i++) {
    if (!(fabsf(sample[i]) <= (i < 3 ? MOST_G : MOST_RAD_S))) return false;
  }
  if (!s->started) {
    s->started = true;
    memcpy(s->last, sample, sizeof s->last);
    for (int i = 0; i < 3; i++) { /* as if this acceleration had always been there, without rotation */
      s->before[i] = sample[i];
      settle(har_noise, HAR_N_NOISE, s->noise[i], sample[i]);
      settle(har_gravity, HAR_N_GRAVITY, s->gravity[i], sample[i]);
    }
    return false;
  }
  filter(s, sample, signals);
  s->warming_up = s->age < WARM_UP_S * HAR_RATE_HZ;
  s->age += s->warming_up;
  if (s->row >= 0) {
    float *row = s->window + HAR_N_SIGNALS * s->row;
    for (int i = 0; i < HAR_N_SIGNALS; i++) row[i] = signals[har_columns[i]];
  }
  if (s->row >= HAR_SAMPLES - END) s->movement += length(signals[0], signals[1], signals[2]);
  if (++s->row < HAR_SAMPLES) return false;

  decide(s);
  memmove(s->window, s->window + HAR_N_SIGNALS * END, HAR_N_SIGNALS * (HAR_SAMPLES - END) * sizeof(float));
  s->row = HAR_SAMPLES - HAR_HOP; /* negative if there are gaps between windows */
  s->movement = 0;
  return true;
}
