/* Exact arithmetic: integers equal LiteRT's, whatever the compiler and the processor. */

#if defined(__cplusplus)
#error "this is C: compile it with -std=c99"
#elif defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__)
#error "the answers need exact arithmetic: compile without -ffast-math and -funsafe-math-optimizations"
#elif defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "floats must not be computed as doubles: compile with -msse2 -mfpmath=sse"
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__) && __GNUC__ >= 5
#pragma GCC optimize("fp-contract=off") /* a * b + c must round twice */
#elif defined(__GNUC__) && !defined(__STRICT_ANSI__)
#error "a * b + c must round twice: compile with -std=c99"
#endif

#if defined(__SSE2__) && (defined(__clang__) || __GNUC__ >= 11)
#define X86 /* the instruction set is chosen at run time */
#include <cpuid.h>
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define NEON
#if defined(__ARM_FEATURE_DOTPROD)
#define INSTRUCTION_SET "NEON with SDOT"
#else
#define INSTRUCTION_SET "NEON"
#endif
#include <arm_neon.h>
#elif defined(__ARM_FEATURE_DSP)
#define INSTRUCTION_SET "Arm DSP"
#include <arm_acle.h>
#elif defined(__wasm_simd128__)
#define INSTRUCTION_SET "wasm SIMD"
#include <wasm_simd128.h>
#else
#define INSTRUCTION_SET "plain C"
#endif

/* Constants that repeat are stored as often as whole vectors need, or once if the processor has no vectors. */
#if defined(X86) || defined(NEON) || defined(__wasm_simd128__)
#define REPEATED
#define IN_ROW(i, n) (i)
#else
#define IN_ROW(i, n) ((i) % (n))
#endif

#if defined(__GNUC__) /* even if there is no C library */
#define INLINE static inline __attribute__((always_inline, unused))
#define APART static __attribute__((noinline)) /* one copy: a table is looked up at many places */
#define memcpy(to, from, n) __builtin_memcpy(to, from, n)
#else
#define INLINE static inline
#define APART static
#include <string.h>
#endif

/* A product: n sums of k terms, and the limits of its answers. Weights are in blocks of 16 sums, with 4 weights of each
   sum in turn; k is a multiple of 16, and values that are read beyond x have weights of 0. A second bias, after the
   first, is for kernels that take x + 128. */
#define BEYOND 15 /* values after an array */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;
  const float *scale;
  int k, n, zero, low, high;
} layer;

typedef void (*dense_function)(const layer *l, const int8_t *x, int8_t *out);
typedef void (*look_up_function)(const int8_t *table, const int8_t *x, int n, int8_t *out);
typedef float (*divide_function)(float x, float y, float inverse);

/* The integer nearest to x, ties to even, plus `zero`, between `low` and `high`. Adding 1.5 * 2^23 leaves the integer
   in the lowest bits; greater floats have greater bits. */
INLINE int32_t rounded(float x, int zero, int low, int high) {
  const int32_t none = 0x4B400000 - zero;
  int32_t bits;
  x += 12582912.0f;
  memcpy(&bits, &x, 4);
  bits = bits < none + low ? none + low : bits;
  bits = bits > none + high ? none + high : bits;
  return bits - none;
}

INLINE int32_t clamped(int32_t x, int zero, int low, int high) {
  x += zero;
  return x < low ? low : x > high ? high : x;
}

INLINE float absolute(float x) { return x < 0 ? -x : x; }
INLINE float smaller(float x, float y) { return x < y ? x : y; }
INLINE float greater(float x, float y) { return x > y ? x : y; }

INLINE float divide_base(float x, float y, float inverse) {
  (void)inverse;
  return x / y;
}

/* a * b + c as FMA computes it in the tangent below (all floats were tried): the product is exact as a double. */
INLINE float fused(float a, float b, float c) {
#if defined(__FP_FAST_FMAF)
  return __builtin_fmaf(a, b, c);
#else
  return (float)((double)a * b + c);
#endif
}

/* XNNPACK's rational approximation (f32-vtanh, rational-9-8), equal for all floats. */
INLINE float hyperbolic_tangent(float x) {
  const float v = smaller(greater(x, -7.9807181358f), 7.9807181358f), s = v * v;
  float p = fused(s, 1.4248920266e-8f, 2.1235626264e-5f), q = fused(s, 8.1365948290e-7f, 3.3472978976e-4f);
  p = fused(s, fused(s, p, 3.5330520477e-3f), 1.3412411511e-1f);
  q = fused(s, fused(s, q, 2.6018999517e-2f), 4.6745735407e-1f);
  return v * fused(s, p, 1.0f) / fused(s, q, 1.0f);
}

/* The greatest value of each channel in a rectangle of places, and the mean, with halves away from zero. */
INLINE void maximum(const int8_t *x, int rows, int stride, int n, int channels, int8_t *out) {
  for (int c = 0; c < channels; c++) {
    out[c] = x[c];
    for (int r = 0; r < rows; r++) {
      for (const int8_t *v = x + r * stride + c, *end = v + n * channels; v < end; v += channels) {
        out[c] = *v > out[c] ? *v : out[c];
      }
    }
  }
}

INLINE void average(const int8_t *x, int rows, int stride, int n, int channels, int8_t *out) {
  for (int c = 0; c < channels; c++) {
    int32_t sum = 0;
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < n; i++) sum += x[r * stride + i * channels + c];
    }
    out[c] = (int8_t)((sum + (sum > 0 ? rows * n / 2 : -(rows * n / 2))) / (rows * n));
  }
}

/* The mean of each channel in n rows, in another scale. */
INLINE void mean(const int8_t *x, int n, int channels, float scale, float start, int8_t *out) {
  for (int c = 0; c < channels; c++) {
    int32_t sum = 0;
    for (int i = 0; i < n; i++) sum += x[i * channels + c];
    out[c] = (int8_t)rounded((float)sum * scale + start, 0, -128, 127);
  }
}

/* The answers of sums `j` to `j` + 15. */
INLINE void answer(const layer *l, const int32_t *sums, const int32_t *bias, int j, int8_t *out) {
  int8_t answers[16];
#if defined(NEON)
  int16x8_t half[2];
  for (int i = 0; i < 2; i++, sums += 8) {
    int32x4_t s[2];
    for (int k = 0; k < 2; k++) {
      const int place = 8 * i + 4 * k;
      const float32x4_t sum = vcvtq_f32_s32(vaddq_s32(vld1q_s32(sums + 4 * k), vld1q_s32(bias + j + place)));
      s[k] = vcvtnq_s32_f32(vmulq_f32(sum, vld1q_f32(l->scale + j + place)));
    }
    half[i] = vqaddq_s16(vqmovn_high_s32(vqmovn_s32(s[0]), s[1]), vdupq_n_s16((int16_t)l->zero));
  }
  const int8x16_t all = vmaxq_s8(vqmovn_high_s16(vqmovn_s16(half[0]), half[1]), vdupq_n_s8((int8_t)l->low));
  vst1q_s8(answers, vminq_s8(all, vdupq_n_s8((int8_t)l->high)));
#else
  for (int i = 0; i < 16; i++) {
    answers[i] = (int8_t)rounded((float)(sums[i] + bias[j + i]) * l->scale[j + i], l->zero, l->low, l->high);
  }
#endif
  if (l->n - j >= 16) {
    memcpy(out + j, answers, 16);
  } else {
    for (int i = 0; i < l->n - j; i++) out[j + i] = answers[i];
  }
}

/* Products of each channel with its own weights, which are in blocks of 16 sums with a term of each in turn. */
INLINE void depthwise(const layer *l, const int8_t *x, int rows, int stride, int multiplier, int8_t *out) {
  const int8_t *w = l->weights;
  for (int j = 0; j < l->n; j += 16) {
    int32_t sums[16] = {0};
    for (int r = 0; r < rows; r++) {
      const int8_t *v = x + r * stride;
      for (int t = 0; t < l->k / rows; t++, v += l->n / multiplier) {
        for (int i = 0; i < 16; i++) sums[i] += v[(j + i) / multiplier] * *w++;
      }
    }
    answer(l, sums, l->bias, j, out);
  }
}

/* The product: add_base adds products of `step` terms to one of n vectors of sums; store_base makes these 16 sums. */
#define DENSE(vector, n_vectors, step) \
  static void dense_base(const layer *l, const int8_t *x, int8_t *out) { \
    const int8_t *w = l->weights, *end = x + l->k; \
    const int32_t *bias = l->bias; \
    for (int j = 0; j < l->n; j += 16) { \
      vector s[n_vectors] = {0}; \
      int32_t sums[16]; \
      for (const int8_t *v = x; v < end; v += step, w += 16 * step) { \
        for (int i = 0; i < n_vectors; i++) s[i] = add_base(s[i], v, w + 16 * step / n_vectors * i); \
      } \
      store_base(s, sums); \
      answer(l, sums, bias, j, out); \
    } \
  }

INLINE int32_t four_at(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, 4);
  return four;
}

#if defined(X86)
#define VBMI __attribute__((target("fma,avx512f,avx512bw,avx512vl,avx512vnni,avx512vbmi")))
#define AVX512 __attribute__((target("fma,avx512f,avx512bw,avx512vl,avx512vnni")))
#define AVXVNNI __attribute__((target("fma,avx2,avxvnni")))
#define AVX2 __attribute__((target("fma,avx2")))
#define INSTRUCTION_SET (const char *const[]){"plain C", "AVX2", "AVX-VNNI", "AVX-512 VNNI", "AVX-512 VNNI"}[best_set]
static int best_set; /* of this processor, in that order; the last has VBMI too */

/* Runs before main, since zig has no __builtin_cpu_supports. Reads CPUID, and which registers the system saves. */
__attribute__((constructor)) static void find_best_set(void) {
  unsigned a, b, c, d, saved;
  if (!__get_cpuid(1, &a, &b, &c, &d) || ~c & (1u << 12 | 1u << 27)) return;
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(d) : "c"(0));
  if (~saved & 0x6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || ~b & 1u << 5) return;
  best_set = 1;
  if (!(~saved & 0xE0) && !(~b & (1u << 16 | 1u << 30 | 1u << 31)) && c & 1u << 11) {
    best_set = c & 1u << 1 ? 4 : 3;
  } else if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && a & 1u << 4) {
    best_set = 2;
  }
}

/* x / y of finite numbers, rounded as a division is, if `inverse` is 1 / y rounded (Markstein 1990). */
AVX2 INLINE float divide_fma(float x, float y, float inverse) {
  const float q = x * inverse;
  return __builtin_fmaf(__builtin_fmaf(-q, y, x), inverse, q);
}

/* Copies n values: bytes that are stored one by one delay code that reads them together. */
INLINE void put(const int8_t *x, int n, int8_t *out) {
  int i = 0;
  for (; i + 16 <= n; i += 16) memcpy(out + i, x + i, 16);
  for (; i < n; i++) out[i] = x[i];
}

#define load_512 _mm512_loadu_si512
#define store_512 _mm512_storeu_si512
#define in_order_512(x) \
  _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x)
#define load_256(from) _mm256_loadu_si256((const __m256i *)(const void *)(from))
#define store_256(to, x) _mm256_storeu_si256((__m256i *)(void *)(to), x)
#define in_order_256(x) _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7))

/* The product of an instruction set: 64 sums at once, then 32 or 16, in `turns`, since a sum waits for its last term.
   Its add_ adds 4 products to each sum of a vector; the terms are x, or x + 128 if `shifted`. */
#define WIDE_DENSE(set, target, bits, turns, shifted) \
  target INLINE void sums_##set(const layer *l, const int8_t *x, int j, int n, int8_t *out) { \
    enum { LANES = bits / 32, MOST = 64 / LANES }; \
    const int32_t *bias = l->bias + (shifted ? (l->n + 15) / 16 * 16 : 0) + j; \
    const int8_t *w = l->weights + j * l->k; \
    int8_t answers[64], *to = l->n - j < 64 ? answers : out + j; \
    __m##bits##i s[MOST * turns] = {0}; \
    for (int i = 0; LANES * i < n; i++) s[i] = load_##bits(bias + LANES * i); \
    for (const int8_t *v = x; v < x + l->k; v += 4 * turns, w += 64 * turns) { \
      for (int t = 0; t < turns; t++) { \
        for (int i = 0; LANES * i < n; i++) { \
          const int8_t *from = w + LANES * i / 16 * 16 * l->k + LANES * i % 16 * 4 + 64 * t; \
          s[MOST * t + i] = add_##set(s[MOST * t + i], v + 4 * t, load_##bits(from)); \
        } \
      } \
    } \
    for (int i = MOST; i < MOST * turns; i++) s[i % MOST] = _mm##bits##_add_epi32(s[i % MOST], s[i]); \
    for (int i = 0; LANES * i < n; i++) { \
      const __m##bits scale = _mm##bits##_loadu_ps(l->scale + j + LANES * i); \
      const __m##bits y = _mm##bits##_mul_ps(_mm##bits##_cvtepi32_ps(s[i]), scale); \
      s[i] = _mm##bits##_cvtps_epi32(_mm##bits##_min_ps(y, _mm##bits##_set1_ps(32767))); \
    } \
    const __m##bits##i zero = _mm##bits##_set1_epi16((int16_t)l->zero); \
    for (int i = 0; i < MOST; i += 4) { \
      const __m##bits##i a = _mm##bits##_adds_epi16(_mm##bits##_packs_epi32(s[i], s[i + 1]), zero); \
      const __m##bits##i b = _mm##bits##_adds_epi16(_mm##bits##_packs_epi32(s[i + 2], s[i + 3]), zero); \
      __m##bits##i r = _mm##bits##_max_epi8(_mm##bits##_packs_epi16(a, b), _mm##bits##_set1_epi8((int8_t)l->low)); \
      r = _mm##bits##_min_epi8(r, _mm##bits##_set1_epi8((int8_t)l->high)); \
      store_##bits(to + LANES * i, in_order_##bits(r)); \
    } \
    if (to == answers) put(answers, l->n - j < n ? l->n - j : n, out + j); \
  } \
  target static void dense_##set(const layer *l, const int8_t *x, int8_t *out) { \
    int8_t terms[shifted ? MOST_TERMS : 1]; \
    int j = 0; \
    for (int i = 0; shifted && i < l->k; i += 16) { \
      const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(x + i)); \
      _mm_storeu_si128((__m128i *)(void *)(terms + i), _mm_xor_si128(v, _mm_set1_epi8(-128))); \
    } \
    x = shifted ? terms : x; \
    for (; l->n - j > 48; j += 64) sums_##set(l, x, j, 64, out); \
    for (; l->n - j > 16; j += 32) sums_##set(l, x, j, 32, out); \
    if (l->n > j) sums_##set(l, x, j, 16, out); \
  }

AVX512 INLINE __m512i add_avx512(__m512i s, const int8_t *x, __m512i w) {
  return _mm512_dpbusd_epi32(s, _mm512_set1_epi32(four_at(x)), w);
}
WIDE_DENSE(avx512, AVX512, 512, 4, 1)
AVXVNNI INLINE __m256i add_avxvnni(__m256i s, const int8_t *x, __m256i w) {
  return _mm256_dpbusd_avx_epi32(s, _mm256_set1_epi32(four_at(x)), w);
}
WIDE_DENSE(avxvnni, AVXVNNI, 256, 1, 1)
AVX2 INLINE __m256i add_avx2(__m256i s, const int8_t *x, __m256i w) {
  const __m256i v = _mm256_set1_epi32(four_at(x)); /* two products fit into 16 bits: no weight is -128 */
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(v), _mm256_sign_epi8(w, v));
  return _mm256_add_epi32(s, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
WIDE_DENSE(avx2, AVX2, 256, 1, 0)

VBMI static void look_up_vbmi(const int8_t *table, const int8_t *x, int n, int8_t *out) {
  const __m512i a = _mm512_loadu_si512(table), b = _mm512_loadu_si512(table + 64),
                c = _mm512_loadu_si512(table + 128), d = _mm512_loadu_si512(table + 192);
  for (int i = 0; i < n; i += 64) {
    int8_t answers[64];
    const int rest = n - i < 64 ? n - i : 64;
    const __m512i v = _mm512_maskz_loadu_epi8(~UINT64_C(0) >> (64 - rest), x + i);
    const __m512i low = _mm512_permutex2var_epi8(a, v, b), high = _mm512_permutex2var_epi8(c, v, d);
    _mm512_storeu_si512(rest == 64 ? out + i : answers, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), high, low));
    if (rest < 64) put(answers, rest, out + i);
  }
}
#endif

#if defined(NEON) && defined(__ARM_FEATURE_DOTPROD)
INLINE int32x4x4_t add_base(int32x4x4_t s, const int8_t *x, const int8_t *w) {
  const int8x16_t v = vld1q_s8(x);
  const int8x16x4_t a = vld1q_s8_x4(w), b = vld1q_s8_x4(w + 64), c = vld1q_s8_x4(w + 128), d = vld1q_s8_x4(w + 192);
  for (int j = 0; j < 4; j++) {
    s.val[j] = vdotq_laneq_s32(vdotq_laneq_s32(s.val[j], a.val[j], v, 0), b.val[j], v, 1);
    s.val[j] = vdotq_laneq_s32(vdotq_laneq_s32(s.val[j], c.val[j], v, 2), d.val[j], v, 3);
  }
  return s;
}
INLINE void store_base(const int32x4x4_t *s, int32_t *sums) {
  for (int j = 0; j < 4; j++) vst1q_s32(sums + 4 * j, s->val[j]);
}
DENSE(int32x4x4_t, 1, 16)
#elif defined(NEON)
/* Two products fit into 16 bits: no weight is -128. */
typedef struct {
  int32x4_t of[8];
} pairs;
INLINE pairs add_base(pairs s, const int8_t *x, const int8_t *w) {
  const int8x16_t u = vreinterpretq_s8_s32(vdupq_n_s32(four_at(x))), v = vreinterpretq_s8_s32(vdupq_n_s32(four_at(x + 4)));
  for (int j = 0; j < 4; j++) {
    const int8x16_t a = vld1q_s8(w + 16 * j), b = vld1q_s8(w + 64 + 16 * j);
    const int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(u)), vget_low_s8(b), vget_low_s8(v));
    s.of[2 * j] = vpadalq_s16(s.of[2 * j], low);
    s.of[2 * j + 1] = vpadalq_s16(s.of[2 * j + 1], vmlal_high_s8(vmull_high_s8(a, u), b, v));
  }
  return s;
}
INLINE void store_base(const pairs *s, int32_t *sums) {
  for (int j = 0; j < 4; j++) vst1q_s32(sums + 4 * j, vpaddq_s32(s->of[2 * j], s->of[2 * j + 1]));
}
DENSE(pairs, 1, 8)
#elif defined(__wasm_simd128__)
INLINE v128_t add_base(v128_t s, const int8_t *x, const int8_t *w) {
  const v128_t v = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(x));
  return wasm_i32x4_add(s, wasm_i32x4_dot_i16x8(v, wasm_i16x8_load8x8(w)));
}
INLINE void store_base(const v128_t *s, int32_t *sums) {
  for (int j = 0; j < 8; j++) {
    const v128_t pairs = wasm_i32x4_add(s[j], wasm_i64x2_shr(s[j], 32));
    wasm_v128_store64_lane(sums + 2 * j, wasm_i32x4_shuffle(pairs, pairs, 0, 2, 0, 2), 0);
  }
}
DENSE(v128_t, 8, 4)
#else
INLINE int32_t add_base(int32_t s, const int8_t *x, const int8_t *w) {
#if defined(__ARM_FEATURE_DSP)
  const int32_t v = four_at(x), u = four_at(w);
  int32_t odd_v, odd_u; /* compilers turn __sxtb16(x >> 8 | x << 24) into two instructions */
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd_v) : "r"(v));
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd_u) : "r"(u));
  return __smlad(odd_u, odd_v, __smlad(__sxtb16((uint32_t)u), __sxtb16((uint32_t)v), s));
#else
  return s + x[0] * w[0] + x[1] * w[1] + x[2] * w[2] + x[3] * w[3];
#endif
}
static void dense_base(const layer *l, const int8_t *x, int8_t *out) {
  const int8_t *const end = x + l->k;
  for (int j = 0; j < l->n; j += 16) {
    int32_t sums[16];
    for (int r = 0; r < 16; r += 4) { /* four sums stay in registers */
      const int8_t *w = l->weights + j * l->k + 4 * r;
      int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
      for (const int8_t *v = x; v < end; v += 4, w += 64) {
        s0 = add_base(s0, v, w), s1 = add_base(s1, v, w + 4);
        s2 = add_base(s2, v, w + 8), s3 = add_base(s3, v, w + 12);
      }
      sums[r] = s0, sums[r + 1] = s1, sums[r + 2] = s2, sums[r + 3] = s3;
    }
    answer(l, sums, l->bias, j, out);
  }
}
#endif

/* `table` has the answers for -128 to 127. */
APART void look_up_base(const int8_t *table, const int8_t *x, int n, int8_t *out) {
  int i = 0;
#if defined(NEON)
  const int8x16x4_t a = vld1q_s8_x4(table), b = vld1q_s8_x4(table + 64), c = vld1q_s8_x4(table + 128),
                    d = vld1q_s8_x4(table + 192);
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t v = vreinterpretq_u8_s8(vld1q_s8(x + i));
    int8x16_t r = vqtbl4q_s8(c, v);
    r = vqtbx4q_s8(r, d, vsubq_u8(v, vdupq_n_u8(64)));
    r = vqtbx4q_s8(r, a, vsubq_u8(v, vdupq_n_u8(128)));
    vst1q_s8(out + i, vqtbx4q_s8(r, b, vsubq_u8(v, vdupq_n_u8(192))));
  }
#endif
  for (; i < n; i++) out[i] = table[x[i] + 128];
}
