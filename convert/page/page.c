/* What engine.js calls: a model and a stream, in the memory of a WebAssembly module. */

#include "har_stream.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static har_stream stream;
static float window[HAR_SAMPLES * HAR_N_SIGNALS], logits[HAR_N_LABELS];
static struct { double us, activity, reason, warming_up, kind, amount, probabilities[HAR_N_LABELS]; } event;

EXPORT(window) float *window_of_infer(void) { return window; }
EXPORT(logits) const float *logits_of_infer(void) { return logits; }
EXPORT(infer) void infer_window(void) { HAR_PREDICT(window, logits); }

EXPORT(event) const void *event_of_next(void) { return &event; }
EXPORT(flush) void flush_stream(void) { har_flush(&stream); }

EXPORT(reset) void reset_stream(int at_waist) {
  har_reset(&stream);
  stream.at_waist = at_waist;
}

EXPORT(push) void push_sample(double us, double ax, double ay, double az, double gx, double gy, double gz) {
  har_push(&stream, (int64_t)us, (const har_real[]){ax, ay, az, gx, gy, gz});
}

/* Return what is next; `event` describes it, with activity -1 for unknown. */
EXPORT(next) har_event next_event(void) {
  const har_event next = har_next(&stream);
  event.us = (double)stream.us;
  event.activity = stream.activity == HAR_UNKNOWN ? -1 : stream.activity;
  event.reason = stream.reason;
  event.warming_up = stream.warming_up;
  event.kind = stream.kind;
  event.amount = stream.amount;
  for (int i = 0; i < HAR_N_LABELS; i++) event.probabilities[i] = stream.probabilities[i];
  return next;
}
