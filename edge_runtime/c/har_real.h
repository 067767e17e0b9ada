/* Real numbers: double, whose decisions are Python's, or float (-DHAR_FLOAT) for processors of 32 bits. */

#ifndef HAR_REAL_H
#define HAR_REAL_H

#include <stdint.h>

#if !defined(HAR_FLOAT) && UINTPTR_MAX <= UINT32_MAX && !defined(__wasm__)
#define HAR_FLOAT
#endif

#if defined(HAR_FLOAT)
typedef float har_real;
#else
typedef double har_real;
#endif
#define HAR_R(x) ((har_real)(x))

#endif
