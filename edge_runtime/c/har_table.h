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
  int sitting;
  int laying;
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
  har_real ahead_x;
  har_real ahead_y;
  har_real ahead_z;
  const int *columns;
  const int *places;
  const int *tilted;
  const int *still;
  const int *moving;
  const int *steps;
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

/* Read a model from whole numbers and from real numbers, in this order, with the lengths of the tables. */
static inline void har_read_model(har_model *m, const int *whole, const har_real *real, const int *lengths) {
  m->samples = *whole++;
  m->hop = *whole++;
  m->n_signals = *whole++;
  m->n_labels = *whole++;
  m->unknown = *whole++;
  m->rate_mhz = *whole++;
  m->is_raw = *whole++;
  m->walking_frame = *whole++;
  m->n_channels = *whole++;
  m->turns_gyro = *whole++;
  m->looks_up = *whole++;
  m->walking = *whole++;
  m->sitting = *whole++;
  m->laying = *whole++;
  m->n_centres = *whole++;
  m->n_movement = *whole++;
  m->n_moving = *whole++;
  m->columns = whole, whole += *lengths++;
  m->places = whole, whole += *lengths++;
  m->tilted = whole, whole += *lengths++;
  m->still = whole, whole += *lengths++;
  m->moving = whole, whole += *lengths++;
  m->steps = whole, whole += *lengths++;
  m->temperature = *real++;
  m->evidence = *real++;
  m->confidence = *real++;
  m->change_still = *real++;
  m->change_moving = *real++;
  m->body_moves_g = *real++;
  m->rest_rad_s = *real++;
  m->most_steps_hz = *real++;
  m->unusual_steps_hz = *real++;
  m->ahead_x = *real++;
  m->ahead_y = *real++;
  m->ahead_z = *real++;
  m->factors = real, real += *lengths++;
  m->centres = real, real += *lengths++;
  m->means = real, real += *lengths++;
  m->precisions = real, real += *lengths++;
  m->posture_limits = real, real += *lengths++;
  m->movement_limits = real, real += *lengths++;
  m->middle = real, real += *lengths++;
  m->weights = real, real += *lengths++;
  m->lowest = real, real += *lengths++;
  m->highest = real, real += *lengths++;
}

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
#define HAR_SITTING (s->model->sitting)
#define HAR_LAYING (s->model->laying)
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
#define HAR_AHEAD_X (s->model->ahead_x)
#define HAR_AHEAD_Y (s->model->ahead_y)
#define HAR_AHEAD_Z (s->model->ahead_z)
#define har_columns (s->model->columns)
#define har_places (s->model->places)
#define har_tilted (s->model->tilted)
#define har_still (s->model->still)
#define har_moving (s->model->moving)
#define har_steps (s->model->steps)
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
