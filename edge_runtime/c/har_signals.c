/* Filters samples into signals, as edge_runtime/signals/frontend.py. */

#include "har_parts.h"

static har_real median(har_real a, har_real b, har_real c) { return larger(smaller(a, b), smaller(larger(a, b), c)); }

/* Sections in transposed direct form II, with the order of operations of SciPy's sosfilt. */
static const har_real noise[][6] = HAR_NOISE, noise_settled[][2] = HAR_NOISE_SETTLED;

static har_real sections_of(const har_real (*sections)[6], int n, har_real (*state)[2], har_real x) {
  for (int i = 0; i < n; i++) {
    const har_real *c = sections[i], y = c[0] * x + state[i][0];
    state[i][0] = c[1] * x - c[4] * y + state[i][1];
    state[i][1] = c[2] * x - c[5] * y;
    x = y;
  }
  return x;
}

/* Set the state that an endless input of x leaves. */
static void settle(const har_real (*settled)[2], int n, har_real (*state)[2], har_real x) {
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 2; k++) state[i][k] = settled[i][k] * x;
  }
}

#if defined(HAR_FLOAT)
/* In powers of 1 / (z - 1), since float needs the distance of a pole from 1 to be exact near 1:
   b0 + b1 / (z - 1) + a2 / (z - 1)^2 over 1 + a1 / (z - 1) + a2 / (z - 1)^2. */
static const har_real gravity[][4] = HAR_GRAVITY_DELTA, drift[][4] = HAR_DRIFT_DELTA;

/* Add to a sum; its second number is what rounding has lost (W. Kahan, 1965). */
static void add(har_real sum[2], har_real x) {
  const har_real y = x + sum[1], total = sum[0] + y;
  sum[1] = y - (total - sum[0]);
  sum[0] = total;
}

static har_real low_pass(const har_real (*sections)[4], int n, har_state *state, har_real x) {
  for (int i = 0; i < n; i++) {
    const har_real *c = sections[i], y = c[0] * x + state[i][0][0];
    add(state[i][0], c[1] * x - c[2] * y + state[i][1][0]);
    add(state[i][1], c[3] * (x - y));
    x = y;
  }
  return x;
}

static har_real gravity_of(har_state *state, har_real x) { return low_pass(gravity, HAR_N_GRAVITY, state, x); }
static har_real drift_of(har_state *state, har_real x) { return low_pass(drift, HAR_N_DRIFT, state, x); }

static void settle_gravity(har_state *state, har_real x) {
  for (int i = 0; i < HAR_N_GRAVITY; i++) {
    state[i][0][0] = (1 - gravity[i][0]) * x;
    state[i][1][0] = (gravity[i][2] - gravity[i][1]) * x;
  }
}
#else
static const har_real gravity[][6] = HAR_GRAVITY, gravity_settled[][2] = HAR_GRAVITY_SETTLED, drift[][6] = HAR_DRIFT;

static har_real gravity_of(har_state *state, har_real x) { return sections_of(gravity, HAR_N_GRAVITY, state, x); }
static void settle_gravity(har_state *state, har_real x) { settle(gravity_settled, HAR_N_GRAVITY, state, x); }

static har_real drift_of(har_state *state, har_real x) { /* in the order of SciPy's lfilter */
  const har_real *c = drift[0], y = state[0][0] + c[0] * x;
  state[0][0] = state[0][1] + c[1] * x - c[4] * y;
  state[0][1] = c[2] * x - c[5] * y;
  return y;
}
#endif

/* Start with a sample, as if its acceleration had always been there, without rotation. */
void har_start_filters(har_filters *f, const har_real sample[6]) {
  memset(f, 0, sizeof *f);
  f->started = true;
  for (int i = 0; i < 6; i++) {
    f->last[i] = sample[i] + 0; /* -0 becomes 0 */
    if (i >= 3) continue;
    f->before[i] = f->last[i];
    settle(noise_settled, HAR_N_NOISE, f->noise[i], f->last[i]);
    settle_gravity(f->gravity[i], f->last[i]);
  }
}

/* Compute body_acc, body_gyro and total_acc of the sample before this sample, since the median looks ahead. */
void har_filter(har_filters *f, const har_real sample[6], har_real signals[9]) {
  for (int i = 0; i < 6; i++) {
    const har_real middle = median(f->before[i], f->last[i], sample[i] + 0);
    const har_real clean = sections_of(noise, HAR_N_NOISE, f->noise[i], middle);
    if (i < 3) {
      signals[BODY_ACC + i] = clean - gravity_of(f->gravity[i], clean);
      signals[TOTAL_ACC + i] = clean;
    } else {
      signals[i] = clean - drift_of(f->drift[i - 3], clean);
    }
    f->before[i] = f->last[i];
    f->last[i] = sample[i] + 0;
  }
}
