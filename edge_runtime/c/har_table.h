/* The numbers of a model that comes at run time, written by `python -m tools.c_rules`. */

#ifndef HAR_TABLE_H
#define HAR_TABLE_H

#include "har_rules.h"

typedef struct {
  int samples;
  int hop;
  int n_signals;
  int n_labels;
  int unknown;
  int rate_mhz;
  int is_raw;
  int walking_frame;
  int n_channels;
  int turns_gyro;
  int looks_up;
  int walking;
  int n_centres;
  int n_movement;
  int n_moving;
  har_real temperature;
  har_real evidence;
  har_real confidence;
  har_real change_still;
  har_real change_moving;
  har_real body_moves_g;
  har_real rest_rad_s;
  har_real most_steps_hz;
  har_real unusual_steps_hz;
  const int *columns;
  const int *places;
  const int *tilted;
  const int *still;
  const int *moving;
  const har_real *factors;
  const har_real *centres;
  const har_real *means;
  const har_real *precisions;
  const har_real *posture_limits;
  const har_real *movement_limits;
  const har_real *middle;
  const har_real *weights;
  const har_real *lowest;
  const har_real *highest;
} har_model;

#define HAR_SAMPLES (s->model->samples)
#define HAR_HOP (s->model->hop)
#define HAR_N_SIGNALS (s->model->n_signals)
#define HAR_N_LABELS (s->model->n_labels)
#define HAR_UNKNOWN (s->model->unknown)
#define HAR_RATE_MHZ (s->model->rate_mhz)
#define HAR_IS_RAW (s->model->is_raw)
#define HAR_WALKING_FRAME (s->model->walking_frame)
#define HAR_N_CHANNELS (s->model->n_channels)
#define HAR_TURNS_GYRO (s->model->turns_gyro)
#define HAR_LOOKS_UP (s->model->looks_up)
#define HAR_WALKING (s->model->walking)
#define HAR_N_CENTRES (s->model->n_centres)
#define HAR_N_MOVEMENT (s->model->n_movement)
#define HAR_N_MOVING (s->model->n_moving)
#define HAR_TEMPERATURE (s->model->temperature)
#define HAR_EVIDENCE (s->model->evidence)
#define HAR_CONFIDENCE (s->model->confidence)
#define HAR_CHANGE_STILL (s->model->change_still)
#define HAR_CHANGE_MOVING (s->model->change_moving)
#define HAR_BODY_MOVES_G (s->model->body_moves_g)
#define HAR_REST_RAD_S (s->model->rest_rad_s)
#define HAR_MOST_STEPS_HZ (s->model->most_steps_hz)
#define HAR_UNUSUAL_STEPS_HZ (s->model->unusual_steps_hz)
#define har_columns (s->model->columns)
#define har_places (s->model->places)
#define har_tilted (s->model->tilted)
#define har_still (s->model->still)
#define har_moving (s->model->moving)
#define har_factors (s->model->factors)
#define har_centres (s->model->centres)
#define har_means (s->model->means)
#define har_precisions (s->model->precisions)
#define har_posture_limits (s->model->posture_limits)
#define har_movement_limits (s->model->movement_limits)
#define har_middle (s->model->middle)
#define har_weights (s->model->weights)
#define har_lowest (s->model->lowest)
#define har_highest (s->model->highest)

#endif
