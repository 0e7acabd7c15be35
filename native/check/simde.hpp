// AVX2 and AVX-512 intrinsics in portable code: SIMDe, and the two things that its 0.7.4 lacks.
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
