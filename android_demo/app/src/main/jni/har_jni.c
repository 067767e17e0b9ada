/* What haredge.core.HarCore calls: a model's numbers and its stream, in buffers that belong to Java. */

#include <jni.h>

#include "har_stream.h"

#include "har_parts.h"

#define NATIVE(type, name) JNIEXPORT type JNICALL Java_haredge_core_HarCore_##name
#define AT(buffer) ((*env)->GetDirectBufferAddress(env, buffer))

typedef struct { har_model model; har_stream stream; /* and its arrays */ } core;

static har_stream *stream_of(JNIEnv *env, jobject self) {
  const jfieldID address = (*env)->GetFieldID(env, (*env)->GetObjectClass(env, self), "address", "J");
  return (har_stream *)(intptr_t)(*env)->GetLongField(env, self, address);
}

static size_t window_bytes(const har_stream *s) {
  return (size_t)HAR_SAMPLES * (size_t)HAR_N_SIGNALS * sizeof *s->window;
}

/* The numbers stay in their buffers, which HarCore keeps. */
static har_model model_of(JNIEnv *env, jobject whole, jobject real, jintArray lengths) {
  har_model model;
  jint *n = (*env)->GetIntArrayElements(env, lengths, NULL);
  har_read_model(&model, AT(whole), AT(real), n);
  (*env)->ReleaseIntArrayElements(env, lengths, n, JNI_ABORT);
  return model;
}

NATIVE(jlong, bytes)(JNIEnv *env, jclass type, jobject whole, jobject real, jintArray lengths) {
  const har_model model = model_of(env, whole, real, lengths);
  (void)type;
  return (jlong)(offsetof(core, stream) + har_stream_bytes(&model));
}

NATIVE(jlong, start)(JNIEnv *env, jclass type, jobject memory, jobject whole, jobject real, jintArray lengths) {
  core *c = AT(memory);
  (void)type;
  c->model = model_of(env, whole, real, lengths);
  return (jlong)(intptr_t)har_start(&c->stream, &c->model);
}

NATIVE(void, wear)(JNIEnv *env, jobject self, jboolean at_waist) { stream_of(env, self)->at_waist = at_waist; }

NATIVE(void, push)(JNIEnv *env, jobject self, jlong us, jdoubleArray values) {
  har_real sample[6];
  (*env)->GetDoubleArrayRegion(env, values, 0, 6, sample);
  har_push(stream_of(env, self), us, sample);
}

NATIVE(void, flush)(JNIEnv *env, jobject self) { har_flush(stream_of(env, self)); }

/* Return what is next: a window to infer from, or an event of numbers in the order of haredge.live.LiveRecognizer. */
NATIVE(jint, next)(JNIEnv *env, jobject self, jobject window, jobject event) {
  har_stream *s = stream_of(env, self);
  const har_event next = har_next(s);
  har_real *numbers = AT(event);
  if (next == HAR_WINDOW) memcpy(AT(window), s->window, window_bytes(s));
  *numbers++ = (har_real)s->us;
  *numbers++ = s->activity;
  *numbers++ = s->reason;
  *numbers++ = s->warming_up;
  *numbers++ = s->kind;
  *numbers++ = s->amount;
  memcpy(numbers, s->probabilities, (size_t)HAR_N_LABELS * sizeof *numbers);
  return next;
}

NATIVE(void, answer)(JNIEnv *env, jobject self, jobject logits) { har_answer(stream_of(env, self), AT(logits)); }

/* Turn a window into its own walking frame. */
NATIVE(void, turn)(JNIEnv *env, jobject self, jobject window) {
  har_stream *s = stream_of(env, self);
  memcpy(s->window, AT(window), window_bytes(s));
  har_turn_window(s);
  memcpy(AT(window), s->window, window_bytes(s));
}

/* Return constants that a card is read with: of is_still, of looks_up, and the sections of the filters. */
NATIVE(jdoubleArray, constants)(JNIEnv *env, jclass type) {
  static const struct { har_real moving, upright, noise[HAR_N_NOISE][6], gravity[HAR_N_GRAVITY][6], drift[HAR_N_DRIFT][6]; }
  constants = {HAR_MOVING_G, HAR_UPRIGHT_0, HAR_NOISE, HAR_GRAVITY, HAR_DRIFT};
  const jsize n = sizeof constants / sizeof constants.moving;
  jdoubleArray all = (*env)->NewDoubleArray(env, n);
  (void)type;
  (*env)->SetDoubleArrayRegion(env, all, 0, n, &constants.moving);
  return all;
}
