// Eight floats in a register, compiled inside the namespaces of AVX2 and AVX-VNNI, which define
// LATELIGHT_FN.

using Float = __m256;
using Index = __m256i;

LATELIGHT_FN LATELIGHT_INLINE Float load_floats(const float* from) { return _mm256_loadu_ps(from); }
LATELIGHT_FN LATELIGHT_INLINE void store_floats(float* to, Float x) { _mm256_storeu_ps(to, x); }
LATELIGHT_FN LATELIGHT_INLINE Index load_indices(const int32_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
LATELIGHT_FN LATELIGHT_INLINE void store_indices(int32_t* to, Index x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x);
}
// vmaxps returns its second operand when the first is NaN: a NaN never replaces the best.
LATELIGHT_FN LATELIGHT_INLINE Float greater(Float x, Float best) { return _mm256_max_ps(x, best); }
LATELIGHT_FN LATELIGHT_INLINE Index replace_where_greater(Index winner, int row, Float x,
                                                          Float best) {
  const __m256i wins = _mm256_castps_si256(_mm256_cmp_ps(x, best, _CMP_GT_OQ));
  return _mm256_blendv_epi8(winner, _mm256_set1_epi32(row), wins);
}

// Adds whole numbers of steps, one per lane.
LATELIGHT_FN LATELIGHT_INLINE Float add_steps(Float x, const int16_t* steps, float step) {
  const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(steps));
  return _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(narrow)), _mm256_set1_ps(step), x);
}
LATELIGHT_FN LATELIGHT_INLINE bool any_reaches(const int16_t* steps, const int16_t* threshold) {
  const auto at = reinterpret_cast<const __m256i*>(steps);
  const auto bound = reinterpret_cast<const __m256i*>(threshold);
  const __m256i below = _mm256_and_si256(
      _mm256_cmpgt_epi16(_mm256_loadu_si256(bound), _mm256_loadu_si256(at)),
      _mm256_cmpgt_epi16(_mm256_loadu_si256(bound + 1), _mm256_loadu_si256(at + 1)));
  return _mm256_movemask_epi8(below) != -1;
}

#include "bytes_x86.inl"

LATELIGHT_FN LATELIGHT_INLINE int32_t dot_codes(const int8_t* a, const int8_t* b, int dim) {
  __m128i sum = _mm_setzero_si128();
  for (int i = 0; i < dim; i += 8) {  // every dim is a multiple of 8
    const __m128i x = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(a + i)));
    const __m128i y = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(b + i)));
    sum = _mm_add_epi32(sum, _mm_madd_epi16(x, y));
  }
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1)));
}

struct Floats {
  using Sum = __m256;
  using Stored = float;
  using Packed = float;
  using Operand = __m256;
  using Value = __m256;
  static constexpr Element packed_as = Element::f32;
  static constexpr int lanes = 8, group = 1, block_rows = 5, block_vectors = 2;
  static constexpr int stored_bytes = 4;  // per value
  static constexpr bool has_bases = false;

  LATELIGHT_FN static LATELIGHT_INLINE Sum start(const int32_t*) { return _mm256_setzero_ps(); }
  LATELIGHT_FN static LATELIGHT_INLINE Operand load_query(const float* from) {
    return _mm256_loadu_ps(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Value load_value(const float* from) {
    return _mm256_broadcast_ss(from);
  }
  LATELIGHT_FN static LATELIGHT_INLINE Sum multiply(Sum sum, Operand q, Value d) {
    return _mm256_fmadd_ps(q, d, sum);
  }
  // x + (x - x) is x, or NaN when x is not finite.
  LATELIGHT_FN static LATELIGHT_INLINE Float similarity(Sum x, const float*, int) {
    return _mm256_add_ps(x, _mm256_sub_ps(x, x));
  }
};
