/* From the samples of a sensor to the activity, by the model in har_model.h, without allocation or globals. */

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

/* One stream and its latest answer. It belongs to the caller; each sensor or thread has its own. */
typedef struct {
  int activity;                      /* a place in har_names, HAR_UNKNOWN for none */
  float probability;                 /* of the activity, smoothed over windows; 0 for unknown */
  har_reason reason;                 /* why it is unknown */
  bool warming_up;                   /* the filters have not settled since the first sample */
  float probabilities[HAR_N_LABELS]; /* of each label, smoothed over windows */

  /* Filters: the last two samples, the states of the sections, and how many signals they gave, up to the warm-up. */
  float before[6], last[6];
  float noise[6][HAR_N_NOISE][2][2], gravity[3][HAR_N_GRAVITY][2][2], drift[3][HAR_N_DRIFT][2][2];
  bool started;
  int age;

  /* The window: its next row, below 0 while signals are skipped, and the sum of body acceleration in its last hop. */
  int row;
  float movement;
  float window[HAR_SAMPLES * HAR_N_SIGNALS];

  /* Smoothing: the activity that began last, -1 for none, and whether it is certain since it was unknown. */
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

/* Begin: the next sample is the first, or the first after a gap. */
void har_reset(har_stream *s);

/* Take the next sample, 1 / HAR_RATE_HZ seconds after the last: acceleration with gravity in g, rotation in rad/s.
   True when a window is complete and `s` has its answer. What no sensor measures, as NaN, is left out. */
bool har_push(har_stream *s, float ax, float ay, float az, float gx, float gy, float gz);

#ifdef __cplusplus
}
#endif

#endif
