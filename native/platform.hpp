// What differs between compilers and processors, in one place.
#pragma once

#if defined(LATELIGHT_SIMDE)
// The kernel check runs the AVX-512 sources on any machine through SIMDe.
#include "check/simde.hpp"
#define LATELIGHT_X86 1
#elif defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#define LATELIGHT_X86 1
#elif defined(__aarch64__) || defined(_M_ARM64)
#include <arm_neon.h>
#define LATELIGHT_ARM64 1
#endif

// One shared object serves every processor: each function names the instructions that it uses.
#if defined(LATELIGHT_SIMDE) || defined(_MSC_VER) && !defined(__clang__)
#define LATELIGHT_TARGET(features)
#else
#define LATELIGHT_TARGET(features) __attribute__((target(features)))
#endif

#if defined(__clang__)
#define LATELIGHT_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define LATELIGHT_UNROLL _Pragma("GCC unroll 16")
#else
#define LATELIGHT_UNROLL
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define LATELIGHT_INLINE __forceinline
#else
#define LATELIGHT_INLINE inline __attribute__((always_inline))
#endif

// Keeps a sum in its register. Without it GCC regroups integer additions into trees whose parts do
// not fit the 16 registers of AVX2 and spill: a third of the speed.
#if defined(LATELIGHT_X86) && !defined(LATELIGHT_SIMDE) && defined(__GNUC__)
#define LATELIGHT_KEEP(x) __asm__("" : "+x"(x))
#else
#define LATELIGHT_KEEP(x)
#endif

namespace latelight {

// Fetches the cache line of a byte that will be read soon; past the end it does nothing.
LATELIGHT_INLINE void fetch(const char* byte) {
#if defined(__GNUC__) || defined(__clang__)
  __builtin_prefetch(byte, 0, 3);
#elif defined(_M_X64)
  _mm_prefetch(byte, _MM_HINT_T0);
#else
  __prefetch(byte);
#endif
}

// Lets the processor rest a little in a loop that waits for another thread.
LATELIGHT_INLINE void relax() {
#if defined(LATELIGHT_X86)
  _mm_pause();
#elif defined(LATELIGHT_ARM64) && (defined(__GNUC__) || defined(__clang__))
  __asm__ volatile("yield");
#elif defined(LATELIGHT_ARM64)
  __yield();
#endif
}

}  // namespace latelight
