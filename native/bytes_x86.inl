// 32 bytes in a register of AVX2, compiled inside the namespace of each x86 instruction set.

using Bytes = __m256i;
LATELIGHT_FN LATELIGHT_INLINE Bytes no_bytes() { return _mm256_setzero_si256(); }
LATELIGHT_FN LATELIGHT_INLINE Bytes load_bytes(const uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}
LATELIGHT_FN LATELIGHT_INLINE void store_bytes(uint8_t* to, Bytes x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x);
}
LATELIGHT_FN LATELIGHT_INLINE Bytes greater_bytes(Bytes a, Bytes b) { return _mm256_max_epu8(a, b); }
LATELIGHT_FN LATELIGHT_INLINE int sum_bytes(Bytes x) {
  const __m256i fours = _mm256_sad_epu8(x, _mm256_setzero_si256());
  const __m128i twos =
      _mm_add_epi64(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
  return _mm_cvtsi128_si32(twos) + _mm_extract_epi16(twos, 4);
}
// Writes the sums of four times 32 bytes: they are short enough to lie two in a word.
LATELIGHT_FN LATELIGHT_INLINE void sum_4(Bytes a, Bytes b, Bytes c, Bytes d, int32_t* sums) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i ab = _mm256_or_si256(_mm256_sad_epu8(a, zero),
                                     _mm256_slli_epi64(_mm256_sad_epu8(b, zero), 32));
  const __m256i cd = _mm256_or_si256(_mm256_sad_epu8(c, zero),
                                     _mm256_slli_epi64(_mm256_sad_epu8(d, zero), 32));
  const __m256i halves =
      _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(sums),
                   _mm_add_epi32(_mm256_castsi256_si128(halves),
                                 _mm256_extracti128_si256(halves, 1)));
}
// the bits of every byte, `shift` up, under `mask`
LATELIGHT_FN LATELIGHT_INLINE Bytes few_bits(Bytes x, int shift, int mask) {
  const __m256i moved = _mm256_srli_epi16(x, shift);
  return _mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(mask)));
}
// a table of 16 bytes, and what bytes of 0 to 15 find in it
LATELIGHT_FN LATELIGHT_INLINE Bytes twice_16(const uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
}
LATELIGHT_FN LATELIGHT_INLINE Bytes lookup_bytes(Bytes table, Bytes places) {
  return _mm256_shuffle_epi8(table, places);
}
LATELIGHT_FN LATELIGHT_INLINE Bytes add_bytes(Bytes a, Bytes b) { return _mm256_add_epi8(a, b); }
LATELIGHT_FN LATELIGHT_INLINE Bytes all_bytes(int x) {
  return _mm256_set1_epi8(static_cast<char>(x));
}
// a - b, not below 0
LATELIGHT_FN LATELIGHT_INLINE Bytes less_bytes(Bytes a, Bytes b) { return _mm256_subs_epu8(a, b); }
LATELIGHT_FN LATELIGHT_INLINE bool any_above(Bytes a, Bytes b) {
  const __m256i excess = _mm256_subs_epu8(a, b);
  return !_mm256_testz_si256(excess, excess);
}
