// AVX2 with FMA and F16C: 8 lanes. int8 rows are widened to int16 once per tile; vpmaddwd then
// multiplies pairs exactly, where vpmaddubsw would saturate.
#pragma once

#include <cstring>

#include "kernel.hpp"
#include "platform.hpp"

#define LATELIGHT_FN LATELIGHT_TARGET("avx2,fma,f16c")

namespace latelight::avx2 {

#include "avx2_lanes.inl"

struct Codes {
  using Sum = __m256i;
  using Stored = int16_t;
  using Packed = int16_t;
  using Operand = __m256i;
  using Value = __m256i;
  static constexpr Element packed_as = Element::i16;
  static constexpr int lanes = 8, group = 2, block_rows = 5, block_vectors = 2;
  static constexpr int stored_bytes = 1;  // per value
  static constexpr bool has_bases = false;

  LATELIGHT_FN static LATELIGHT_INLINE Sum start(const int32_t*) { return _mm256_setzero_si256(); }
  LATELIGHT_FN static LATELIGHT_INLINE Operand load_query(const int16_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  LATELIGHT_FN static LATELIGHT_INLINE Value load_value(const int16_t* from) {
    int32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return _mm256_set1_epi32(pair);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(q, d));
    LATELIGHT_KEEP(sum);
    return sum;
  }
  LATELIGHT_FN static LATELIGHT_INLINE Float similarity(Sum x, const float* scales, int row) {
    return _mm256_mul_ps(_mm256_cvtepi32_ps(x), _mm256_broadcast_ss(scales + row));
  }
};

#include "avx2_floats.inl"

struct I8 : Codes {
  static constexpr int prepared_bytes = 2;
  LATELIGHT_FN static void prepare(const void* stored, int64_t n_values, void* prepared) {
    const auto* from = static_cast<const int8_t*>(stored);
    auto* to = static_cast<int16_t*>(prepared);
    int64_t i = 0;
    for (; i + 16 <= n_values; i += 16) {
      const __m128i codes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm256_cvtepi8_epi16(codes));
    }
    if (i < n_values) {  // 8 are left: every dim is a multiple of 8
      const __m128i codes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from + i));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), _mm_cvtepi8_epi16(codes));
    }
  }
  static void score(const Query& q, const Tile& t, const Best& b) { score_any<Codes>(q, t, b); }
};

}  // namespace latelight::avx2

#undef LATELIGHT_FN
