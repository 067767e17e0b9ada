/* Exact arithmetic: integers are those of LiteRT, whatever the compiler and the processor. */

#if defined(__FAST_MATH__)
#error "the answers need exact arithmetic: compile without -ffast-math"
#elif defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "floats must not be computed as doubles: compile with -msse2 -mfpmath=sse"
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__) && !defined(__STRICT_ANSI__)
#error "a * b + c must round twice: compile with -std=c99"
#endif

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__)) && defined(__SSE2__)
#define X86 /* the instruction set is chosen at run time */
#include <immintrin.h>
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))
#define AVX2 __attribute__((target("avx2")))
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#endif

#if defined(__GNUC__) /* also where there is no C library */
#define INLINE static inline __attribute__((always_inline))
#define memcpy(to, from, n) __builtin_memcpy(to, from, n)
#define memset(to, value, n) __builtin_memset(to, value, n)
#else
#define INLINE static inline
#include <string.h>
#endif

/* A product: n sums of k terms, and the limits of its answers. Weights lie in blocks of 16 sums, in which each sum has
   4 weights after another; k is a multiple of 16, and the weights of what is read beyond x are 0. A second bias, behind
   the first, is for kernels that take x + 128. */
typedef struct {
  const int8_t *weights;
  const int32_t *bias;
  const float *scale;
  int k, n, zero, low, high;
} layer;

typedef void (*dense_function)(const layer *l, const int8_t *x, int8_t *out);
typedef void (*look_up_function)(const int8_t *table, const int8_t *x, int n, int8_t *out);
typedef void (*block_function)(const int8_t *x, const int8_t *w, int k, int32_t *sums);

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

/* begin clamped */
INLINE int32_t clamped(int32_t x, int zero, int low, int high) {
  x += zero;
  return x < low ? low : x > high ? high : x;
}
/* end clamped */
/* begin absolute */

INLINE float absolute(float x) { return x < 0 ? -x : x; }
/* end absolute */
/* begin smaller */

INLINE float smaller(float x, float y) { return x < y ? x : y; }
/* end smaller */
/* begin greater */

INLINE float greater(float x, float y) { return x > y ? x : y; }
/* end greater */
/* begin rounded_tanh */

/* Whether a float, as a number in the order of floats, reaches an answer: `step` has the least that does, how many
   behind it do or do not, and where the bits of these begin. The last bits of a float function are not monotonic. */
INLINE int32_t reaches(int32_t x, const int32_t *step, const int8_t *bits) {
  const uint32_t beyond = (uint32_t)x - (uint32_t)step[0];
  return x >= step[0] && (beyond >= (uint32_t)step[1] || bits[step[2] + (int32_t)beyond]);
}

/* tanh(x) in steps of 1 / inverse, as LiteRT rounds it on the machine that wrote this file: `steps` says where each
   begins. A rational function, less than a step off, says where to look. */
INLINE int32_t rounded_tanh(float x, const int32_t *steps, const int8_t *bits, float inverse, int zero) {
  const float v = x < -4.9f ? -4.9f : x > 4.9f ? 4.9f : x, s = v * v;
  const float y = v * (135135.0f + s * (17325.0f + s * (378.0f + s))) /
                  (135135.0f + s * (62370.0f + s * (3150.0f + s * 28.0f)));
  int32_t place, i = rounded(y * inverse, zero, -128, 127) + 128;
  memcpy(&place, &x, 4);
  place ^= place < 0 ? 0x7FFFFFFF : 0;
  i -= !reaches(place, steps + 3 * i, bits);
  i += reaches(place, steps + 3 * i + 3, bits);
  return i - 128;
}
/* end rounded_tanh */

INLINE void dense_by(block_function block, int shifted, const layer *l, const int8_t *x, int8_t *out) {
  const int32_t *bias = l->bias + (shifted ? (l->n + 15) / 16 * 16 : 0);
  for (int j = 0; j < l->n; j += 16) {
    int32_t sums[16];
    int8_t answers[16];
    block(x, l->weights + j * l->k, l->k, sums);
    for (int i = 0; i < 16; i++) {
      answers[i] = (int8_t)rounded((float)(sums[i] + bias[j + i]) * l->scale[j + i], l->zero, l->low, l->high);
    }
    if (l->n - j >= 16) {
      memcpy(out + j, answers, 16);
    } else {
      for (int i = 0; i < l->n - j; i++) out[j + i] = answers[i];
    }
  }
}

/* `table` has the answers for -128 to 127. */
INLINE void look_up_each(const int8_t *table, const int8_t *x, int n, int8_t *out) {
  for (int i = 0; i < n; i++) out[i] = table[x[i] + 128];
}

#if defined(X86)
#if __GNUC__ >= 11 || defined(__clang__)
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) static void block_avx512(const int8_t *x, const int8_t *w,
                                                                                       int k, int32_t *sums) {
  __m512i s[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  for (int i = 0; i < k; i += 16, w += 256) {
    for (int j = 0; j < 4; j++) {
      int32_t four;
      memcpy(&four, x + i + 4 * j, 4);
      s[j] = _mm512_dpbusd_epi32(s[j], _mm512_set1_epi32((int32_t)((uint32_t)four ^ 0x80808080u)),
                                 _mm512_loadu_si512(w + 64 * j));
    }
  }
  _mm512_storeu_si512(sums, _mm512_add_epi32(_mm512_add_epi32(s[0], s[1]), _mm512_add_epi32(s[2], s[3])));
}
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) static void dense_avx512(const layer *l, const int8_t *x,
                                                                                       int8_t *out) {
  dense_by(block_avx512, 1, l, x, out);
}

__attribute__((target("avx2,avxvnni"))) static void block_avxvnni(const int8_t *x, const int8_t *w, int k,
                                                                  int32_t *sums) {
  __m256i s[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int i = 0; i < k; i += 8, w += 128) {
    for (int j = 0; j < 4; j++) {
      int32_t four;
      memcpy(&four, x + i + j / 2 * 4, 4);
      s[j] = _mm256_dpbusd_avx_epi32(s[j], _mm256_set1_epi32((int32_t)((uint32_t)four ^ 0x80808080u)),
                                     _mm256_loadu_si256((const __m256i *)(const void *)(w + 32 * j)));
    }
  }
  _mm256_storeu_si256((__m256i *)(void *)sums, _mm256_add_epi32(s[0], s[2]));
  _mm256_storeu_si256((__m256i *)(void *)(sums + 8), _mm256_add_epi32(s[1], s[3]));
}
__attribute__((target("avx2,avxvnni"))) static void dense_avxvnni(const layer *l, const int8_t *x, int8_t *out) {
  dense_by(block_avxvnni, 1, l, x, out);
}
#define HAS_VNNI
#endif

AVX2 static void block_avx2(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  __m256i s[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int i = 0; i < k; i += 4, w += 64) {
    int32_t four;
    memcpy(&four, x + i, 4);
    const __m256i v = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
    for (int j = 0; j < 4; j++) {
      const __m128i weights = _mm_loadu_si128((const __m128i *)(const void *)(w + 16 * j));
      s[j] = _mm256_add_epi32(s[j], _mm256_madd_epi16(v, _mm256_cvtepi8_epi16(weights)));
    }
  }
  for (int j = 0; j < 2; j++) {
    const __m256i both = _mm256_permute4x64_epi64(_mm256_hadd_epi32(s[2 * j], s[2 * j + 1]), 0xD8);
    _mm256_storeu_si256((__m256i *)(void *)(sums + 8 * j), both);
  }
}
AVX2 static void dense_avx2(const layer *l, const int8_t *x, int8_t *out) { dense_by(block_avx2, 0, l, x, out); }

static void block_sse2(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  __m128i s[8];
  for (int j = 0; j < 8; j++) s[j] = _mm_setzero_si128();
  for (int i = 0; i < k; i += 4, w += 64) {
    int32_t four;
    memcpy(&four, x + i, 4);
    __m128i v = _mm_set1_epi32(four);
    v = _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8);
    for (int j = 0; j < 4; j++) {
      const __m128i u = _mm_loadu_si128((const __m128i *)(const void *)(w + 16 * j));
      const __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(u, u), 8), high = _mm_srai_epi16(_mm_unpackhi_epi8(u, u), 8);
      s[2 * j] = _mm_add_epi32(s[2 * j], _mm_madd_epi16(v, low));
      s[2 * j + 1] = _mm_add_epi32(s[2 * j + 1], _mm_madd_epi16(v, high));
    }
  }
  for (int j = 0; j < 4; j++) {
    const __m128 a = _mm_castsi128_ps(s[2 * j]), b = _mm_castsi128_ps(s[2 * j + 1]);
    const __m128i even = _mm_castps_si128(_mm_shuffle_ps(a, b, 0x88)), odd = _mm_castps_si128(_mm_shuffle_ps(a, b, 0xDD));
    _mm_storeu_si128((__m128i *)(void *)(sums + 4 * j), _mm_add_epi32(even, odd));
  }
}
static void dense_sse2(const layer *l, const int8_t *x, int8_t *out) { dense_by(block_sse2, 0, l, x, out); }

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi"))) static void look_up_avx512(const int8_t *table,
                                                                                         const int8_t *x, int n,
                                                                                         int8_t *out) {
  const __m512i a = _mm512_loadu_si512(table), b = _mm512_loadu_si512(table + 64),
                c = _mm512_loadu_si512(table + 128), d = _mm512_loadu_si512(table + 192);
  int i = 0;
  for (; i + 64 <= n; i += 64) {
    const __m512i v = _mm512_loadu_si512(x + i);
    const __m512i low = _mm512_permutex2var_epi8(a, v, b), high = _mm512_permutex2var_epi8(c, v, d);
    _mm512_storeu_si512(out + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), high, low));
  }
  look_up_each(table, x + i, n - i, out + i);
}
static void look_up_plain(const int8_t *table, const int8_t *x, int n, int8_t *out) { look_up_each(table, x, n, out); }

static dense_function best_dense(void) {
#if defined(HAS_VNNI)
  if (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    return dense_avx512;
  }
  if (__builtin_cpu_supports("avxvnni")) return dense_avxvnni;
#endif
  return __builtin_cpu_supports("avx2") ? dense_avx2 : dense_sse2;
}

static look_up_function best_look_up(void) {
  const int has = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vl");
  return has ? look_up_avx512 : look_up_plain;
}

#else /* not x86 */

#if defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_NEON) && defined(__aarch64__)
static void block(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  int32x4_t s[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
  for (int i = 0; i < k; i += 16, w += 256) {
    const int8x16_t v = vld1q_s8(x + i);
    for (int j = 0; j < 4; j++) {
      s[j] = vdotq_laneq_s32(s[j], vld1q_s8(w + 16 * j), v, 0);
      s[j] = vdotq_laneq_s32(s[j], vld1q_s8(w + 64 + 16 * j), v, 1);
      s[j] = vdotq_laneq_s32(s[j], vld1q_s8(w + 128 + 16 * j), v, 2);
      s[j] = vdotq_laneq_s32(s[j], vld1q_s8(w + 192 + 16 * j), v, 3);
    }
  }
  for (int j = 0; j < 4; j++) vst1q_s32(sums + 4 * j, s[j]);
}
#elif defined(__ARM_NEON)
static void block(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  int32x4_t s[8];
  for (int j = 0; j < 8; j++) s[j] = vdupq_n_s32(0);
  for (int i = 0; i < k; i += 4, w += 64) {
    int32_t four;
    memcpy(&four, x + i, 4);
    const int8x8_t v = vreinterpret_s8_s32(vdup_n_s32(four));
    for (int j = 0; j < 8; j++) s[j] = vpadalq_s16(s[j], vmull_s8(v, vld1_s8(w + 8 * j)));
  }
  for (int j = 0; j < 8; j++) vst1_s32(sums + 2 * j, vpadd_s32(vget_low_s32(s[j]), vget_high_s32(s[j])));
}
#elif defined(__wasm_simd128__)
static void block(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  v128_t s[8];
  for (int j = 0; j < 8; j++) s[j] = wasm_i32x4_splat(0);
  for (int i = 0; i < k; i += 4, w += 64) {
    const v128_t four = wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(x + i));
    for (int j = 0; j < 8; j++) {
      s[j] = wasm_i32x4_add(s[j], wasm_i32x4_dot_i16x8(four, wasm_i16x8_load8x8(w + 8 * j)));
    }
  }
  for (int j = 0; j < 4; j++) {
    const v128_t even = wasm_i32x4_shuffle(s[2 * j], s[2 * j + 1], 0, 2, 4, 6);
    wasm_v128_store(sums + 4 * j, wasm_i32x4_add(even, wasm_i32x4_shuffle(s[2 * j], s[2 * j + 1], 1, 3, 5, 7)));
  }
}
#elif defined(__ARM_FEATURE_DSP)
static void block(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  for (int j = 0; j < 16; j += 4) {
    int32_t s[4] = {0, 0, 0, 0};
    for (int i = 0; i < k; i += 4) {
      uint32_t v;
      memcpy(&v, x + i, 4);
      const int16x2_t even = __sxtb16(v), odd = __sxtb16(v >> 8 | v << 24);
      for (int l = 0; l < 4; l++) {
        uint32_t u;
        memcpy(&u, w + 16 * i + 4 * (j + l), 4);
        s[l] = __smlad(__sxtb16(u), even, __smlad(__sxtb16(u >> 8 | u << 24), odd, s[l]));
      }
    }
    memcpy(sums + j, s, sizeof s);
  }
}
#else
static void block(const int8_t *x, const int8_t *w, int k, int32_t *sums) {
  for (int j = 0; j < 16; j++) {
    int32_t sum = 0;
    for (int i = 0; i < k; i += 4) {
      const int8_t *v = w + 16 * i + 4 * j;
      sum += x[i] * v[0] + x[i + 1] * v[1] + x[i + 2] * v[2] + x[i + 3] * v[3];
    }
    sums[j] = sum;
  }
}
#endif

static void dense(const layer *l, const int8_t *x, int8_t *out) { dense_by(block, 0, l, x, out); }

static void look_up(const int8_t *table, const int8_t *x, int n, int8_t *out) {
  int i = 0;
#if defined(__ARM_NEON) && defined(__aarch64__)
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
  look_up_each(table, x + i, n - i, out + i);
}
#endif
/* begin depthwise */

/* One weight for each channel at each of height * width places, the places `down` and `across` values apart. */
INLINE void depthwise(const layer *l, const int8_t *x, int height, int width, int down, int across, int each,
                      int8_t *out) {
  for (int c = 0; c < l->n; c++) {
    int32_t sum = l->bias[c];
    for (int i = 0; i < height; i++) {
      for (int j = 0; j < width; j++) {
        sum += x[i * down + j * across + c / each] * l->weights[(i * width + j) * l->n + c];
      }
    }
    out[c] = (int8_t)rounded((float)sum * l->scale[c], l->zero, l->low, l->high);
  }
}
/* end depthwise */
/* begin maximum */

INLINE void maximum(const int8_t *x, int height, int width, int down, int across, int channels, int8_t *out) {
  for (int c = 0; c < channels; c++) {
    int8_t most = -128;
    for (int i = 0; i < height; i++) {
      for (int j = 0; j < width; j++) {
        const int8_t v = x[i * down + j * across + c];
        most = v > most ? v : most;
      }
    }
    out[c] = most;
  }
}
/* end maximum */
/* begin mean */

INLINE void mean(const int8_t *x, int n, int channels, float scale, float start, int8_t *out) {
  for (int c = 0; c < channels; c++) {
    int32_t sum = 0;
    for (int i = 0; i < n; i++) sum += x[i * channels + c];
    out[c] = (int8_t)rounded((float)sum * scale + start, 0, -128, 127);
  }
}
/* end mean */
