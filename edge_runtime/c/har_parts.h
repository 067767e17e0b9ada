/* What the files of the recogniser share. */

#ifndef HAR_PARTS_H
#define HAR_PARTS_H

#include <math.h>
#include <string.h>

#include "har_stream.h"

#if defined(__FAST_MATH__) || __FINITE_MATH_ONLY__ + 0
#error "compile without -ffast-math and -ffinite-math-only: some samples are NaN"
#endif

#if defined(HAR_FLOAT)
#define HAR_MATH(function) function##f
#else
#define HAR_MATH(function) function
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off") /* a * b + c rounds twice, as in Python */
#endif
#endif

#if defined(__GNUC__)
#define HAR_APART __attribute__((noinline)) /* its arrays are not on the stack while the model runs */
#else
#define HAR_APART
#endif

#define HAR_PI HAR_R(3.14159265358979324)
#define HAR_RATE_HZ ((har_real)HAR_RATE_MHZ / 1000)
#define HAR_HOP_S ((har_real)HAR_HOP / HAR_RATE_HZ)

enum { BODY_ACC = 0, BODY_GYRO = 3, TOTAL_ACC = 6 }; /* signals in the order of edge_runtime/signals/frontend.py */

/* Functions of the library would take more flash and time. */
static inline har_real smaller(har_real a, har_real b) { return a < b ? a : b; }
static inline har_real larger(har_real a, har_real b) { return a > b ? a : b; }
static inline har_real size_of(har_real x, har_real y, har_real z) { return HAR_MATH(sqrt)(x * x + y * y + z * z); }

/* The whole number nearest to x, which is at least 0, ties to even. */
static inline int nearest(har_real x) {
  const int whole = (int)x;
  const har_real rest = 2 * (x - (har_real)whole);
  return whole + (rest > 1 || (rest == 1 && whole % 2));
}

/* Microseconds, or seconds, without functions for 64 bits, in which a board's amounts of years overflow. */
static inline har_real real_of(int64_t us) { return HAR_ON_BOARD ? (har_real)(int32_t)us : (har_real)us; }
static inline har_real seconds_of(int64_t us) { return HAR_ON_BOARD ? real_of(us >> 10) * HAR_R(1024e-6) : (har_real)us / HAR_R(1e6); }

/* A direction on a circle, of at most half a radian by its Taylor series, which every machine computes alike. */
typedef struct { har_real x, y; } direction;
static inline direction direction_of(har_real angle) {
  const har_real square = angle * angle;
  direction d = {1, 1};
  for (int n = 12; n > 0; n -= 2) {
    d.x = 1 - square / (har_real)(n * (n - 1)) * d.x;
    d.y = 1 - square / (har_real)(n * (n + 1)) * d.y;
  }
  d.y = angle * d.y;
  return d;
}
static inline direction turned_by(direction d, direction by) {
  return (direction){d.x * by.x - d.y * by.y, d.x * by.y + d.y * by.x};
}

#if !defined(HAR_TABLE) /* one of each file */
#define har_filter HAR_SET(har_filter)
#define har_take HAR_SET(har_take)
#define har_check_clock HAR_SET(har_check_clock)
#define har_turn_window HAR_SET(har_turn_window)
#define har_detect HAR_SET(har_detect)
#define har_correct HAR_SET(har_correct)
#endif

void har_add_notice(har_stream *s, int64_t us, har_kind kind, har_real amount);
void har_overflow(har_stream *s, int64_t us);

void har_start_filters(har_filters *f, const har_real sample[6]);
void har_filter(har_filters *f, const har_real sample[6], har_real signals[9]);

/* Nothing, a sample on the grid, or the begin of a stretch at `begin_us`, after `gap_us`. */
typedef enum { HAR_NONE, HAR_SAMPLE, HAR_BEGIN } har_step;
void har_take(har_stream *s, int64_t us, const har_real sample[6]);
void har_end(har_stream *s);
har_step har_resample(har_stream *s, har_real sample[6]);

void har_check_clock(har_stream *s, int64_t us);
void har_check_sensors(har_stream *s, int64_t us, const har_real sample[6]);
void har_check_axes(har_stream *s, const har_real sample[6]);

/* What becomes of a window: it waits for its answer; if that is not walking in a frame from walking, for another in its own
   frame, to know whether the device has moved or the frame is wrong; if it has moved, for the last time. */
enum { NO_WINDOW, ASKS, TOLD, ASKS_OWN, TOLD_OWN, ASKS_AGAIN, DECIDES };
void har_turn_window(har_stream *s);
void har_take_answer(har_stream *s);
bool har_forget_mounting(har_stream *s);
const HAR_VALUE *har_rows(const har_stream *s, int row);

enum { UNUSUAL_POSTURE = 1, NOVEL_POSTURE = 2, UNUSUAL_MOVEMENT = 4, NOVEL_MOVEMENT = 8, CANNOT_BEGIN = 16 };
static inline har_real har_value(const har_stream *s, int row, int signal) { /* in g or rad/s */
  const int place = har_places[signal];
  return (har_real)s->window[HAR_N_SIGNALS * row + place] * (HAR_IS_RAW ? har_factors[place] : 1);
}
har_real har_mean(const har_stream *s, int signal, int rows);
void har_find_steps(har_stream *s);
void har_detect(har_stream *s);
bool har_follow(har_stream *s, int label);

void har_correct(har_stream *s, float *logits);

#endif
