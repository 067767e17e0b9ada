/* Turns the samples of a sensor into activities with the model in har_model.h, without allocation or globals. */

#ifndef HAR_STREAM_H
#define HAR_STREAM_H

#include <stdbool.h>

#include "har_model.h"

typedef enum {
  HAR_KNOWN,
  HAR_UNCERTAIN, /* no activity is certain yet */
  HAR_NOT_WORN,  /* the device is lying still */
  HAR_POSTURE,   /* the orientation is not typical of the activity */
  HAR_MOVEMENT   /* the movement is not typical of the activity */
} har_reason;

/* One stream and its latest answer. It belongs to the caller; use another for each sensor or thread. */
typedef struct {
  int activity;                      /* an index of har_names; HAR_UNKNOWN if unknown */
  float probability;                 /* of the activity, smoothed over windows; 0 for unknown */
  har_reason reason;                 /* why it is unknown */
  bool warming_up;                   /* the filters have not settled since the first sample */
  float probabilities[HAR_N_LABELS]; /* of each label, smoothed over windows */

  /* Filters: the last two samples, the states of the sections, and how many signals came out, up to the warm-up. */
  float before[6], last[6];
  float noise[6][HAR_N_NOISE][2][2], gravity[3][HAR_N_GRAVITY][2][2], drift[3][HAR_N_DRIFT][2][2];
  bool started;
  int age;

  /* The window: its next row, below 0 while signals are skipped, and the sum of body acceleration in its last hop. */
  int row;
  float movement;
  float window[HAR_SAMPLES * HAR_N_SIGNALS];

  /* Smoothing: the activity that began last, -1 for none, and whether it has been certain since it was unknown. */
  int current;
  bool certain;

  /* Novelty: windows in a row with the same answer, and at rest; seconds of movement unlike every activity. */
  int label, n_label, n_at_rest, n_steady;
  float least_rotation, greatest_rotation;
  float unlike_s;
} har_stream;

#ifdef __cplusplus
extern "C" {
#endif

/* Start again: the next sample is the first, or the first after a gap. */
void har_reset(har_stream *s);

/* Take the next sample, 1 / HAR_RATE_HZ seconds after the last: acceleration with gravity in g, rotation in rad/s.
   Returns true when a window is complete and `s` has its answer. Leaves out what no sensor measures, like NaN. */
bool har_push(har_stream *s, float ax, float ay, float az, float gx, float gy, float gz);

#ifdef __cplusplus
}
#endif

#endif
