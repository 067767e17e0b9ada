/* Turns the samples of a sensor into activities, without allocation or globals. Push a sample, then ask what is next, until
   it is HAR_NOTHING. Call the functions of a stream from one thread, not from interrupts. */

#ifndef HAR_STREAM_H
#define HAR_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "har_rules.h"

#if defined(HAR_TABLE) /* the model is a table that comes at run time, and its host infers */
#include "har_table.h"
#define HAR_VALUE float
#define HAR_ARRAY(type, name, n) type *name
#define HAR_SCRATCH(name) *name = s->scratch
#else
#include "har_model.h"
#define HAR_ARRAY(type, name, n) type name[n]
#define HAR_SCRATCH(name) name[HAR_SAMPLES]
#endif

/* The rate of the sensor, or of the fastest sensor of a host. At the model's rate, samples are not resampled: they must
   be evenly spaced. */
#if defined(HAR_SENSOR_HZ)
#define HAR_STATED_HZ HAR_SENSOR_HZ
#else
#define HAR_STATED_HZ 0 /* unknown */
#if defined(HAR_TABLE)
#define HAR_SENSOR_HZ 1000
#else
#define HAR_SENSOR_HZ 250
#endif
#endif

#if !defined(HAR_TABLE) && HAR_SENSOR_HZ != 0 && (HAR_SENSOR_HZ < 20 || HAR_SENSOR_HZ > 500)
#error "HAR_SENSOR_HZ is 20 to 500"
#endif

/* A board saves memory: it takes the rate of the sensor as known, turns windows in place, and knows the sensor's axes. */
#if defined(HAR_TABLE)
#define HAR_RESAMPLES 1
#define HAR_MOST_FACTOR HAR_MOST_TIMES_FASTER
#define HAR_SEEKS_MOUNTING 1
#else
#define HAR_RESAMPLES (HAR_SENSOR_HZ != 0 && 1000 * HAR_SENSOR_HZ != HAR_RATE_MHZ)
#define HAR_MOST_FACTOR (2000 * HAR_SENSOR_HZ / HAR_RATE_MHZ < 5 ? 2 : (2000 * HAR_SENSOR_HZ / HAR_RATE_MHZ + 1) / 2)
#define HAR_SEEKS_MOUNTING HAR_WALKING_FRAME
#endif
#if defined(HAR_FLOAT) && !defined(HAR_TABLE)
#define HAR_ON_BOARD 1
#define HAR_MOST_LOOK 1
#else
#define HAR_ON_BOARD 0
#define HAR_MOST_LOOK (HAR_LOOK_US / 1000 * HAR_SENSOR_HZ / 1000 + 2)
#endif
#define HAR_MOST_WAITING (HAR_WAIT_US / 1000 * HAR_SENSOR_HZ / 1000 + 2)
#define HAR_QUEUE (HAR_MOST_WAITING + HAR_SET_BACK_SAMPLES)
#define HAR_AXES_SAMPLES (6 * HAR_AXES_SIDE)
#define HAR_END (HAR_HOP < HAR_SAMPLES ? HAR_HOP : HAR_SAMPLES) /* rows of a window that were not in the window before */
#define HAR_FIRST_KEPT (HAR_ON_BOARD ? HAR_END : 0)

typedef enum {
  HAR_NOTHING,  /* push the next sample */
  HAR_DECISION, /* about a window: `activity`, or the `reason` why it is unknown, and `probabilities` */
  HAR_NOTICE,   /* of a fault, or of how the device is worn: `kind` and `amount` */
  HAR_WINDOW    /* with HAR_TABLE: infer from `window`, and call har_answer */
} har_event;

typedef enum {
  HAR_KNOWN,
  HAR_UNCERTAIN,       /* no activity is certain yet */
  HAR_NOT_WORN,        /* the device is lying still */
  HAR_POSTURE,         /* the orientation is not typical of the activity */
  HAR_MOVEMENT,        /* the movement is not typical of the activity */
  HAR_FAULTY,          /* a sensor always gives the same values, or its unit is wrong */
  HAR_UNKNOWN_MOUNTING /* nobody has walked since the device was put on */
} har_reason;
static const char *const har_reasons[] = {
    "", "no activity is certain", "not worn", "untypical orientation", "untypical movement", "a sensor is stuck, or its unit is wrong", "walk a few steps"};

typedef enum { /* kinds of notices, with their amounts; the first ones are faults of a sensor that last for seconds */
  HAR_RATE,           /* samples a second: too few, or not HAR_SENSOR_HZ */
  HAR_UNITS,          /* the mean size of acceleration, which is not in g */
  HAR_ROTATION_UNITS, /* the mean size of rotation, which is not in rad/s */
  HAR_CONSTANT,       /* the accelerometer (0), the gyroscope (1) or both (2) are stuck */
  HAR_SATURATED,      /* the limit of a range, which is too small */
  HAR_INVALID,        /* a sample that no sensor measures was left out */
  HAR_GAP,            /* seconds without samples */
  HAR_CLOCK,          /* seconds that the clock went back; below 0, ahead; 0: samples come at once */
  HAR_ROTATION_AXES,  /* the gyroscope has other axes (0), or gravity turns so many times as fast as it says */
  HAR_MOUNTING_FOUND,
  HAR_MOUNTING_LOST,
  HAR_AXES,     /* the axis that points up in place of x: 2, 3, or below 0; 1: x does, but the device faces backwards */
  HAR_OVERFLOW, /* samples are left out until har_next returns HAR_NOTHING */
  HAR_N_FAULTS = HAR_INVALID
} har_kind;
static const char *const har_kinds[] = {
    "rate", "units", "rotation units", "stuck sensor", "too small a range", "invalid sample", "gap", "clock", "rotation axes",
    "mounting found", "mounting lost", "axes", "overflow"};

typedef struct { int64_t us; har_kind kind; har_real amount; } har_notice;
typedef struct { int64_t us; har_real values[6]; } har_timed;

#if defined(HAR_FLOAT)
typedef har_real har_state[2][2]; /* with what rounding has lost */
#else
typedef har_real har_state[2];
#endif
typedef struct {
  bool started;
  har_real before[6], last[6];
  har_real noise[6][HAR_N_NOISE][2];
  har_state gravity[3][HAR_N_GRAVITY], drift[3][HAR_N_DRIFT];
} har_filters;

typedef struct {
  int factor, place, n_missing;
  bool started;
  har_real last[6], ring[2 * HAR_HALF * HAR_MOST_FACTOR + 1][6];
  har_real weights[HAR_HALF * HAR_MOST_FACTOR + 1]; /* from the middle on */
} har_decimator;

typedef struct {
  int64_t newest, late, last;                    /* a sample up to `late` is; `last` left the queue */
  har_timed queue[HAR_QUEUE];                    /* by time; the first `n_ready` wait for nothing earlier */
  har_timed behind[HAR_SET_BACK_SAMPLES], ahead; /* samples that the next one confirms */
  int n_queue, n_ready, n_behind;
  bool has_newest, has_last, has_ahead, ending;
  bool active, finishing, between;         /* a stretch without a gap; between its samples `from` and `to` */
  int64_t start, next;                     /* of the stretch, and its next place on the grid */
  har_timed from, to, look[HAR_MOST_LOOK]; /* since the start; `look` until it is known how fast the sensor is */
  int n_look, n_used, n_tail;
  har_decimator decimator;
} har_resampler;

typedef struct { /* numbers of a few seconds */
  int n, n_slow, n_light, n_heavy, n_turning, n_calm, n_parts, n_shaken, n_part, run[6], longest[6];
  int64_t began, last_us, part_us;
  har_real sizes, turns, part_sums[3], part_size, first[6], last[6], sums[6], squares[6], limit[6];
} har_block;

typedef struct { /* the time in which a sensor is faulty, blocks since a fault, the clock */
  har_block block;
  unsigned char since[HAR_N_FAULTS];
  int64_t faulty_from, faulty_until, newest_us;
  int at_once, behind, ahead; /* the samples of such times */
  bool has_time, said_rate, said_clock;
} har_faults;

/* Sums over a window, which a walking frame is computed from, and whether it shows walking, not stairs; how it compares
   with all labels, 1 at a limit. */
typedef struct { har_real up[3], pushes[3][3], turns[3][3]; bool is_walking; } har_motion;
typedef struct { bool at_rest, too_quick; har_real unlike_all, rotation; } har_novelty;

typedef struct { /* windows in a row with the same answer, and at rest; evidence of movement unlike every activity */
  int label, n_label, n_at_rest, n_steady;
  har_real least_rotation, greatest_rotation, unlike_s;
} har_persistence;

/* A stream, which belongs to the caller. Read the first part after each event. */
typedef struct {
  int64_t us;           /* of the decision or notice */
  int activity;         /* an index of har_names; HAR_UNKNOWN if unknown */
  har_real probability; /* of the activity, smoothed over windows; 0 if unknown */
  har_reason reason;
  bool warming_up; /* the filters have not settled since the start or the last gap */
  har_kind kind;
  har_real amount;
  int32_t invalid, late, duplicates; /* samples left out */
  HAR_ARRAY(har_real, probabilities, HAR_N_LABELS);
  HAR_ARRAY(HAR_VALUE, window, HAR_SAMPLES *HAR_N_SIGNALS); /* in the frame that the model takes */
  bool at_waist; /* set it after har_reset if you know it: with a walking frame, tilt tells sitting from lying */

#if defined(HAR_TABLE)
  const har_model *model;
  har_real *scratch;
#endif
  har_notice notices[8];
  int n_notices, stage, row; /* the next row of the window, below 0 while signals are skipped */
  bool was_invalid, begins, ends, has_sample, has_last, overflows;
  int64_t gap_us, begin_us, last_us, start_us, window_us, n_raw, n_signals; /* samples and signals since the start */
  har_timed sample;
  har_real movement, walked_s, faint_s; /* the last hop's sum of body acceleration; times of a walk, and of a faint activity */
  int current;                 /* the activity that began last, -1 for none; certain since it was unknown */
  bool certain, has_counted, looks_up, looks_ahead; /* `has_counted`: a window has, since activities were forgotten */
  HAR_ARRAY(har_real, answer, HAR_N_LABELS); /* to the window alone */
  HAR_ARRAY(unsigned char, flags, HAR_N_LABELS);
  har_novelty novelty;
  har_real steps_hz, deviation; /* of acceleration's size, in the window */
  har_persistence persistence;
  har_filters filters;
  har_faults faults;
#if HAR_RESAMPLES
  har_resampler resampler;
#endif
#if !HAR_ON_BOARD
  har_real recent[HAR_AXES_SAMPLES][6], turns[HAR_AXES_ENOUGH + 2 * HAR_AXES_SIDE][9];
#endif
  int n_recent, n_turns, off_scale; /* stretches of turns in a row that show another scale */
  bool told_axes[2];                /* of axes, of scale */
  har_real push[3], sway, stepped_s, vertical_s; /* of steps, which show where the device faces; with the same axis up */
  bool x_was_up;
  bool is_mounted, moves; /* `rotation` is known; the body moves in the window */
#if HAR_SEEKS_MOUNTING
  har_real rotation[3][3], own[3][3], turned[3][3]; /* `own` of the window, which is `turned` */
  HAR_ARRAY(har_real, first_answer, HAR_N_LABELS);
  bool is_settled, may_walk;                 /* walking has settled `rotation`; neither rest nor running nor lying down */
  har_motion latest, walk[HAR_WALK_WINDOWS]; /* of walking or stairs */
  int n_walk, place, n_windows, n_walking, n_turned_over;
  HAR_ARRAY(HAR_VALUE, kept, HAR_N_SIGNALS *(HAR_SAMPLES - HAR_FIRST_KEPT) + 1); /* rows of the device's frame */
#endif
} har_stream;

#ifdef __cplusplus
extern "C" {
#endif

#if defined(HAR_TABLE)
size_t har_stream_bytes(const har_model *model);
har_stream *har_start(void *memory, const har_model *model); /* in that many bytes, which the caller keeps */
#endif

/* Some names have the settings, so that files which were compiled with others do not link. */
#if !defined(HAR_TABLE)
#if defined(HAR_FLOAT)
#define HAR_REAL float
#else
#define HAR_REAL double
#endif
#define HAR_JOIN(name, a, b, c, d) name##_##a##_##b##hz_##c##_##d
#define HAR_JOINED(name, a, b, c, d) HAR_JOIN(name, a, b, c, d)
#define HAR_SET(name) HAR_JOINED(name, HAR_PREDICT, HAR_SENSOR_HZ, HAR_REAL, HAR_VALUE)
#define har_reset HAR_SET(har_reset)
#define har_push HAR_SET(har_push)
#define har_next HAR_SET(har_next)
#endif

/* Start anew: the next sample is the first of another wearer. */
void har_reset(har_stream *s);

/* Take a sample of the time `us`, in microseconds of any clock: acceleration with gravity in g, rotation in rad/s; or in
   counts that are worth so many g and rad/s. Samples may be lost, late or doubled. */
void har_push(har_stream *s, int64_t us, const har_real sample[6]);
void har_push_counts(har_stream *s, int64_t us, const int16_t counts[6], har_real g, har_real rad_s);

/* Take it that no sample follows, so that the last ones need not wait. */
void har_flush(har_stream *s);

/* Return what is next, and set the first part of the stream to it; HAR_NOTHING after the last event. */
har_event har_next(har_stream *s);

/* Take the logits of the window that har_next waits for; a person's correction changes them. */
void har_answer(har_stream *s, float *logits);

#ifdef __cplusplus
}
#endif

#endif
