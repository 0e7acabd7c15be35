// AVX2 and AVX-512 intrinsics in portable code: SIMDe, and what its 0.7.4 lacks or has wrong.
#pragma once

#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>

using __mmask16 = simde__mmask16;

inline simde__m512 _mm512_cvtepi32_ps(simde__m512i x) {
  simde__m512i_private from = simde__m512i_to_private(x);
  simde__m512_private to;
  for (int i = 0; i < 16; ++i) to.f32[i] = static_cast<float>(from.i32[i]);
  return simde__m512_from_private(to);
}

inline simde__m512i _mm512_cvtepi16_epi32(simde__m256i x) {
  simde__m256i_private from = simde__m256i_to_private(x);
  simde__m512i_private to;
  for (int i = 0; i < 16; ++i) to.i32[i] = from.i16[i];
  return simde__m512i_from_private(to);
}

inline simde__m256i _mm256_dpbusd_avx_epi32(simde__m256i sum, simde__m256i x, simde__m256i y) {
  simde__m256i_private total = simde__m256i_to_private(sum);
  const simde__m256i_private a = simde__m256i_to_private(x), b = simde__m256i_to_private(y);
  for (int i = 0; i < 32; ++i) total.i32[i / 4] += int32_t{a.u8[i]} * b.i8[i];
  return simde__m256i_from_private(total);
}

#undef _mm512_madd_epi16  // takes two arguments
inline simde__m512i _mm512_madd_epi16(simde__m512i x, simde__m512i y) {
  return simde_mm512_madd_epi16(x, y);
}

inline int32_t _mm512_reduce_add_epi32(simde__m512i x) {
  simde__m512i_private from = simde__m512i_to_private(x);
  int32_t sum = 0;
  for (int i = 0; i < 16; ++i) sum += from.i32[i];
  return sum;
}
